"""When a specialist may be asked, who answers what is not theirs, and who is waited for."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from pydantic import JsonValue, ValidationError

from domain.editions import Edition
from domain.events import ReviewCase
from domain.jobs import JobStatus, Severity
from domain.lifecycles import Cause
from domain.promises import DueAfterBusinessDays, DueAt, resolve
from domain.refusals import RefusalKind
from domain.roles import EMPLOYEES, Role
from domain.spoc.case import Contact, Reason, Report, SpocCase, Stage
from domain.spoc.guide import Topic, route
from domain.spoc.payloads import AskProvider
from domain.spoc.reviews import REVIEWS, claim_is_under_review, reviews_at_once, task_text
from domain.spoc.rules import (
    attempt_counts_for,
    is_news,
    needs_review_at_once,
    newly_confirmed,
    report_once_delivered,
    reports_on,
    requests_that_stay_open,
    stage_by_the_facts,
    starts_on,
    still_owed,
)
from domain.spoc.waits import chase, promise
from tests.domain.factories import POLICY, an_event, eastern
from tests.domain.spoc_cases import (
    APPOINTMENT,
    CONFIRMED,
    DUE,
    SECOND,
    a_follow_up,
    a_report,
    a_start,
    an_order,
    of_the_programme,
    refusal_of,
    refusal_of_reading,
    rule_against,
    with_setting,
)

LATER = eastern("2026-12-14 12:00")
PARTS = {"parts_supplied_by": "provider"}


# --- whom it is for ---------------------------------------------------------------------------


@pytest.mark.rule("SPOC-11")
@pytest.mark.parametrize(
    ("address", "starts"),
    [("alan@warranty.example", True), (None, False), ("", False), ("n/a", False), ("alan", False)],
)
def test_it_begins_for_a_provider_whose_specialist_can_be_written_to(
    address: str | None, *, starts: bool
) -> None:
    job = of_the_programme()
    provider = job.assigned_to.model_copy(update={"spoc_email": address})
    told = {"kind": "diagnosis", "at": APPOINTMENT.isoformat()}
    event = an_event(
        "job.appointment_confirmed", job.model_copy(update={"assigned_to": provider}), told
    )
    assert starts_on(event) is starts


@pytest.mark.rule("SPOC-13")
def test_only_a_confirmed_diagnosis_of_a_job_that_goes_on_begins_it() -> None:
    at = {"at": APPOINTMENT.isoformat()}
    confirmed, job = "job.appointment_confirmed", of_the_programme()
    assert starts_on(an_event(confirmed, job, {"kind": "diagnosis", **at}))
    assert not starts_on(an_event(confirmed, job, {"kind": "repair", **at}))
    assert not starts_on(an_event("job.assigned", job))
    for status in (JobStatus.COMPLETED, JobStatus.CANCELLED):
        ended = of_the_programme(status=status)
        assert not starts_on(an_event(confirmed, ended, {"kind": "diagnosis", **at}))


@pytest.mark.rule("SPOC-13")
@pytest.mark.parametrize(
    ("told_at", "kind", "at", "counts"),
    [
        (CONFIRMED, "diagnosis", LATER, True),
        (CONFIRMED - SECOND, "diagnosis", LATER, False),
        (LATER, "diagnosis", APPOINTMENT, False),
        (LATER, "repair", LATER, False),
    ],
)
def test_only_a_newer_confirmation_of_another_diagnosis_counts(
    told_at: datetime, kind: str, at: datetime, *, counts: bool
) -> None:
    data: dict[str, JsonValue] = {"kind": kind, "at": at.isoformat()}
    event = an_event("job.appointment_confirmed", of_the_programme(), data)
    told = event.model_copy(update={"occurred_at": told_at})
    assert newly_confirmed(a_follow_up(), told) is counts


@pytest.mark.parametrize(
    ("known", "told_at", "counts"),
    [
        (None, CONFIRMED, True),
        (None, CONFIRMED - SECOND, False),
        (a_report(told_at=DUE), DUE, True),
        (a_report(told_at=DUE), DUE - SECOND, False),
        (a_report(), CONFIRMED, True),
    ],
)
def test_a_report_counts_unless_it_is_older_than_what_is_known(
    known: Report | None, told_at: datetime, *, counts: bool
) -> None:
    assert is_news(a_follow_up(report=known), told_at) is counts


def test_a_report_between_the_diagnosis_and_the_news_of_it_counts() -> None:
    assert is_news(a_follow_up(confirmed_at=LATER), APPOINTMENT)
    assert not is_news(a_follow_up(confirmed_at=LATER), APPOINTMENT - SECOND)


def test_a_case_from_before_takes_any_report_for_news() -> None:
    assert is_news(a_follow_up(confirmed_at=None), CONFIRMED - SECOND)


@pytest.mark.parametrize(
    ("report", "is_about_it"),
    [
        (None, False),
        (a_report(), False),
        (a_report(told_at=APPOINTMENT), True),
        (a_report(told_at=APPOINTMENT - SECOND), False),
    ],
)
def test_a_report_is_about_the_diagnosis_before_it(
    report: Report | None, *, is_about_it: bool
) -> None:
    assert reports_on(APPOINTMENT, report) is is_about_it


@pytest.mark.rule("SPOC-16")
@pytest.mark.rule("SPOC-17")
@pytest.mark.rule("SPOC-18")
@pytest.mark.rule("SPOC-19")
@pytest.mark.rule("SPOC-48")
@pytest.mark.rule("G-86")
def test_what_of_a_report_authorizations_reviews_at_once() -> None:
    case = a_follow_up()
    assert reviews_at_once(case, ()) == ()
    for each in ReviewCase:
        assert reviews_at_once(case, (each, each)) == (each,)
        assert reviews_at_once(a_follow_up(policy=with_setting(review_cases=())), (each,)) == ()
        assert task_text(each).endswith(f" ({REVIEW_RULES[each]})")
        assert 'Note: "See photo"' in task_text(each, "See photo")
    assert len({REVIEWS[each].task for each in ReviewCase}) == len(ReviewCase)
    assert reviews_at_once(case, tuple(reversed(ReviewCase))) == tuple(ReviewCase)


REVIEW_RULES = {
    "over_approval_limit": "SPOC-16",
    "replacement_recommended": "SPOC-17",
    "non_covered_charges": "SPOC-18",
    "possible_denial": "SPOC-19",
    "potential_recall": "SPOC-48",
}


@pytest.mark.rule("SPOC-48")
def test_a_report_on_a_recall_is_researched() -> None:
    recall = of_the_programme(is_recall=True)
    assert reviews_at_once(a_follow_up(job=recall), ()) == (ReviewCase.POTENTIAL_RECALL,)
    from_before = a_follow_up(job=recall, edition=Edition.FACTS_BY_MEANING)
    assert reviews_at_once(from_before, ()) == ()
    not_here = a_follow_up(job=recall, policy=with_setting(review_cases=()))
    assert reviews_at_once(not_here, ()) == ()


@pytest.mark.rule("SPOC-50")
@pytest.mark.parametrize(
    ("sub_status", "is_reviewed"),
    [
        ("Under Review", True),
        (" under REVIEW ", True),
        ("Reviewed", False),
        ("", False),
        (None, False),
    ],
)
def test_a_claim_is_under_review_where_the_job_system_says_so(
    sub_status: str | None, *, is_reviewed: bool
) -> None:
    assert claim_is_under_review(of_the_programme(sub_status=sub_status)) is is_reviewed


@pytest.mark.rule("SPOC-20")
@pytest.mark.rule("G-31")
@pytest.mark.parametrize("severity", Severity)
def test_a_medical_emergency_is_reviewed_at_once(severity: Severity) -> None:
    job = of_the_programme(severity=severity)
    assert needs_review_at_once(a_follow_up(job=job)) is (severity is Severity.MEDICAL_EMERGENCY)
    by_mail = with_setting(medical_immediate=False)
    assert not needs_review_at_once(a_follow_up(job=job, policy=by_mail))


# --- the four reasons -------------------------------------------------------------------------


@pytest.mark.rule("SPOC-22")
@pytest.mark.rule("G-29")
@pytest.mark.parametrize("reason", Reason)
def test_the_provider_is_asked_first(reason: Reason) -> None:
    assert rule_against(a_follow_up(attempts=0), reason, LATER) == "SPOC-22"
    twice = with_setting(min_sp_attempts=2)
    assert rule_against(a_follow_up(policy=twice), reason, LATER) == "SPOC-22"
    asked_twice = a_follow_up(policy=twice, attempts=2, attempts_for={reason: 2})
    assert rule_against(asked_twice, reason, LATER) != "SPOC-22"


READY: dict[Reason, dict[str, object]] = {
    Reason.NO_SERVICE_REPORT: {},
    Reason.MISSING_INFORMATION: {"report": a_report(complete=False, missing="The model")},
    Reason.PART_UPDATE: {"report": a_report(parts_supplied_by="provider")},
    Reason.ORDER_CONFIRMATION: an_order(DUE),
}
"""What a follow-up has to know before the specialist may be contacted for each reason."""


@pytest.mark.rule("SPOC-22")
@pytest.mark.rule("G-85")
@pytest.mark.parametrize("reason", Reason)
def test_an_attempt_counts_for_the_reason_it_was_made_for(reason: Reason) -> None:
    others = {other: 1 for other in Reason if other is not reason}
    asked_for_others = a_follow_up(attempts_for=others, **READY[reason])
    assert rule_against(asked_for_others, reason, LATER) == "SPOC-22"
    asked_for_it = a_follow_up(attempts_for={reason: 1}, **READY[reason])
    assert rule_against(asked_for_it, reason, LATER) is None

    any_attempt = with_setting(attempts_per_reason=False)
    either_way = a_follow_up(attempts_for=others, policy=any_attempt, **READY[reason])
    assert rule_against(either_way, reason, LATER) is None
    from_before = a_follow_up(
        attempts_for=others, edition=Edition.FACTS_BY_MEANING, **READY[reason]
    )
    assert rule_against(from_before, reason, LATER) is None


@pytest.mark.rule("SPOC-22")
@pytest.mark.rule("G-85")
@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({}, {"no_service_report"}),
        ({"report": a_report()}, set()),
        ({"report": a_report(complete=False)}, {"missing_information"}),
        ({"report": a_report(**PARTS)}, {"part_update"}),
        (
            {"report": a_report(**PARTS, complete=False), **an_order(DUE)},
            {"missing_information", "part_update", "order_confirmation"},
        ),
    ],
)
def test_an_attempt_without_a_reason_counts_for_all_that_is_missing(
    known: dict[str, object], missing: set[str]
) -> None:
    said = {"actor": {"name": "Lee", "role": "leadership_desk"}, "channel": "phone"}
    case = a_follow_up(**known)
    assert {*attempt_counts_for(case, AskProvider.model_validate(said))} == missing
    named = AskProvider.model_validate({**said, "reason": "part_update"})
    assert attempt_counts_for(case, named) == (Reason.PART_UPDATE,)


@pytest.mark.rule("SPOC-44")
@pytest.mark.rule("G-87")
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    ("denied", "about_denial", "refused"),
    [
        (False, None, False),
        (False, False, False),
        (False, True, True),
        (True, None, True),
        (True, False, False),
        (True, True, True),
    ],
)
def test_a_denial_is_never_for_the_specialist(
    reason: Reason, *, denied: bool, about_denial: bool | None, refused: bool
) -> None:
    case = a_follow_up(denied=denied, **READY[reason])
    said = {"reason": reason, "about_denial": about_denial}
    refusal = refusal_of("contact_spoc", "leadership_desk", case, LATER, **said)
    assert (refusal.rule if refusal else None) == ("SPOC-44" if refused else None)


@pytest.mark.rule("SPOC-25")
@pytest.mark.parametrize("checked", [None, True, False])
def test_whoever_says_the_service_explanation_was_not_checked_checks_it_first(
    checked: bool | None,  # noqa: FBT001  a parameter of the test
) -> None:
    said = {"reason": "no_service_report", "service_explanation_checked": checked}
    refusal = refusal_of("contact_spoc", "leadership_desk", a_follow_up(), LATER, **said)
    assert (refusal.rule if refusal else None) == ("SPOC-25" if checked is False else None)


@pytest.mark.rule("SPOC-43")
@pytest.mark.parametrize("topic", Topic)
def test_no_question_of_another_desk_is_a_reason_to_contact_the_specialist(topic: Topic) -> None:
    refusal = refusal_of_reading("contact_spoc", "leadership_desk", reason=topic.value)
    assert refusal.kind is RefusalKind.FIELDS
    assert "reason" in refusal.message


@pytest.mark.rule("G-30")
@pytest.mark.parametrize("reason", Reason)
def test_the_specialist_is_not_asked_twice_for_the_same(reason: Reason) -> None:
    asked = a_follow_up("spoc_contacted", contacts=[{"reason": reason, "detail": "All"}])
    assert rule_against(asked, reason, LATER) == "G-30"


@pytest.mark.rule("SPOC-25")
@pytest.mark.rule("SPOC-26")
@pytest.mark.rule("SPOC-27")
@pytest.mark.parametrize(
    ("report", "now", "rule"),
    [
        (None, DUE - SECOND, "SPOC-27"),
        (None, DUE, None),
        (a_report(), LATER, "SPOC-25"),
        (a_report(complete=False), LATER, "SPOC-26"),
    ],
)
def test_a_missing_report(report: Report | None, now: datetime, rule: str | None) -> None:
    assert rule_against(a_follow_up(report=report), "no_service_report", now) == rule


def test_until_the_calendar_has_told_nothing_is_late() -> None:
    case = a_follow_up(report=a_report(**PARTS), **an_order(DUE))
    case.deadlines = {}
    assert rule_against(case, "part_update", LATER) == "SPOC-31"
    assert rule_against(case, "order_confirmation", LATER) == "SPOC-34"
    case.report = None
    assert rule_against(case, "no_service_report", LATER) == "SPOC-27"


@pytest.mark.rule("SPOC-28")
@pytest.mark.rule("SPOC-29")
@pytest.mark.parametrize(
    ("report", "named", "rule"),
    [
        (None, True, "SPOC-28"),
        (a_report(), True, "SPOC-28"),
        (a_report(missing="The model number"), False, "SPOC-28"),
        (a_report(complete=False), False, "SPOC-29"),
        (a_report(complete=False, missing=""), False, "SPOC-29"),
        (a_report(complete=False, missing="The model number"), False, None),
        (a_report(complete=False), True, None),
    ],
)
def test_information_that_is_missing(
    report: Report | None, rule: str | None, *, named: bool
) -> None:
    case = a_follow_up(report=report, missing_named=named)
    assert rule_against(case, "missing_information", LATER) == rule


FIVE_DAYS_LATER = eastern("2026-12-03 17:00")
"""Five business days after the Wednesday before Thanksgiving."""


@pytest.mark.rule("SPOC-30")
@pytest.mark.rule("SPOC-31")
@pytest.mark.rule("G-25")
@pytest.mark.parametrize(
    ("report", "now", "rule"),
    [
        (None, LATER, "SPOC-30"),
        (a_report(), LATER, "SPOC-30"),
        (a_report(parts_supplied_by="cinch"), LATER, "SPOC-30"),
        (a_report(**PARTS, part_eta="2026-12-20"), LATER, "SPOC-30"),
        (a_report(**PARTS), FIVE_DAYS_LATER, "SPOC-31"),
        (a_report(**PARTS), FIVE_DAYS_LATER + SECOND, None),
        (a_report(**PARTS, complete=False), FIVE_DAYS_LATER + SECOND, None),
    ],
)
def test_an_update_on_a_part(report: Report | None, now: datetime, rule: str | None) -> None:
    assert rule_against(a_follow_up(report=report), "part_update", now) == rule


@pytest.mark.rule("SPOC-31")
@pytest.mark.rule("G-25")
def test_the_policy_says_how_old_a_report_has_to_be() -> None:
    case = a_follow_up(policy=with_setting(part_update_age=1), report=a_report(**PARTS))
    friday = eastern("2026-11-27 17:00")
    assert rule_against(case, "part_update", friday) == "SPOC-31"
    assert rule_against(case, "part_update", friday + SECOND) is None


@pytest.mark.rule("SPOC-32")
@pytest.mark.rule("SPOC-34")
@pytest.mark.rule("G-26")
def test_an_order_to_confirm() -> None:
    friday = eastern("2026-11-27 17:00")
    assert rule_against(a_follow_up(), "order_confirmation", LATER) == "SPOC-32"
    case = a_follow_up(**an_order(DUE))
    assert rule_against(case, "order_confirmation", friday - SECOND) == "SPOC-34"
    assert rule_against(case, "order_confirmation", friday) is None


@pytest.mark.rule("SPOC-23")
@pytest.mark.parametrize("role", ["leadership_desk", "spoc_specialist"])
def test_information_is_received_only_where_it_was_asked_for(role: str) -> None:
    refusal = refusal_of("information_received", role, a_follow_up(), LATER)
    assert refusal is not None
    assert refusal.rule == "SPOC-23"
    asked = a_follow_up(contacts=[{"reason": "part_update", "detail": "When?"}])
    for case in (asked, a_follow_up(**an_order(DUE))):
        assert refusal_of("information_received", role, case, LATER) is None


# --- what is not for the specialist -----------------------------------------------------------

ROUTES = {
    "work_approved_unclear": ("SPOC-35", "a team lead or a supervisor"),
    "cinch_part_eta": ("SPOC-36", "normal process"),
    "cinch_part_no_eta": ("SPOC-37", "PR-Tracking Exception"),
    "scheduling": ("SPOC-38", "until the appointment is confirmed (SPOC-39)"),
    "appliance_replacement": ("SPOC-40", "provider is no longer involved (SPOC-41)"),
    "cinch_equipment_eta": ("SPOC-42", "PR-Tracking Exception"),
    "parts_research": ("SPOC-43", "Parts Sourcing"),
    "confirmed_denial": ("SPOC-44", "procedures for denials and denial disputes (SPOC-45)"),
}


@pytest.mark.rule("SPOC-35")
@pytest.mark.rule("SPOC-36")
@pytest.mark.rule("SPOC-37")
@pytest.mark.rule("SPOC-38")
@pytest.mark.rule("SPOC-39")
@pytest.mark.rule("SPOC-40")
@pytest.mark.rule("SPOC-41")
@pytest.mark.rule("SPOC-42")
@pytest.mark.rule("SPOC-43")
@pytest.mark.rule("SPOC-44")
@pytest.mark.rule("SPOC-45")
@pytest.mark.rule("G-68")
@pytest.mark.parametrize("topic", Topic)
@pytest.mark.parametrize("role", sorted(EMPLOYEES))
def test_every_question_has_another_way_to_go(topic: Topic, role: Role) -> None:
    assert set(ROUTES) == set(Topic)
    rule, words = ROUTES[topic]
    found = route(topic, role, POLICY.spoc)
    assert found.rule == rule
    assert words in found.way
    assert "{" not in found.way


@pytest.mark.rule("SPOC-37")
@pytest.mark.rule("SPOC-42")
@pytest.mark.rule("G-27")
@pytest.mark.rule("G-28")
@pytest.mark.parametrize("topic", [Topic.CINCH_PART_NO_ETA, Topic.CINCH_EQUIPMENT_ETA])
def test_the_purchasing_form_is_for_those_who_have_it(topic: Topic) -> None:
    both = "pen a PR-Tracking Exception if there is no ETA or tracking or the ETA has passed."
    for role in (Role.LEADERSHIP_DESK, Role.SUPERVISOR, Role.ESCALATIONS):
        assert route(topic, role, POLICY.spoc).way == (
            f"Use the Purchasing Escalation Form, or o{both}"
        )
    assert route(topic, Role.DISPATCH, POLICY.spoc).way == (
        f"O{both} The Purchasing Escalation Form is for the Leadership Desk, a supervisor and "
        "Escalations."
    )
    policy = with_setting(
        purchasing_form_roles=(Role.DISPATCH,), pr_tracking_conditions=("eta_passed",)
    ).spoc
    assert route(topic, Role.DISPATCH, policy).way == (
        "Use the Purchasing Escalation Form, or open a PR-Tracking Exception if the ETA has passed."
    )
    assert route(topic, Role.SUPERVISOR, policy).way.endswith(" is for Dispatch.")


# --- how it goes on ---------------------------------------------------------------------------

ASKED = (Contact(reason=Reason.NO_SERVICE_REPORT, detail="All"),)
PARTIAL = a_report(complete=False)


@pytest.mark.parametrize(
    ("facts", "stage"),
    [
        ({}, "awaiting_report"),
        ({"overdue": True}, "report_overdue"),
        ({"overdue": True, "report": PARTIAL}, "missing_information"),
        ({"overdue": True, "report": a_report()}, "report_received"),
        ({"contacts": ASKED}, "spoc_contacted"),
        ({"contacts": ASKED, "overdue": True, "report": PARTIAL}, "spoc_contacted"),
        ({"contacts": ASKED, "report": a_report()}, "spoc_contacted"),
    ],
)
def test_the_facts_say_where_a_follow_up_stands(facts: dict[str, object], stage: str) -> None:
    assert stage_by_the_facts(a_follow_up(**facts)) == stage


@pytest.mark.rule("SPOC-23")
@pytest.mark.parametrize(
    ("report", "owed"),
    [
        (a_report(), {"order_confirmation"}),
        (PARTIAL, {"missing_information", "order_confirmation"}),
        (a_report(**PARTS), {"part_update", "order_confirmation"}),
        (a_report(**PARTS, part_eta="2026-12-20"), {"order_confirmation"}),
    ],
)
def test_a_report_may_be_what_the_specialist_was_to_get(report: Report, owed: set[str]) -> None:
    all_four = tuple(Contact(reason=reason, detail="All") for reason in Reason)
    assert {contact.reason for contact in still_owed(all_four, report)} == owed
    assert [each.reason for each in requests_that_stay_open(all_four)] == ["order_confirmation"]


@pytest.mark.rule("SPOC-23")
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("report", [None, PARTIAL])
def test_what_the_specialist_got_is_asked_of_nobody_again(
    reason: Reason, report: Report | None
) -> None:
    case = a_follow_up(report=report, contacts=[{"reason": reason, "detail": "All"}])
    after = report_once_delivered(case, LATER)
    if reason in (Reason.NO_SERVICE_REPORT, Reason.MISSING_INFORMATION):
        assert after is not None
        assert (after.complete, after.at) == (True, DUE if report else LATER)
    else:
        assert after == report


# --- what is waited for -----------------------------------------------------------------------


@pytest.mark.rule("SPOC-13")
@pytest.mark.rule("G-22")
@pytest.mark.parametrize(
    ("appointment", "due"),
    [
        ("2026-11-24 10:00", "2026-11-25 17:00"),
        ("2026-11-24 17:00", "2026-11-25 17:00"),
        ("2026-11-24 17:01", "2026-11-27 17:00"),
        ("2026-11-25 10:00", "2026-11-27 17:00"),
        ("2026-11-26 10:00", "2026-11-30 17:00"),
        ("2026-11-27 17:30", "2026-12-01 17:00"),
        ("2026-11-28 10:00", "2026-12-01 17:00"),
    ],
)
def test_the_report_is_due_a_business_day_after_the_diagnosis(appointment: str, due: str) -> None:
    fields: dict[str, JsonValue] = {
        "kind": "diagnosis",
        "at": eastern(appointment).isoformat(),
    }
    cause = Cause(kind="event", name="job.appointment_confirmed", fields=fields)
    case = a_start(cause=cause).opened()
    awaited = promise(case)
    assert (awaited.waiting_on, awaited.rule) == (Role.PROVIDER, "SPOC-13")
    assert awaited.since == APPOINTMENT - timedelta(days=1)
    assert resolve(awaited.due, POLICY.calendar) == eastern(due)


def test_a_later_run_takes_the_case_up_as_it_stands() -> None:
    case = a_follow_up("report_received", report=a_report())
    assert a_start(case=case).opened() == case


def test_what_begins_it_names_the_diagnosis() -> None:
    with pytest.raises(ValidationError):
        a_start(cause=Cause(kind="event", name="job.assigned")).opened()


@pytest.mark.rule("SPOC-12")
@pytest.mark.rule("SPOC-14")
@pytest.mark.rule("SPOC-27")
@pytest.mark.rule("SPOC-28")
@pytest.mark.rule("G-30")
@pytest.mark.parametrize(
    ("stage", "who", "rule", "due"),
    [
        ("report_overdue", "provider", "SPOC-27", DueAfterBusinessDays(days=1, since=DUE)),
        ("missing_information", "provider", "SPOC-28", DueAfterBusinessDays(days=1, since=DUE)),
        ("spoc_contacted", "spoc_specialist", "G-30", DueAt(at=DUE + timedelta(hours=24))),
        ("report_received", "provider", "SPOC-14", DueAt(at=DUE + timedelta(days=30))),
    ],
)
def test_who_is_waited_for_in_a_stage(
    stage: str, who: str, rule: str, due: DueAfterBusinessDays | DueAt
) -> None:
    awaited = promise(a_follow_up(stage, counts_from=DUE, contacts=ASKED))
    assert (awaited.waiting_on, awaited.rule, awaited.due) == (who, rule, due)


def test_the_specialist_is_waited_for_by_what_they_owe() -> None:
    asked = (*ASKED, Contact(reason=Reason.PART_UPDATE, detail="When?"))
    case = a_follow_up("spoc_contacted", contacts=asked)
    assert promise(case).duty == (
        "get the service report and an update on the part from the provider"
    )
    assert case.needed == "the service report: All\nan update on the part: When?"


@pytest.mark.parametrize("stage", ["report_overdue", "missing_information", "spoc_contacted"])
def test_reminders_come_to_an_end(stage: str) -> None:
    def waiting(reminded: int) -> SpocCase:
        return a_follow_up(stage, counts_from=DUE, reminded=reminded, contacts=ASKED)

    rounds = chase(waiting(0)).reminders.attempts
    promises = [promise(waiting(reminded)) for reminded in range(rounds + 2)]
    assert [each.due is None for each in promises] == [False] * (rounds + 1) + [True]
    assert all(one.key != other.key for one, other in pairwise(promises))
    assert "the Leadership Desk gets a task" in promises[-2].then


def test_every_stage_waits_for_somebody() -> None:
    keys = {promise(a_follow_up(stage, counts_from=DUE)).key for stage in Stage.running()}
    assert len(keys) == len(Stage.running())
    assert set(Stage.running()).isdisjoint({Stage.CLOSED, Stage.CANCELLED})
