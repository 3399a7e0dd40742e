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
        "Supervisors authorise the option from 17:00 to 07:00 Eastern and on weekends.",
        "leave it to dispatch, which may offer it at any hour",
        marks=pytest.mark.rule("APO-20"),
    ),
    pytest.param(
        lambda: of_item(apo.OTHER),
        "APO-21",
        (
            "Supervisors authorise the option for heating and A/C, water heaters and "
            "refrigerators; the category of this item is other."
        ),
        "leave it to dispatch",
        marks=pytest.mark.rule("APO-21"),
    ),
    pytest.param(
        lambda: of_offer("supervisor", in_network_exhausted=False),
        "APO-22",
        (
            "Supervisors authorise the option only when every effort to find a provider in the "
            "network has failed."
        ),
        "go on searching; what is asked for may be declined, and asked for anew",
        marks=pytest.mark.rule("APO-22"),
    ),
    pytest.param(
        lambda: of_offer("escalations"),
        "APO-43",
        (
            "Escalations offers the option only after its own Service Locator, with all providers"
            " on it called."
        ),
        "complete the Service Locator, or request_apo",
        marks=pytest.mark.rule("APO-43"),
    ),
    pytest.param(
        lambda: of_offer("escalations", locator_completed=True, all_providers_called=True),
        "APO-44",
        (
            "Escalations offers the option only when the customer escalates a delay and the job "
            "is with Dispatch already."
        ),
        "request_apo",
        marks=pytest.mark.rule("APO-44"),
    ),
    pytest.param(
        lambda: of_offer("dispatch", refusals=2),
        "G-35",
        "The customer has refused the option 2 times.",
        "request_apo",
        marks=pytest.mark.rule("G-35"),
    ),
    pytest.param(
        lambda: of_offer_when("Completed"),
        None,
        "The job is Completed.",
        "documents_received takes a late paid invoice; for all else see the job",
    ),
    pytest.param(
        lambda: of_approval("Dana"),
        "APO-19",
        "Dana asked for it: nobody approves a request of their own.",
        "let somebody else decide",
        marks=pytest.mark.rule("APO-19"),
    ),
    pytest.param(
        lambda: of_approval("Robin", capped=True),
        "G-35",
        "The customer has refused the option 2 times: a supervisor decides.",
        "ask a supervisor",
        marks=pytest.mark.rule("G-35"),
    ),
    pytest.param(
        lambda: of_option("customer_refused", "customer_service", case={"reopened": True}),
        "APO-37",
        "The option was settled: the late invoice is reviewed, and the job left as it is.",
        "documents_approved or documents_rejected",
        marks=pytest.mark.rule("APO-37"),
    ),
    pytest.param(
        lambda: of_documents("declined"),
        None,
        "The option of this job has ended as declined.",
        "only a paid invoice reopens it (APO-36), once it was settled",
    ),
    pytest.param(
        lambda: of_documents(None),
        None,
        "The option was never open for this job.",
        "only a paid invoice reopens it (APO-36), once it was settled",
    ),
    pytest.param(
        lambda: of_option("instructions_not_received", "customer_service", case={}),
        "APO-10",
        "No e-mail reaches this customer at the address on file.",
        "verify the address and send corrected_email, or by_mail",
        marks=pytest.mark.rule("APO-10"),
    ),
    pytest.param(
        lambda: of_option(
            "payment_chosen", "customer", case={"stage": "offer_sent"}, method="electronic_transfer"
        ),
        "G-44",
        "An electronic transfer needs a working e-mail address, and this customer has none.",
        "method check",
        marks=pytest.mark.rule("G-44"),
    ),
    pytest.param(
        lambda: of_complaint(
            "provider_contacted", "customer_service", "contacting_provider", resolved=True
        ),
        None,
        "A provider that was not reached has not resolved anything.",
        "resolved false; resolve ends it where the customer says that it is settled",
    ),
    pytest.param(
        lambda: of_complaint(
            "second_contact_made", "customer_service", "second_contact", exception_code=None
        ),
        "AM-19",
        "An Exception is opened, and exception_code is missing.",
        "send exception_code: one of the thirteen codes",
        marks=pytest.mark.rule("AM-19"),
    ),
    pytest.param(
        lambda: of_complaint(
            "second_contact_made", "customer_service", "second_contact", comment=None
        ),
        "AM-18",
        "An Exception is opened, and comment is missing.",
        "send comment: what was missed, or what help is needed",
        marks=pytest.mark.rule("AM-18"),
    ),
    pytest.param(
        lambda: of_complaint(
            "record_feedback", "customer_service", "awaiting_callback", exception_code="NCNS"
        ),
        "G-17",
        (
            "NCNS is a complaint, which goes by way of the provider; feedback is GREAT SVC or "
            "PROFILE UPDATE."
        ),
        "report_concern",
        marks=pytest.mark.rule("G-17"),
    ),
    pytest.param(
        lambda: of_complaint("admin_reviewed", "admin_team", "awaiting_callback"),
        "AM-33",
        "There is no Exception to review yet.",
        "wait for second_contact_made or record_feedback",
        marks=pytest.mark.rule("AM-33"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report", attempts=0),
        "SPOC-22",
        "The provider is asked before the specialist: 0 of 1 attempts stand on the job.",
        "ask the provider, and log it with ask_provider",
        marks=pytest.mark.rule("SPOC-22"),
    ),
    pytest.param(
        lambda: of_contact(
            "no_service_report", contacts=[{"reason": "no_service_report", "detail": "All"}]
        ),
        "G-30",
        "The specialist was asked for this already (the service report), and is reminded.",
        "wait, write down what came with information_received, or engage_area_manager",
        marks=pytest.mark.rule("G-30"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report", report=spoc.a_report()),
        "SPOC-25",
        "The Service Explanation has a report since Wed 25 Nov 2026 22:00 UTC.",
        "read it; for what is unclear in it, route_question",
        marks=pytest.mark.rule("SPOC-25"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report", report=spoc.a_report(complete=False)),
        "SPOC-26",
        "A claim with details was submitted at Wed 25 Nov 2026 22:00 UTC, though not all.",
        "contact_spoc with reason missing_information",
        marks=pytest.mark.rule("SPOC-26"),
    ),
    pytest.param(
        lambda: of_contact("no_service_report"),
        "SPOC-27",
        "The provider has until Wed 25 Nov 2026 22:00 UTC to enter the report.",
        "wait until then; the provider is reminded by itself",
        marks=pytest.mark.rule("SPOC-27"),
    ),
    pytest.param(
        lambda: before_the_calendar_tells("no_service_report"),
        "SPOC-27",
        "The provider has a business day after the diagnosis to enter the report.",
        "wait until then; the provider is reminded by itself",
        marks=pytest.mark.rule("SPOC-27"),
    ),
    pytest.param(
        lambda: of_contact("missing_information"),
        "SPOC-28",
        "No report has come: only a partial one lacks information.",
        "contact_spoc with reason no_service_report",
        marks=pytest.mark.rule("SPOC-28"),
    ),
    pytest.param(
        lambda: of_contact("missing_information", report=spoc.a_report()),
        "SPOC-28",
        "The report is complete: only a partial one lacks information.",
        "for what is unclear in it, route_question",
        marks=pytest.mark.rule("SPOC-28"),
    ),
    pytest.param(
        lambda: of_contact("missing_information", report=spoc.a_report(complete=False)),
        "SPOC-29",
        "Nothing on the job says what the report lacks.",
        "have Authorizations or the Decision Desk note what is needed",
        marks=pytest.mark.rule("SPOC-29"),
    ),
    pytest.param(
        lambda: of_contact("part_update", report=spoc.a_report()),
        "SPOC-30",
        "No report says that the provider supplies the parts without telling when they come.",
        "route_question with topic cinch_part_eta, if Cinch supplies them",
        marks=pytest.mark.rule("SPOC-30"),
    ),
    pytest.param(
        lambda: of_contact("part_update", report=spoc.a_report(parts_supplied_by="provider")),
        "SPOC-31",
        "The report has to be more than 5 business days old, after Thu 03 Dec 2026 22:00 UTC.",
        "ask the provider again with ask_provider",
        marks=pytest.mark.rule("SPOC-31"),
    ),
    pytest.param(
        lambda: before_the_calendar_tells(
            "part_update", report=spoc.a_report(parts_supplied_by="provider")
        ),
        "SPOC-31",
        "The report has to be more than 5 business days old.",
        "ask the provider again with ask_provider",
        marks=pytest.mark.rule("SPOC-31"),
    ),
    pytest.param(
        lambda: of_contact("order_confirmation"),
        "SPOC-32",
        "No research notes say that an order waits for the provider's confirmation.",
        "for parts that Cinch orders, route_question",
        marks=pytest.mark.rule("SPOC-32"),
    ),
    pytest.param(
        lambda: of_contact("order_confirmation", **spoc.an_order(spoc.DUE)),
        "SPOC-34",
        "The provider has until Fri 27 Nov 2026 22:00 UTC to confirm the order.",
        "wait until then; the Leadership Desk gets a task",
        marks=pytest.mark.rule("SPOC-34"),
    ),
    pytest.param(
        lambda: before_the_calendar_tells("order_confirmation", **spoc.an_order(spoc.DUE)),
        "SPOC-34",
        "The provider has a business day to confirm the order.",
        "wait until then; the Leadership Desk gets a task",
        marks=pytest.mark.rule("SPOC-34"),
    ),
    pytest.param(
        of_information,
        "SPOC-23",
        "Nobody waits for information about this job: the specialist was asked for nothing.",
        "ask_provider logs what the provider says; a report comes by itself",
        marks=pytest.mark.rule("SPOC-23"),
    ),
    pytest.param(
        lambda: of_a_time("provider_answered", "calling_provider", "earliest_appointment"),
        "CONF-22",
        "earliest_appointment: 2026-11-24 17:00 UTC has passed.",
        "ask for a time to come",
        marks=pytest.mark.rule("CONF-22"),
    ),
    pytest.param(
        lambda: of_a_time("provider_conference", "asking_provider", "will_contact_by"),
        "CONF-24",
        "will_contact_by: 2026-11-24 17:00 UTC has passed.",
        "ask for a time to come",
        marks=pytest.mark.rule("CONF-24"),
    ),
    pytest.param(
        lambda: of_a_time("appointment_captured", "conferencing", "at"),
        "CONF-36",
        "at: 2026-11-24 17:00 UTC has passed.",
        "ask for a time to come",
        marks=pytest.mark.rule("CONF-36"),
    ),
    pytest.param(
        lambda: of_starting("Completed"),
        None,
        "The job is Completed.",
        "there is nothing to reassign",
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
        "A document (estimate) came although the option ended as declined. Look at it, and tell "
        "the customer what becomes of it."
    )


def test_no_event_starts_a_conference() -> None:
    assert not REASSIGNMENT.starts_on(an_event("job.assigned"))
