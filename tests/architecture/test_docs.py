"""What is written about the code is what the code says."""

import re
from pathlib import Path

import pytest
import typer.main

from activities.effects import Effects, all_activities
from activities.mails import Mails
from domain.lifecycles import LifecycleKind
from domain.plus_one.kind import PLUS_ONE
from domain.policy import load_policy
from starters.cli import app
from starters.docs import commands_table, page_of, with_commands
from workers.settings import Settings
from workflows import search_attributes
from workflows.registry import LIFECYCLES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda kind: kind.name)
def test_a_page_lists_the_commands_as_they_are_declared(kind: LifecycleKind) -> None:
    page = page_of(kind).read_text()
    assert with_commands(page, kind) == page, "bring the page up to date: python -m starters.docs"


@pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda kind: kind.name)
def test_a_page_names_every_stage_and_every_setting(kind: LifecycleKind) -> None:
    page, section = page_of(kind).read_text(), kind.name.replace("-", "_")
    settings = [f"`{section}.{name}`" for name in load_policy(None).model_dump()[section]]
    names = [*kind.stages, *kind.ends, *settings]
    assert [name for name in names if name not in page] == []


def test_a_command_stands_in_the_table_with_all_that_is_declared() -> None:
    (row,) = (line for line in commands_table(PLUS_ONE).splitlines() if "`update_parts`" in line)
    assert row == (
        "| `update_parts` | parts_sourcing | all but `searching` | `text`, `eta?` | "
        f"{PLUS_ONE.commands['update_parts'].help} |"
    )


@pytest.mark.parametrize("page", ["no marks", "<!-- commands:begin -->\nno end\n"])
def test_a_page_without_a_place_for_the_table_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="commands:begin"):
        with_commands(page, PLUS_ONE)


def test_operations_names_every_setting_search_attribute_and_activity() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    activities = all_activities(Effects.__new__(Effects), Mails.__new__(Mails))
    names = [f"STEWARD_{field.upper()}" for field in Settings.model_fields]
    names += [key.name for key in search_attributes.ALL]
    names += [activity.__name__ for activity in activities]
    assert [name for name in names if f"`{name}`" not in page] == []


INLINE = re.findall(
    r"`(steward [a-z][^`]*)`", (ROOT / "docs" / "operations.md").read_text().replace("\n", " ")
)


@pytest.mark.parametrize("line", sorted(set(INLINE)))
def test_operations_names_verbs_and_options_that_there_are(line: str) -> None:
    """What stands in a block is run; what stands in a sentence is held against the verbs."""
    words = re.split(r" +", line)[1:]
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]  # a group of commands
    assert not hasattr(command, "commands") or not words, f"{line}: there is no such verb"
    known = {option for parameter in command.params for option in parameter.opts}
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    assert [option for option in options if option not in known] == []


def test_the_readme_names_options_of_make_run_that_there_are() -> None:
    (arguments,) = re.findall(r'make run ARGS="([^"]+)"', (ROOT / "README.md").read_text())
    command = typer.main.get_command(app)
    up = command.get_command(None, "up")  # type: ignore[attr-defined]  # a group of commands
    known = {option for parameter in up.params for option in parameter.opts}
    named = re.findall(r"--[a-z-]+", arguments)
    assert {"--port", "--temporal-port", "--data"} <= set(named)
    assert [option for option in named if option not in known] == []
