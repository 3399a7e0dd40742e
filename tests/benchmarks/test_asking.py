"""The job system that benchmarks ask agrees to everything, and counts what it hears."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from activities.http_job_system import HttpJobSystem
from benchmarks.golden_paths import Event
from benchmarks.lives import JOB
from benchmarks.partner import TOKEN, Heard, Partner
from benchmarks.quiet_paths import MANY_CALLS, MANY_NOTES
from domain.accounts import NO_PROVIDER_FOUND
from domain.job_system import (
    AccountSet,
    ChangeRequest,
    ChangeSet,
    Expected,
    TellNote,
    TellServiceJob,
)
from domain.jobs import JobStatus, Visibility
from domain.roles import Actor, Role

NOW = datetime(2026, 11, 29, 17, tzinfo=UTC)
DANA = Actor(name="Dana", role=Role.DISPATCH)
KNOWN = {
    **JOB,
    "status": "Accepted",
    "assigned_to": {"number": "4711", "name": "Tulsa Plumbing"},
    "assigned_at": NOW.isoformat(),
}


@pytest.fixture
def partner() -> Partner:
    return Partner(KNOWN)


@pytest.fixture
def job_system(partner: Partner) -> HttpJobSystem:
    return HttpJobSystem("http://partner", TOKEN, httpx.ASGITransport(app=partner))


def a_change(**wanted: Any) -> ChangeRequest:
    return ChangeRequest(
        expected=Expected(assigned_to="4711", status=JobStatus.ACCEPTED, diagnostic_report_at=None),
        set=ChangeSet(**wanted),
        actor=DANA,
        reason="to measure",
    )


async def test_it_knows_every_job(job_system: HttpJobSystem) -> None:
    for job_id in ("SJ-1", "SJ-2"):
        live = await job_system.read(job_id)
        assert live.job.job_id == job_id
        assert live.job.status is JobStatus.ACCEPTED


async def test_it_agrees_to_a_change_and_keeps_it(job_system: HttpJobSystem) -> None:
    to = AccountSet(number=None, name=NO_PROVIDER_FOUND.name)
    changed = await job_system.change("SJ-1", a_change(assigned_to=to), "one")
    assert changed.job.assigned_to.account == NO_PROVIDER_FOUND
    assert changed.job.status is JobStatus.NEW

    await job_system.change("SJ-1", a_change(customer_email="new@example.com"), "two")
    live = await job_system.read("SJ-1")
    assert live.job.customer_email == "new@example.com"
    assert live.job.assigned_to.account == NO_PROVIDER_FOUND
    assert (await job_system.read("SJ-2")).job.assigned_to.number == "4711"


async def test_it_counts_what_it_hears(partner: Partner, job_system: HttpJobSystem) -> None:
    note = TellNote(author=DANA, text="Called", visibility=Visibility.PUBLIC, at=NOW)
    added = TellServiceJob(order_id="SO-1", account=NO_PROVIDER_FOUND, event_type=None, reason="")
    await job_system.read("SJ-1")
    await job_system.change("SJ-1", a_change(sub_status="Confirmed Appointment"), "one")
    assert await job_system.tell("SJ-1", note, "two") is None
    assert await job_system.tell("SJ-1", added, "three")
    assert partner.heard == Heard(read=1, asked=1, told=2)


@pytest.mark.parametrize("path", [MANY_CALLS, MANY_NOTES], ids=lambda path: path.name)
def test_the_paths_that_change_no_job_are_about_one_assignment(path: Any) -> None:
    events = [told for told in path.told if isinstance(told, Event)]
    assert [event.type for event in events].count("job.assigned") == 1
    assert all("assigned_to" not in event.job for event in events[1:])
