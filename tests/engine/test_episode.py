"""How a run ends, what comes after the end, and how the next episode begins."""

from __future__ import annotations

from datetime import timedelta

from domain.effects import MailFate
from domain.snapshots import read_snapshot, start_again, to_bytes
from tests.domain.factories import a_job
from tests.engine.doorbell import Doorbell
from tests.engine.memory import Life
from tests.engine.visits import a_start, a_visit, with_a_look_after_the_end

OPENED = {"actor": {"name": "Sam", "role": "customer"}}


def test_an_end_is_told_in_the_batch_of_the_turn_that_led_to_it() -> None:
    visit = a_visit()

    visit.does("open", "customer")

    assert visit.activities == ["record_progress", "send_email"]
    assert visit.store.progress is not None
    assert (visit.store.progress.outcome, visit.store.progress.waiting) == ("let_in", None)
    assert (visit.shown[-1].stage, visit.shown[-1].due_at) == ("let_in", None)


def test_a_command_that_waited_when_the_lifecycle_ended_is_refused() -> None:
    visit = a_visit()
    opening, ringing = visit.sends("open", "customer"), visit.sends("ring", "customer")

    visit.settle()

    assert opening.result().stage == "let_in"
    assert "has ended: Let in" in str(ringing.exception())
    assert visit.outcome == "let_in"


def test_a_bad_signal_that_came_with_the_end_is_still_recorded() -> None:
    visit = a_visit()
    visit.signals("open", OPENED)
    visit.signals("opne", OPENED)

    visit.settle()

    assert visit.outcome == "let_in"
    assert visit.store.journal[-1].startswith("refused opne")
    assert visit.store.progress is not None
    assert visit.store.progress.outcome == "let_in"


def test_an_event_that_came_with_the_end_begins_the_next_episode() -> None:
    visit = a_visit()
    visit.signals("open", OPENED)
    visit.hears("customer.called", {"about": "Again"})
    visit.hears("customer.called", {"about": "And again"})

    visit.settle()

    assert (visit.outcome, visit.stage) == (None, "on_the_doorstep")
    (_, following) = visit.starts
    assert (following.episode, following.case) == (2, None)
    assert following.cause.name == "customer.called"
    assert len(following.unheard) == 1
    assert [*visit.store.promises.values()][-1] is None


def test_the_same_event_is_heard_once() -> None:
    visit = a_visit()
    visit.hears("customer.called", {"about": "Hello?"})
    twice = visit.engine.mailbox.take()
    visit.engine.mailbox.put(twice)
    visit.engine.mailbox.put(twice)

    visit.settle()

    assert visit.store.notes == ["heard customer.called"]


def test_a_lifecycle_lives_until_its_mails_have_found_their_end() -> None:
    visit = a_visit_that_has_ended_with_a_mail_under_way()

    visit.mail_server = MailFate.SENT
    assert visit.settle().outcome == "let_in"
    assert visit.attention == []


def test_a_mail_that_never_arrives_is_left_to_a_person() -> None:
    for fate in (MailFate.BOUNCED, MailFate.UNCERTAIN, None):
        visit = a_visit()
        visit.store.fates = [MailFate.WAITING]
        visit.mail_server = fate
        visit.does("open", "customer")

        assert visit.outcome == "let_in"
        assert visit.attention == ["delivery_failed"]
        assert visit.store.tasks == ["mail_undelivered"]


def a_visit_that_has_ended_with_a_mail_under_way() -> Life:
    visit = a_visit()
    visit.store.fates = [MailFate.WAITING]
    visit.mail_server = MailFate.WAITING
    visit.does("open", "customer")
    assert (visit.stage, visit.outcome) == ("let_in", None)
    return visit


def test_what_becomes_of_a_mail_after_the_end_does_not_change_when_that_was() -> None:
    visit = a_visit_that_has_ended_with_a_mail_under_way()
    ended_at, details = visit.loop.now(), visit.details

    visit.passes("3h").mail_server = MailFate.UNCERTAIN
    assert visit.settle().attention == ["delivery_failed"]

    progress = visit.store.progress
    assert progress is not None
    assert (progress.outcome, progress.since) == ("let_in", ended_at)
    assert visit.details.startswith(details)


def test_a_lifecycle_that_goes_on_without_its_history_knows_when_it_ended() -> None:
    visit = a_visit_that_has_ended_with_a_mail_under_way()
    ended_at, began = visit.loop.now(), visit.store.batches[0].kept
    at_its_end = visit.store.batches[-1].kept
    assert began is not None
    assert at_its_end is not None
    start = start_again(
        visit.kind,
        to_bytes(began.start),
        read_snapshot(to_bytes(at_its_end.snapshot)),
        (visit.store.job, visit.store.version),
        None,
        unsent_mails=visit.engine.mails.unsent,
    )
    visit.mail_server = MailFate.SENT
    visit.settle()

    again = Life(Doorbell, start, at=ended_at + timedelta(hours=3))
    again.mail_server = MailFate.BOUNCED
    again.settle()

    progress = again.store.progress
    assert progress is not None
    assert (progress.outcome, progress.since) == ("let_in", ended_at)


def test_a_next_episode_takes_the_mails_along_that_still_wait() -> None:
    visit = a_visit_that_has_ended_with_a_mail_under_way()

    visit.signals("begin_anew", a_start(episode=2, event_id="later").model_dump(mode="json"))
    visit.settle()

    (_, following) = visit.starts
    assert [*following.unsent_mails.values()] == ["public_note"]
    assert visit.stage == "ringing"
    visit.mail_server = MailFate.BOUNCED
    visit.settle()
    assert visit.attention == ["delivery_failed"]


def test_only_a_later_episode_of_the_same_job_begins_anew() -> None:
    for start in (a_start(episode=1), a_start(episode=2, job=a_job(job_id="SJ-9999"))):
        visit = a_visit()
        visit.signals("begin_anew", start.model_dump(mode="json")).settle()

        assert (len(visit.starts), visit.attention) == (1, ["bad_message"])


def test_a_look_at_the_job_after_the_end_is_taken_when_its_time_has_come() -> None:
    visit = with_a_look_after_the_end()
    assert visit.outcome is None

    assert visit.passes("35h").store.tasks == []
    assert visit.passes("1h").store.tasks == ["unscheduled"]
    assert visit.settle().outcome == "let_in"
    assert "check the job after the end" in visit.timers


def test_a_next_episode_replaces_the_look_after_the_end() -> None:
    visit = with_a_look_after_the_end()

    visit.hears("customer.called", {"about": "Again"}).settle()
    visit.passes("40h")

    assert len(visit.starts) == 2
    assert visit.store.tasks == []
