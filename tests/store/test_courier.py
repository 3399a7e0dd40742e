"""What stands in the outbox reaches the job system: in order for each job, once, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle

import pytest
from sqlalchemy import insert, update
from structlog.testing import capture_logs

from activities.circuit import FAILURES, Circuit
from activities.job_system import JobSystemError, NotLetInError, NotReachedError, TurnedDownError
from domain.accounts import PLUSONE_PARTS
from domain.job_system import TellNote, TellServiceJob, TellTask, TellTaskDone
from domain.jobs import Visibility
from domain.outgoing import Destination
from domain.roles import STEWARD, Actor, Role
from service.courier import KEPT_FOR, Courier, Deliver, tell_job_system
from store import schema
from store.database import Database
from store.deliveries import Deliveries, Outgoing, standings
from store.erasures import Erasures
from store.job_rows import Origin, add_service_job
from store.leases import Leases
from store.outbox import tell
from store.refusals import ask_admin_team
from tests.domain.factories import a_job
from tests.job_system import MemoryJobSystem
from tests.store.rows import NOW, execute, keep, rows

JOB = "SJ-1001"


class Clock:
    """Shows the wall clock, and the seconds that a circuit counts."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return (self.now - NOW).total_seconds()

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


async def _no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@dataclass
class Office:
    """A store with an outbox, and the job system that hears of it."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    partner: MemoryJobSystem = field(default_factory=MemoryJobSystem)
    written: int = 0

    def courier(self, deliver: Deliver | None = None, **options: timedelta) -> Courier:
        """Return the courier of a process that has just started."""
        return Courier(
            Deliveries(self.database, Destination.JOB_SYSTEM),
            Destination.JOB_SYSTEM,
            deliver or tell_job_system(self.partner),
            Leases(self.database),
            self.clock,
            circuit=Circuit(self.clock.seconds, lambda: 1.0),
            chance=lambda: 1.0,
            sleep=_no_sleep,
            **options,
        )

    async def note(self, text: str, job_id: str = JOB) -> None:
        """Have a note told."""
        self.partner.jobs.setdefault(job_id, a_job(job_id=job_id))
        self.partner.versions.setdefault(job_id, 1)
        self.written += 1
        key = f"note {self.written}"
        note = TellNote(author=STEWARD, text=text, visibility=Visibility.PRIVATE, at=NOW)
        await self.database.write(
            lambda connection: tell(self.database, connection, job_id, note, key, NOW)
        )
        await self._as_of(self.clock.now)

    async def about_task(self, what: str, subject: str = "T1") -> None:
        telling = (
            TellTask(key=subject, role=Role.DISPATCH, kind="follow_up", text="Call", at=NOW)
            if what == "open"
            else TellTaskDone(key=subject)
        )
        await self.database.write(
            lambda connection: tell(
                self.database, connection, JOB, telling, f"{subject} {what}", NOW, subject=subject
            )
        )

    async def _as_of(self, now: datetime) -> None:
        newest = update(schema.outbox).where(schema.outbox.c.attempts == 0)
        statement = newest.values(written_at=now)
        await self.database.write(lambda connection: connection.execute(statement))

    def told(self, job_id: str | None = None) -> list[str]:
        """Return what the partner heard: the text of a note, what anything else is."""
        return [
            telling.text if isinstance(telling, TellNote) else telling.what
            for of, telling in self.partner.told
            if job_id in (None, of)
        ]

    async def states(self) -> list[str]:
        return [row["state"] for row in await rows(self.database, schema.outbox)]

    async def row(self, number: int = 0) -> dict[str, object]:
        return (await rows(self.database, schema.outbox))[number]

    async def rounds(self, courier: Courier, number: int, every: float = 1.0) -> None:
        for _ in range(number):
            await courier.run_once()
            self.clock.passes(seconds=every)


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    url = database.url.render_as_string(hide_password=False)
    telling = Database(url, {Destination.JOB_SYSTEM})
    await keep(telling)
    yield Office(telling)
    await telling.close()


def raising(error: Callable[[], Exception], when: Iterator[bool]) -> Callable[[], None]:
    """Return what raises an error at some of its calls."""

    def step() -> None:
        if next(when):
            raise error()

    return step


def silent() -> NotReachedError:
    return NotReachedError("it does not answer")


def no_answer() -> NotReachedError:
    return NotReachedError("its answer did not come", may_have_happened=True)


async def test_a_job_is_told_in_order(office: Office) -> None:
    for number in range(120):
        await office.note(str(number))
    courier = office.courier()

    await office.rounds(courier, 2)

    assert office.told() == [str(number) for number in range(120)]
    assert set(await office.states()) == {"done"}


async def test_many_jobs_are_told_each_in_order(office: Office) -> None:
    jobs = [f"SJ-{number}" for number in range(100)]
    for turn in ("first", "second", "third"):
        for job_id in jobs:
            await office.note(turn, job_id)

    await office.rounds(office.courier(), 1)

    assert all(office.told(job_id) == ["first", "second", "third"] for job_id in jobs)


async def test_every_second_answer_is_lost_and_nothing_comes_twice(office: Office) -> None:
    office.partner.after = raising(no_answer, cycle([True, False]))
    for number in range(10):
        await office.note(str(number))

    await office.rounds(office.courier(), 60)

    assert office.told() == [str(number) for number in range(10)]
    assert office.partner.requests == 20


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_process_that_dies_is_followed_by_one_that_goes_on(
    office: Office, place: str
) -> None:
    for number in range(4):
        await office.note(str(number))
    begun = asyncio.Event()

    async def dies(told: object) -> str | None:
        if place == "after":
            await tell_job_system(office.partner)(told)  # type: ignore[arg-type]
        begun.set()
        return await asyncio.Future[str | None]()

    dying = asyncio.create_task(office.courier(dies).run_once())
    await begun.wait()
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    assert office.told() == (["0"] if place == "after" else [])

    next_one = office.courier()
    await next_one.run_once()
    assert office.partner.requests == (1 if place == "after" else 0)  # the lease still runs
    office.clock.passes(minutes=1)
    await next_one.run_once()

    assert office.told() == ["0", "1", "2", "3"]


@pytest.mark.parametrize("answer", ["taken", "turned down", "lost"])
async def test_what_is_on_its_way_as_its_job_is_erased_leaves_nothing(
    office: Office, answer: str
) -> None:
    """Whatever the partner answers may name the customer."""
    said, tried = f"no customer Ada Byron in {JOB}", list[str]()

    async def deliver(outgoing: Outgoing) -> None:
        tried.append(outgoing.body["text"])
        sam = Actor(name="Sam", role=Role.SUPERVISOR)
        assert await Erasures(office.database).erase(JOB, sam, "Requested", NOW) is not None
        if answer == "turned down":
            raise TurnedDownError(said)
        if answer == "lost":
            raise NotReachedError(said, may_have_happened=True)

    await keep(office.database, a_job(job_id=JOB))
    await office.note("for Ada Byron")
    await office.note("for Ada Byron, too")
    await office.rounds(office.courier(deliver), 3)
    assert tried == ["for Ada Byron"], "what has not left yet stays"
    assert "Ada" not in str(await rows(office.database, schema.outbox))
    assert await rows(office.database, schema.tasks) == []


async def test_only_one_of_two_processes_tells(office: Office) -> None:
    one, other = office.courier(), office.courier()
    for number in range(3):
        await office.note(str(number))
        await asyncio.gather(one.run_once(), other.run_once())

    assert office.told() == ["0", "1", "2"]
    assert office.partner.requests == 3


async def test_a_process_that_stops_lets_another_go_on_at_once(office: Office) -> None:
    one, other = office.courier(), office.courier()
    await office.note("first")
    await one.run_once()
    await office.note("second")
    await one.stop()

    await other.run_once()

    assert office.told() == ["first", "second"]


async def test_a_failure_is_tried_again_later_and_later(office: Office) -> None:
    office.partner.before = raising(no_answer, cycle([True]))
    await office.note("first")
    courier, attempts = office.courier(), []
    for _ in range(4):
        await courier.run_once()
        row = await office.row()
        assert row["reason"] == "its answer did not come"
        assert row["state"] == "pending"
        at = row["next_attempt_at"]
        assert isinstance(at, datetime)
        attempts.append((row["attempts"], (at - office.clock.now).total_seconds()))
        office.clock.now = at

    assert attempts == [(1, 2), (2, 4), (3, 8), (4, 16)]


async def test_what_it_cannot_answer_waits_alone_and_at_most_a_minute(office: Office) -> None:
    tell_partner = tell_job_system(office.partner)

    async def deliver(told: Outgoing) -> str | None:
        if told.job_id.startswith("SJ-5"):
            raise NotReachedError("it answers 500", may_have_happened=True, has_answered=True)
        return await tell_partner(told)

    for number in range(FAILURES + 1):
        await office.note("never", f"SJ-5{number}")
    courier = office.courier(deliver)
    for _ in range(12):
        await courier.run_once()
        office.clock.passes(minutes=1)
    await office.note("heard")
    await courier.run_once()
    assert office.told() == ["heard"]
    assert Destination.JOB_SYSTEM not in await standings(office.database)
    stuck = await rows(office.database, schema.outbox, state="pending")
    assert [row["attempts"] for row in stuck] == [13] * (FAILURES + 1)


async def test_retry_after_is_kept(office: Office) -> None:
    def busy() -> NotReachedError:
        return NotReachedError("it answers 429", retry_after=timedelta(minutes=2))

    office.partner.before = raising(busy, iter([True, False]))
    await office.note("first")
    courier = office.courier()

    await office.rounds(courier, 119)
    assert office.partner.requests == 1
    await office.rounds(courier, 2)
    assert office.told() == ["first"]


async def test_retry_after_is_kept_for_an_hour_at_most(office: Office) -> None:
    def busy() -> NotReachedError:
        return NotReachedError("it answers 503", retry_after=timedelta(days=3))

    office.partner.before = raising(busy, iter([True]))
    await office.note("first")
    await office.courier().run_once()

    assert (await office.row())["next_attempt_at"] == office.clock.now + timedelta(hours=1)


async def test_one_row_that_always_fails_holds_up_its_own_job_alone(office: Office) -> None:
    def poisoned(told: object) -> None:
        if getattr(told, "job_id", None) == "SJ-POISON":
            raise no_answer()

    async def deliver(told: object) -> str | None:
        poisoned(told)
        return await tell_job_system(office.partner)(told)  # type: ignore[arg-type]

    courier = office.courier(deliver)
    await office.note("never", "SJ-POISON")
    await office.note("after it", "SJ-POISON")
    for number in range(20):
        await office.note(str(number))
        await office.rounds(courier, 1)

    assert office.told() == [str(number) for number in range(20)]
    assert (await office.states())[:2] == ["pending", "pending"]


async def test_a_fault_of_ours_holds_up_its_own_job_alone(office: Office) -> None:
    await office.note("not to be read")
    await office.note("next", "SJ-2")
    broken = update(schema.outbox).where(schema.outbox.c.job_id == JOB).values(body={"what": "?"})
    await office.database.write(lambda connection: connection.execute(broken))

    await office.courier().run_once()

    assert office.told() == ["next"]
    assert (await office.row())["reason"] == "an error in Steward (ValidationError)"


async def test_a_silent_job_system_is_left_alone_and_tried_with_one_request(
    office: Office,
) -> None:
    office.partner.before = raising(silent, cycle([True]))
    for number in range(30):
        await office.note("first", f"SJ-{number}")
    courier = office.courier()
    await courier.run_once()
    asked = office.partner.requests
    assert FAILURES <= asked <= FAILURES + 8

    await courier.run_once()
    assert office.partner.requests == asked

    standing = (await standings(office.database))[Destination.JOB_SYSTEM]
    assert (standing.contact, standing.reason) == ("silent", "it does not answer")
    since = standing.since
    office.clock.passes(seconds=2)
    await courier.run_once()
    assert office.partner.requests == asked + 1

    office.partner.before = None
    await office.rounds(courier, 8)
    assert sorted(office.told()) == ["first"] * 30
    standing = (await standings(office.database))[Destination.JOB_SYSTEM]
    assert (standing.contact, standing.reason) == ("answers", None)
    assert standing.since is not None
    assert since is not None
    assert standing.since > since


async def test_a_job_system_that_was_down_for_an_hour_is_told_at_once_when_it_is_back(
    office: Office,
) -> None:
    office.partner.before = raising(silent, cycle([True]))
    for number in range(30):
        await office.note("first", f"SJ-{number}")
    courier = office.courier()
    await office.rounds(courier, 360, every=10)
    assert office.partner.requests < 100

    office.partner.before = None
    await office.rounds(courier, 7, every=10)

    assert len(office.told()) == 30


async def test_the_log_says_once_that_contact_is_lost_and_once_that_it_is_back(
    office: Office,
) -> None:
    office.partner.before = raising(silent, cycle([True]))
    for number in range(30):
        await office.note("first", f"SJ-{number}")
    courier = office.courier()
    with capture_logs() as logs:
        await office.rounds(courier, 30, every=10)
        office.partner.before = None
        await office.rounds(courier, 10, every=10)
    lost, back = logs
    assert "does not answer" in lost["event"]
    assert (lost["log_level"], lost["destination"]) == ("warning", "job_system")
    assert lost["reason"] == str(silent())
    assert back["event"] == "a destination answers again"


async def test_a_wrong_token_is_no_fault_of_any_job(office: Office) -> None:
    def unknown() -> NotLetInError:
        return NotLetInError("it does not accept our token (401)")

    office.partner.before = raising(unknown, cycle([True]))
    for number in range(30):
        await office.note("first", f"SJ-{number}")
    courier = office.courier()
    await office.rounds(courier, 1, every=0)

    assert office.partner.requests <= 8
    standing = (await standings(office.database))[Destination.JOB_SYSTEM]
    assert standing.contact == "shut_out"
    assert set(await office.states()) == {"pending"}
    assert await rows(office.database, schema.tasks) == []


async def test_how_it_answers_is_written_only_when_that_changes(office: Office) -> None:
    await office.note("first")
    await office.courier().run_once()

    assert await standings(office.database) == {}


async def test_a_new_process_ends_what_an_old_one_found(office: Office) -> None:
    office.partner.before = raising(silent, cycle([True]))
    for number in range(30):
        await office.note("first", f"SJ-{number}")
    old = office.courier()
    await old.run_once()
    await old.stop()
    office.partner.before = None
    office.clock.passes(minutes=1)

    await office.courier().run_once()

    standing = (await standings(office.database))[Destination.JOB_SYSTEM]
    assert standing.contact == "answers"


async def test_what_is_refused_becomes_one_task_and_the_job_goes_on(office: Office) -> None:
    def unreadable() -> TurnedDownError:
        return TurnedDownError("422: no such author", status=422)

    office.partner.before = raising(unreadable, iter([True, True, False]))
    for text in ("first", "second", "third"):
        await office.note(text)

    await office.courier().run_once()

    assert await office.states() == ["refused", "refused", "done"]
    assert (await office.row())["reason"] == "422: no such author"
    (task,) = await rows(office.database, schema.tasks)
    assert (task["role"], task["kind"]) == ("admin_team", "job_system_refused")
    assert task["text"] == (
        "The job system hasn't taken 2 things. The newest is a note: “no such author”. "
        "Correct the cause, then retry. Or enter it by hand, then drop it here. "
        "`steward outbox list --job SJ-1001` shows what to retry or drop."
    )
    assert len(await office.states()) == 3  # the task itself is not told


async def test_what_a_refused_opening_is_about_waits_and_nothing_else_does(
    office: Office,
) -> None:
    def doubled() -> TurnedDownError:
        return TurnedDownError("409: there is an open one", status=409)

    office.partner.before = raising(doubled, iter([True, *[False] * 9]))
    await office.about_task("open")
    await office.about_task("done")
    await office.note("later")
    await office.about_task("open", "T2")
    await office.about_task("done", "T2")
    courier = office.courier()

    await office.rounds(courier, 3)

    assert office.told() == ["later", "open_task", "close_task"]
    assert await office.states() == ["refused", "pending", "done", "done", "done"]


async def test_the_id_of_an_added_job_is_kept(office: Office) -> None:
    office.partner.enter(a_job())
    origin = Origin(JOB, "plus-one/SJ-1001", "plus-one/SJ-1001#1/x/1", NOW)
    await office.database.write(
        lambda connection: add_service_job(
            office.database, connection, origin, PLUSONE_PARTS, None, "A valve", ()
        )
    )

    await office.courier().run_once()

    (added,) = await rows(office.database, schema.service_jobs)
    assert added["added_job_id"] == "SJ-1001-1"


async def test_what_somebody_drops_while_others_are_told_is_not_told(office: Office) -> None:
    for number in range(20):
        await office.note("first", f"SJ-{number}")
    is_dropped = asyncio.Event()

    async def deliver(told: object) -> str | None:
        office.clock.passes(seconds=2)
        job_id = str(getattr(told, "job_id", ""))
        if job_id == "SJ-0":
            last = update(schema.outbox).where(schema.outbox.c.job_id == "SJ-19")
            values = last.values(state="dropped", changed_at=office.clock.now)
            await office.database.write(lambda connection: connection.execute(values))
            is_dropped.set()
        await is_dropped.wait()
        return await tell_job_system(office.partner)(told)  # type: ignore[arg-type]

    await office.rounds(office.courier(deliver), 2)

    assert sorted(of for of, _ in office.partner.told) == sorted(f"SJ-{n}" for n in range(19))


async def test_what_was_told_is_kept_for_a_week(office: Office) -> None:
    await office.note("old")
    courier = office.courier()
    await office.rounds(courier, 1)
    office.clock.passes(seconds=KEPT_FOR.total_seconds())
    await office.note("new")
    await office.rounds(courier, 1)

    assert await office.states() == ["done"]
    assert office.told() == ["old", "new"]


async def test_what_cannot_be_delivered_may_have_an_end(office: Office) -> None:
    office.partner.before = raising(no_answer, cycle([True]))
    await office.note("first")
    courier = office.courier(gives_up_after=timedelta(hours=72))

    await office.rounds(courier, 71, every=3600)
    assert await office.states() == ["pending"]
    await office.note("second")
    await office.rounds(courier, 3, every=3600)

    assert await office.states() == ["refused", "pending"]
    assert (await office.row())["reason"] == "not taken within 72 hours"


# --- what fails, and what nobody waits for --------------------------------------------------------


async def tasks_of(office: Office, **where: object) -> list[str]:
    return [task["text"] for task in await rows(office.database, schema.tasks, **where)]


async def test_what_fails_for_an_hour_becomes_a_task_until_it_is_taken(office: Office) -> None:
    def for_this_alone() -> JobSystemError:
        return JobSystemError("it answers 500")

    office.partner.before = raising(for_this_alone, cycle([True]))
    await office.note("first")
    await office.note("waits behind it")
    courier = office.courier()

    await office.rounds(courier, 59, every=60)
    assert await tasks_of(office) == []
    await office.rounds(courier, 3, every=60)
    (text,) = await tasks_of(office, status="open")
    assert text.startswith("The job system hasn't taken a note for an hour: “it answers 500”. ")

    office.partner.before = None
    await office.rounds(courier, 10, every=60)
    assert await tasks_of(office, status="open") == []
    assert office.told() == ["first", "waits behind it"]


async def test_after_a_long_silence_nobody_is_asked_to_see_to_what_goes_out_now(
    office: Office,
) -> None:
    office.partner.before = raising(silent, cycle([True]))
    for number in range(FAILURES):
        await office.note("first", f"SJ-{number}")
    courier = office.courier()
    await office.rounds(courier, 90, every=60)
    assert await tasks_of(office) == []

    # It is back; one row goes out at once, the others later.
    office.partner.before = raising(no_answer, cycle([False, True, True, True]))
    await office.rounds(courier, 3, every=60)

    assert await tasks_of(office) == []


async def test_a_job_that_has_got_an_order_since_is_added_to_it(office: Office) -> None:
    await keep(office.database, a_job(order_id=None))
    office.partner.enter(a_job(order_id="SO-7"))
    origin = Origin(JOB, "plus-one/SJ-1001", "plus-one/SJ-1001#1/x/1", NOW)
    await office.database.write(
        lambda connection: add_service_job(
            office.database, connection, origin, PLUSONE_PARTS, None, "A valve", ()
        )
    )
    assert (await office.row())["body"]["order_id"] is None  # type: ignore[index]
    await keep(office.database, a_job(order_id="SO-7"), version=2)

    await office.courier().run_once()

    ((_, told),) = office.partner.told
    assert isinstance(told, TellServiceJob)
    assert told.order_id == "SO-7"


async def ask(office: Office, number: int, workflow_id: str, **changes: object) -> str:
    """Put a change that is asked for into the outbox; return the key of its step."""
    step = f"{workflow_id}#1/turn:{number}/2"
    row = {
        "destination": "job_system",
        "job_id": JOB,
        "workflow_id": workflow_id,
        "what": "change_job",
        "key": f"change_job:{step}@{number}",
        "generation": 0,
        "at": NOW,
        "written_at": NOW,
        "changed_at": NOW,
        "body": {},
        "state": "asking",
        "attempts": 1,
        "reason": "it answers 500",
        **changes,
    }
    await execute(office.database, insert(schema.outbox).values(row))
    return step


async def has_lifecycle(office: Office, workflow_id: str, outcome: str | None) -> None:
    row = {
        "workflow_id": workflow_id,
        "job_id": JOB,
        "lifecycle": workflow_id.partition("/")[0],
        "episode": 1,
        "sequence": 1,
        "started_by": "event",
        "stage": "searching",
        "since": NOW,
        "next": "",
        "attention": [],
        "outcome": outcome,
    }
    await execute(office.database, insert(schema.lifecycles).values(row))


@pytest.mark.parametrize("state", ["asking", "refused"])
async def test_what_nobody_waits_for_any_more_is_settled(office: Office, state: str) -> None:
    await has_lifecycle(office, "plus-one/SJ-1001", None)
    await has_lifecycle(office, "reassignment/SJ-1001", "reassigned")
    waits = await ask(office, 1, "plus-one/SJ-1001", state=state)
    done = await ask(office, 2, "plus-one/SJ-1001", state=state)
    await ask(office, 3, "reassignment/SJ-1001", state=state)
    await execute(office.database, insert(schema.effects_done).values(key=done))
    courier = office.courier()
    await office.rounds(courier, 1)
    assert await office.states() == [state] * 3  # an attempt may just come to its end

    await office.rounds(courier, 4, every=60)

    left = await rows(office.database, schema.outbox)
    assert [(row["key"], row["state"]) for row in left] == [
        (f"change_job:{waits}@1", state),
        (f"change_job:{done}@2", "done"),
    ]


async def test_with_the_last_one_that_nobody_waits_for_the_task_closes(office: Office) -> None:
    await has_lifecycle(office, "plus-one/SJ-1001", "cancelled")
    await ask(office, 1, "plus-one/SJ-1001", state="refused")
    await office.database.write(
        lambda connection: ask_admin_team(
            office.database, connection, JOB, "change_job", "422: no", "key", NOW
        )
    )
    assert len(await tasks_of(office, status="open")) == 1

    await office.rounds(office.courier(), 5, every=60)

    assert await tasks_of(office, status="open") == []
