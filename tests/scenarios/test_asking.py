"""The job system is asked before its jobs are changed: what it says holds, whatever fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from activities.job_system import NotReachedError
from domain.roles import Actor, Role
from store import schema
from tests.desk import PLUSONE, Told, ago, iso, now
from tests.partner import Office, failing, open_office
from tests.scenarios.test_plus_one_races import verdict


@pytest.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def well_behaved(office: Office) -> None:
    office.partner.arriving.clear()
    office.partner.leaving.clear()
    office.partner.asked.clear()
    office.partner.done.clear()


async def at_the_edge(office: Office) -> Told:
    return await office.searching(assigned_at=ago("47h59m"))


async def asked_rows(office: Office, job: Told) -> list[tuple[str, int, str | None]]:
    """Return state, attempts and reason of all that was asked about a job."""
    outbox = schema.outbox
    found = select(outbox.c.state, outbox.c.attempts, outbox.c.reason).where(
        outbox.c.job_id == job.id, outbox.c.what == "change_job"
    )
    rows = await office.desk.database.read(lambda connection: connection.execute(found).all())
    return [tuple(row) for row in rows]


# --- asked, and told by its answer ------------------------------------------------------------


async def test_a_job_moves_there_before_it_moves_here(office: Office) -> None:
    job = await at_the_edge(office)
    await job.fast_forward("1m")
    await job.outcome()

    (change,) = office.partner.done
    assert change.expected.assigned_to == PLUSONE["number"]
    assert change.set.assigned_to is not None
    assert change.set.assigned_to.name == "No Provider Found"
    assert office.live(job).assigned_to.name == "No Provider Found"
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("no_provider_found", "No Provider Found")
    assert await asked_rows(office, job) == [("done", 0, None)]

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
    assert office.partner.done == []
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
    assert office.partner.done == []
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
    assert verdict_of_silence(await job.page()) == "no_provider_found"
    assert all("asked to change this job" in told["reason"] for told in outcomes[:1])


def verdict_of_silence(page: object) -> str:
    """Return where a job has come to that nobody was found for, and nobody has taken."""
    assert getattr(page, "assigned_to") == "No Provider Found"  # noqa: B009
    assert getattr(page, "attention") == []  # noqa: B009
    return str(getattr(page, "stage"))  # noqa: B009


# --- answers that do not come -----------------------------------------------------------------


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(office: Office) -> None:
    lost = NotReachedError("its answer did not come", may_have_happened=True)
    job = await at_the_edge(office)
    office.partner.leaving += [failing(lost), failing(lost)]
    await job.fast_forward("1m")
    await job.outcome()
    assert len(office.partner.done) == 1
    assert len(office.partner.keys()) == 3
    assert len(set(office.partner.keys())) == 1
    page = await job.page()
    assert page.assignments == ["PlusOne Solutions", "No Provider Found"]
    assert [template for _, template, _ in page.mails].count("plusone_send_instructions") == 1


async def test_a_crash_between_the_answer_and_our_transaction_asks_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = []
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
    assert len(office.partner.done) == 1
    assert len(set(office.partner.keys())) == 1
    assert (await job.page()).assignments == ["PlusOne Solutions", "No Provider Found"]


async def test_where_nothing_was_done_the_job_goes_on_hearing_meanwhile(office: Office) -> None:
    """And is asked about anew, by what it has become."""
    job = await at_the_edge(office)
    refused = NotReachedError("it does not answer", retry_after=timedelta(seconds=3))
    office.partner.arriving.append(failing(refused))
    await job.fast_forward_only("1m")
    await office.asked(job)
    office.enter(job, status="Accepted")
    told = await job.accepted()
    assert told["outcome"] == "delivered"
    assert "reason" not in told or not told["reason"]
    await job.rests()
    assert verdict(await job.page()) == "accepted"
    assert office.partner.done == []
    assert await asked_rows(office, job) == []
