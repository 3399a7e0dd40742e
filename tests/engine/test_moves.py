"""The moves that are declared are those that stories make: none is missing, and none is made up."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.jobs import Assignee, JobStatus
from domain.lifecycles import LifecycleKind
from domain.moves import Move, is_declared
from tests.domain.factories import eastern
from tests.domain.reassignment_cases import TULSA, listed
from tests.domain.spoc_cases import APPOINTMENT, of_the_programme
from tests.engine import test_am_escalation as am
from tests.engine import test_plus_one as plus_one
from tests.engine import test_spoc as spoc
from tests.engine.memory import Life
from tests.engine.test_reassignment import calling
from workflows.registry import LIFECYCLES

HISTORIES = Path(__file__).parents[1] / "replay" / "histories"
ORDER = {"reason": "order_confirmation", "detail": "Order 12 of last week"}
Way = tuple[str, str | None, str]
"""A lifecycle, and a move of it."""

kinds = pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda each: each.name)


# --- what recorded histories have come through ------------------------------------------------


def content(payloads: Mapping[str, Any]) -> Any:
    return json.loads(b64decode(payloads["payloads"][0]["data"]))


def moves_of(history: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    """The moves of a run, as its batches told them and the store did not refuse them."""
    before, told = None, dict[str, str]()
    for event in history["events"]:
        if started := event.get("workflowExecutionStartedEventAttributes"):
            case = content(started["input"]).get("case")
            before = case["stage"] if case else None
        elif scheduled := event.get("activityTaskScheduledEventAttributes"):
            batch = content(scheduled["input"])
            progress = batch.get("progress") if isinstance(batch, dict) else None
            if progress is not None:
                told[event["eventId"]] = progress["stage"]
        elif completed := event.get("activityTaskCompletedEventAttributes"):
            stage = told.get(completed["scheduledEventId"])
            if stage not in (None, before) and not content(completed["result"]).get("refusal"):
                yield before, stage
                before = stage


@cache
def recorded() -> frozenset[Way]:
    return frozenset(
        (path.name.split(".")[0], *move)
        for path in HISTORIES.glob("*.json")
        for move in moves_of(json.loads(path.read_text("utf-8")))
    )


@kinds
def test_a_recorded_history_makes_declared_moves_alone(kind: LifecycleKind) -> None:
    strange = [way for way in recorded() if way[0] == kind.name]
    assert [way for way in strange if not is_declared(kind.moves, *way[1:])] == []


# --- moves that no history has come through ---------------------------------------------------


def assigned_again() -> Life:
    life = plus_one.a_search()
    plus_one.accepts(life)
    at = life.passes("1h").loop.now()
    return life.hears("job.assigned", assigned_at=at, status=JobStatus.NEW).settle()


def engaged() -> Life:
    life = am.an_exception()
    life.does("admin_reviewed", "admin_team", area_manager_email="am@example.com")
    return life


def handed_back() -> Life:
    life = engaged()
    life.does("take_over", "system", **am.handed_over(provider=Assignee(name="Other Plumbing")))
    return life


def silent_beside_an_exception() -> Life:
    life = am.a_concern()
    life.does("provider_contacted", am.AGENT, **am.REACHED)
    life.does("take_over", "system", **am.handed_over())
    life.does("admin_reviewed", "admin_team", area_manager_email="am@example.com")
    return life.passes("14d")


def concerned_after_praise() -> Life:
    praise = am.feedback().settle()
    return praise.hears("customer.reported_concern", {"concern": "It leaks"}).settle()


def reported_before() -> Life:
    return spoc.awaiting(job=of_the_programme(diagnostic_report_at=APPOINTMENT))


def asked_for_an_order() -> Life:
    life = spoc.an_order_to_confirm(spoc.overdue()).passes("48h")
    life.does("ask_provider", spoc.LEADER, channel="phone", reason="order_confirmation")
    life.does("contact_spoc", spoc.LEADER, **ORDER)
    return life


def confirmed_before_the_report() -> Life:
    life = asked_for_an_order()
    life.does("information_received", spoc.LEADER, summary="The order is confirmed")
    return life


def confirmed_beside_a_partial_report() -> Life:
    life = spoc.reports(asked_for_an_order(), complete=False)
    life.does("information_received", spoc.LEADER, summary="The order is confirmed")
    return life


def without_the_fee() -> Life:
    life = calling()
    life.does("provider_answered", "customer_service", available=True, travel_fee="45.00")
    life.does("decline_travel_fee", "supervisor")
    return life


def calling_at_closing_time() -> Life:
    """An urgent call ten minutes before providers in Tulsa may be called no more today."""
    closing = eastern("2026-11-24 18:50")
    return calling(TULSA, listed("Fourth", "4715", "74101"), urgent=True, at=closing)


def nobody_may_be_called_next() -> Life:
    life = calling_at_closing_time().passes("15m")
    life.does("provider_no_answer", "customer_service")
    return life


def without_the_fee_at_night() -> Life:
    life = calling_at_closing_time()
    life.does("provider_answered", "customer_service", available=True, travel_fee="45.00")
    life.passes("15m").does("decline_travel_fee", "supervisor")
    return life


STORIES: Mapping[Way, Callable[[], Life]] = {
    ("plus-one", None, "accepted"): lambda: plus_one.a_search(status=JobStatus.ACCEPTED),
    ("plus-one", "accepted", "searching"): assigned_again,
    ("am-escalation", "awaiting_callback", "area_manager_engaged"): silent_beside_an_exception,
    ("am-escalation", "area_manager_engaged", "exception_open"): handed_back,
    ("am-escalation", "exception_open", "contacting_provider"): concerned_after_praise,
    ("spoc", None, "report_received"): reported_before,
    ("spoc", "spoc_contacted", "report_overdue"): confirmed_before_the_report,
    ("spoc", "spoc_contacted", "missing_information"): confirmed_beside_a_partial_report,
    ("reassignment", "travel_fee_review", "calling_provider"): without_the_fee,
    ("reassignment", "calling_provider", "supervisor_review"): nobody_may_be_called_next,
    ("reassignment", "travel_fee_review", "supervisor_review"): without_the_fee_at_night,
}
"""Moves that no recorded history has come through, each with a story that makes it last."""


@pytest.mark.parametrize(
    ("way", "story"),
    STORIES.items(),
    ids=[f"{kind}: {start} to {to}" for kind, start, to in STORIES],
)
def test_a_story_makes_a_move_that_no_history_has(way: Way, story: Callable[[], Life]) -> None:
    life = story()
    assert (life.kind.name, *life.moved[-1]) == way


@kinds
def test_no_move_is_made_up(kind: LifecycleKind) -> None:
    """Each is in a recorded history or has a story, from one of its stages at least."""

    def is_made(move: Move) -> bool:
        starts: list[str | None] = [start.value for start in move.starts]
        ways = {(kind.name, start, move.to.value) for start in starts or [None]}
        return bool(ways & (recorded() | STORIES.keys()))

    assert [move for move in kind.moves if not is_made(move)] == []


def test_no_story_is_told_of_what_a_history_has() -> None:
    assert STORIES.keys() & recorded() == set()


# --- what is declared fits the commands -------------------------------------------------------


@kinds
def test_a_command_moves_only_where_it_is_possible(kind: LifecycleKind) -> None:
    for move in kind.moves:
        assert move.commands or move.when
        for name in move.commands:
            command = kind.commands[name]
            assert command.starts if move.begins else move.starts <= command.stages, (name, move)


@kinds
def test_every_stage_is_reached_and_every_running_one_is_left(kind: LifecycleKind) -> None:
    assert {move.to for move in kind.moves} == {*kind.stage}
    assert {start for move in kind.moves for start in move.starts} == kind.stage.running()
    assert any(move.begins for move in kind.moves)


# --- what the docs draw -----------------------------------------------------------------------


@kinds
def test_what_the_docs_draw_is_declared(kind: LifecycleKind) -> None:
    page = (Path(__file__).parents[2] / "docs" / f"{kind.name}.md").read_text("utf-8")
    drawn = re.findall(r"^ +(\S+) --> (\w+)", page, re.MULTILINE)
    assert drawn
    stages = {stage.value for stage in kind.stage}
    for start, to in drawn:
        if to in stages and start != to:
            before = None if start == "[*]" else start
            assert is_declared(kind.moves, before, to), (start, to)
