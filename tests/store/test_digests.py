"""Each specialist gets one mail a day of the jobs that wait for them, and none if none does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.digests import PATIENCE, Digests
from activities.mails import Mails
from activities.postman import NotTakenError
from domain.directory import parse_directory
from domain.jobs import Assignee
from store import schema
from store.database import Database
from store.mail_queue import MailQueue
from store.mails import MailFilter, MailList
from store.reading import Reading
from tests.desk import Letterbox
from tests.domain.factories import a_job
from tests.follow_ups import SPECIALIST
from tests.store.rows import add_lifecycle, execute, keep

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (23, 24, 25))
KNOWN = parse_directory("""
[specialists.4712]
name = "Robin Ames"
email = "robin.ames@warranty.example"
""")


class Office:
    """A store with jobs that wait for specialists, and what mails them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.letterbox = Letterbox()
        self.mail_queue = MailQueue(database)
        mails = Mails(self.mail_queue, self.letterbox)
        self.digests = Digests(Reading(database), self.mail_queue, mails, KNOWN)
        self.asked_at = datetime.now(UTC)

    async def wait(self, job_id: str, number: str, spoc_email: str | None) -> None:
        """Have a job wait for the specialist of a provider."""
        provider = Assignee(number=number, name=f"Provider {number}", spoc_email=spoc_email)
        await keep(self.database, a_job(job_id=job_id, assigned_to=provider))
        row = {"stage": "spoc_contacted", "waiting_on": "spoc_specialist"}
        said = f"Since Monday the specialist is waited for, to get the report of {job_id}."
        await add_lifecycle(self.database, f"spoc/{job_id}", **row, next=said)

    async def review(self, job_id: str, kind: str, text: str, status: str = "open") -> None:
        """Have a report of a job reviewed."""
        row = {
            "job_id": job_id,
            "workflow_id": f"spoc/{job_id}",
            "at": self.asked_at,
            "role": "authorizations",
            "kind": kind,
            "text": text,
            "status": status,
            "key": f"{job_id}:{kind}",
        }
        await execute(self.database, schema.tasks.insert().values(row))

    async def now_waits(self, job_id: str, *, role: str) -> None:
        """Have a job wait for somebody else."""
        table = schema.lifecycles
        this = table.update().where(table.c.job_id == job_id)
        await execute(self.database, this.values(waiting_on=role))

    async def send(self, day: date) -> list[tuple[str, list[str]]]:
        """Send a day's digests; return to whom mails went, and which jobs they name."""
        before, temporal = len(self.letterbox.mails), ActivityEnvironment()
        temporal.info = replace(temporal.info, scheduled_time=self.asked_at)
        await temporal.run(self.digests.send_specialists_digest, day)
        return sorted(
            (mail.to, [job for job in ("SJ-1", "SJ-2", "SJ-3", "SJ-4") if job in mail.text])
            for mail in self.letterbox.mails[before:]
        )


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.mark.rule("SPOC-12")
async def test_a_digest_over_three_days(office: Office) -> None:
    assert await office.send(MONDAY - timedelta(days=1)) == []
    await office.wait("SJ-1", "4711", SPECIALIST)
    await office.wait("SJ-2", "4712", None)
    await office.wait("SJ-3", "4711", SPECIALIST)
    await office.wait("SJ-4", "4713", None)
    robin = "robin.ames@warranty.example"
    assert await office.send(MONDAY) == [(SPECIALIST, ["SJ-1", "SJ-3"]), (robin, ["SJ-2"])]
    assert await office.send(MONDAY) == []

    await office.now_waits("SJ-2", role="provider")
    assert await office.send(TUESDAY) == [(SPECIALIST, ["SJ-1", "SJ-3"])]
    await office.now_waits("SJ-1", role="provider")
    await office.now_waits("SJ-2", role="spoc_specialist")
    assert await office.send(TUESDAY) == [(robin, ["SJ-2"])]
    assert await office.send(TUESDAY) == []

    await office.now_waits("SJ-2", role="provider")
    await office.now_waits("SJ-3", role="provider")
    assert await office.send(WEDNESDAY) == []


async def test_a_digest_says_what_is_waited_for(office: Office) -> None:
    await office.wait("SJ-2", "4712", None)
    await office.send(TUESDAY)
    (mail,) = office.letterbox.mails
    assert mail.subject == "Your SPoC jobs for Tuesday, November 24, 2026 (1)"
    assert "Hello Robin Ames," in mail.text
    assert "Provider 4712:\n- SJ-2 (Plumbing, Kitchen faucet): Since Monday" in mail.text
    assert "need a review" not in mail.text
    assert "robin" not in mail.key
    ((shown,), _) = await MailList(office.database).page(MailFilter())
    assert (shown["job_id"], shown["template"]) == (None, "spoc_digest")


@pytest.mark.rule("SPOC-03")
@pytest.mark.rule("SPOC-15")
async def test_a_digest_lists_the_reports_to_review_by_provider(office: Office) -> None:
    for job_id, number in (("SJ-1", "4711"), ("SJ-2", "4712"), ("SJ-3", "4711"), ("SJ-4", "4713")):
        await office.wait(job_id, number, None if number == "4712" else SPECIALIST)
        await office.now_waits(job_id, role="provider")
    await office.review("SJ-3", "review_cost", "Review the cost.")
    await office.review("SJ-4", "review_denial", "Review the denial.")
    await office.review("SJ-1", "review_at_once", "Take the report.")
    await office.review("SJ-1", "research_recall", "Research the recall.")
    await office.review("SJ-1", "review_charges", "Review the charges.", status="done")
    await office.review("SJ-2", "missing_report", "Ask for the report.")
    assert await office.send(MONDAY) == [(SPECIALIST, ["SJ-1", "SJ-3", "SJ-4"])]
    (mail,) = office.letterbox.mails
    assert mail.subject.endswith("(3)")
    assert "waiting for your answer" not in mail.text
    assert (
        "These reports need a review:\n\n"
        "Provider 4711:\n"
        "- SJ-3 (Plumbing, Kitchen faucet): Review the cost.\n"
        "- SJ-1 (Plumbing, Kitchen faucet): Take the report.\n"
        "- SJ-1 (Plumbing, Kitchen faucet): Research the recall.\n\n"
        "Provider 4713:\n"
        "- SJ-4 (Plumbing, Kitchen faucet): Review the denial.\n"
    ) in mail.text


async def test_what_the_mail_server_refuses_for_now_is_sent_once_it_takes_it(
    office: Office,
) -> None:
    await office.wait("SJ-1", "4711", SPECIALIST)
    office.letterbox.failures = {"digest": [NotTakenError("busy", for_good=False)]}
    with pytest.raises(ApplicationError, match="does not take it yet"):
        await office.send(MONDAY)
    assert await office.send(MONDAY) == [(SPECIALIST, ["SJ-1"])]
    assert await office.send(MONDAY) == []


async def test_a_digest_that_nobody_takes_is_given_up(office: Office) -> None:
    await office.wait("SJ-1", "4711", SPECIALIST)
    office.letterbox.failures = {"digest": [NotTakenError("busy", for_good=False)]}
    office.asked_at -= PATIENCE
    assert await office.send(MONDAY) == []
    ((shown,), _) = await MailList(office.database).page(MailFilter())
    assert shown["state"] == "bounced"
