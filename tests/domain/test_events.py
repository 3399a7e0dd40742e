"""Events: what the job system may tell us, and what of it cannot be read."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from domain.events import EVENT, EventEnvelope
from domain.jobs import ItemCategory, Visibility
from domain.lifecycles import job_of
from domain.plus_one.kind import PLUS_ONE
from domain.roles import Role
from domain.values import MAX_TEXT
from tests.domain.factories import ASSIGNED_AT, a_job, an_event

AS_SENT = """
{"type": "job.assigned", "occurred_at": "2026-11-21T09:05:00-05:00",
 "actor": {"name": "Dana", "role": "dispatch"},
 "job": {
    "job_id": "SJ-1001", "order_id": "SO-500", "status": "New", "sub_status": null,
    "trade": "Plumbing", "item": {"name": "Kitchen faucet", "category": "other"},
    "severity": "Standard",
    "assigned_to": {"number": "700010237", "name": "PlusOne Solutions", "email": null,
        "phone": null, "zip": null, "national_account": false, "spoc_email": null},
    "assigned_at": "2026-11-21T14:05:00Z",
    "customer": {"name": "Ada", "email": "ada@example.com", "phone": "555", "zip": "74101",
        "state": "OK"},
    "brand": "Cinch", "is_recall": false, "original_provider_network": null,
    "diagnostic_report_at": null, "appointment_at": null},
 "data": {}, "sent_by": "a newer job system"}
"""

NOTE = {
    "author": {"name": "Pat", "role": "plusone"},
    "text": "JOB COMPLETE",
    "visibility": "Public",
}


@pytest.mark.rule("PO-07")
def test_an_event_is_read_as_it_is_sent() -> None:
    event = EVENT.validate_json(AS_SENT)
    assert event.type == "job.assigned"
    assert event.occurred_at == datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
    assert event.occurred_at.tzinfo is UTC
    assert event.actor.role is Role.DISPATCH
    assert event.job.item.category is ItemCategory.OTHER
    assert event.job_told() == event.job
    assert PLUS_ONE.starts_on(event)


@pytest.mark.parametrize(
    "kind",
    [
        "job.created",
        "job.assigned",
        "job.status_changed",
        "job.severity_changed",
        "job.cancelled",
    ],
)
@pytest.mark.parametrize("data", [None, {}, {"why": "Customer moved"}])
def test_where_the_job_says_it_all_data_does_not_matter(kind: str, data: object) -> None:
    event = an_event(kind, data=data)
    assert event.type == kind
    assert event.data.model_dump() == {}


def test_where_the_job_says_it_all_data_need_not_be_sent() -> None:
    sent = EVENT.dump_python(an_event("job.created"), exclude={"data"})
    assert EVENT.validate_python(sent) == an_event("job.created")


@pytest.mark.parametrize(
    ("kind", "data", "field", "value"),
    [
        ("job.appointment_confirmed", {"kind": "repair", "at": ASSIGNED_AT}, "at", ASSIGNED_AT),
        ("job.report_submitted", {"complete": True}, "missing", None),
        (
            "job.report_submitted",
            {"complete": False, "missing": "model", "part_eta": "2026-12-01"},
            "part_eta",
            date(2026, 12, 1),
        ),
        ("job.assigned", {"calendar_searched": True}, "calendar_searched", True),
        ("job.assigned", {"manual_search_done": False}, "manual_search_done", False),
        ("job.assigned", {"manual_search_done": None}, "calendar_searched", None),
        ("job.parts_confirmation_requested", {"what": "Valve"}, "what", "Valve"),
        ("customer.called", {"about": "When?"}, "about", "When?"),
        ("customer.reported_concern", {"concern": "Rude"}, "concern", "Rude"),
        ("document.received", {"kind": "estimate", "amount": "240.00"}, "amount", Decimal(240)),
        ("document.received", {"kind": "paid_invoice", "amount": None}, "amount", None),
        (
            "document.received",
            {"kind": "estimate", "amount": "300.01"},
            "amount",
            Decimal("300.01"),
        ),
    ],
)
def test_each_type_brings_its_own_data(
    kind: str, data: dict[str, object], field: str, value: object
) -> None:
    event = an_event(kind, data=data)
    assert event.type == kind
    assert getattr(event.data, field) == value
    assert EVENT.validate_json(EVENT.dump_json(event)) == event


@pytest.mark.rule("PO-22")
def test_a_note_has_an_author_with_a_role() -> None:
    event = an_event("job.note_added", data={"note": NOTE})
    assert event.type == "job.note_added"
    assert event.data.note.author.role is Role.PLUSONE
    assert event.data.note.text == "JOB COMPLETE"
    assert event.data.note.visibility is Visibility.PUBLIC


@pytest.mark.rule("PO-22")
def test_the_spaces_of_a_note_are_kept() -> None:
    event = an_event("job.note_added", data={"note": NOTE | {"text": " JOB COMPLETE "}})
    assert event.type == "job.note_added"
    assert event.data.note.text == " JOB COMPLETE "


def test_a_note_is_private_unless_it_says_otherwise() -> None:
    note = {"author": NOTE["author"], "text": "Called twice"}
    event = an_event("job.note_added", data={"note": note})
    assert event.type == "job.note_added"
    assert event.data.note.visibility is Visibility.PRIVATE


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("job.renamed", {}),
        ("Job.Assigned", {}),
        ("", {}),
        ("job.note_added", None),
        ("job.note_added", {"note": {"text": "x"}}),
        ("job.note_added", {"note": NOTE | {"text": ""}}),
        ("job.note_added", {"note": NOTE | {"text": "x" * (MAX_TEXT + 1)}}),
        ("job.note_added", {"note": NOTE | {"visibility": "Secret"}}),
        ("job.note_added", {"note": NOTE | {"author": {"name": "Pat", "role": "boss"}}}),
        ("job.appointment_confirmed", {"kind": "party", "at": ASSIGNED_AT}),
        ("job.appointment_confirmed", {"kind": "repair", "at": "2026-11-21T14:05:00"}),
        ("job.report_submitted", {}),
        ("job.report_submitted", {"complete": True, "parts_supplied_by": "thieves"}),
        ("job.parts_confirmation_requested", {"what": ""}),
        ("customer.called", {"about": "When\0"}),
        ("job.report_submitted", {"complete": False, "missing": "\0"}),
        ("customer.reported_concern", {"concern": None}),
        ("document.received", {"kind": "estimate", "amount": "NaN"}),
        ("document.received", {"kind": "estimate", "amount": "Infinity"}),
        ("document.received", {"kind": "estimate", "amount": "-0.01"}),
        ("document.received", {"kind": "estimate", "amount": "300.001"}),
        ("document.received", {"kind": "estimate", "amount": "10000000.00"}),
        ("document.received", {"kind": "estimate", "amount": "about 300"}),
        ("document.received", {"kind": "novel"}),
    ],
)
def test_what_is_no_event_is_refused(kind: str, data: object) -> None:
    with pytest.raises(ValidationError):
        an_event(kind, data=data)


@pytest.mark.parametrize(
    "wrong",
    [
        {"occurred_at": "2026-11-21T14:05:00"},
        {"occurred_at": None},
        {"actor": {"name": "Dana"}},
        {"actor": {"name": " ", "role": "dispatch"}},
        {"job": None},
        {"job": {"job_id": "SJ-1001"}},
    ],
)
def test_an_event_without_time_actor_or_job_is_refused(wrong: dict[str, object]) -> None:
    sent = EVENT.dump_python(an_event("job.assigned"))
    with pytest.raises(ValidationError):
        EVENT.validate_python(sent | wrong)


def test_the_longest_text_is_taken() -> None:
    event = an_event("customer.called", data={"about": "x" * MAX_TEXT})
    assert event.type == "customer.called"
    assert event.data.about == "x" * MAX_TEXT


# --- the report -------------------------------------------------------------------------------


@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("complete", [True, False])
def test_a_submitted_report_is_entered_even_if_the_job_does_not_show_it(*, complete: bool) -> None:
    event = an_event("job.report_submitted", data={"complete": complete})
    assert event.job.diagnostic_report_at is None
    assert event.job_told() == a_job(diagnostic_report_at=event.occurred_at)


@pytest.mark.rule("PO-20")
def test_the_job_knows_best_when_its_report_was_entered() -> None:
    earlier = ASSIGNED_AT - timedelta(hours=1)
    job = a_job(diagnostic_report_at=earlier, assigned_at=earlier)
    event = an_event("job.report_submitted", job, {"complete": True})
    assert event.job_told().diagnostic_report_at == earlier


def test_no_other_event_enters_a_report() -> None:
    for event in (an_event("job.assigned"), an_event("customer.called", data={"about": "When?"})):
        assert event.job_told() == a_job()


# --- on the way to a lifecycle ----------------------------------------------------------------


def test_a_delivery_is_read_back_as_what_it_was() -> None:
    event = an_event("job.note_added", data={"note": NOTE})
    delivery = EventEnvelope(event_id="msg-1", job_version=2, event=event, age=1.5)
    assert EventEnvelope.model_validate_json(delivery.model_dump_json()) == delivery


def test_a_dated_event_happened_when_it_did_however_late_it_is_heard() -> None:
    event = an_event("job.note_added", data={"note": NOTE})
    delivery = EventEnvelope(event_id="msg-1", job_version=2, event=event, age=60)
    heard_at = event.occurred_at + timedelta(days=2)
    assert delivery.happened_at(heard_at) == heard_at - timedelta(minutes=1)

    dated = delivery.dated(event.occurred_at + timedelta(minutes=1))
    assert dated.happened_at(heard_at) == event.occurred_at
    just_before = event.occurred_at - timedelta(seconds=1)
    assert dated.happened_at(just_before) == just_before


def test_a_workflow_id_names_its_lifecycle_and_its_job() -> None:
    assert PLUS_ONE.workflow_id("SJ-1001") == "plus-one/SJ-1001"
    assert job_of("plus-one/SJ-1001") == ("plus-one", "SJ-1001")


@pytest.mark.parametrize("unknown", ["", "plus-one", "plus-one/", "/SJ-1001", "temporal-sys"])
def test_a_workflow_id_of_somebody_else_is_refused(unknown: str) -> None:
    with pytest.raises(ValueError, match="is not one of Steward's workflow ids"):
        job_of(unknown)
