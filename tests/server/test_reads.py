"""Reading a customer's data is noted: who, in which role, which job, on which day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import httpx
import pytest

from domain.roles import Actor, Role
from starters.reads import Reads
from store.database import StoreUnavailableError
from store.reads import Read, ReadJournal
from tests.desk import Desk, Told, now
from tests.server.test_sign_in import Door, open_door

DANA = Actor(name="Dana", role=Role.DISPATCH)
SAM = Actor(name="Sam", role=Role.SUPERVISOR)
MONDAY = datetime(2026, 11, 2, 23, 59, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 3, 0, 1, tzinfo=UTC)


async def shown(journal: ReadJournal, job: Told) -> list[tuple[str, str, str]]:
    items, _ = await journal.of_job(job.id)
    return [(each["day"], each["reader"]["name"], each["reader"]["role"]) for each in items]


async def test_each_reader_is_written_down_once_a_role_a_job_and_a_day(house: Desk) -> None:
    job = house.job()
    await job.event("job.created")
    times = [MONDAY]
    reads = Reads(ReadJournal(house.database), lambda: times[-1])
    for actor in (DANA, DANA, SAM, DANA.model_copy(update={"role": Role.SUPERVISOR})):
        reads.note(actor, job.id)
    reads.note(DANA, "SJ-that-nobody-knows")
    await reads.settle()
    times.append(TUESDAY)
    reads.note(DANA, job.id)
    await reads.settle()
    again = Reads(ReadJournal(house.database), lambda: TUESDAY)  # another process, the same day
    again.note(DANA, job.id)
    await again.settle()
    assert await shown(reads.journal, job) == [
        ("2026-11-03", "Dana", "dispatch"),
        ("2026-11-02", "Dana", "supervisor"),
        ("2026-11-02", "Sam", "supervisor"),
        ("2026-11-02", "Dana", "dispatch"),
    ]
    assert (await reads.journal.of_job("SJ-that-nobody-knows"))[0] == []


async def test_many_readers_come_page_by_page(house: Desk) -> None:
    job = house.job()
    await job.event("job.created")
    journal = ReadJournal(house.database)
    people = [Actor(name=f"Agent {n}", role=Role.CUSTOMER_SERVICE) for n in range(120)]
    await journal.write([Read(each, job.id, MONDAY) for each in people])
    first, cursor = await journal.of_job(job.id)
    rest, end = await journal.of_job(job.id, cursor)
    assert (len(first), len(rest), end) == (100, 20, None)
    assert len({each["reader"]["name"] for each in first + rest}) == 120


async def test_a_store_that_does_not_answer_loses_no_page_and_is_asked_again() -> None:
    class Journal(ReadJournal):
        def __init__(self) -> None:
            self.written: list[Read] = []
            self.is_down = True

        async def write(self, reads: Collection[Read]) -> Collection[Read]:
            if self.is_down:
                raise StoreUnavailableError("down")
            self.written += reads
            return reads

    journal = Journal()
    reads = Reads(journal, lambda: MONDAY)
    reads.note(DANA, "SJ-1")
    await reads.settle()
    journal.is_down = False
    reads.note(DANA, "SJ-1")
    reads.note(DANA, "SJ-1")
    await reads.settle()
    assert journal.written == [Read(DANA, "SJ-1", MONDAY)]


@pytest.fixture(scope="module")
def door(desk: Desk) -> Door:
    return open_door(desk)


async def asked(door: Door, token: str, path: str) -> httpx.Response:
    async with door.browser() as browser:
        return await browser.http.get(path, headers={"authorization": f"Bearer {token}"})


async def eventually_read(door: Door, job: Told, name: str) -> list[str]:
    """Return in which roles somebody has read a job, once it is noted that they have."""
    supervisor = await door.tokens.new(SAM, now())
    while True:
        page = (await asked(door, supervisor.token, f"/jobs/{job.id}/reads")).json()
        roles = [each["reader"]["role"] for each in page["items"] if each["reader"]["name"] == name]
        if roles:
            return roles


@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/{}/history/notes", "/console/jobs/{}"])
async def test_whoever_asks_for_a_job_has_read_it(door: Door, path: str) -> None:
    job = await door.desk.searching()
    made = await door.tokens.new(DANA, now())
    assert (await asked(door, made.token, path.format(job.id))).status_code == 200
    assert await eventually_read(door, job, "Dana") == ["dispatch"]


async def test_whoever_opens_a_mail_has_read_its_job(door: Door) -> None:
    job = await door.desk.searching()
    await job.ok("report_cannot_locate", "plusone", text="Nobody within 60 miles")
    made = await door.tokens.new(DANA, now())
    mails = (await asked(door, made.token, f"/mail?job_id={job.id}")).json()["items"]
    assert await shown(ReadJournal(door.desk.database), job) == []  # a list tells nothing of it
    assert (await asked(door, made.token, f"/console/mail/{mails[0]['id']}")).status_code == 200
    assert await eventually_read(door, job, "Dana") == ["dispatch"]


async def test_a_supervisor_sees_at_the_desk_who_has_read_a_job(door: Door) -> None:
    job = await door.desk.searching()
    made, other = await door.tokens.new(SAM, now()), await door.tokens.new(DANA, now())
    page = f"/console/jobs/{job.id}/readers"
    assert "Nobody has read this job yet" in (await asked(door, made.token, page)).text
    assert page in (await asked(door, made.token, f"/console/jobs/{job.id}")).text
    assert await eventually_read(door, job, "Sam") == ["supervisor"]
    assert "Sam" in (await asked(door, made.token, page)).text
    assert (await asked(door, other.token, page)).status_code == 404
    assert page not in (await asked(door, other.token, f"/console/jobs/{job.id}")).text


async def test_who_has_read_a_job_is_for_supervisors_to_know(door: Door) -> None:
    job = await door.desk.searching()
    made = await door.tokens.new(DANA, now())
    assert (await asked(door, made.token, f"/jobs/{job.id}/reads")).status_code == 404
    assert (await door.desk.http.get(f"/jobs/{job.id}/reads")).json() == {
        "items": [],
        "after": None,
    }
