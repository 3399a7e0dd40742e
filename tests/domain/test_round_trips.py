"""Whatever the door takes in can be kept, carried along, and read back: the same model reads it."""

import json
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.apo.case import ApoCase
from domain.events import EVENT, EventEnvelope
from domain.jobs import HeldJob, JobUpdate
from domain.lifecycles import Cause
from domain.plus_one.case import PlusOneCase, PlusOneStart
from domain.reassignment.commands import COMMANDS
from domain.refusals import Refused
from domain.told import UnreadableEventError, read_event
from tests.domain.factories import ASSIGNED_AT, POLICY, a_job, a_payload

instants = st.one_of(
    st.sampled_from(
        [
            "2199-12-31T23:59:59-05:00",
            "2199-12-31T23:59:59Z",
            "2000-01-01T00:00:00+14:00",
            "1900-01-01T00:00:00+14:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "2026-11-21T14:05:00.123456Z",
            "2026-11-21t14:05:00z",
            "2026-11-21T14:05:60Z",
        ]
    ),
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    st.integers(),
    st.floats(),
)
texts = st.text(max_size=12) | st.sampled_from(["\ud800", "\0", "x" * 300, "x" * 301, "é" * 300])
BODIES = st.fixed_dictionaries(
    {
        "occurred_at": instants,
        "job": st.fixed_dictionaries(
            {},
            optional={
                "assigned_at": instants,
                "diagnostic_report_at": instants,
                "appointment_at": instants,
                "trade": texts,
                "sub_status": texts,
                "brand": texts,
                "is_recall": st.booleans() | st.integers() | st.floats(),
                "customer": st.dictionaries(
                    st.sampled_from(["name", "email", "phone", "zip", "state"]), texts
                ),
                "customer_mail": texts,
                "customer_zip": texts,
                "customer_state": texts,
            },
        ),
        "data": st.fixed_dictionaries(
            {"complete": st.booleans()},
            optional={
                "missing": texts,
                "part_eta": st.dates().map(str) | st.integers() | instants,
                "parts_supplied_by": st.sampled_from(["provider", "cinch", "?"]),
            },
        ),
    }
)


@given(BODIES)
@example(
    {
        "occurred_at": "2026-11-21T14:05:00Z",
        "job": {"appointment_at": "2199-12-31T23:59:59-05:00"},
        "data": {"complete": True},
    }
)
def test_what_the_door_takes_in_is_read_back_everywhere(told: dict[str, Any]) -> None:
    job = a_job().model_dump(mode="json") | told["job"]
    actor = {"name": "Dana", "role": "plusone"}
    sent = {"type": "job.report_submitted", "actor": actor, **told, "job": job}
    try:
        event = read_event(json.dumps(sent).encode(), ASSIGNED_AT).event
    except UnreadableEventError:
        return
    assert EVENT.validate_json(EVENT.dump_json(event)) == event
    held = HeldJob(job=event.job_told())
    later = held.reassigned(held.job.assigned_to.account, ASSIGNED_AT).updated(
        JobUpdate(customer_email="ada@example.com", sub_status="Parts")
    )
    for each in (held, later, later.told(event.job_told())):
        row = json.loads(each.model_dump_json())
        assert HeldJob.model_validate(row) == each
        carried = each.job.without_customer()
        envelope = EventEnvelope(
            event_id="msg_1", job_version=1, event=event.model_copy(update={"job": carried}), age=0
        )
        assert EventEnvelope.model_validate(json.loads(envelope.model_dump_json())) == envelope
        for case in (
            PlusOneCase(job=carried, job_version=1, policy=POLICY),
            ApoCase(job=carried, job_version=1, policy=POLICY, stage="awaiting_customer"),
        ):
            assert type(case).model_validate_json(case.model_dump_json()) == case
        start = PlusOneStart(
            job=carried,
            job_version=1,
            policy=POLICY,
            episode=1,
            event_id="msg_1",
            cause=Cause.of(event),
            occurred_at=event.occurred_at,
        )
        assert PlusOneStart.model_validate_json(start.model_dump_json()) == start


@given(
    instants,
    st.sampled_from(
        [
            ("provider_conference", {"agrees": False}, "will_contact_by"),
            ("appointment_captured", {}, "at"),
            ("provider_answered", {"available": True}, "earliest_appointment"),
        ]
    ),
)
@example("2199-12-31T23:59:59-05:00", ("appointment_captured", {}, "at"))
def test_an_instant_that_a_command_names_can_be_kept_on_the_job(
    at: object, command: tuple[str, dict[str, object], str]
) -> None:
    name, fields, field = command
    try:
        read = COMMANDS.read(name, a_payload("dispatch", **fields, **{field: at}))
    except Refused:
        return
    taken = getattr(read.payload, field)
    assume(taken is not None)
    held = HeldJob(job=a_job()).updated(JobUpdate(appointment_at=taken))
    assert HeldJob.model_validate(json.loads(held.model_dump_json())) == held
