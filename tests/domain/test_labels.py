"""What people read in place of the identifiers that programs get."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from domain.labels import (
    COMMANDS,
    MAIL_STATES,
    MAIL_TEMPLATES,
    OUTGOING_STATES,
    STUCK,
    choice_label,
    command_given,
    journal_label,
    mail_state_label,
    mail_template_label,
    missed_label,
    outgoing_label,
    outgoing_state_label,
    stuck_label,
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


@pytest.mark.parametrize(
    ("label", "known"),
    [
        (stuck_label, STUCK),
        (mail_state_label, MAIL_STATES),
        (mail_template_label, MAIL_TEMPLATES),
        (outgoing_state_label, OUTGOING_STATES),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_a_newer_release_calls_something_is_told_plainly(
    label: Callable[[str], str], known: Mapping[str, str]
) -> None:
    assert {name: label(name) for name in known} == known
    assert label("of_another_release") == "Of another release"


def test_a_code_that_is_chosen_is_its_own_name() -> None:
    assert choice_label("NPF") == "NPF"
    assert choice_label("of_another_release") == "Of another release"
