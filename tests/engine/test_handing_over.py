"""A long history goes on in a fresh one without any silence, and carries no more than fits."""

from __future__ import annotations

import pytest

from domain.effects import MailFate, SendEmail
from domain.lifecycles import Answered
from domain.refusals import Refused
from tests.engine.memory import Life
from tests.engine.visits import a_visit
from workflows.messages import ANSWERS_BYTES, MEMORY, ContinuingError

SAM = {"name": "Sam", "role": "customer"}
RING = {"actor": SAM}
LARGEST_START = 512 * 1024
"""Bytes from which on Temporal warns of an argument; from four times as many on it takes none."""


def _busy_and_long() -> Life:
    """A visit whose history is long, with a batch under way."""
    visit = a_visit()
    visit.history_is_long = True
    visit.store_is_slow = True
    visit.signals("ring", RING).settle()
    return visit


def _goes_on(visit: Life) -> Life:
    visit.store_is_slow = False
    return visit.settle()


def _goes_on_until_it_closes(visit: Life) -> None:
    desk = visit.engine.desk
    close = desk.close

    def closing() -> None:
        close()
        visit.store_is_slow = True
        desk.close = close  # type: ignore[method-assign]

    desk.close = closing  # type: ignore[method-assign]
    _goes_on(visit)


def test_what_waits_is_handed_over_in_its_order() -> None:
    visit = _busy_and_long()
    visit.signals("ring", RING)
    visit.signals("opne", RING)
    visit.hears("customer.called", {"about": "Hello?"})
    visit.signals("open", RING)

    _goes_on(visit)

    (_, following) = visit.starts
    assert [each.name or "event" for each in following.waiting_messages] == [
        "ring",
        "opne",
        "event",
        "open",
    ]
    assert visit.lifecycle.case.rings == 2
    assert visit.store.notes == ["heard customer.called"]
    assert any(said.startswith("refused opne") for said in visit.store.journal)
    assert (visit.stage, visit.outcome) == ("let_in", "let_in")


def test_who_waits_for_an_answer_is_answered_before_and_nobody_else_is_let_in() -> None:
    visit = _busy_and_long()
    waiting = [visit.sends("ring", "customer") for _ in range(10)]
    visit.store_is_slow = False
    visit.loop.run_until_quiet()

    assert [update.result().result for update in waiting] == [{"rings": n} for n in range(2, 12)]
    assert len(visit.starts) == 2
    assert visit.starts[1].waiting_messages == ()


def test_a_command_that_comes_while_the_run_closes_is_told_to_come_again() -> None:
    visit = _busy_and_long()
    first = visit.sends("ring", "customer")
    _goes_on_until_it_closes(visit)
    assert not first.done()

    with pytest.raises(ContinuingError):
        visit.sends("ring", "customer")

    _goes_on(visit)
    assert first.result().result == {"rings": 2}
    assert visit.does("ring", "customer").result == {"rings": 3}


def test_junk_that_is_only_counted_is_handed_over_with_its_count() -> None:
    visit = _busy_and_long()
    for _ in range(9_900):
        visit.signals("opne", RING)

    _goes_on(visit).passes("1m")

    (_, following) = visit.starts
    assert sum(1 + each.more for each in following.waiting_messages) == 9_900
    assert len(following.model_dump_json()) < LARGEST_START
    assert len(visit.store.batches) == 4, "two in each run, however many messages there are"
    assert visit.attention == ["bad_message"]


def test_more_than_fits_is_taken_before() -> None:
    visit = _busy_and_long()
    for _ in range(40):
        visit.hears("customer.called", {"about": "x" * 10_000})

    _goes_on(visit)

    assert visit.store.notes.count("heard customer.called") == 40
    assert max(len(start.model_dump_json()) for start in visit.starts) < LARGEST_START


def test_a_history_that_is_full_hands_over_what_it_can() -> None:
    visit = _busy_and_long()
    visit.history_is_full = True
    for _ in range(40):
        visit.hears("customer.called", {"about": "x" * 10_000})

    _goes_on(visit)

    assert len(visit.starts[1].waiting_messages) == 40


def test_what_the_next_episode_is_told_has_a_size_and_its_newest_job() -> None:
    visit = a_visit()
    visit.signals("open", RING)
    for number in range(40):
        visit.hears("customer.called", {"about": "x" * 10_000}, sub_status=f"call {number}")
    visit.settle()

    (_, following) = visit.starts
    assert following.episode == 2
    assert len(following.model_dump_json()) < LARGEST_START
    assert visit.lifecycle.case.job.sub_status == "call 39"


def test_a_case_that_is_full_of_everything_still_fits() -> None:
    visit = a_visit()
    case = visit.lifecycle.case
    visit.store.fates = [MailFate.WAITING] * 300
    visit.mail_server = MailFate.WAITING
    for number in range(MEMORY + 10):
        visit.hears("customer.called", {"about": "x"}, trade="\N{SNOWMAN}" * 300)
        visit.engine.effects.begin_turn("t" * 280 + str(number))
        visit.does("ring", "customer", message_id=f"{number:03}" + "m" * 190)
    _fill_with_mails(visit)
    visit.history_is_long = True
    visit.store_is_slow = True
    visit.signals("ring", RING).settle()
    for _ in range(9):
        visit.hears("customer.called", {"about": "x" * 10_000})
    for _ in range(500):
        visit.signals("o" * 500, {"actor": SAM, "x" * 1000: 1})

    _goes_on(visit).passes("1m")

    following = visit.starts[1]
    assert following.case is not None
    sizes = {
        "answers": len(_written(case.answers.values())),
        "events": sum(map(len, following.case.events_taken)),
        "mails": sum(len(key) + len(name) for key, name in following.unsent_mails.items()),
        "messages": sum(len(each.model_dump_json()) for each in following.waiting_messages),
    }
    assert all(sizes.values()), "every bound is filled"
    assert len(following.unsent_mails) == 100
    assert len(following.model_dump_json().encode()) < LARGEST_START, sizes


def test_of_old_answers_it_is_known_that_they_were_given() -> None:
    visit = a_visit()
    case = visit.lifecycle.case
    first = visit.does("ring", "customer", message_id="m-1")
    answered = next(iter(case.answers.values()))
    for number in range(60):
        result = {"advice": f"{number} " + "x" * 19_990}
        long = first.model_copy(update={"result": result})
        known = Answered(command="ring", answer=long)
        case.remember_answer(f"key {number}", known, most=MEMORY, bytes_=ANSWERS_BYTES)

    assert len(_written(case.answers.values())) < ANSWERS_BYTES
    assert len(case.answers) == 61
    assert answered.answer == first
    again = visit.does("ring", "customer", message_id="m-1")
    assert (again.stage, again.result, case.rings) == ("ringing", None, 1)
    assert again.next == first.next


def test_an_answer_that_is_too_long_by_itself_is_not_kept() -> None:
    visit = a_visit()
    case = visit.lifecycle.case
    first = visit.does("ring", "customer", message_id="m-1")
    huge = first.model_copy(update={"result": {"advice": "x" * 2 * ANSWERS_BYTES}})
    case.remember_answer("key", Answered(command="ring", answer=huge), most=9, bytes_=ANSWERS_BYTES)

    assert case.answers["key"].answer is None


def test_answers_of_a_release_that_told_no_actors_apart_still_count() -> None:
    visit = a_visit()
    first = visit.does("ring", "customer", message_id="m-1")
    ((_, known),) = visit.lifecycle.case.answers.items()
    visit.lifecycle.case.answers = {"m-1": known}

    assert visit.does("ring", "customer", message_id="m-1") == first
    assert visit.lifecycle.case.rings == 1


def test_a_message_id_is_its_actors_own() -> None:
    visit = a_visit()
    visit.does("ring", "customer", message_id="m-1")

    other = visit.does(
        "ring", "customer", message_id="m-1", actor={"name": "V", "role": "spoc_specialist"}
    )
    same_name = visit.does(
        "ring", "customer", message_id="m-1", actor={"name": "Sam", "role": "dispatch"}
    )
    another_command = visit.does(
        "open", "customer", message_id="m-1", actor={"name": "Vera", "role": "customer"}
    )

    assert other.result == {"rings": 2}
    assert same_name.result == {"rings": 3}
    assert another_command.stage == "let_in"


def test_an_event_that_has_the_id_of_the_command_that_began_it_is_heard() -> None:
    visit = a_visit()
    visit.does("ring", "customer", message_id="caught-up:7")
    visit.engine.mailbox.put_change(visit.store.job, 7, visit.loop.now())
    visit.settle()

    assert visit.store.notes == ["heard job.status_changed"]


def test_an_update_is_decided_after_what_came_before_it() -> None:
    visit = a_visit()
    visit.signals("open", RING)
    ringing = visit.sends("ring", "customer")
    visit.settle()

    assert "has ended: Let in" in str(ringing.exception())
    assert len(visit.refusals) == 1


def test_an_update_that_only_a_message_before_it_makes_possible_is_not_refused() -> None:
    visit = a_visit()
    visit.store_is_slow = True
    visit.signals("ring", RING).settle()
    visit.signals("open", RING)

    late = visit.sends("ring", "customer")
    with pytest.raises(Refused):
        visit.sends("ring", "nobody")
    _goes_on(visit)

    assert "has ended: Let in" in str(late.exception())


def _fill_with_mails(visit: Life) -> None:
    for number in range(15):
        visit.engine.effects.begin_turn(f"mails-{number}-" + "m" * 200)
        for _ in range(20):
            visit.engine.effects.add(SendEmail(to="a@example.com", template="public_note"))
        visit.settle()


def _written(answers: object) -> str:
    return "".join(each.model_dump_json() for each in answers)  # type: ignore[attr-defined]
