"""Messages that are long, deep, frequent or absurd: none stops, jams or bloats a lifecycle."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from domain.events import EventEnvelope
from domain.refusals import LONGEST_SENTENCE
from tests.domain.factories import a_job
from tests.engine.memory import Life
from tests.engine.visits import a_start, a_visit

SAM = {"name": "Sam", "role": "customer"}
RING = {"actor": SAM}


def nested(levels: int) -> object:
    deep: object = "bottom"
    for _ in range(levels):
        deep = [deep]
    return deep


def an_event(**changes: Any) -> dict[str, Any]:
    """An event as the hooks deliver it."""
    visit = a_visit()
    visit.hears("customer.called", {"about": "Hello?"})
    message = visit.engine.mailbox.take()
    envelope: EventEnvelope = message.envelope  # type: ignore[union-attr]  # it is an event
    return envelope.model_dump(mode="json") | changes


def a_next_start(**changes: Any) -> dict[str, Any]:
    start = a_start(episode=2, event_id="later").model_dump(mode="json")
    return start | changes


HARD: dict[str, tuple[str, Callable[[], object]]] = {
    "an age beyond all floats": ("job_event", lambda: an_event(age=1e300)),
    "an endless age": ("job_event", lambda: an_event(age=float("inf"))),
    "an age that is no number": ("job_event", lambda: an_event(age=float("nan"))),
    "an age of three millennia": ("job_event", lambda: an_event(age=1e11)),
    "an event that is still to come": ("job_event", lambda: an_event(age=-1e11)),
    "an event id with a NUL": ("job_event", lambda: an_event(event_id="a\0b")),
    "an event id without end": ("job_event", lambda: an_event(event_id="a" * 401)),
    "a version that no store keeps": ("job_event", lambda: an_event(job_version=10**30)),
    "an event of another job": (
        "job_event",
        lambda: an_event(
            event=an_event()["event"] | {"job": a_job(job_id="SJ-9999").model_dump(mode="json")}
        ),
    ),
    "150,000 unknown keys": ("open", lambda: {**RING, **dict.fromkeys(map(str, range(150_000)))}),
    "28,000 unknown keys": ("open", lambda: {**RING, **dict.fromkeys(map(str, range(28_000)))}),
    "an unknown key with a NUL": ("open", lambda: {**RING, "a\0b": 1}),
    "an unknown key without end": ("open", lambda: {**RING, "a" * 100_000: 1}),
    "a deep value": ("open", lambda: {**RING, "message_id": nested(900)}),
    "a message id with a NUL": ("open", lambda: {**RING, "message_id": "a\0b"}),
    "half a character": ("open", lambda: {**RING, "\ud800": "\udfff"}),
    "a name with a NUL": ("op\0en", lambda: RING),
    "a name without end": ("open" * 50_000, lambda: RING),
    "bytes": ("open", lambda: b"\0" * 100_000),
    "an episode in the far future": ("begin_anew", lambda: a_next_start(episode=10**30)),
    "an episode far ahead": ("begin_anew", lambda: a_next_start(episode=5000)),
    "an edition that nobody has": ("begin_anew", lambda: a_next_start(edition=10**30)),
    "an edition before the first": ("begin_anew", lambda: a_next_start(edition=-1)),
    "an episode before the calendar": (
        "begin_anew",
        lambda: a_next_start(occurred_at="0001-01-01T00:00:00+14:00"),
    ),
    "an episode that begins with nothing": (
        "begin_anew",
        lambda: a_next_start(cause={"kind": "command", "name": "explode", "fields": {}}),
    ),
    "an episode with mails of nobody": (
        "begin_anew",
        lambda: a_next_start(unsent_mails={f"mail-{n}": "t" for n in range(9)}),
    ),
    "an episode while this one runs": ("begin_anew", a_next_start),
}


@pytest.mark.parametrize("hard", HARD)
def test_a_hard_message_changes_nothing_and_is_recorded_in_few_words(hard: str) -> None:
    name, payload = HARD[hard]
    visit = a_visit()
    before = visit.lifecycle.case.model_dump(exclude={"named", "turns", "attention"})

    visit.signals(name, payload()).settle()

    assert (visit.attention, visit.stage, len(visit.starts)) == (["bad_message"], "ringing", 1)
    (said,) = visit.store.journal
    assert said.startswith("refused ")
    assert len(said) < 2 * LONGEST_SENTENCE
    assert "\0" not in said
    said.encode()
    after = visit.lifecycle.case.model_dump(exclude={"named", "turns", "attention"})
    assert after == before
    assert visit.does("open", "customer").stage == "let_in", "it lives on"


@pytest.mark.parametrize("hard", [hard for hard in HARD if HARD[hard][0] == "open"])
def test_a_hard_update_is_refused_in_few_words(hard: str) -> None:
    visit = a_visit()
    payload: Any = HARD[hard][1]()
    fields = payload if isinstance(payload, dict) else {"unreadable": payload}

    refusal = visit.refuses("open", "customer", **{key: fields[key] for key in fields})

    assert len(refusal.message) <= LONGEST_SENTENCE
    assert len(refusal.instead or "") <= LONGEST_SENTENCE
    assert "\0" not in refusal.message
    refusal.message.encode()


def test_of_many_wrong_fields_ten_are_named_and_the_others_counted() -> None:
    visit = a_visit()

    refusal = visit.refuses("open", "customer", **dict.fromkeys(map(str, range(28_000))))

    assert refusal.message.endswith("and 27,990 more; open takes none.")


def test_many_signals_in_a_row_that_cannot_be_used_are_recorded_together() -> None:
    visit = a_visit()

    for number in range(421):
        visit.signals("opne", RING if number % 2 else {"number": number})
    visit.passes("1m")

    assert len(visit.store.batches) == 2, "the first wait, and all that is recorded"
    assert len(visit.store.journal) == 10
    assert visit.store.journal[-1].endswith("411 more signals were refused, too.")


def test_many_commands_that_are_refused_in_a_row_are_recorded_together() -> None:
    visit = a_visit()

    for _ in range(421):
        visit.signals("slam_the_door", RING)
    visit.passes("1m")

    assert len(visit.store.batches) <= 3
    assert len(visit.store.journal) <= 12
    assert sum(_counted(said) for said in visit.store.journal) == 421


def test_the_more_junk_came_before_the_less_is_told_one_by_one() -> None:
    visit = a_visit()
    for _ in range(100):
        for _ in range(20):
            visit.signals("opne", RING)
        visit.settle()

    assert sum(_counted(said) for said in visit.store.journal) == 2000
    assert len(visit.store.journal) < 200


def test_a_good_message_among_junk_is_heard_in_its_turn() -> None:
    visit = a_visit()
    for _ in range(50):
        visit.signals("opne", RING)
    ringing = visit.sends("ring", "customer")
    for _ in range(50):
        visit.signals("opne", RING)
    visit.settle()

    assert ringing.result().result == {"rings": 1}
    assert sum(_counted(said) for said in visit.store.journal) == 101


def test_a_step_of_an_event_with_the_longest_id_has_a_key_that_every_store_keeps() -> None:
    visit = a_visit(job=a_job(job_id="J" * 64))
    visit.signals("job_event", _heard(visit, event_id="e" * 400)).settle()

    assert visit.stage == "on_the_doorstep"
    assert max(len(step.key) for step in visit.store.steps) <= 400


def test_an_event_with_a_long_id_is_heard_once() -> None:
    visit = a_visit()
    event = _heard(visit, event_id="e" * 400)
    visit.signals("job_event", event).settle()
    visit.signals("job_event", event).settle()

    assert visit.store.notes == ["heard customer.called"]


def test_a_next_episode_that_is_asked_for_while_the_end_comes_true_begins() -> None:
    visit = a_visit()
    visit.store_is_slow = True
    visit.sends("open", "customer")
    visit.settle()
    visit.signals("begin_anew", a_next_start())

    visit.store_is_slow = False
    visit.settle()

    assert [start.episode for start in visit.starts] == [1, 2]


def _heard(visit: Life, **changes: Any) -> dict[str, Any]:
    visit.hears("customer.called", {"about": "Hello?"})
    message = visit.engine.mailbox.take()
    envelope: EventEnvelope = message.envelope  # type: ignore[union-attr]  # it is an event
    return envelope.model_dump(mode="json") | changes


def _counted(said: str) -> int:
    """How many messages an entry of the journal tells of."""
    more = re.search(r"([0-9,]+) more signals were refused, too\.$", said)
    return 1 + (int(more[1].replace(",", "")) if more else 0)
