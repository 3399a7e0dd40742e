"""The job system is asked before its jobs are changed: what it says holds, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities import asking
from activities.job_system import (
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from domain.durations import parse_elapsed
from domain.jobs import JobStatus
from domain.labels import attention_label
from domain.roles import Actor, Role
from service.commands import CommandDispatcher
from store import schema
from store.ledger import Ledger
from tests.conferences import AGENT, conferencing, in_days
from tests.desk import PLUSONE, Page, Told, account, acting, ago, iso, now
from tests.options import offered
from tests.partner import Office, failing, open_office
from tests.scenarios.test_plus_one_races import verdict
from tests.store.rows import execute
from workers.fast_forward import CannotFastForward, skip_unless_it_waits


@pytest.fixture(scope="module")
async def office(new_store: Callable[[], str]) -> AsyncIterator[Office]:
    async with open_office(new_store()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def well_behaved(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_LATER", timedelta(seconds=1))
    office.partner.arriving.clear()
    office.partner.leaving.clear()
    office.partner.asked.clear()
    office.partner.done.clear()


async def at_the_edge(office: Office) -> Told:
    return await office.searching(assigned_at=ago("47h59m"))


# --- asked, and told by its answer ------------------------------------------------------------


async def test_a_job_moves_there_before_it_moves_here(office: Office) -> None:
    job = await at_the_edge(office)
    await job.fast_forward("1m")
    await job.outcome()

    (change,) = office.done(job)
    assert change.expected.assigned_to == PLUSONE["number"]
    assert change.set.assigned_to is not None
    assert change.set.assigned_to.name == "No Provider Found"
    assert office.live(job).assigned_to.name == "No Provider Found"
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("no_provider_found", "No Provider Found")
    (asked,) = await office.asked(job)
    assert (asked["state"], asked["reason"]) == ("done", None)

    await office.echo(job)
    await office.heard(job)
    after = await job.page()
    assert (after.assignments, after.notes, after.mails) == (
        page.assignments,
        page.notes,
        page.mails,
    )


@pytest.mark.rule("PO-19")
async def test_an_acceptance_that_nobody_has_told_us_of_is_never_overtaken(office: Office) -> None:
    job = await at_the_edge(office)
    office.enter(job, status="Accepted")
    await job.fast_forward("1m")

    page = await job.page()
    assert (page.stage, page.status, page.assigned_to) == (
        "accepted",
        "Accepted",
        "PlusOne Solutions",
    )
    assert office.done(job) == []
    assert not [note for note in page.notes if "No Provider Found" in note]
    await job.event("job.status_changed", actor={"name": "PlusOne", "role": "plusone"})
    await office.heard(job)
    assert verdict(await job.page()) == "accepted"


@pytest.mark.rule("PO-18")
async def test_a_new_assignment_that_nobody_has_told_us_of_has_48_hours_of_its_own(
    office: Office,
) -> None:
    job = await at_the_edge(office)
    office.enter(job, assigned_at=iso(now()))
    await job.fast_forward("1m")
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("searching", "PlusOne Solutions")
    assert office.done(job) == []
    await job.assigned()
    await office.heard(job)
    page = await job.page()
    assert page.due_at == job.assigned_at + timedelta(hours=48)


async def test_an_echo_that_comes_before_the_answer_is_no_news(office: Office) -> None:
    job = await at_the_edge(office)
    outcomes = []

    async def tell_first() -> None:
        outcomes.append(await office.echo(job, actor=Actor(name="Steward", role=Role.SYSTEM)))
        outcomes.append(await office.echo(job, "job.status_changed"))

    office.partner.leaving.append(tell_first)
    await job.fast_forward("1m")
    await job.outcome()
    await office.heard(job)
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("no_provider_found", "No Provider Found")
    assert page.attention == []
    assert all("asked to change this job" in told["reason"] for told in outcomes[:1])


# --- answers that do not come -----------------------------------------------------------------


async def test_a_lost_answer_is_found_in_the_job_and_nothing_is_done_twice(office: Office) -> None:
    lost = NotReachedError("its answer did not come", may_have_happened=True)
    job = await at_the_edge(office)
    office.partner.leaving += [failing(lost), failing(lost)]
    await job.fast_forward("1m")
    await job.outcome()
    assert len(office.done(job)) == 1
    assert len(set(office.partner.keys())) == 1
    page = await job.page()
    assert page.assignments == ["PlusOne Solutions", "No Provider Found"]
    assert [template for _, template, _ in page.mails].count("plusone_send_instructions") == 1


async def test_a_crash_between_the_answer_and_our_transaction_asks_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed: list[Any] = []
    apply_and_take = Ledger.apply_and_take

    async def crash_first(ledger: Ledger, *arguments: Any) -> Any:
        if arguments[-1] is not None and not crashed:
            crashed.append(arguments[-1])
            raise ConnectionError("the worker dies")
        return await apply_and_take(ledger, *arguments)

    monkeypatch.setattr(Ledger, "apply_and_take", crash_first)
    job = await at_the_edge(office)
    await job.fast_forward("1m")
    await job.outcome()
    assert len(crashed) == 1
    assert len(office.done(job)) == 1
    assert len(set(office.partner.keys())) == 1
    assert (await job.page()).assignments == ["PlusOne Solutions", "No Provider Found"]


async def test_where_nothing_was_done_the_job_goes_on_hearing_meanwhile(office: Office) -> None:
    """And is asked about anew, by what it has become."""
    job = await at_the_edge(office)
    refused = NotReachedError("it does not answer", retry_after=timedelta(seconds=3))
    office.partner.arriving += [failing(refused)] * 99
    skipping = asyncio.create_task(job.fast_forward("1m"))
    await office.asks(job, "asking", attempts=1)
    office.enter(job, status="Accepted")
    office.partner.arriving.clear()
    told = await job.accepted()
    assert (told["outcome"], "reason" in told) == ("delivered", False)
    await skipping
    await job.rests()
    assert verdict(await job.page()) == "accepted"
    assert office.done(job) == []
    assert await office.asked(job) == []


async def test_a_change_that_it_never_answers_holds_no_news_of_the_job_back(
    office: Office,
) -> None:
    fault = NotReachedError("it answers 500", may_have_happened=True, has_answered=True)
    job = await at_the_edge(office)
    office.partner.arriving += [failing(fault)] * 99
    skipping = asyncio.create_task(job.fast_forward("1m"))
    row = await office.asks(job, "asking", attempts=2)
    assert (row["reason"], row["next_attempt_at"] is None) == ("it answers 500", False)
    office.enter(job, status="Cancelled")
    told = await job.event("job.cancelled")
    assert (told["outcome"], "reason" in told) == ("delivered", False)
    await asyncio.gather(skipping, return_exceptions=True)
    await job.ends_as("cancelled")
    assert office.done(job) == []
    assert not [row for row in await office.asked(job) if row["state"] == "asking"]


async def test_a_wrong_token_has_everything_wait(office: Office) -> None:
    job = await at_the_edge(office)
    office.partner.arriving.append(failing(NotLetInError("it does not accept our token (401)")))
    skipping = asyncio.create_task(job.fast_forward("1m"))
    row = await office.asks(job, "asking", attempts=1)
    assert row["reason"] == "it does not accept our token (401)"
    assert row["next_attempt_at"] is not None
    assert office.done(job) == []
    await skipping
    await job.outcome()
    assert len(office.done(job)) == 1


# --- answers that say no ----------------------------------------------------------------------


REFUSED = TurnedDownError("422: no such account", status=422)


async def test_a_person_is_told_that_the_job_system_refuses(office: Office) -> None:
    job = await office.searching()
    office.enter(job, status="Rejected")
    await job.becomes("Rejected", actor=acting("plusone"))
    await job.rests()
    office.partner.arriving.append(failing(REFUSED))
    wish = {"to": "Nobody Plumbing", "reason": "the customer asks for them"}
    status, body = await job.refused("request_reassignment", "dispatch", **wish)
    assert (status, body["rule"]) == (409, None)
    assert body["message"] == (
        "The job system refused this change: no such account. Nothing was done."
    )
    assert body["instead"] == "Correct the job there, then repeat your command."
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("searching", "PlusOne Solutions")
    assert not [note for note in page.notes if "Nobody Plumbing" in note]
    assert await job.ok("request_reassignment", "dispatch", **wish)
    assert (await job.page()).assigned_to == "Nobody Plumbing"


async def test_what_is_refused_for_good_waits_for_a_person_who_has_it_tried_again(
    office: Office,
) -> None:
    job = await at_the_edge(office)
    office.partner.arriving.append(failing(REFUSED))
    skipping = asyncio.create_task(job.fast_forward("1m"))
    row = await office.asks(job, "refused")
    assert (row["reason"], office.done(job)) == ("422: no such account", [])
    again = {"state": "asking", "generation": row["generation"] + 1, "next_attempt_at": None}
    await execute(office.desk.database, schema.outbox.update().values(**again))
    await skipping
    await job.outcome()
    assert len(office.done(job)) == 1
    assert (await office.asks(job, "done"))["reason"] is None


async def test_what_is_refused_for_good_is_done_here_alone_once_a_person_drops_it(
    office: Office,
) -> None:
    job = await at_the_edge(office)
    office.partner.arriving.append(failing(REFUSED))
    skipping = asyncio.create_task(job.fast_forward("1m"))
    row = await office.asks(job, "refused")
    dropping = schema.outbox.update().where(schema.outbox.c.id == row["id"])
    await execute(office.desk.database, dropping.values(state="dropped", reason="done by hand"))
    await skipping
    await job.outcome()
    assert office.done(job) == []
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("no_provider_found", "No Provider Found")
    (row,) = await office.asked(job)
    assert (row["state"], row["reason"]) == ("dropped", "done by hand")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            NotReachedError("it can't be reached"),
            "The job system doesn't answer. {0} waits for it.",
        ),
        (REFUSED, "The job system refused a change of {0}. The Admin team decides."),
    ],
)
async def test_a_fast_forward_ends_where_the_job_waits_for_the_job_system(
    office: Office, error: JobSystemError, said: str
) -> None:
    job = await at_the_edge(office)
    office.partner.arriving += [failing(error)] * 10_000
    with pytest.raises(CannotFastForward) as stopped:
        await skip_unless_it_waits(office.desk.client, job.workflow_id, parse_elapsed("48h"))
    assert str(stopped.value).startswith(said.format(job.id))
    (row,) = await office.asked(job)
    await asyncio.sleep(1.5)
    (later,) = await office.asked(job)
    assert later["attempts"] <= row["attempts"] + 3, "its time runs on by itself"
    office.partner.arriving.clear()
    await job.handle.terminate()


async def test_somebody_else_moved_it_and_the_story_ends_as_superseded(office: Office) -> None:
    job = await at_the_edge(office)
    office.enter(job, assigned_to=account("Tulsa Plumbing", "4711"), assigned_at=iso(now()))
    await job.fast_forward("1m")
    page = await job.page()
    assert page.assigned_to == "Tulsa Plumbing"
    assert office.done(job) == []
    await job.assigned()
    await office.heard(job)
    page = await job.ends_as("superseded")
    assert page.assignments == ["PlusOne Solutions", "Tulsa Plumbing"]
    assert not [note for note in page.notes if "No Provider Found" in note]


async def test_what_a_person_did_by_hand_is_agreement(office: Office) -> None:
    job = await at_the_edge(office)
    office.enter(job, assigned_to=account("No Provider Found"), assigned_at=iso(now()))
    await job.fast_forward("1m")
    await job.outcome()
    assert (await job.page()).stage == "no_provider_found"
    assert office.done(job) == []


# --- all kinds of changes -----------------------------------------------------------------------


@pytest.mark.rule("CONF-36")
async def test_a_conference_gives_provider_and_appointment_in_one_request(office: Office) -> None:
    job = await conferencing(office.desk)
    office.enter(job)
    at = in_days(2)
    await job.ok("appointment_captured", AGENT, at=at)
    (change,) = office.done(job)
    assert change.actor == Actor(name="Sam", role=Role.CUSTOMER_SERVICE)
    live = office.live(job)
    assert (live.assigned_to.name, live.sub_status) == ("Tulsa Plumbing", "Confirmed Appointment")
    assert live.appointment_at == datetime.fromisoformat(at)
    await office.echo(job, actor=change.actor)
    await office.heard(job)
    page = await job.ends_as("appointment_confirmed")
    assert page.assignments == ["Slow Plumbers", "Tulsa Plumbing"]


@pytest.mark.rule("APO-10")
async def test_an_address_is_corrected_there_whatever_else_has_changed(office: Office) -> None:
    job = await offered(office.desk)
    office.enter(job)
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    assert office.live(job).assigned_to.name == "Alternate Provider Option"
    office.partner.enter(office.live(job).model_copy(update={"status": JobStatus.ACCEPTED}))
    corrected = {"corrected_email": "byron@other.example"}
    await job.ok("instructions_not_received", "customer_service", **corrected)
    assert office.live(job).customer_email == "byron@other.example"
    assert (await job.page()).shown["job"]["customer"]["email"] == "byron@other.example"
    assert [change.set.customer_email for change in office.done(job)] == [
        None,
        "byron@other.example",
    ]


async def test_a_lifecycle_that_is_lost_leaves_nothing_to_decide(office: Office) -> None:
    job = await at_the_edge(office)
    office.partner.arriving.append(failing(REFUSED))
    skipping = asyncio.create_task(job.fast_forward("1m"))
    await office.asks(job, "refused")
    await job.handle.terminate()
    await asyncio.gather(skipping, return_exceptions=True)
    page = await office.desk.eventually(job, lambda shown: Page(shown).stage == "cancelled")
    assert Page(page).tasks("admin_team") == []
    assert await office.asked(job) == []


# --- what people see of a job that waits -------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "flag", "why", "next_"),
    [
        (
            NotReachedError("it answers 503"),
            "job_system_unreachable",
            (
                "The job system hasn't answered whether this job may change. Steward asks until "
                "it does."
            ),
            "Waiting for the job system to answer.",
        ),
        (
            REFUSED,
            "job_system_refuses",
            "The job system refused this change. The Admin team decides.",
            "Waiting for the Admin team:",
        ),
    ],
)
async def test_a_job_that_waits_for_the_job_system_says_so_everywhere(
    office: Office, error: JobSystemError, flag: str, why: str, next_: str
) -> None:
    job = await at_the_edge(office)
    office.partner.arriving += [failing(error)] * 10_000
    skipping = asyncio.create_task(job.fast_forward("1m"))
    await office.asks(
        job, "refused" if error is REFUSED else "asking", attempts=1 if error is REFUSED else 2
    )
    http = office.desk.http

    listed = (await http.get("/jobs", params={"q": job.id})).json()["items"]
    assert [each["attention"] for each in listed] == [[flag]]
    assert listed[0]["next"].startswith(next_)
    shown = await job.show()
    (standing,) = shown["lifecycles"]
    assert standing["attention"] == [flag]
    assert "dismiss_attention" not in standing["allowed"]
    ((raised),) = standing["attention_details"]
    assert (raised["attention"], raised["why"]) == (flag, why)
    said = (await http.get(f"/jobs/{job.id}/why")).json()["items"][0]
    assert said["why"].startswith(next_)
    assert said["attention"][0]["why"] == why
    page = (await http.get(f"/console/jobs/{job.id}")).text
    assert attention_label(flag) in page
    stuck = (await http.get("/stuck")).json()["items"]
    assert [each["kind"] for each in stuck if each["job_id"] == job.id] in ([], ["refused"])

    office.partner.arriving.clear()
    again = {"state": "asking", "next_attempt_at": None}
    await execute(office.desk.database, schema.outbox.update().values(**again))
    await skipping
    await job.outcome()
    (standing,) = (await job.show())["lifecycles"]
    assert standing["attention"] == []


async def test_a_job_that_waits_for_the_job_system_is_late_because_of_it_alone(
    office: Office,
) -> None:
    async def stuck() -> list[str]:
        items = (await office.desk.http.get("/stuck")).json()["items"]
        return [each["kind"] for each in items if each["job_id"] == job.id]

    job = await at_the_edge(office)
    is_its = schema.promises.c.job_id == job.id
    late = schema.promises.update().where(is_its).values(due_at=now() - timedelta(hours=1))
    await execute(office.desk.database, late)
    assert await stuck() == ["overdue_promise"]
    office.partner.arriving += [failing(NotReachedError("it answers 503"))] * 10_000
    skipping = asyncio.create_task(job.fast_forward("1m"))
    await office.asks(job, "asking", attempts=1)
    assert await stuck() == []
    office.partner.arriving.clear()
    await skipping
    await job.outcome()


async def test_a_command_that_waits_for_the_job_system_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await office.searching()
    office.enter(job, status="Rejected")
    await job.becomes("Rejected", actor=acting("plusone"))
    await job.rests()
    office.partner.arriving += [failing(NotReachedError("it can't be reached"))] * 10_000
    dispatch = CommandDispatcher.dispatch

    async def dispatch_impatiently(self: CommandDispatcher, *arguments: Any) -> Any:
        monkeypatch.setattr(self, "_patience", timedelta(seconds=3))
        return await dispatch(self, *arguments)

    monkeypatch.setattr(CommandDispatcher, "dispatch", dispatch_impatiently)
    wish = {"to": "Nobody Plumbing", "reason": "the customer asks for them"}
    status, body = await job.refused("request_reassignment", "dispatch", **wish)
    assert status == 503
    assert body["message"] == ("The job system doesn't answer. Steward tries again until it does.")
    assert body["instead"] == "Don't repeat the command."
    figures = (await office.desk.http.get("/metrics")).text
    assert 'steward_circuit_open{destination="job_system"} 1.0' in figures
    assert 'steward_outbox_oldest_seconds{destination="job_system"} 0.0' not in figures
    office.partner.arriving.clear()
    await job.rests()
