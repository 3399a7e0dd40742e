"""What each guard says when it refuses: the rule, the sentence, and what to do instead.

Other tests say when a rule refuses. These hold the words, by which people act.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from domain.am_escalation.commands import COMMANDS as ESCALATION
from domain.apo.commands import COMMANDS as OPTION
from domain.apo.rules import task_after_end
from domain.commands import CommandTable
from domain.exceptions import ExceptionCode
from domain.lifecycles import Case
from domain.plus_one.case import Stage as Search
from domain.plus_one.commands import COMMANDS as SEARCH
from domain.plus_one.rules import not_for_plusone
from domain.reassignment.commands import COMMANDS as CONFERENCE
from domain.reassignment.kind import REASSIGNMENT
from domain.refusals import Refusal, Refused
from domain.roles import Role
from domain.spoc.case import SpocCase
from domain.spoc.commands import COMMANDS as FOLLOW_UP
from tests.domain import apo_cases as apo
from tests.domain import reassignment_cases as conference
from tests.domain import spoc_cases as spoc
from tests.domain import test_am_escalation as am
from tests.domain.factories import (
    POLICY,
    WINDOW_ENDS,
    a_case,
    a_job,
    a_payload,
    an_event,
    an_option,
)


def refused(
    commands: CommandTable, command: str, role: str, case: Case, now: datetime, **fields: object
) -> Refusal:
    request = commands.read(command, a_payload(role, **fields))
    with pytest.raises(Refused) as raised:
        commands.check(request, case.stage, case, now, begun=case.begun)
    return raised.value.refusal


# --- PlusOne search ---------------------------------------------------------------------------


def of_moving(role: str, to: str) -> Refusal:
    said = {"to": to, "reason": "They ask for it"}
    return refused(
        SEARCH, "request_reassignment", role, a_case(Search.SEARCHING), WINDOW_ENDS, **said
    )


def of_shipping() -> Refusal:
    tampa = {"line": "5 Bay St", "city": "Tampa", "state": "FL", "zip": "33602"}
    said = {"company": "PlusOne", "ship_to": tampa, "what": "Cartridge"}
    return refused(
        SEARCH, "supply_parts", "parts_sourcing", a_case(Search.ACCEPTED), WINDOW_ENDS, **said
    )


def never_for_plusone(**job: object) -> Refusal | None:
    return not_for_plusone(a_job(**job), POLICY)


# --- Alternate Provider Option ----------------------------------------------------------------


def of_offer(
    role: str, at: datetime = apo.NIGHT, /, *, refusals: int = 0, **fields: object
) -> Refusal:
    case = apo.offered(at, remembered={"refusals": refusals})
    return refused(OPTION, "offer_apo", role, case, at, **{**apo.FIELDS["offer_apo"], **fields})


def of_item(item: dict[str, str]) -> Refusal:
    case = apo.offered(apo.NIGHT, job=apo.a_dispatch_job(item))
    return refused(OPTION, "offer_apo", "supervisor", case, apo.NIGHT, **apo.FIELDS["offer_apo"])


def of_offer_when(status: str) -> Refusal:
    case = apo.offered(apo.NIGHT, job=apo.a_dispatch_job(status=status))
    return refused(OPTION, "offer_apo", "dispatch", case, apo.NIGHT, **apo.FIELDS["offer_apo"])


def of_approval(name: str, *, capped: bool = False) -> Refusal:
    case = apo.asked_for(apo.NOON, capped=capped, remembered={"refusals": 2 if capped else 0})
    actor = {"actor": {"name": name, "role": "dispatch"}}
    return refused(OPTION, "approve_apo", "dispatch", case, apo.NOON, **actor)


def of_option(command: str, role: str, /, *, case: dict[str, Any], **fields: object) -> Refusal:
    said = {**apo.FIELDS[command], **fields}
    return refused(OPTION, command, role, an_option(**case), apo.NOON, **said)


def of_documents(ended_as: str | None) -> Refusal:
    case = an_option(begun=False, memory={"ended_as": ended_as})
    said = {"paid_invoice": False}
    return refused(OPTION, "documents_received", "customer", case, apo.NOON, **said)


# --- Area Manager escalation ------------------------------------------------------------------


def of_complaint(command: str, role: str, stage: str, **fields: object) -> Refusal:
    said = {**am.FIELDS[command], **fields}
    return refused(ESCALATION, command, role, am.a_complaint(stage), am.NOON, **said)


# --- SPoC follow-up ---------------------------------------------------------------------------


def of_contact(reason: str, /, **case: object) -> Refusal:
    return of_contact_in(spoc.a_follow_up(**case), reason)


def before_the_calendar_tells(reason: str, /, **case: object) -> Refusal:
    follow_up = spoc.a_follow_up(**case)
    follow_up.deadlines = {}
    return of_contact_in(follow_up, reason)


def of_contact_in(follow_up: SpocCase, reason: str) -> Refusal:
    said = {**spoc.FIELDS["contact_spoc"], "reason": reason}
    return refused(FOLLOW_UP, "contact_spoc", "leadership_desk", follow_up, spoc.CONFIRMED, **said)


def of_information() -> Refusal:
    said = spoc.FIELDS["information_received"]
    return refused(
        FOLLOW_UP, "information_received", "leadership_desk", spoc.a_follow_up(), spoc.DUE, **said
    )


# --- reassignment by conference ---------------------------------------------------------------


def of_a_time(command: str, stage: str, field: str) -> Refusal:
    case = conference.a_reassignment(conference.TULSA, stage=stage)
    said = {**conference.FIELDS[command], field: conference.NOON.isoformat()}
    return refused(CONFERENCE, command, "dispatch", case, conference.NOON, **said)


def of_starting(status: str) -> Refusal:
    job = a_job(status=status, assigned_to={"name": "Tulsa Plumbing"})
    case = conference.a_reassignment(conference.TULSA, job=job, begun=False)
    said = conference.FIELDS["start_reassignment"]
    return refused(CONFERENCE, "start_reassignment", "dispatch", case, conference.NOON, **said)


REFUSALS = [
    pytest.param(
        lambda: of_moving("customer_service", "Alternate Provider Option"),
        "APO-18",
        "Only Dispatch can put a job on Alternate Provider Option (APO-18, APO-19).",
        "Ask Dispatch to offer APO.",
        marks=pytest.mark.rule("APO-18"),
    ),
    pytest.param(
        lambda: of_moving("dispatch", "PlusOne Solutions"),
        None,
        "PlusOne already has this job.",
        "Enter the account that should get the job.",
    ),
    pytest.param(
        of_shipping,
        "PO-54",
        "Don't ship to PlusOne's own address in FL (PO-54).",
        (
            "Enter the shop of the company that does the work. If Oracle shows PlusOne's address, "
            "set `oracle_update`: a supervisor corrects it (PO-55)."
        ),
        marks=pytest.mark.rule("PO-54"),
    ),
    pytest.param(
        lambda: never_for_plusone(severity="Emergency"),
        "PO-04",
        "PlusOne can't take Emergency jobs (PO-04).",
        "Find a provider using the emergency procedure.",
        marks=pytest.mark.rule("PO-04"),
    ),
    pytest.param(
        lambda: never_for_plusone(trade="Roofing"),
        "PO-01",
        "PlusOne doesn't serve this trade: Roofing (PO-01).",
        "Find a provider for this trade.",
        marks=pytest.mark.rule("PO-01"),
    ),
    pytest.param(
        lambda: of_offer("supervisor", apo.NOON),
        "APO-20",
        "Supervisors can authorize APO only after hours and on weekends (APO-20).",
        "Ask Dispatch to decide. Dispatch can offer or approve APO at any time.",
        marks=pytest.mark.rule("APO-20"),
    ),
    pytest.param(
        lambda: of_item(apo.OTHER),
        "APO-21",
        "Supervisors can authorize APO only for HVAC, water heaters and refrigerators (APO-21).",
        "Ask Dispatch to decide. Dispatch can offer or approve APO for any item.",
        marks=pytest.mark.rule("APO-21"),
    ),
    pytest.param(
        lambda: of_offer("supervisor", in_network_exhausted=False),
        "APO-22",
        (
            "Supervisors can authorize APO only when every effort to find an in-network provider "
            "has failed (APO-22)."
        ),
        "Have the search continued. If every effort has failed, say so: `in_network_exhausted`.",
        marks=pytest.mark.rule("APO-22"),
    ),
    pytest.param(
        lambda: of_offer("escalations"),
        "APO-43",
        (
            "Escalations can offer APO only after completing its own Service Locator and calling "
            "every provider on it (APO-43)."
        ),
        "Do both first, or request APO (`request_apo`).",
        marks=pytest.mark.rule("APO-43"),
    ),
    pytest.param(
        lambda: of_offer("escalations", locator_completed=True, all_providers_called=True),
        "APO-44",
        (
            "Escalations can offer APO only when the customer escalates a delay and the job is "
            "already with Dispatch (APO-44)."
        ),
        "Request APO (`request_apo`). Someone else then decides.",
        marks=pytest.mark.rule("APO-44"),
    ),
    pytest.param(
        lambda: of_offer("dispatch", refusals=2),
        "G-35",
        "The customer has already refused APO 2 times (G-35).",
        "Request APO (`request_apo`). A supervisor then decides.",
        marks=pytest.mark.rule("G-35"),
    ),
    pytest.param(
        lambda: of_offer_when("Completed"),
        None,
        "The job is completed, so APO can't be offered.",
        (
            "If the customer sent a paid invoice, ask Support Services to log it "
            "(`documents_received`)."
        ),
    ),
    pytest.param(
        lambda: of_approval("Dana"),
        "G-74",
        "Dana requested APO. Nobody can approve their own request (G-74).",
        "Ask someone else in Dispatch, or a supervisor, to decide.",
        marks=pytest.mark.rule("G-74"),
    ),
    pytest.param(
        lambda: of_approval("Robin", capped=True),
        "G-35",
        "The customer has refused APO 2 times. Only a supervisor can decide now (G-35).",
        "Ask a supervisor to approve or decline APO.",
        marks=pytest.mark.rule("G-35"),
    ),
    pytest.param(
        lambda: of_option("customer_refused", "customer_service", case={"reopened": True}),
        "APO-37",
        (
            "APO already ended on this job. A late invoice is being handled, and the job stays as "
            "it is (APO-37)."
        ),
        "Ask Support Services to review the customer's documents.",
        marks=pytest.mark.rule("APO-37"),
    ),
    pytest.param(
        lambda: of_documents("declined"),
        None,
        "APO has ended on this job: APO declined.",
        "Send the paid invoice: it reopens the case at any time.",
    ),
    pytest.param(
        lambda: of_documents(None),
        None,
        "APO was never offered on this job.",
        "Ask Dispatch what happens with this job.",
    ),
    pytest.param(
        lambda: of_option("instructions_not_received", "customer_service", case={}),
        "APO-10",
        "E-mail doesn't reach this customer at the address on file (APO-10).",
        (
            "Ask for the right address and enter it (`corrected_email`), or send the instructions "
            "by mail (`by_mail`)."
        ),
        marks=pytest.mark.rule("APO-10"),
    ),
    pytest.param(
        lambda: of_option(
            "payment_chosen", "customer", case={"stage": "offer_sent"}, method="electronic_transfer"
        ),
        "G-44",
        "An electronic transfer needs a working e-mail address. There is none on file.",
        "Choose a check.",
        marks=pytest.mark.rule("G-44"),
    ),
    pytest.param(
        lambda: of_complaint(
            "provider_contacted", "customer_service", "contacting_provider", resolved=True
        ),
        None,
        "A provider you didn't reach can't have settled the concern.",
        (
            "Log the call as not resolved. If the customer says it's settled, resolve the concern "
            "(`resolve`)."
        ),
    ),
    pytest.param(
        lambda: of_complaint(
            "second_contact_made", "customer_service", "second_contact", exception_code=None
        ),
        "AM-19",
        "This opens an Exception, so it needs a code (AM-19).",
        f"Choose one of the 13 codes (`exception_code`): {', '.join(ExceptionCode)}.",
        marks=pytest.mark.rule("AM-19"),
    ),
    pytest.param(
        lambda: of_complaint(
            "second_contact_made", "customer_service", "second_contact", comment=None
        ),
        "AM-18",
        "This opens an Exception, so it needs a comment (AM-18).",
        "Say which commitment was missed or what help you need (`comment`).",
        marks=pytest.mark.rule("AM-18"),
    ),
    pytest.param(
        lambda: of_complaint(
            "record_feedback", "customer_service", "awaiting_callback", exception_code="NCNS"
        ),
        "G-17",
        "NCNS is a complaint, not feedback. The provider is called first (G-17).",
        "Report a concern (`report_concern`). For feedback, choose GREAT SVC or PROFILE UPDATE.",
        marks=pytest.mark.rule("G-17"),
    ),
    pytest.param(
        lambda: of_complaint("admin_reviewed", "admin_team", "awaiting_callback"),
        "AM-33",
        "There's no Exception to review yet (AM-33).",
        "Nothing to do now. You get a task when an Exception is opened.",
        marks=pytest.mark.rule("AM-33"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report", attempts=0),
        "SPOC-22",
        "Contact the provider first and log the attempt. None is on record yet (SPOC-22).",
        "Ask the provider, then log it (`ask_provider`).",
        marks=pytest.mark.rule("SPOC-22"),
    ),
    pytest.param(
        lambda: of_contact(
            "no_service_report", contacts=[{"reason": "no_service_report", "detail": "All"}]
        ),
        "G-30",
        "The specialist was already asked for the service report. Reminders go out automatically "
        "(G-30).",
        "Wait for the answer, log it (`information_received`), or engage the Area Manager "
        "(`engage_area_manager`).",
        marks=pytest.mark.rule("G-30"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report", report=spoc.a_report()),
        "SPOC-25",
        "The service report came in Wed, Nov 25, 5:00 PM ET (SPOC-25).",
        "Read the report. Unclear next steps? Find out where the question goes (`route_question`).",
        marks=pytest.mark.rule("SPOC-25"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report", report=spoc.a_report(complete=False)),
        "SPOC-26",
        "A partial report came in Wed, Nov 25, 5:00 PM ET (SPOC-26).",
        "Contact the specialist with the reason `missing_information`.",
        marks=pytest.mark.rule("SPOC-26"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report"),
        "SPOC-27",
        "The provider has until Wed, Nov 25, 5:00 PM ET to enter the report (SPOC-27).",
        "Wait until then. The provider is reminded automatically.",
        marks=pytest.mark.rule("SPOC-27"),
    ),
    pytest.param(
        lambda: before_the_calendar_tells("no_service_report"),
        "SPOC-27",
        "The provider has one business day after the diagnosis to enter the report (SPOC-27).",
        "Wait until then. The provider is reminded automatically.",
        marks=pytest.mark.rule("SPOC-27"),
    ),
    pytest.param(
        lambda: of_contact("missing_information"),
        "SPOC-28",
        "No report has come in yet. Only a partial report can lack information (SPOC-28).",
        "Contact the specialist with the reason `no_service_report`.",
        marks=pytest.mark.rule("SPOC-28"),
    ),
    pytest.param(
        lambda: of_contact("missing_information", report=spoc.a_report()),
        "SPOC-28",
        "The report is complete. Only a partial report can lack information (SPOC-28).",
        "Read the report. Unclear next steps? Find out where the question goes (`route_question`).",
        marks=pytest.mark.rule("SPOC-28"),
    ),
    pytest.param(
        lambda: of_contact("missing_information", report=spoc.a_report(complete=False)),
        "SPOC-29",
        "Nothing on the job says what the report lacks (SPOC-29).",
        "Ask Authorizations or the Decision Desk to note what is needed.",
        marks=pytest.mark.rule("SPOC-29"),
    ),
    pytest.param(
        lambda: of_contact("part_update", report=spoc.a_report()),
        "SPOC-30",
        "The job doesn't show parts from the provider without an ETA (SPOC-30).",
        "Does Cinch supply the part? Find out where the question goes (`route_question`, "
        "topic `cinch_part_eta`).",
        marks=pytest.mark.rule("SPOC-30"),
    ),
    pytest.param(
        lambda: of_contact("part_update", report=spoc.a_report(parts_supplied_by="provider")),
        "SPOC-31",
        "The report isn't more than 5 business days old yet. Wait until after Thu, Dec 3, "
        "5:00 PM ET (SPOC-31).",
        "Ask the provider again and log it (`ask_provider`).",
        marks=pytest.mark.rule("SPOC-31"),
    ),
    pytest.param(
        lambda: before_the_calendar_tells(
            "part_update", report=spoc.a_report(parts_supplied_by="provider")
        ),
        "SPOC-31",
        "The report isn't more than 5 business days old yet (SPOC-31).",
        "Ask the provider again and log it (`ask_provider`).",
        marks=pytest.mark.rule("SPOC-31"),
    ),
    pytest.param(
        lambda: of_contact("order_confirmation"),
        "SPOC-32",
        "No order is waiting for the provider's confirmation (SPOC-32).",
        "Does Cinch order the parts? Find out where the question goes (`route_question`).",
        marks=pytest.mark.rule("SPOC-32"),
    ),
    pytest.param(
        lambda: of_contact("order_confirmation", **spoc.an_order(spoc.DUE)),
        "SPOC-34",
        "The provider has until Fri, Nov 27, 5:00 PM ET to confirm the order (SPOC-34).",
        "Wait until then. The Leadership Desk gets a task if the provider doesn't confirm.",
        marks=pytest.mark.rule("SPOC-34"),
    ),
    pytest.param(
        lambda: before_the_calendar_tells("order_confirmation", **spoc.an_order(spoc.DUE)),
        "SPOC-34",
        "The provider has one business day to confirm the order (SPOC-34).",
        "Wait until then. The Leadership Desk gets a task if the provider doesn't confirm.",
        marks=pytest.mark.rule("SPOC-34"),
    ),
    pytest.param(
        lambda: of_contact(
            "missing_information",
            report=spoc.a_report(complete=False, missing="The model"),
            attempts_for={"no_service_report": 1},
        ),
        "SPOC-22",
        "Contact the provider first about the information missing from the report and log the "
        "attempt. None is on record yet (SPOC-22).",
        "Ask the provider, then log it (`ask_provider`).",
        marks=pytest.mark.rule("SPOC-22"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report", denied=True),
        "SPOC-44",
        "The Decision Desk denied this job. Don't ask the specialist about the denial (SPOC-44).",
        "Follow the procedures for denials and denial disputes. Asking about something else? Send "
        "`about_denial` as false.",
        marks=pytest.mark.rule("SPOC-44"),
    ),
    pytest.param(
        of_information,
        "SPOC-23",
        "The specialist wasn't asked for anything on this job, and no order is open (SPOC-23).",
        "Log what the provider said (`ask_provider`). Reports come in automatically.",
        marks=pytest.mark.rule("SPOC-23"),
    ),
    pytest.param(
        lambda: of_a_time("provider_answered", "calling_provider", "earliest_appointment"),
        "CONF-22",
        "earliest_appointment: Tue, Nov 24, 12:00 PM ET has already passed (CONF-22).",
        "Ask for a time in the future.",
        marks=pytest.mark.rule("CONF-22"),
    ),
    pytest.param(
        lambda: of_a_time("provider_conference", "asking_provider", "will_contact_by"),
        "CONF-24",
        "will_contact_by: Tue, Nov 24, 12:00 PM ET has already passed (CONF-24).",
        "Ask for a time in the future.",
        marks=pytest.mark.rule("CONF-24"),
    ),
    pytest.param(
        lambda: of_a_time("appointment_captured", "conferencing", "at"),
        "CONF-36",
        "at: Tue, Nov 24, 12:00 PM ET has already passed (CONF-36).",
        "Ask for a time in the future.",
        marks=pytest.mark.rule("CONF-36"),
    ),
    pytest.param(
        lambda: of_starting("Completed"),
        None,
        "This job is Completed, so it can't be reassigned.",
        "Start again once the job is reopened in the job system.",
    ),
]


@pytest.mark.parametrize(("refusal", "rule", "message", "instead"), REFUSALS)
def test_a_refusal_says_what_and_what_instead(
    refusal: Callable[[], Refusal | None], rule: str | None, message: str, instead: str
) -> None:
    said = refusal()
    assert said is not None
    assert (said.rule, said.message, said.instead) == (rule, message, instead)


def test_a_document_after_the_end_is_somebodys_task() -> None:
    document = an_event("document.received", data={"kind": "estimate"})
    task = task_after_end(document, "declined")
    assert task is not None
    assert (task.role, task.task) == (Role.SUPPORT_SERVICES, "document_after_the_end")
    assert task.text == (
        "Look at what the customer sent: an estimate. APO has ended: APO declined. Tell the "
        "customer what happens next."
    )


def test_no_event_starts_a_conference() -> None:
    assert not REASSIGNMENT.starts_on(an_event("job.assigned"))
