"""The wheel and the image get what runs Steward; tests and tools stay with those who develop it."""

import ast
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = [
    pattern
    for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    if "." not in pattern
]
ONLY_FOR_DEVELOPING = {
    "compose-spec", "cyclonedx-bom", "hypothesis", "import-linter", "kubernetes-validate",
    "matplotlib", "mutmut", "mypy", "numpy", "pip-audit", "pytest", "ruff", "setuptools", "uv",
}  # fmt: skip

PINNED = re.compile(r"^([a-z0-9-]+)(?:\[[a-z]+\])?==([^ ;\n\\]+)", re.MULTILINE)


def pinned(name: str) -> dict[str, str]:
    """The version of each package in a requirements file."""
    return dict(PINNED.findall((ROOT / name).read_text()))


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def imported_from_outside(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                modules = [name.name for name in node.names]
            case ast.ImportFrom(level=0, module=str(module)):
                modules = [module]
            case _:
                continue
        tops = {module.partition(".")[0] for module in modules}
        yield from tops - sys.stdlib_module_names - set(ROOMS)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    # setuptools writes into the folder that it builds from.
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"),
            *("--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(built), "."),
        ],
        cwd=source,
        check=True,
    )
    (path,) = built.glob("*.whl")
    return ZipFile(path)


def metadata(wheel: ZipFile, field: str) -> list[str]:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return re.findall(f"^{field}: (.*)$", wheel.read(name).decode(), re.MULTILINE)


def test_the_wheel_depends_on_what_running_needs_and_on_nothing_else(wheel: ZipFile) -> None:
    needed = [line for line in (ROOT / "requirements.in").read_text().splitlines() if "==" in line]
    assert sorted(metadata(wheel, "Requires-Dist")) == sorted(needed)
    assert {normal(each) for each in pinned("requirements.txt")} & ONLY_FOR_DEVELOPING == set()


def test_the_wheel_holds_our_rooms_and_nothing_else(wheel: ZipFile) -> None:
    inside = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in inside if not name.endswith(".dist-info")} == set(ROOMS)


def test_what_the_image_is_built_from_is_sent_to_the_builder() -> None:
    sent = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert sent == {
        *ROOMS,
        *("pyproject.toml", "requirements.in", "requirements.txt", "requirements-dev.txt"),
        *("README.md", "LICENSE"),
    }


def test_what_is_shipped_imports_nothing_that_only_developing_installs() -> None:
    running = {normal(package) for package in pinned("requirements.txt")}
    distributions = packages_distributions()
    sources = [path.read_text() for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    modules = {module for source in sources for module in imported_from_outside(source)}
    missing = {
        module
        for module in modules
        if running.isdisjoint(normal(package) for package in distributions[module])
    }
    assert missing == set()
    assert {"temporalio", "pydantic"} <= modules


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_every_package_is_pinned_and_hashed_and_comes_from_nowhere(name: str) -> None:
    locked = (ROOT / f"{name}.txt").read_text()
    for requirement in locked.replace("\\\n", "").splitlines():
        assert PINNED.match(requirement), requirement
        assert "--hash=sha256:" in requirement
    assert "://" not in locked
    asked_for = pinned(f"{name}.in")
    assert asked_for
    assert asked_for.items() <= pinned(f"{name}.txt").items()


def test_what_running_and_developing_both_need_is_one_version() -> None:
    running, developing = pinned("requirements.txt"), pinned("requirements-dev.txt")
    both = running.keys() & developing.keys()
    assert both
    assert {name: running[name] for name in both} == {name: developing[name] for name in both}


def test_setuptools_is_of_the_version_that_the_project_asks_for() -> None:
    (asked_for,) = PROJECT["build-system"]["requires"]
    name, _, oldest = asked_for.partition(">=")
    assert name == "setuptools"
    assert int(pinned("requirements-dev.txt")[name].partition(".")[0]) >= int(oldest)


# --- what is known about what is shipped --------------------------------------------------------


def test_the_bill_of_materials_names_every_package_that_runs_with_its_hashes(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sbom.json"
    subprocess.run([ROOT / "scripts" / "sbom.sh", file], check=True, capture_output=True)
    bill = json.loads(file.read_text())
    assert not {"serialNumber", "timestamp"} & {*bill, *bill["metadata"]}, "the lock alone counts"
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    itself = bill["metadata"]["component"]
    assert (itself["name"], itself["version"]) == ("steward", PROJECT["project"]["version"])
    named = {component["name"]: component for component in bill["components"]}
    assert {name: each["version"] for name, each in named.items()} == pinned("requirements.txt")
    assert list(named) == sorted(named)
    locked = (ROOT / "requirements.txt").read_text()
    hashes = {
        each["content"]
        for component in named.values()
        for reference in component["externalReferences"]
        for each in reference["hashes"]
    }
    assert [name for name, each in named.items() if "requirements" in str(each)] == []
    assert {each["bom-ref"] for each in named.values()} >= {
        reference
        for each in bill.get("dependencies", ())
        for reference in (each["ref"], *each.get("dependsOn", ()))
        if reference != itself["bom-ref"]
    }
    assert hashes == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", locked))


def test_the_audit_asks_about_every_locked_package() -> None:
    told = subprocess.run(
        ["make", "--dry-run", "audit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (line,) = (each for each in told.replace("\\\n", "").splitlines() if "pip-audit" in each)
    for lock in ("requirements.txt", "requirements-dev.txt"):
        assert f"--requirement {lock}" in line
    assert {"--strict", "--require-hashes", "--disable-pip"} <= set(line.split())
    assert "pip-audit" in pinned("requirements-dev.txt")
    assert "audit" not in (ROOT / ".ci" / "run").read_text()


# --- the image's environment --------------------------------------------------------------------


def test_the_wheel_runs_without_the_repository_and_without_temporals_own_server(
    wheel: ZipFile, tmp_path: Path
) -> None:
    """As in the image: a fresh environment with the wheel and the packages beside it."""
    fresh = tmp_path / "steward"
    subprocess.run(["uv", "--quiet", "venv", str(fresh), "--python", sys.executable], check=True)
    install = ["pip", "install", "--no-deps", "--python", str(fresh), str(wheel.filename)]
    subprocess.run(["uv", "--quiet", *install], check=True)
    (packages,) = fresh.glob("lib/*/site-packages")
    (packages / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    bare = {"PATH": str(fresh / "bin"), "STEWARD_DATABASE_URL": "postgresql://u@127.0.0.1:9/x"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(fresh / "bin" / "steward"), *arguments],
            cwd="/",
            env=bare,
            capture_output=True,
            text=True,
            check=False,
        )

    shown = run("policy", "show", "--json")
    assert shown.returncode == 0, shown.stderr
    assert run("mail", "preview", "apo_offer").returncode == 0
    assert "does not answer" in run("health").stderr
    worker = run("worker")
    assert (worker.returncode, worker.stderr) == (
        2,
        "steward: STEWARD_SMTP_URL: not set, but required here\n",
    )
    where = [str(fresh / "bin" / "python"), "-c", "import starters; print(starters.__file__)"]
    imported = subprocess.run(where, cwd="/", capture_output=True, text=True, check=True)
    assert imported.stdout.startswith(str(fresh))


# --- the version --------------------------------------------------------------------------------

RECORDS = ("CHANGELOG.md", "benchmarks/README.md", "benchmarks/results.json")
"""They say what was released, and what was measured: they are not changed with the version."""


def test_the_version_stands_in_one_place() -> None:
    stated = PROJECT["project"]["version"]
    # Other people's versions are pinned there, and one of them may be ours by chance.
    files = subprocess.run(
        ["git", "ls-files", ":!requirements*", ":!tests/replay/histories"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    whole = re.compile(rf"(?<![\d.=]){re.escape(stated)}(?!\d|\.\d)".encode())
    found = {name for name in files if whole.search((ROOT / name).read_bytes())}
    assert found - set(RECORDS) == {"pyproject.toml"}
    assert version("steward") == stated, "the environment is of another version: make setup"
