"""The door for events: what is taken, what is left out of an event, and what is a dead letter."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from domain.events import EVENT
from domain.told import ToldEvent, UnreadableEventError, read_event, read_own_event
from domain.values import MAX_TEXT
from tests.domain.factories import ASSIGNED_AT, a_job, an_event

NOW = ASSIGNED_AT + timedelta(hours=1)
NOTE = {"author": {"name": "Pat", "role": "plusone"}, "text": "JOB COMPLETE"}


def body(kind: str = "job.assigned", data: object = None, **job: object) -> bytes:
    told = a_job().model_dump(mode="json") | job
    actor = {"name": "Dana", "role": "dispatch"}
    sent = {"type": kind, "occurred_at": "2026-11-21T14:05:30Z", "actor": actor, "job": told}
    return json.dumps(sent | {"data": data}).encode()


def why_dead(sent: bytes) -> str:
    with pytest.raises(UnreadableEventError) as refused:
        read_event(sent, NOW)
    return str(refused.value)


def test_an_event_that_is_whole_is_taken_as_it_is() -> None:
    assert read_event(body(), NOW) == ToldEvent(an_event("job.assigned"))


# --- instants ---------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["assigned_at", "diagnostic_report_at", "appointment_at"])
@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("1999-12-31T23:59:59Z", "year 1999"),
        ("2000-01-01T00:00:00+01:00", "year 1999"),
        ("1970-01-01T00:00:00Z", "year 1970"),
        ("2199-12-31T23:59:59-05:00", "year 2200"),
        ("9999-12-31T23:59:59-14:00", "year 9999"),
        (0, "write 2026-11-23T14:05:00Z"),
        (1795269900, "write 2026-11-23T14:05:00Z"),
        (1795269900.5, "write 2026-11-23T14:05:00Z"),
        (10**40, "write 2026-11-23T14:05:00Z"),
        ("1795269900", "write 2026-11-23T14:05:00Z"),
        (True, "write 2026-11-23T14:05:00Z"),
        ("2026-11-21", "write 2026-11-23T14:05:00Z"),
        ("2026-11-21T14:05:00", "with the offset"),
    ],
)
def test_an_instant_that_is_nonsense_makes_a_dead_letter(field: str, at: object, why: str) -> None:
    said = why_dead(body("job.assigned", None, **{field: at}))
    assert field in said
    assert why in said


@pytest.mark.parametrize("field", ["assigned_at", "diagnostic_report_at"])
@pytest.mark.parametrize("ahead", [timedelta(days=1, seconds=1), timedelta(days=400)])
def test_a_fact_told_more_than_a_day_ahead_is_a_dead_letter(field: str, ahead: timedelta) -> None:
    said = why_dead(body("job.assigned", None, **{field: (NOW + ahead).isoformat()}))
    assert f"job.{field}" in said
    assert "more than a day ahead" in said


@pytest.mark.parametrize("field", ["assigned_at", "diagnostic_report_at"])
def test_a_clock_that_runs_a_day_ahead_is_borne(field: str) -> None:
    at = NOW + timedelta(days=1)
    told = read_event(body("job.assigned", None, **{field: at.isoformat()}), NOW)
    assert getattr(told.event.job, field) == at


def test_an_appointment_may_be_far_ahead() -> None:
    told = read_event(body(appointment_at="2199-12-31T18:59:59-05:00"), NOW)
    assert told.event.job.appointment_at == datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_the_first_instant_of_the_first_year_is_taken() -> None:
    told = read_event(body(assigned_at="2000-01-01T00:00:00Z"), NOW)
    assert told.event.job.assigned_at == datetime(2000, 1, 1, tzinfo=UTC)


def test_an_event_before_2000_or_at_an_absurd_time_is_a_dead_letter() -> None:
    for at in ("1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", 0):
        sent = json.loads(body()) | {"occurred_at": at}
        assert "occurred_at" in why_dead(json.dumps(sent).encode())


# --- data that cannot be taken as they were sent -----------------------------------------------


def test_a_note_that_is_too_long_is_cut_with_a_mark() -> None:
    told = read_event(body("job.note_added", {"note": NOTE | {"text": "x" * 31_234}}), NOW)
    assert told.event.type == "job.note_added"
    text = told.event.data.note.text
    assert len(text) == MAX_TEXT
    assert text.endswith("… [shortened: 31,234 characters were sent]")
    assert told.left_out is not None
    assert "data.note.text" in told.left_out
    assert told.lost is None


@pytest.mark.parametrize(
    "data", [None, {}, {"note": None}, {"note": NOTE | {"text": ""}}, {"note": NOTE | {"text": 7}}]
)
def test_a_note_that_says_nothing_does_not_lose_the_status(data: object) -> None:
    told = read_event(body("job.note_added", data, status="Accepted"), NOW)
    assert told.event.type == "job.status_changed"
    assert told.event.job == a_job(status="Accepted")
    assert told.left_out
    assert told.lost is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("job.note_added", {"note": NOTE | {"author": {"name": "Pat", "role": "boss"}}}),
        ("job.parts_confirmation_requested", {"what": ""}),
        ("job.report_submitted", {}),
        ("customer.reported_concern", {"concern": None}),
        ("customer.reported_concern", ["rude"]),
    ],
)
def test_data_that_cannot_be_used_do_not_lose_the_job(kind: str, data: object) -> None:
    told = read_event(body(kind, data, status="Accepted"), NOW)
    assert told.event.type == "job.status_changed"
    assert told.event.job.status == "Accepted"
    assert told.left_out
    assert told.lost == kind


@pytest.mark.rule("PO-20")
def test_a_report_that_cannot_be_read_is_entered_all_the_same() -> None:
    told = read_event(body("job.report_submitted", {"complete": "perhaps"}), NOW)
    assert told.event.job_told().diagnostic_report_at == ASSIGNED_AT


@pytest.mark.parametrize(
    ("kind", "data", "taken"),
    [
        ("customer.called", {}, {"about": None}),
        ("customer.called", {"about": "\0"}, {"about": None}),
        ("customer.called", {"about": "Wh\0en?"}, {"about": "When?"}),
        ("customer.reported_concern", {"concern": "ru\0de"}, {"concern": "rude"}),
        (
            "job.report_submitted",
            {"complete": False, "missing": "a\0b", "part_eta": 1, "parts_supplied_by": "thieves"},
            {
                "complete": False,
                "has_details": True,
                "review": (),
                "missing": "ab",
                "part_eta": None,
                "parts_supplied_by": None,
            },
        ),
        (
            "job.report_submitted",
            {"complete": True, "has_details": "some", "review": ["possible_denial", "x", "y"]},
            {
                "complete": True,
                "has_details": True,
                "review": (),
                "missing": None,
                "part_eta": None,
                "parts_supplied_by": None,
            },
        ),
    ],
)
def test_what_may_be_missing_is_left_out_and_the_rest_taken(
    kind: str, data: object, taken: dict[str, object]
) -> None:
    told = read_event(body(kind, data), NOW)
    assert told.event.type == kind
    assert told.event.data.model_dump() == taken
    assert told.lost is None


@pytest.mark.parametrize("amount", [240.0, "NaN", "-5.00", "300.001", "1e400", "1E+30", "much"])
def test_an_amount_that_is_none_makes_a_dead_letter(amount: object) -> None:
    """Whoever pays by it has to be told another."""
    said = why_dead(body("document.received", {"kind": "paid_invoice", "amount": amount}))
    assert "amount" in said


@pytest.mark.parametrize("text", ["x" * 200_000, "\0" * 30_000 + "x" * 30_000])
def test_a_long_concern_is_cut(text: str) -> None:
    told = read_event(body("customer.reported_concern", {"concern": text}), NOW)
    assert told.event.type == "customer.reported_concern"
    assert len(told.event.data.concern) == MAX_TEXT


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("job.appointment_confirmed", {"kind": "party", "at": "2026-11-21T14:05:00Z"}),
        ("job.appointment_confirmed", {"kind": "repair", "at": "1999-11-21T14:05:00Z"}),
        ("job.appointment_confirmed", {"kind": "repair", "at": 1795269900}),
        ("document.received", {"kind": "novel"}),
        ("job.renamed", None),
    ],
)
def test_an_unknown_kind_or_a_nonsense_instant_is_a_dead_letter(kind: str, data: object) -> None:
    assert why_dead(body(kind, data))


def test_an_unknown_status_is_a_dead_letter_whatever_its_data() -> None:
    assert "status" in why_dead(body("job.note_added", None, status="Exploded"))


def test_why_an_event_is_a_dead_letter_does_not_repeat_what_it_says() -> None:
    customer = {"name": "Ada Canary", "email": ["ada@canary.example"], "phone": "5" * 301}
    said = why_dead(body(customer=customer))
    assert "customer.email" in said
    assert "anary" not in said
    assert "555" not in said


@pytest.mark.parametrize("sent", [b"", b"[]", b"null", b"{", b'{"type": "job.assigned"}', b"\xff"])
def test_what_is_no_event_is_a_dead_letter(sent: bytes) -> None:
    assert why_dead(sent)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"nonsense", "body: this is not JSON: expected ident at line 1 column 2"),
        (b'{"type": "x"}', "body: this type is unknown. The documentation lists each type"),
        (b'{"type": "job.note"}', 'body: this type is unknown. Did you mean "job.note_added"?'),
        (b'{"job": {}}', "body: the field 'type' is missing"),
    ],
)
def test_why_it_is_no_event_is_told_in_whole_words(sent: bytes, why: str) -> None:
    assert why_dead(sent) == why


def test_an_event_of_our_own_is_in_the_time_of_its_lifecycle() -> None:
    later = an_event("job.assigned", a_job(assigned_at=NOW + timedelta(days=30)))
    assert read_own_event(EVENT.dump_json(later)).event == later
    with pytest.raises(UnreadableEventError):
        read_own_event(b"{}")
