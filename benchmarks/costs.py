"""What each golden path costs: events, bytes, workflow tasks and Temporal Actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from benchmarks.figures import Bar, Figure, Goal, Picture, Section, at_most
from benchmarks.processes import temporal
from benchmarks.scale import Scale, Tell
from tests.desk import Desk, Told, account, iso, now, open_desk, sqlite_url

_TIME_SKIPPED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED
_NOT_OF_THE_JOB = frozenset(
    {EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED, _TIME_SKIPPED}
)
"""Events that skipping time leaves behind: a job that lives through its days has none of them."""
_REPEATED = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
    }
)
_LOCAL_ACTIVITY = "core_local_activity"
_TRIES = 3
_BYTES_IN_KB = 1000


class NotQuietError(Exception):
    """A task was repeated or added, so this run does not show what the path costs."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a path leaves in Temporal's history, and how many Actions of each kind it takes."""

    events: int
    size: int
    """In bytes."""
    workflow_tasks: int
    starts: int
    activities: int
    local_activities: int
    """Workflow tasks with local activities: all of one task are one Action."""
    timers: int
    signals: int
    updates: int
    upserts: int
    """Commands that change search attributes, however many each."""

    @property
    def actions(self) -> int:
        """How many Actions Temporal Cloud bills; a history does not tell of queries."""
        return (
            self.starts
            + self.activities
            + self.local_activities
            + self.timers
            + self.signals
            + self.updates
            + self.upserts
        )

    def __sub__(self, other: Cost) -> Cost:
        before = asdict(other)
        return Cost(**{name: count - before[name] for name, count in asdict(self).items()})


def cost_in(history: Sequence[HistoryEvent]) -> Cost:
    """Return what a history has cost so far.

    Raises:
        NotQuietError: a task was repeated, or skipping time added one.
    """
    events = [event for event in history if event.event_type not in _NOT_OF_THE_JOB]
    count = Counter(event.event_type for event in events)
    attempts = [event.activity_task_started_event_attributes.attempt for event in events]
    if not _REPEATED.isdisjoint(count) or max(attempts, default=0) > 1:
        raise NotQuietError("a task was repeated: the machine is too busy to count on")
    if _time_stopped_in_a_task(history):
        raise NotQuietError("skipping time ended in the midst of a workflow task, and added one")
    markers = [event.marker_recorded_event_attributes for event in events]
    return Cost(
        events=len(events),
        size=sum(event.ByteSize() for event in events),
        workflow_tasks=count[EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED],
        starts=count[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED],
        activities=count[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED],
        local_activities=len(
            {
                marker.workflow_task_completed_event_id
                for marker in markers
                if marker.marker_name == _LOCAL_ACTIVITY
            }
        ),
        timers=count[EventType.EVENT_TYPE_TIMER_STARTED],
        signals=count[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED],
        updates=count[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED],
        upserts=count[EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES],
    )


def _time_stopped_in_a_task(history: Sequence[HistoryEvent]) -> bool:
    """Return whether skipping time ended while a workflow task ran.

    The server keeps that event back, writes it after the task, and schedules a task for it alone. A
    job that lives through its days has none.
    """
    return any(
        event.event_type == _TIME_SKIPPED
        and event.event_time.ToNanoseconds() < before.event_time.ToNanoseconds()
        for before, event in pairwise(history)
    )


# --- the paths --------------------------------------------------------------------------------
# Each step waits until the job rests: two messages that came in at once would share a task.


async def so_far(job: Told) -> Cost:
    """Return what a job has cost until it rests."""
    await job.rests()
    return cost_in((await job.handle.fetch_history()).events)


async def no_provider_found(desk: Desk) -> Cost:
    """PlusOne says nothing: dispatch is reminded after 24 hours, and the search ends after 48."""
    job = await desk.searching()
    await job.fast_forward("48h1m")
    await job.ends_as("no_provider_found")
    return await so_far(job)


async def completed(desk: Desk) -> Cost:
    """PlusOne accepts the job and completes it."""
    job = await desk.accepted()
    await job.becomes("Completed")
    await job.ends_as("completed")
    return await so_far(job)


async def repaired(desk: Desk) -> Cost:
    """PlusOne accepts, has its diagnosis approved, and completes the job."""
    job = await desk.accepted()
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL")
    await job.rests()
    await job.ok("approve", "authorizations", amount="240.00")
    await job.rests()
    await job.note("JOB COMPLETE")
    await job.ends_as("completed")
    return await so_far(job)


async def reminded_of_a_silence(desk: Desk) -> Cost:
    """Dispatch is reminded once more that PlusOne is silent."""
    job = await desk.accepted()
    await _silence(job)
    before = await so_far(job)
    await _silence(job)
    return await so_far(job) - before


async def waiting(desk: Desk) -> Cost:
    """A day goes by on which nothing is due."""
    job = await desk.accepted()
    before = await so_far(job)
    await job.fast_forward("24h")
    return await so_far(job) - before


async def paid(desk: Desk) -> Cost:
    """The option is offered and taken; the customer sends the paid invoice and takes a check."""
    job = await _with_an_offer(desk)
    await job.ok("payment_chosen", "customer", method="check")
    await job.ends_as("paid")
    return await so_far(job)


async def reminded_of_an_offer(desk: Desk) -> Cost:
    """The customer is mailed once more that an offer waits for them."""
    job = await _with_an_offer(desk)
    await _silence(job)
    before = await so_far(job)
    await _silence(job)
    return await so_far(job) - before


async def waiting_for_an_answer(desk: Desk) -> Cost:
    """Some hours go by in which the customer has still time to answer an offer."""
    job = await _with_an_offer(desk)
    before = await so_far(job)
    await job.fast_forward("12h")
    return await so_far(job) - before


async def _with_an_offer(desk: Desk) -> Told:
    """Return a job whose customer has an offer."""
    job = desk.job(assigned_to=account("Procure Vendor")).of("apo")
    await job.event("job.created")
    for command, role, fields in (
        ("offer_apo", "dispatch", {"reason": "Nobody is free", "in_network_exhausted": True}),
        ("customer_reached", "dispatch", {"outcome": "accepted"}),
        ("documents_received", "customer", {"paid_invoice": True, "amount": "240.00"}),
        ("documents_approved", "support_services", {"amount": "240.00"}),
    ):
        await job.ok(command, role, **fields)
        await job.rests()
    return job


async def _silence(job: Told) -> None:
    """Let nothing be heard of a job until somebody is reminded of it."""
    due_at = (await job.page()).due_at
    if due_at is None:
        raise ValueError("no silence is too long for this job")
    await job.fast_forward_to(due_at + timedelta(minutes=1))


async def escalated(desk: Desk) -> Cost:
    """Nobody reaches the provider; the Area Manager settles it."""
    job = await _with_a_second_call_due(desk)
    await job.ok(
        "second_contact_made",
        "customer_service",
        reached=False,
        resolved=False,
        exception_code="SP UNRESPONSIVE",
        comment="Two voice messages, no answer",
    )
    await job.rests()
    await job.ok("admin_reviewed", "admin_team", area_manager_email="pat@example.com")
    await job.rests()
    await job.ok("resolve", "area_manager", outcome="Repaired again")
    await job.ends_as("resolved")
    return await so_far(job)


async def reminded_of_a_call(desk: Desk) -> Cost:
    """Customer service is reminded once more to call the provider."""
    job = await _with_a_second_call_due(desk)
    await _silence(job)
    before = await so_far(job)
    await _silence(job)
    return await so_far(job) - before


async def _with_a_second_call_due(desk: Desk) -> Told:
    """Return a job whose customer has called back after a day."""
    provider = {**account("Tulsa Plumbing", "4711"), "email": "office@tulsa.example"}
    job = desk.job(status="Accepted", assigned_to=provider).of("am-escalation")
    await job.event("customer.reported_concern", {"concern": "The faucet leaks again"})
    await job.rests()
    await job.ok("provider_contacted", "customer_service", reached=False)
    await job.fast_forward("25h")
    await job.ok("customer_called_back", "customer_service")
    await job.rests()
    return job


async def report_followed_up(desk: Desk) -> Cost:
    """The provider of a specialist enters its report in time, and the job is completed."""
    job = await _diagnosis_confirmed(desk)
    await job.event("job.report_submitted", {"complete": True})
    await job.rests()
    await job.becomes("Completed")
    await job.ends_as("closed")
    return await so_far(job)


async def reminded_of_a_report(desk: Desk) -> Cost:
    """The provider and the Leadership Desk are reminded once more of a report."""
    job = await _diagnosis_confirmed(desk)
    await _silence(job)
    before = await so_far(job)
    await _silence(job)
    return await so_far(job) - before


async def _diagnosis_confirmed(desk: Desk) -> Told:
    """Return a job whose provider owes a report from tomorrow on."""
    contacts = {"email": "office@example.com", "spoc_email": "alan@example.com"}
    job = desk.job(assigned_to={**account("Tulsa Plumbing", "4711"), **contacts}).of("spoc")
    at = iso(now() + timedelta(days=1))
    await job.event("job.appointment_confirmed", {"kind": "diagnosis", "at": at})
    await job.rests()
    return job


async def conferenced(desk: Desk) -> Cost:
    """A provider is called, connected with the customer, and an appointment captured."""
    job = await _on_the_phone(desk)
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for command, fields in (
        ("provider_answered", {"available": True, "earliest_appointment": at}),
        ("provider_conference", {"agrees": True}),
        ("customer_conference", {"agrees": True}),
        ("appointment_captured", {"at": at}),
    ):
        await job.ok(command, "customer_service", **fields)
        await job.rests()
    return await so_far(job)


async def called_in_vain(desk: Desk) -> Cost:
    """One provider more does not answer."""
    job = await _on_the_phone(desk)
    before = await so_far(job)
    await job.ok("provider_no_answer", "customer_service")
    return await so_far(job) - before


async def _on_the_phone(desk: Desk) -> Told:
    """Return a job for which an agent calls the first of two providers."""
    at_any_hour = '[reassignment.calling]\nopens = "00:00"\ncloses = "24:00"\n'
    job = desk.under(at_any_hour).job(assigned_to=account("Slow Plumbers", "4700"))
    job = job.of("reassignment")
    await job.event("job.created")
    candidates = [
        {
            "name": name,
            "number": number,
            "phone": "918-555-0134",
            "zip": "74103",
            "source": "service_locator",
        }
        for name, number in (("Tulsa Plumbing", "4711"), ("City Plumbers", "4712"))
    ]
    said = {"reason": "Too late", "urgent": False, "candidates": candidates}
    await job.ok("start_reassignment", "customer_service", **said)
    await job.rests()
    return job


@dataclass(frozen=True, kw_only=True)
class GoldenPath:
    """A way through a lifecycle that many jobs go, or a stretch of it that comes again."""

    title: str
    lifecycle: str
    story: Callable[[Desk], Awaitable[Cost]]
    actions: Goal | None = None
    events: Goal | None = None


PATHS: Sequence[GoldenPath] = (
    GoldenPath(
        title="PlusOne to No Provider Found",
        lifecycle="plus-one",
        story=no_provider_found,
        actions=at_most(9),
        events=at_most(60),
    ),
    GoldenPath(
        title="PlusOne accepted to completed",
        lifecycle="plus-one",
        story=completed,
        actions=at_most(14),
    ),
    GoldenPath(
        title="PlusOne accepted, diagnosed, approved and completed",
        lifecycle="plus-one",
        story=repaired,
    ),
    GoldenPath(
        title="one reminder of PlusOne's silence",
        lifecycle="plus-one",
        story=reminded_of_a_silence,
        actions=at_most(3),
    ),
    GoldenPath(
        title="one day of waiting",
        lifecycle="plus-one",
        story=waiting,
        actions=at_most(0),
        events=at_most(0),
    ),
    GoldenPath(
        title="APO offered to paid",
        lifecycle="apo",
        story=paid,
    ),
    GoldenPath(
        title="one reminder of an APO offer",
        lifecycle="apo",
        story=reminded_of_an_offer,
        actions=at_most(3),
    ),
    GoldenPath(
        title="half a day of waiting for an answer to it",
        lifecycle="apo",
        story=waiting_for_an_answer,
        actions=at_most(0),
        events=at_most(0),
    ),
    GoldenPath(
        title="a concern escalated and resolved",
        lifecycle="am-escalation",
        story=escalated,
    ),
    GoldenPath(
        title="one reminder of a call to a provider",
        lifecycle="am-escalation",
        story=reminded_of_a_call,
        actions=at_most(3),
    ),
    GoldenPath(
        title="SPoC diagnosis confirmed to closed",
        lifecycle="spoc",
        story=report_followed_up,
    ),
    GoldenPath(
        title="one reminder of a SPoC report",
        lifecycle="spoc",
        story=reminded_of_a_report,
        actions=at_most(3),
    ),
    GoldenPath(
        title="a job reassigned in a conference",
        lifecycle="reassignment",
        story=conferenced,
    ),
    GoldenPath(
        title="one provider more who does not answer",
        lifecycle="reassignment",
        story=called_in_vain,
    ),
)
"""The paths whose cost is kept an eye on."""


async def cost_of(path: GoldenPath, desk: Desk) -> Cost:
    """Return what a path costs on a quiet run.

    Raises:
        NotQuietError: no run was quiet.
    """
    for _ in range(_TRIES - 1):
        with suppress(NotQuietError):
            return await path.story(desk)
    return await path.story(desk)


# --- the section ------------------------------------------------------------------------------


async def measure(scale: Scale, tell: Tell) -> Section:
    """Go each path once."""
    costs: dict[GoldenPath, Cost] = {}
    with TemporaryDirectory() as folder:
        async with (
            temporal(None) as server,
            open_desk(server.client, sqlite_url(Path(folder))) as desk,
        ):
            for path in PATHS:
                if not (scale.costs_without_goal or path.actions or path.events):
                    continue
                tell(path.title)
                costs[path] = await cost_of(path, desk)
    return Section(
        name="cost",
        title="Cost",
        method=(
            "Each path is gone once on a real server with worker, store and API, one message after "
            "the other, and its history counted. Actions are those that Temporal Cloud bills: "
            "start, timer, signal, update, change of search attributes and attempt of an activity "
            "1 each, all local activities of one task together 1. Events of the time skipping "
            "that shortens the wait are left out. A test keeps the exact numbers."
        ),
        limits=(
            "Each step that somebody tells of costs 4 Actions: the message, the batch of effects, "
            "the change of search attributes and the timer of the next wait. A mail goes with its "
            "batch; one that its server does not take then costs 1 more. Steward's own pages query "
            "no workflow, so looking costs nothing."
        ),
        figures=tuple(figure for path, cost in costs.items() for figure in _figures(path, cost)),
        pictures=(
            Picture(
                name="cost-actions",
                title="Temporal Actions of each path",
                y_label="Actions",
                bars=tuple(_bar(path.title, cost.actions) for path, cost in costs.items()),
            ),
        ),
    )


def _figures(path: GoldenPath, cost: Cost) -> Sequence[Figure]:
    return (
        Figure.of(f"{path.title}: Actions", "Actions", [cost.actions], path.actions),
        Figure.of(f"{path.title}: events", "events", [cost.events], path.events),
        Figure.of(f"{path.title}: history", "KB", [cost.size / _BYTES_IN_KB]),
        Figure.of(f"{path.title}: workflow tasks", "tasks", [cost.workflow_tasks]),
    )


def _bar(label: str, count: int) -> Bar:
    return Bar(label=label, median=count, lowest=count, highest=count)
