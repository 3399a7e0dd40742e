"""Jobs, cases, events and payloads that need not be spelt out where they do not matter."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.accounts import PLUSONE, PROCURE_VENDOR, Account
from domain.apo.case import ApoCase
from domain.editions import NEWEST
from domain.events import EVENT, Event
from domain.guards import PlusOneHold
from domain.jobs import Assignee, Job
from domain.plus_one.case import PlusOneCase, Stage
from domain.policy import load_policy

POLICY = load_policy(None)
HOLD = PlusOneHold.under(POLICY, NEWEST)

ASSIGNED_AT = datetime(2026, 11, 21, 14, 5, 30, tzinfo=UTC)
WINDOW_ENDS = ASSIGNED_AT + timedelta(hours=48)
LAST_SECOND = WINDOW_ENDS - timedelta(seconds=1)
"""47:59:59 after the assignment."""

PROVIDER = Account(number="4711", name="Tulsa Plumbing")

_AS_TOLD: Mapping[str, object] = {
    "job_id": "SJ-1001",
    "status": "New",
    "trade": "Plumbing",
    "item": {"name": "Kitchen faucet"},
    "assigned_to": Assignee.of(PLUSONE),
    "assigned_at": ASSIGNED_AT,
}


def a_job(**changes: object) -> Job:
    """Return a job, new with PlusOne unless said otherwise."""
    return Job.model_validate({**_AS_TOLD, **changes})


def a_case(stage: Stage = Stage.SEARCHING, **changes: object) -> PlusOneCase:
    """Return a search in a stage; the changes are its job's."""
    return PlusOneCase(job=a_job(**changes), job_version=1, policy=POLICY, stage=stage)


def a_newest_case(stage: Stage = Stage.SEARCHING, **changes: object) -> PlusOneCase:
    """Return a search that began under the newest rules; the changes are its job's."""
    return a_case(stage, **changes).model_copy(update={"edition": NEWEST})


def an_option(stage: str = "awaiting_customer", **changes: object) -> ApoCase:
    """Return an option in a stage, for a job of Dispatch's; the changes are the option's own."""
    with_dispatch = a_job(assigned_to=Assignee.of(PROCURE_VENDOR))
    said = {
        "job": with_dispatch,
        "job_version": 1,
        "policy": POLICY,
        "edition": NEWEST,
        "stage": stage,
        **changes,
    }
    return ApoCase.model_validate(said)


def eastern(wall: str, fold: int = 0) -> datetime:
    """Return the instant, in UTC, at which a clock in New York shows a date and time."""
    shown = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo("America/New_York"), fold=fold)
    return shown.astimezone(UTC)


def an_event(kind: str, job: Job | None = None, data: object = None) -> Event:
    """Return an event of the job system as it is read from a hook's body."""
    return EVENT.validate_python(
        {
            "type": kind,
            "occurred_at": ASSIGNED_AT,
            "actor": {"name": "Dana", "role": "dispatch"},
            "job": job or a_job(),
            "data": data,
        }
    )


def a_payload(role: str, **fields: object) -> dict[str, object]:
    """Return what somebody in a role sends with a command."""
    return {"actor": {"name": "Robin", "role": role}, **fields}
