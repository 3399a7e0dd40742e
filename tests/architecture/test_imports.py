"""The walls between the rooms stand, and each of them would be missed."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "domain",
    "store",
    "activities",
    "workflows",
    "workers",
    "service",
    "starters",
    "benchmarks",
    "samples",
    "scaffold",
    "tests",
)
HTTP = ("fastapi", "httpx", "rich", "starlette", "typer", "uvicorn")
CLOCKS = {"now", "today", "utcnow"}


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["lint-imports", "--no-logo", "--no-cache"],
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )


def build_empty_house(place: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", place)
    for room in ROOMS:
        (place / room).mkdir()
        (place / room / "__init__.py").touch()
    (place / "tests" / "desk.py").touch()
    # The one import of the tests that is allowed has to be there, else it is no longer excused.
    (place / "benchmarks" / "costs.py").write_text("import tests.desk\n")


def test_the_walls_stand() -> None:
    checked = lint_imports(ROOT)
    assert checked.returncode == 0, checked.stdout


def test_an_empty_house_breaks_no_contract(tmp_path: Path) -> None:
    build_empty_house(tmp_path)
    checked = lint_imports(tmp_path)
    assert checked.returncode == 0, checked.stdout


BREACHES = [
    ("domain", "store", "rooms import inwards only"),
    ("store", "activities", "rooms import inwards only"),
    ("activities", "workflows", "rooms import inwards only"),
    ("workers", "service", "rooms import inwards only"),
    ("service", "starters", "rooms import inwards only"),
    ("starters", "benchmarks", "what runs knows nothing of the tools for it"),
    ("service", "benchmarks", "what runs knows nothing of the tools for it"),
    ("starters", "samples", "what runs knows nothing of the tools for it"),
    ("samples", "domain", "the sample job system shares nothing with Steward"),
    ("samples", "tests", "nothing rests on its tests"),
    ("domain", "tests", "nothing rests on its tests"),
    ("benchmarks", "tests", "nothing rests on its tests"),
    ("workflows", "activities", "workflows name activities and know no database"),
    ("workflows", "store", "workflows name activities and know no database"),
    ("domain", "temporalio", "rules are pure"),
    ("domain", "sqlalchemy", "rules are pure"),
    ("store", "temporalio", "the store knows neither Temporal nor HTTP"),
    ("workflows", "temporalio", "stories and engine know Temporal by its runtime alone"),
    *(("service", imported, "service knows no HTTP") for imported in HTTP),
    ("workflows", "httpx", "a workflow touches the world through activities only"),
]


@pytest.fixture(scope="module")
def said_of_breaches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each contract that a house breaks in which every breach has its module."""
    house = tmp_path_factory.mktemp("house")
    build_empty_house(house)
    for room, imported, _ in BREACHES:
        (house / room / f"breach_{imported}.py").write_text(f"import {imported}\n")
    checked = lint_imports(house)
    assert checked.returncode == 1
    _, _, broken = checked.stdout.partition("\nBroken contracts\n")
    sections = re.split(r"\n(.+)\n-+\n", broken)
    return dict(zip(sections[1::2], sections[2::2], strict=True))


@pytest.mark.parametrize(("room", "imported", "contract"), BREACHES)
def test_a_forbidden_import_is_found(
    said_of_breaches: dict[str, str], room: str, imported: str, contract: str
) -> None:
    assert f"{room}.breach_{imported} -> {imported} (l.1)" in said_of_breaches[contract]


MAY_IMPORT_THE_WORKFLOW_API = (
    "benchmarks/breach.py",
    "tests/breach.py",
    "workflows/digest.py",
    "workflows/reconciliation.py",
    "workflows/temporal.py",
)


@pytest.mark.parametrize(
    "module", sorted({*MAY_IMPORT_THE_WORKFLOW_API, *(f"{room}/breach.py" for room in ROOMS)})
)
def test_one_module_and_what_is_no_lifecycle_may_import_the_workflow_api(module: str) -> None:
    checked = subprocess.run(
        ["ruff", "check", "--select", "TID251", "--stdin-filename", module, "-"],
        cwd=ROOT,
        input="from temporalio import workflow\n",
        capture_output=True,
        text=True,
        check=False,
    )
    is_refused = "temporalio.workflow" in checked.stdout
    assert is_refused == (module not in MAY_IMPORT_THE_WORKFLOW_API), checked.stdout


def clocks_read(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from {name.name for name in node.names} & {"time"}
        elif isinstance(node, ast.ImportFrom):
            yield from {node.module or ""} & {"time"}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from {node.func.attr} & CLOCKS


@pytest.mark.parametrize(
    "source", ["datetime.now(UTC)", "date.today()", "import time", "from time import monotonic"]
)
def test_a_clock_is_found(source: str) -> None:
    assert list(clocks_read(source))


def test_the_rules_read_no_clock() -> None:
    readers = {
        str(module.relative_to(ROOT)): clocks
        for module in sorted((ROOT / "domain").rglob("*.py"))
        if (clocks := list(clocks_read(module.read_text())))
    }
    assert readers == {}
