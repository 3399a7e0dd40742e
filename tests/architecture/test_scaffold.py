"""A lifecycle begins as a skeleton, and docs/adding-a-lifecycle.md leads from there to green.

The walk is done in a copy of the checkout, which is thrown away.
"""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scaffold.__main__ import app
from scaffold.names import Names, ScaffoldError
from scaffold.registrations import REGISTRATIONS
from scaffold.skeleton import skeleton_of, write

ROOT = Path(__file__).parents[2]
NAMES = Names.of("warranty-callback")
MODULE = NAMES.module
CACHE = ".mypy_cache"
"""What `make check` has found out before is taken along, where it is there: it saves seconds."""
COSTS = "tests/scenarios/test_costs.py"
ASKED_FOR = [
    *(
        f"tests/architecture/test_{name}.py"
        for name in ("docs", "lifecycles_are_whole", "rules_are_tested", "task_kinds")
    ),
    *(
        f"tests/architecture/test_links.py::test_a_page_leads_to_files_that_are_there[{page}.md]"
        for page in ("README", f"docs/{NAMES.name}")
    ),
    "tests/domain/test_catalogue.py",
    "tests/domain/test_policy.py::test_the_built_in_policy_is_what_the_procedures_and_decisions_say",
    "tests/domain/test_snapshots.py",
    f"{COSTS}::test_every_lifecycle_has_golden_paths",
    f"{COSTS}::test_the_table_has_a_row_for_each_path_and_no_other",
    f"{COSTS}::test_a_path_costs_what_stands_in_the_table[{NAMES.title}, asked for and done]",
    "tests/benchmarks/test_golden_paths.py::test_every_lifecycle_has_a_golden_path",
]
"""The tests that ask every lifecycle for something."""
REPLAYS = [
    f"tests/replay/test_replay.py::test_{name}"
    for name in (
        "a_story_that_was_changed_in_place_is_refused",
        f"jobs_that_began_earlier_go_on[{NAMES.name}]",
        "all_names_of_this_release_are_on_record",
        f"every_stage_and_every_end_is_in_a_history[{NAMES.name}]",
        "every_command_is_in_a_history",
        "every_lifecycle_has_a_history",
        "every_story_is_recorded_and_every_history_belongs_to_a_story",
    )
]
"""The tests that replay what was recorded."""
NO_SOURCES = {CACHE, ".ruff_cache", "__pycache__", ".hypothesis"}


class Copy:
    """A copy of the checkout: what runs in it imports its modules, and no installed ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        ignored = shutil.ignore_patterns("*.egg-info", "build", "dist")
        for path in sorted(ROOT.iterdir()):
            if path.name.startswith(".") and path.name != CACHE:
                continue
            if path.is_dir():
                shutil.copytree(path, root / path.name, ignore=ignored)
            else:
                shutil.copy(path, root)
        self.before = dict(self.files())

    def files(self) -> Iterator[tuple[str, str]]:
        """Give each text file and what stands in it."""
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root)
            if path.is_file() and not any(part in NO_SOURCES for part in name.parts):
                yield name.as_posix(), path.read_bytes().decode("utf-8", "replace")

    def starts(self, *arguments: str) -> subprocess.Popen[str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.root,
            env=ours | {"PYTHONPATH": str(self.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def runs(self, *arguments: str) -> str:
        """Run a module that has to succeed, and return what it says."""
        return succeeded(self.starts(*arguments))

    def pytest(self, *arguments: str) -> subprocess.Popen[str]:
        return self.starts("pytest", "-q", "-p", "no:cacheprovider", *arguments)


def succeeded(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


@pytest.mark.timeout(600)
def test_a_skeleton_becomes_a_lifecycle_in_the_steps_of_the_page(tmp_path: Path) -> None:
    copy = Copy(tmp_path)

    said = copy.runs("scaffold", "new-lifecycle", NAMES.name)
    assert f"wrote    workflows/{MODULE}.py" in said

    # 1. The scenario fails, and says what to do.
    scenario = f"tests/scenarios/test_{MODULE}.py"
    failing = copy.pytest(scenario, "-k", "note and http")
    told, _ = failing.communicate()
    assert failing.returncode == 1, told
    assert f"Let `complete` write command.text: workflows/{MODULE}.py" in told

    # 2. The story is changed.
    story = tmp_path / "workflows" / f"{MODULE}.py"
    story.write_text(story.read_text().replace('"Done."', "command.text"))

    # 3. The page is filled, and the stories recorded.
    new = [name for name, _ in copy.files() if name not in copy.before and name.endswith(".py")]
    with copy.starts("tests.replay.record", NAMES.name) as recording:
        copy.runs("starters.docs")
        copy.runs("ruff", "check", "--quiet")
        copy.runs("ruff", "format", "--check", "--quiet")
        copy.runs("mypy", "--no-error-summary", *new)
        succeeded(recording)
    copy.runs("tests.replay.fingerprints")

    # 4. Everything is green.
    mine = [name for name in new if name.startswith("tests/") and "/test_" in name]
    succeeded(copy.pytest(*mine, *ASKED_FOR, *REPLAYS))

    # Nothing else has changed: lines were added where all lifecycles are listed.
    after = dict(copy.files())
    changed = {name for name, text in copy.before.items() if after.get(name) != text}
    assert changed == {each.path for each in REGISTRATIONS} | {
        "tests/replay/fingerprints/names.txt"
    }
    for name in changed:
        assert removed_lines(copy.before[name], after[name]) == [], name
    added = after.keys() - copy.before.keys()
    assert {name for name in added if not name.startswith("tests/replay/histories/")} == {
        f"docs/{NAMES.name}.md",
        f"tests/replay/fingerprints/{NAMES.name}.txt",
        *new,
    }
    shutil.rmtree(tmp_path)


def removed_lines(before: str, after: str) -> list[str]:
    old, new = before.splitlines(), after.splitlines()
    # Of long files, difflib would not compare the lines that there are many of.
    changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [
        line for kind, i, j, *_ in changes if kind in ("delete", "replace") for line in old[i:j]
    ]


# --- what is refused --------------------------------------------------------------------------


def told(*arguments: str) -> str:
    """What the command says on the standard error when it refuses."""
    result = CliRunner().invoke(app, ["new-lifecycle", *arguments])
    assert result.exit_code == 1, result.output
    return result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Warranty"], "lower-case letters and digits, with dashes"),
        (["warranty_callback"], "'warranty_callback' can't be the name"),
        (["class"], "'class' can't be the name"),
        (["a-name-of-more-than-thirty-letters"], "up to 30"),
        (["apo"], "There is a lifecycle apo already"),
        (["engine"], "workflows/engine.py is there already, and nothing is overwritten"),
        (["jobs"], "test_jobs.py is there already"),
        (["mail"], "The policy has a section [mail] already"),
        (["task"], "The skeleton needs Task for something else"),
        (["warranty-callback", "--prefix", "PO"], "begin with PO. Choose another with --prefix"),
        (["warranty-callback", "--prefix", "wc"], "2 to 6 capitals"),
        (["warranty-callback", "--title", '"Quoted"'], "can't be a title"),
    ],
)
def test_what_cannot_be_written_is_refused_with_a_reason(arguments: list[str], said: str) -> None:
    assert said in told(*arguments)
    assert not (ROOT / "workflows" / "warranty_callback.py").exists()


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(app, ["new-lifecycle", "--help"])
    assert "python -m scaffold new-lifecycle warranty-callback" in result.output


def files_with_places(root: Path) -> None:
    """Put the files into a folder that a skeleton adds lines to, and no others."""
    for name in {"pyproject.toml", *(each.path for each in REGISTRATIONS)}:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)


def test_the_longest_names_fit_into_lines_of_code(tmp_path: Path) -> None:
    files_with_places(tmp_path)
    names = Names.of("a-lifecycle-with-longest-names", title="M" * 30, prefix="LONGES")

    write(skeleton_of(names, tmp_path), tmp_path)

    # Only the files with places are here, and not the packages that they are in.
    for check in (["check", "--ignore", "INP001"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *check, "--no-cache", "."]
        subprocess.run(ruff, cwd=tmp_path, check=True)


def test_a_file_with_changes_is_left_alone(tmp_path: Path) -> None:
    files_with_places(tmp_path)
    robin = ["-c", "user.name=Robin", "-c", "user.email=robin@example.com"]
    for git in (["init"], ["add", "-A"], ["commit", "-m", "all"]):
        subprocess.run(["git", *robin, *git], cwd=tmp_path, check=True, capture_output=True)
    skeleton_of(NAMES, tmp_path)
    registry = tmp_path / "workflows" / "registry.py"
    registry.write_text(registry.read_text() + "# a change\n")

    with pytest.raises(ScaffoldError, match=r"not committed: workflows/registry\.py\. Commit"):
        skeleton_of(NAMES, tmp_path)


def test_a_place_that_is_not_found_is_named() -> None:
    registration = REGISTRATIONS[0]
    with pytest.raises(ScaffoldError, match=r"registry\.py has 0 places like .* up to date"):
        registration.put_into("nothing to find here\n", NAMES)


def test_a_checkout_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match=r"registry\.py is not there\. Run this in a whole"):
        skeleton_of(NAMES, tmp_path)
