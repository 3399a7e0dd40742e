"""Nonsense in the environment is told in one clear line each, before anything starts."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import make_url

from domain.directory import Directory
from domain.roles import Role
from starters.api_process import secrets_of, token_file
from workers.settings import (
    DEFAULT_DATA,
    Auth,
    LogForm,
    Settings,
    SettingsError,
    load_settings,
    secret_variables,
)

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty folder, with no variable of ours set."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"STEWARD_{name.upper()}", raising=False)
        monkeypatch.delenv(f"STEWARD_{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


def complaint(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """Set variables, and return what a start with them is refused with."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        check_all()
    return str(refusal.value)


def check_all() -> None:
    """Check settings as the API does before it listens."""
    settings = load_settings().require("hook_secrets")
    settings.load_policy()
    settings.load_directory()
    secrets_of(settings, DEFAULT_DATA)
    token_file(settings)
    settings.watched_sign_in_roles()


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.auth is Auth.NONE
    assert settings.log is LogForm.CONSOLE
    assert settings.load_policy().name == "built-in"
    assert settings.load_directory() == Directory()
    assert settings.database_in(tmp_path) == f"sqlite:///{tmp_path}/steward.sqlite3"


def test_what_is_set_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "people.toml").write_text(
        '[specialists.4711]\nname = "Lou"\nemail = "lou@example.com"\n'
    )
    (tmp_path / "ours.toml").write_text('[plus_one]\nsearch_window = "72h"\n')
    for name, value in {
        "STEWARD_DATABASE_URL": "postgresql+psycopg://steward@db/steward",
        "STEWARD_HOOK_SECRETS": SECRET,
        "STEWARD_AUTH": "tokens",
        "STEWARD_TOKENS": "tokens.toml",
        "STEWARD_SMTP_URL": "smtp://mail.example:25",
        "STEWARD_POLICY": "ours.toml",
        "STEWARD_DIRECTORY": "people.toml",
        "STEWARD_LOG": "json",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.database_in(tmp_path) == "postgresql+psycopg://steward@db/steward"
    assert (settings.auth, settings.log) == (Auth.TOKENS, LogForm.JSON)
    assert settings.load_policy().name == "ours"
    assert settings.load_directory().specialists["4711"].name == "Lou"
    assert settings.smtp_url == "smtp://mail.example:25"
    assert SECRET not in repr(settings)


def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"STEWARD_{name.upper()}", "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "because"),
    [
        ("DATABASE_URL", "steward.db", "not a database URL"),
        ("DATABASE_URL", "mysql://root@db/steward", "mysql is not supported"),
        ("DATABASE_URL", "postgresql://db:port/steward", "not a database URL"),
        ("AUTH", "maybe", "choose one of none, tokens"),
        ("SMTP_URL", "mail.example", "an SMTP URL looks like smtp://"),
        ("SMTP_URL", "smtp://mail.example:port", "its port is a number up to 65535"),
        ("LOG", "xml", "choose one of console, json"),
        ("HOOK_SECRETS", "secret", "hook secret 1 does not start with whsec_"),
        ("HOOK_SECRETS", f"{SECRET},whsec_AAAA", "hook secret 2 has 3 bytes, must have 24 to 64"),
        ("HOOK_SECRETS", f"{SECRET},", "hook secret 2 does not start with whsec_"),
        ("EVENTS_URL", "events.example.com", "write it like https://"),
        ("EVENTS_URL", "https://events.example.com:port/", "its port is a number up to 65535"),
        ("EVENTS_URL", "https://me@events.example.com/", "without a user, query or fragment"),
        ("EVENTS_SECRETS", "secret", "secret 1 does not start with whsec_"),
        ("EVENTS_SECRETS", f"{SECRET},whsec_AAAA", "secret 2 has 3 bytes, must have 24 to 64"),
        ("EVENTS_SECRETS", f"{SECRET},", "secret 2 does not start with whsec_"),
        ("POLICY", "none.toml", "none.toml: cannot be read: No such file or directory"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, because: str
) -> None:
    variables = {"STEWARD_HOOK_SECRETS": SECRET, f"STEWARD_{variable}": value}
    said = complaint(monkeypatch, **variables)
    assert said.startswith(f"STEWARD_{variable}: ")
    assert because in said
    assert "\n" not in said
    assert SECRET not in said


def test_every_variable_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"STEWARD_AUTH": "maybe", "STEWARD_LOG": "xml", "STEWARD_DATABASE_URL": "nowhere"}
    lines = complaint(monkeypatch, **wrong).splitlines()
    assert sorted(line.partition(": ")[0] for line in lines) == sorted(wrong)


def test_a_password_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint(
        monkeypatch,
        STEWARD_DATABASE_URL="mysql://root:hunter2@db/steward",
        STEWARD_SMTP_URL="http://steward:hunter3@mail.example",
    )
    assert "hunter" not in said


def test_hooks_without_a_secret_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complaint(monkeypatch) == "STEWARD_HOOK_SECRETS: not set, but required here"


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("search_window = ", "policy.toml:1: Invalid value"),
        (
            '[plus_one]\nsearch_window = "47h"\n',
            "policy.toml:2: plus_one.search_window: 47h is too",
        ),
        ("[plus_one]\nserch_window = 1\n", "policy.toml:2: plus_one.serch_window: unknown key"),
    ],
)
def test_a_policy_that_makes_no_sense_is_told_with_file_line_and_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, because: str
) -> None:
    (tmp_path / "policy.toml").write_text(text)
    said = complaint(monkeypatch, STEWARD_POLICY="policy.toml", STEWARD_HOOK_SECRETS=SECRET)
    assert said.startswith(f"STEWARD_POLICY: {because}")


# --- secrets from files -----------------------------------------------------------------------

SAID = {
    "STEWARD_DATABASE_URL": "postgresql+psycopg://steward@db/steward",
    "STEWARD_DATABASE_PASSWORD": "hunter2:@/",
    "STEWARD_HOOK_SECRETS": SECRET,
    "STEWARD_OIDC_CLIENT_SECRET": "known to two",
    "STEWARD_SMTP_URL": "smtps://steward:hunter3@mail.example:465",
    "STEWARD_JOB_SYSTEM_TOKEN": "bearer",
    "STEWARD_EVENTS_SECRETS": SECRET,
}
"""A value of every secret."""
WITH_THEM = {
    "STEWARD_AUTH": "tokens",
    "STEWARD_OIDC_ISSUER": "https://accounts.example/realm",
    "STEWARD_OIDC_CLIENT_ID": "steward",
    "STEWARD_OIDC_ROLES": "roles.toml",
    "STEWARD_JOB_SYSTEM_URL": "https://jobs.example",
    "STEWARD_EVENTS_URL": "https://events.example",
}


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_secret_may_stand_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    assert SAID.keys() <= secret_variables()
    for variable, value in WITH_THEM.items():
        monkeypatch.setenv(variable, value)
    for variable, value in SAID.items():
        (tmp_path / variable).write_text(value + end, newline="")
        monkeypatch.setenv(f"{variable}_FILE", variable)
    from_files = load_settings()
    for variable, value in SAID.items():
        monkeypatch.delenv(f"{variable}_FILE")
        monkeypatch.setenv(variable, value)
    assert from_files == load_settings()
    url = make_url(from_files.database_in(tmp_path))
    assert (url.username, url.password, url.host) == ("steward", "hunter2:@/", "db")
    assert not any(hidden in repr(from_files.database_password) for hidden in SAID.values())


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"x" * 65_537, "longer than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, because: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    said = complaint(monkeypatch, STEWARD_HOOK_SECRETS_FILE="secret")
    assert said == f"STEWARD_HOOK_SECRETS_FILE: secret: {because}"


def test_a_file_that_is_empty_says_that_there_is_no_such_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("\n")
    for variable in secret_variables():
        monkeypatch.setenv(f"{variable}_FILE", "secret")
    assert load_settings() == Settings()
    assert complaint(monkeypatch) == "STEWARD_HOOK_SECRETS: not set, but required here"


def test_what_a_file_says_is_checked_like_a_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("mail.example:hunter2")
    said = complaint(monkeypatch, STEWARD_SMTP_URL_FILE="secret", STEWARD_HOOK_SECRETS=SECRET)
    assert said.startswith("STEWARD_SMTP_URL: an SMTP URL looks like smtp://")
    assert "hunter" not in said


@pytest.mark.parametrize("variable", sorted(SAID))
def test_a_secret_stands_in_one_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    (tmp_path / "secret").write_text(SAID[variable])
    said = complaint(monkeypatch, **{variable: SAID[variable], f"{variable}_FILE": "secret"})
    assert said == f"{variable}: set beside {variable}_FILE. Unset one of them"


@pytest.mark.parametrize(
    ("url", "because"),
    [
        (None, "STEWARD_DATABASE_URL: not set"),
        ("postgresql+psycopg://steward:hunter2@db/steward", "has a password already"),
        ("sqlite:///steward.sqlite3", "or is SQLite's"),
    ],
)
def test_a_password_needs_a_database_that_asks_for_one(
    monkeypatch: pytest.MonkeyPatch, url: str | None, because: str
) -> None:
    if url is not None:
        monkeypatch.setenv("STEWARD_DATABASE_URL", url)
    said = complaint(monkeypatch, STEWARD_DATABASE_PASSWORD="hunter2")
    assert because in said
    assert "hunter2" not in said


# --- tokens -----------------------------------------------------------------------------------


def test_tokens_need_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_AUTH", "tokens")
    monkeypatch.setenv("STEWARD_HOOK_SECRETS", SECRET)
    check_all()


# --- hosts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "hosts"),
    [
        ("desk.example", {"desk.example"}),
        ("Desk.example, [fd00::1],box", {"desk.example", "[fd00::1]", "box"}),
    ],
)
def test_hosts_are_names_by_comma(
    monkeypatch: pytest.MonkeyPatch, said: str, hosts: set[str]
) -> None:
    monkeypatch.setenv("STEWARD_HOSTS", said)
    assert load_settings().hosts == hosts


@pytest.mark.parametrize("said", ["desk.example:8080", "http://desk.example", "a,,b", "*", "a b"])
def test_what_is_no_host_name_is_named(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    complained = complaint(monkeypatch, STEWARD_HOSTS=said, STEWARD_HOOK_SECRETS=SECRET)
    assert complained.startswith("STEWARD_HOSTS: ")
    assert "is not a host name" in complained


# --- the token file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "because"),
    [
        (None, "No such file or directory"),
        ("", "token: this field is missing"),
        ("[[token", "Expected"),
        ('[[token]]\nname = "Dana"\nrole = "dispatch"\n', "token.0.sha256: this field is missing"),
        (
            f'[[token]]\nsha256 = "{sha256(b"x").hexdigest()}"\nname = "Dana"\nrole = "king"\n',
            "token.0.role: choose one of",
        ),
    ],
)
def test_a_problem_of_the_token_file_names_variable_file_and_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, because: str
) -> None:
    if text is not None:
        (tmp_path / "tokens.toml").write_text(text)
    said = complaint(
        monkeypatch,
        STEWARD_AUTH="tokens",
        STEWARD_TOKENS="tokens.toml",
        STEWARD_HOOK_SECRETS=SECRET,
    )
    assert said.startswith("STEWARD_TOKENS: ")
    assert "tokens.toml: " in said
    assert because in said
    assert "\n" not in said


# --- company accounts -------------------------------------------------------------------------

COMPANY = {
    "STEWARD_AUTH": "tokens",
    "STEWARD_HOOK_SECRETS": SECRET,
    "STEWARD_OIDC_ISSUER": "https://accounts.example/realm",
    "STEWARD_OIDC_CLIENT_ID": "steward",
    "STEWARD_OIDC_CLIENT_SECRET": "known to two",
    "STEWARD_OIDC_ROLES": "roles.toml",
}


@pytest.mark.parametrize("issuer", ["https://accounts.example/realm", "http://127.0.0.1:9000"])
def test_company_accounts_open_the_desk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, issuer: str
) -> None:
    (tmp_path / "roles.toml").write_text('[groups]\nDispatchers = "dispatch"\n')
    for name, value in (COMPANY | {"STEWARD_OIDC_ISSUER": issuer}).items():
        monkeypatch.setenv(name, value)
    check_all()
    roles = load_settings().watched_sign_in_roles()
    assert roles is not None
    assert roles().groups == {"Dispatchers": (Role.DISPATCH,)}


@pytest.mark.parametrize("missing", ["ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ROLES"])
def test_they_need_all_that_belongs_to_them(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    variable = f"STEWARD_OIDC_{missing}"
    said = complaint(monkeypatch, **{n: v for n, v in COMPANY.items() if n != variable})
    assert said.startswith(f"{variable}: not set, but STEWARD_OIDC_")
    assert "known to two" not in said


def test_they_make_no_sense_where_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint(monkeypatch, **{**COMPANY, "STEWARD_AUTH": "none"})
    assert said.startswith("STEWARD_OIDC_ISSUER: set, but STEWARD_AUTH=none lets everybody in.")


@pytest.mark.parametrize(
    "issuer",
    ["http://accounts.example", "accounts.example", "https://a@accounts.example", "https://"],
)
def test_an_issuer_is_an_address_with_https(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    said = complaint(monkeypatch, **{**COMPANY, "STEWARD_OIDC_ISSUER": issuer})
    assert said.startswith("STEWARD_OIDC_ISSUER: ")
    assert "a@" not in said


def test_a_problem_of_the_roles_names_variable_file_line_and_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "roles.toml").write_text('[groups]\nDrivers = "driver"\n')
    said = complaint(monkeypatch, **COMPANY)
    assert said.startswith("STEWARD_OIDC_ROLES: roles.toml:2: groups.Drivers.0: ")


def test_hook_secrets_of_the_folder_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "hook-secrets").mkdir()
    with pytest.raises(SettingsError, match=r"/hook-secrets: cannot be read: Is a directory"):
        secrets_of(load_settings(), tmp_path)
