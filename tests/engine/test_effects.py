"""Effects: named the same in every replay, carried out together, kept or forgotten as a whole."""

from __future__ import annotations

from domain.effects import AddNote, Effect, SendEmail, WriteJournal
from domain.jobs import Visibility
from domain.roles import STEWARD
from tests.engine.visits import a_visit

PREFIX = "doorbell/SJ-1001#1"
NOTE = AddNote(author=STEWARD, text="Hello", visibility=Visibility.PRIVATE)
JOURNAL = WriteJournal(actor=STEWARD, what="hello")


def collected(*effects: Effect) -> list[str]:
    """The keys under which effects are carried out that a visit collects in one turn."""
    visit = a_visit()
    visit.engine.effects.begin_turn("turn")
    for effect in effects:
        visit.engine.effects.add(effect)
    visit.settle()
    return [step.key for step in visit.store.batches[-1].steps]


def test_an_effect_is_named_by_its_turn_and_its_place_in_it() -> None:
    assert collected(NOTE, JOURNAL) == [f"{PREFIX}/turn/1", f"{PREFIX}/turn/2"]


def test_what_happens_many_times_has_another_name_each_time() -> None:
    visit = a_visit()

    visit.does("ring", "customer")
    visit.does("ring", "customer")

    keys = [step.key for step in visit.store.steps if step.effect.kind == "write_journal"]
    assert keys == [f"{PREFIX}/ring:1/1", f"{PREFIX}/ring:2/1"]


def test_a_turn_after_continue_as_new_does_not_take_names_that_were_used() -> None:
    visit = a_visit()
    visit.does("ring", "customer")
    visit.history_is_long = True
    visit.does("ring", "customer")
    visit.does("ring", "customer")

    keys = [step.key for step in visit.store.steps]
    assert len(visit.starts) == 2
    assert len(set(keys)) == len(keys)


def test_batches_of_an_episode_are_counted_on_after_continue_as_new() -> None:
    visit = a_visit()
    visit.history_is_long = True
    visit.does("ring", "customer")
    visit.does("ring", "customer")

    sequences = [batch.sequence for batch in visit.store.batches]
    assert sequences == sorted(set(sequences))


def test_a_batch_goes_under_the_name_of_its_weightiest_effect() -> None:
    mail = SendEmail(to="a@example.com", template="public_note")
    visit = a_visit()
    visit.engine.effects.begin_turn("turn")
    for effect in (JOURNAL, NOTE, mail):
        visit.engine.effects.add(effect)

    visit.settle()

    assert visit.activities == ["record_progress", "send_email"]
    assert visit.summaries[-1] == "Add a Private note; e-mail `public_note`"


def test_a_batch_without_any_weight_records_progress_and_is_summed_up_by_what_is_waited_for() -> (
    None
):
    visit = a_visit()

    assert visit.activities == ["record_progress"]
    assert visit.summaries == ["Open the door"]


def test_a_turn_that_is_forgotten_takes_nothing_along_that_others_have_collected() -> None:
    visit = a_visit()
    effects = visit.engine.effects
    effects.begin_turn("turn")
    effects.add(NOTE)
    effects.add_beside("undelivered:some-mail", JOURNAL)

    effects.forget_turn()
    visit.settle()

    assert [step.key for step in visit.store.batches[-1].steps] == ["undelivered:some-mail"]


def test_where_nothing_has_changed_nothing_is_carried_out() -> None:
    visit = a_visit()
    before = len(visit.store.batches)
    visit.engine.mailbox.put_event(lambda: visit.store.batches)  # cannot be read
    visit.settle()
    assert len(visit.store.batches) == before + 1

    visit.settle()

    assert len(visit.store.batches) == before + 1
