"""By which request something was asked for: it goes with the effects, into log lines alone."""

from __future__ import annotations

from domain.effects import AddNote, MailFate, SendEmail
from domain.jobs import Visibility
from domain.roles import STEWARD
from tests.engine.doorbell import Doorbell
from tests.engine.memory import Life
from tests.engine.visits import a_start, a_visit, rung

FIRST, SECOND = "a" * 32, "b" * 32
NOTE = AddNote(author=STEWARD, text="Hello", visibility=Visibility.PRIVATE)
RING = {"actor": {"name": "Sam", "role": "customer"}}


def rings(visit: Life, request_id: str | None) -> None:
    """Ring, as a request has it."""
    visit.engine.desk.take_signal("ring", lambda: RING, request_id)


def asked(visit: Life) -> list[str | None]:
    """Return by which request each batch is asked for, in order."""
    return [batch.request_id for batch in visit.store.batches]


def test_each_turn_has_its_own_request_however_many_wait() -> None:
    visit = a_visit()
    visit.store_is_slow = True
    for request_id in (FIRST, None, SECOND):
        rings(visit, request_id)
    visit.settle()
    visit.store_is_slow = False

    visit.settle().passes("2h")

    assert asked(visit)[:4] == [None, FIRST, None, SECOND]
    assert set(asked(visit)[4:]) == {None}, "a deadline is nobody's request"
    assert "request_ids" not in visit.store.batches[0].model_dump_json()


def test_a_batch_of_several_turns_names_all_their_requests() -> None:
    visit = a_visit()
    for turn, request_id in (("one", FIRST), ("two", None), ("three", SECOND), ("four", FIRST)):
        visit.engine.effects.begin_turn(turn, request_id)
        visit.engine.effects.add(NOTE)

    visit.settle()

    assert asked(visit)[-1] == f"{FIRST} {SECOND}"


def test_what_a_lifecycle_begins_with_has_the_request_that_starts_it() -> None:
    by_event = Life(Doorbell, a_start(), request_id=FIRST).settle()
    by_command = rung(request_id=FIRST).settle()
    for visit in (by_event, by_command):
        rings(visit, SECOND)
        assert asked(visit.settle()) == [FIRST, SECOND]


def test_what_follows_from_a_mail_has_the_request_that_had_it_sent() -> None:
    visit = a_visit()
    visit.store.fates, visit.mail_server = [MailFate.WAITING], MailFate.WAITING
    visit.engine.effects.begin_turn("mail", FIRST)
    visit.engine.effects.add(SendEmail(to="a@example.com", template="public_note"))
    visit.settle()
    rings(visit, SECOND)
    visit.settle()

    visit.mail_server = MailFate.BOUNCED
    visit.settle()

    assert asked(visit) == [None, FIRST, SECOND, FIRST]


def test_of_many_requests_only_the_latest_are_remembered() -> None:
    visit = a_visit()
    effects = visit.engine.effects
    for number in range(30):
        effects.begin_turn(f"turn-{number}", f"{number:032x}")
        effects.add(NOTE)

    visit.settle()

    assert visit.store.batches[-1].request_ids == tuple(f"{n:032x}" for n in range(10, 30))
