"""Commands: checked, executed in a turn of their own, refused, and answered the same again."""

from __future__ import annotations

import pytest

from domain.accounts import NO_PROVIDER_FOUND
from domain.jobs import Assignee, JobStatus
from domain.refusals import RefusalKind
from tests.domain.factories import a_job
from tests.engine.visits import VISITOR, a_visit, rung
from workflows.messages import MEMORY


def test_a_command_is_answered_once_its_effects_have_come_true() -> None:
    visit = a_visit()
    visit.store_is_slow = True
    answering = visit.sends("open", "customer")
    visit.settle()
    assert not answering.done()

    visit.store_is_slow = False
    visit.settle()

    answer = answering.result()
    assert (answer.stage, answer.waiting_on, answer.due_at) == ("let_in", None, None)
    assert answer.next.startswith("Ended ")


def test_a_refusal_rolls_the_whole_turn_back() -> None:
    visit = a_visit()
    before = visit.lifecycle.case.model_copy(deep=True)

    refusal = visit.refuses("slam_the_door", "customer")

    assert refusal.message == "That would not be kind."
    after = visit.lifecycle.case
    ignored = {"named"}  # counts what was tried, so that the next try has another key
    assert after.model_dump(exclude=ignored) == before.model_dump(exclude=ignored)
    assert len(visit.store.batches) == 1, "nothing was carried out"
    assert [name for _, _, name, _ in visit.refusals] == ["slam_the_door"]


def test_what_the_store_refuses_rolls_back_what_the_turn_had_collected() -> None:
    visit = a_visit()
    visit.store.job = visit.store.job.model_copy(
        update={"assigned_to": Assignee.of(NO_PROVIDER_FOUND)}
    )

    refusal = visit.refuses("send_away", "customer")

    assert refusal.kind is RefusalKind.CONFLICT
    assert (visit.stage, visit.outcome) == ("on_the_doorstep", None), "it heard of the change"
    assert visit.store.notes == ["heard job.status_changed"]


def test_a_command_that_moves_the_job_ends_the_lifecycle_in_the_same_batch() -> None:
    visit = a_visit(job=a_job(assigned_to=Assignee.of(NO_PROVIDER_FOUND)))

    answer = visit.does("send_away", "customer")

    assert (answer.stage, visit.outcome) == ("gone", "gone")
    assert visit.store.job.assigned_to.name == "Procure Vendor"
    assert list(visit.store.promises.values()) == ["kept"]
    assert visit.activities == ["record_progress", "reassign_job"]


@pytest.mark.parametrize(
    ("command", "role", "kind"),
    [
        ("open", "dispatch", RefusalKind.ROLE),
        ("open", "nobody", RefusalKind.FIELDS),
        ("knock", "customer", RefusalKind.FIELDS),
    ],
)
def test_an_update_that_is_refused_changes_nothing_and_is_journalled(
    command: str, role: str, kind: RefusalKind
) -> None:
    visit = a_visit()

    assert visit.refuses(command, role).kind is kind

    ((update_id, _, name, refusal),) = visit.refusals
    assert (name, refusal.kind) == (command, kind)
    assert update_id.startswith("update-")
    assert (visit.attention, len(visit.store.batches)) == ([], 1)


@pytest.mark.parametrize(
    ("name", "payload", "said"),
    [
        ("open", {"actor": {"name": "Sam", "role": "dispatch"}}, "refused open"),
        ("open", ValueError("not JSON"), "refused open: not JSON"),
        ("open", "the door", "refused open"),
        ("opne", {"actor": {"name": "Sam", "role": "customer"}}, "refused opne"),
        ("job_event", {"type": "job.exploded"}, "refused job_event"),
        ("job_event", ValueError("not JSON"), "refused job_event"),
        ("begin_anew", {"episode": 7}, "refused begin_anew"),
    ],
)
def test_a_signal_that_cannot_be_used_is_recorded_and_flagged(
    name: str, payload: object, said: str
) -> None:
    visit = a_visit()

    visit.signals(name, payload).settle()

    assert [entry.startswith(said) for entry in visit.store.journal] == [True]
    assert (visit.attention, visit.stage) == (["bad_message"], "ringing")
    assert visit.refusals == [], "a signal is in the history, and in the batch's journal"


def test_the_same_message_is_answered_the_same_again_and_changes_nothing() -> None:
    visit = a_visit()

    first = visit.does("ring", "customer", message_id="m-1")
    batches = len(visit.store.batches)
    again = visit.does("ring", "customer", message_id="m-1")

    assert again == first
    assert len(visit.store.batches) == batches


def test_the_same_message_twice_in_the_mailbox_is_executed_once() -> None:
    visit = a_visit()
    one = visit.sends("ring", "customer", message_id="m-1")
    other = visit.sends("ring", "customer", message_id="m-1")

    visit.settle()

    assert one.result() == other.result()
    assert visit.store.journal == ["ring"]


def test_an_id_that_was_used_for_another_command_is_refused() -> None:
    visit = a_visit()
    visit.does("ring", "customer", message_id="m-1")

    refusal = visit.refuses("open", "customer", message_id="m-1")

    assert 'already used message_id "m-1" to ring' in refusal.message


def test_answers_are_remembered_up_to_a_bound_the_oldest_forgotten_first() -> None:
    visit = a_visit()
    for number in range(MEMORY + 3):
        visit.does("ring", "customer", message_id=f"m-{number}")

    answers = visit.lifecycle.case.answers
    assert len(answers) == MEMORY
    assert next(iter(answers)).endswith(" m-3")


def test_answers_are_remembered_across_continue_as_new() -> None:
    visit = a_visit()
    first = visit.does("ring", "customer", message_id="m-1")
    visit.history_is_long = True
    visit.does("ring", "customer")
    assert len(visit.starts) == 2

    assert visit.does("ring", "customer", message_id="m-1") == first


def test_the_command_that_starts_a_lifecycle_is_executed_first_and_answered_once() -> None:
    visit = rung()
    answering = visit.sends("ring", "customer", actor=VISITOR.model_dump(), message_id="ring-1")

    visit.settle()

    assert answering.result().result == {"rings": 1}
    assert visit.store.journal == ["ring"]
    assert visit.lifecycle.case.begun


def test_an_opening_command_that_is_refused_ends_the_lifecycle_at_once() -> None:
    visit = rung(job=a_job(status=JobStatus.COMPLETED))

    visit.settle()

    assert visit.outcome == "cancelled"
    assert not visit.lifecycle.case.begun
    assert visit.store.journal[0].startswith("refused ring: Nobody is at home.")
    assert visit.store.promises == {}


def test_another_command_than_the_opening_one_is_decided_after_it() -> None:
    visit = rung()

    opening = visit.sends("open", VISITOR.role.value)
    visit.settle()

    assert opening.result().stage == "let_in"
    assert visit.store.journal[:2] == ["ring", "open"]


def test_where_the_opening_command_is_refused_the_others_find_nothing_running() -> None:
    visit = rung(job=a_job(status=JobStatus.COMPLETED))

    opening = visit.sends("open", VISITOR.role.value)
    visit.settle()

    assert "has ended: Cancelled" in str(opening.exception())


def test_of_the_opening_command_only_its_own_actor_gets_the_answer() -> None:
    visit = rung()
    other = visit.sends("ring", "customer", message_id="ring-1")

    visit.settle()

    assert other.result().result == {"rings": 2}, "another actor's message is another command"
