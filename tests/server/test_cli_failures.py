"""Whatever is missing, a verb fails in one line that says what to do next, without a traceback."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copyfile

import pytest

from domain.signatures import HookSecrets, generate_secret
from tests.ports import free_port
from tests.server.processes import environment, warm
from tests.store.postgresql import PostgreSQL
from workers.dev_server import DevServer, ServerOptions

ROOT = Path(__file__).parents[2]
FAUCET = str(ROOT / "samples" / "01-faucet-searching.json")
NOWHERE = "127.0.0.1:1"
ASKING = {
    "jobs": ["jobs"],
    "show": ["show", "SJ-1"],
    "why": ["why", "SJ-1"],
    "stuck": ["stuck"],
    "mail": ["mail"],
    "mail of a job": ["mail", "SJ-1"],
    "hook": ["hook", FAUCET],
    "hooks dead": ["hooks", "dead"],
    "hooks replay": ["hooks", "replay", "7"],
    "do": ["do", "SJ-1", "plus-one", "approve", "amount=1"],
}
"""The verbs that ask the API."""
REAL_ADDRESS = """[plus_one.profile_address]
line = "100 Harbor Way"
city = "Harborville"
zip = "33999"
"""
"""A policy that no part warns of when it starts."""


def failure(arguments: list[str], folder: Path, **variables: str) -> str:
    """Run a verb that fails, and return the one line that it ends with."""
    ran = subprocess.run(
        warm(*arguments),
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert ran.stdout == ""
    assert ran.returncode in {1, 2}, ran.stderr
    *before, line = ran.stderr.splitlines()
    assert all("[info" in each for each in before), "what went well is logged, and nothing else"
    assert line.startswith("steward: ")
    return line.removeprefix("steward: ")


@pytest.mark.parametrize("verb", ASKING)
def test_nothing_answers(verb: str, tmp_path: Path) -> None:
    said = failure(
        ASKING[verb],
        tmp_path,
        STEWARD_URL=f"http://{NOWHERE}",
        STEWARD_HOOK_SECRETS=generate_secret(),
    )
    assert said.startswith(f"nothing answers at http://{NOWHERE}")
    assert said.endswith(". Start Steward with `steward up`, or set STEWARD_URL")


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://127.0.0.1", "http://[::1", "127.0.0.1"])
def test_an_address_that_is_none(url: str, tmp_path: Path) -> None:
    assert failure(["jobs"], tmp_path, STEWARD_URL=url).startswith(f"STEWARD_URL: {url} is no")


@pytest.mark.parametrize("token", ["schlüssel", "two\nlines"])
def test_a_token_that_is_none(token: str, tmp_path: Path) -> None:
    said = failure(["jobs"], tmp_path, STEWARD_TOKEN=token)
    assert said.startswith("STEWARD_TOKEN has characters that no token has")
    assert token not in said


def test_no_secret_to_sign_with(tmp_path: Path) -> None:
    assert "set STEWARD_HOOK_SECRETS" in failure(["hook", FAUCET], tmp_path)


# --- Temporal -----------------------------------------------------------------------------------


def test_no_temporal_to_fast_forward(tmp_path: Path) -> None:
    said = failure(["fast-forward", "SJ-1", "plus-one", "48h"], tmp_path, TEMPORAL_ADDRESS=NOWHERE)
    assert said.startswith(f"Temporal doesn't answer at {NOWHERE}")
    assert said.endswith(". Start it with `steward up`, or set TEMPORAL_ADDRESS")


PARTS = {
    "setup": ["setup"],
    "worker": ["worker"],
    "api": ["api", "--port", str(free_port())],
    "fast-forward": ["fast-forward", "SJ-1", "plus-one", "48h"],
}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is migrated and empty, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "steward.sqlite3"
    # Another process than ours: uvloop and Alembic leave their marks on one.
    migrating = f"from store.database import migrate; migrate('sqlite:///{file}')"
    subprocess.run([sys.executable, "-c", migrating], cwd=ROOT, check=True)
    return file


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> dict[str, str]:
    """The variables of a part whose store and policy are in order."""
    file = copyfile(migrated, tmp_path / migrated.name)
    policy = tmp_path / "policy.toml"
    policy.write_text(REAL_ADDRESS)
    return {
        "STEWARD_DATABASE_URL": f"sqlite:///{file}",
        "STEWARD_SMTP_URL": "smtp://127.0.0.1:25",
        "STEWARD_HOOK_SECRETS": generate_secret(),
        "STEWARD_POLICY": str(policy),
    }


@pytest.mark.parametrize("verb", PARTS)
def test_a_temporal_address_that_is_none(verb: str, store: dict[str, str], tmp_path: Path) -> None:
    said = failure(PARTS[verb], tmp_path, TEMPORAL_ADDRESS="temporal:grpc", **store)
    assert said.startswith("TEMPORAL_ADDRESS: temporal:grpc is not an address")


@pytest.mark.parametrize("verb", PARTS)
def test_temporals_settings_cannot_be_read(
    verb: str, store: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "temporal.toml").write_text("no toml\n")
    said = failure(PARTS[verb], tmp_path, TEMPORAL_CONFIG_FILE="temporal.toml", **store)
    assert said.startswith("Temporal's settings can't be read: ")


async def test_a_worker_on_a_namespace_that_is_missing(
    store: dict[str, str], tmp_path: Path
) -> None:
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    await server.start()
    try:
        said = failure(
            PARTS["worker"],
            tmp_path,
            TEMPORAL_ADDRESS=server.address,
            TEMPORAL_NAMESPACE="stewrad",
            **store,
        )
    finally:
        await server.stop()
    assert "stewrad" in said
    assert "steward setup" in said


# --- the store ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["setup", "worker"])
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql+psycopg://steward@127.0.0.1:1/steward", "Connection refused"),
        ("postgresql+psycopg://steward@nowhere.invalid/steward", "failed to resolve host"),
        ("sqlite:////proc/nowhere/steward.sqlite3", "database"),
    ],
)
def test_a_store_that_is_not_there(
    verb: str, url: str, reason: str, store: dict[str, str], tmp_path: Path
) -> None:
    said = failure([verb], tmp_path, **store | {"STEWARD_DATABASE_URL": url})
    assert reason in said


def test_a_store_whose_user_may_not_make_tables(
    store: dict[str, str], postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    with postgresql._connection() as connection:
        connection.execute("DROP ROLE IF EXISTS stranger")
        connection.execute("CREATE ROLE stranger LOGIN")
    said = failure(
        ["setup"],
        tmp_path,
        **store | {"STEWARD_DATABASE_URL": url.replace("//steward@", "//stranger@")},
    )
    assert re.search("permission denied for schema public", said)


# --- files and folders --------------------------------------------------------------------------


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=tmp_path) as file:
        said = failure(["up", "--data", file.name], tmp_path)
    assert said.endswith(". Name another with --data")


# --- conveniences -------------------------------------------------------------------------------


def printed(*arguments: str, **variables: str) -> str:
    return subprocess.run(
        warm(*arguments),
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_it_says_its_version() -> None:
    assert re.fullmatch(r"steward \d+\.\d+\.\d+\n", printed("--version"))


def test_a_secret_is_made_anew_each_time_and_is_one() -> None:
    first, second = printed("hooks", "secret").strip(), printed("hooks", "secret").strip()
    assert first != second
    HookSecrets.parse(f"{first},{second}")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("steward ho", {"hook", "hooks"}),
        ("steward do SJ-1 am", {"am-escalation"}),
        ("steward do SJ-1 plus-one appr", {"approve", "approve_replacement"}),
        ("steward do SJ-1 nonsense appr", set()),
    ],
)
def test_a_shell_completes_what_was_begun(typed: str, offered: set[str]) -> None:
    said = printed(
        _STEWARD_COMPLETE="complete_bash",
        COMP_WORDS=typed,
        COMP_CWORD=str(len(typed.split()) - 1),
    )
    assert set(said.split()) == offered
