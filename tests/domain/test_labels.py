"""What people read in place of the identifiers that programs get."""

from __future__ import annotations

import pytest

from domain.labels import (
    COMMANDS,
    command_given,
    journal_label,
    missed_label,
    outgoing_label,
    way_out,
)


@pytest.mark.parametrize(
    ("what", "label"),
    [
        ("request_apo", "Requested APO"),
        ("customer_called", "Logged the customer's call"),
        ("follows policy built-in (5f633a9bc909)", "Follows the built-in policy (5f633a9bc909)"),
        ("follows policy ours (5f633a9bc909)", "Follows policy ours (5f633a9bc909)"),
        ("searching → accepted", "PlusOne is searching → Accepted by PlusOne"),
        ("refused request_apo: PlusOne holds it", "Refused (Request APO): PlusOne holds it"),
        ("taken from PlusOne", "Taken from PlusOne"),
        # What only looks like one of these stays as somebody wrote it.
        ("here → there", "Here → there"),
        ("refused to answer: twice", "Refused to answer: twice"),
        ("request_apo: now", "Request_apo: now"),
        ("", ""),
    ],
)
def test_the_journal_speaks_of_commands_stages_and_refusals_by_their_labels(
    what: str, label: str
) -> None:
    assert journal_label(what) == label


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_told_as_done(command: str) -> None:
    given = command_given(command)
    assert given != COMMANDS[command]
    assert given.partition(" ")[2] == COMMANDS[command].partition(" ")[2]


@pytest.mark.parametrize(
    ("instead", "read"),
    [
        ("request_apo", "Request APO (`request_apo`)."),
        ("ask Dispatch. It can.", "Ask Dispatch. It can."),
    ],
)
def test_a_way_out_is_a_command_with_its_name_or_a_sentence(instead: str, read: str) -> None:
    assert way_out(instead) == read


def test_what_somebody_is_told_is_named_and_an_event_by_its_type() -> None:
    assert outgoing_label("open_task") == "a task"
    assert outgoing_label("promise.broken") == "the event `promise.broken`"


def test_what_the_hooks_missed_is_named_and_anything_else_is_a_change() -> None:
    assert missed_label("job.assigned") == "an assignment"
    assert missed_label("job.reopened") == "a change of the job"
