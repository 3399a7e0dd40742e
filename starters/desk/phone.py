"""Call screens: what somebody on the phone does, says and ticks now, and what comes next.

They read only our own database: the number, the zones and the calling hours stand there with the
guide of each step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from domain.addresses import is_mailable
from domain.apo import guide as apo_guide
from domain.apo.case import ApoCase, Memory, Stage
from domain.apo.tasks import Task
from domain.clocks import record_clocks
from domain.jobs import Job
from domain.labels import stage_label
from domain.moments import spoken
from domain.policy import Policy
from domain.roles import Role
from domain.texts import usd
from domain.values import Storable
from domain.zips import zones_of
from starters.desk.acting import offered
from starters.desk.forms import ON_THE_PHONE, CommandForm, Offered, plain, texts_of, told_to
from starters.desk.found_job import found_job
from starters.desk.outcomes import (
    BY_AGENTS,
    BY_DISPATCH,
    BY_WHO_DECIDES,
    CONFERENCE,
    Outcome,
)
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Person
from starters.desk.results import parts_of
from starters.routes import Routes
from store.journal import Journal
from store.lifecycles import Lifecycles
from workflows.registry import LIFECYCLES

_OK = 200


@dataclass(frozen=True)
class Line:
    """A line of the guide."""

    text: str
    says_to: str | None = None
    """Whom it is said to, as `the customer`; empty where only one is on the line; None: it is done.
    """
    is_inner: bool = False
    """Whether it is a part of the step before."""
    is_asked: bool = False
    """Whether the form of an outcome asks if it was done: then there is nothing to tick."""


@dataclass(frozen=True)
class Whom:
    """Whom somebody calls, or has on the line."""

    name: str
    phone: str | None
    local_time: str = ""
    """What the clock shows there; empty where nobody knows its zone."""
    is_lost: bool = False
    """Whether it should be known where this is, and isn't: its ZIP Code is missing or unknown."""
    until: str | None = None
    """When calling hours end there, ISO 8601; None: at any hour."""
    until_there: str = ""
    """The same on the clock there."""


@dataclass(frozen=True)
class Screen:
    """What a call screen shows."""

    heading: str
    whom: Sequence[Whom]
    lines: Sequence[Line]
    outcomes: Sequence[CommandForm]
    """What can have come of the call: a button each, and a form where more has to be said."""
    facts: Sequence[tuple[str, str]] = ()
    """What else the person on the phone needs: a name and a value each."""
    waits: str = ""
    """Who acts now, where it is not who looks at it."""


def phone_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the call screens."""
    router = Routes()
    journal, lifecycles = Journal(parts.database), Lifecycles(parts.database)

    @router.get("/console/jobs/{job_id}/call/{lifecycle}")
    async def call(
        request: Request,
        who: CurrentPerson,
        job_id: Storable,
        lifecycle: str,
        said: Storable | None = None,
    ) -> Response:
        if lifecycle not in ON_THE_PHONE:
            raise HTTPException(404, "There is no call screen for this.")
        found = await found_job(parts, pages, request, who, job_id)
        if isinstance(found, Response):
            return found
        now, policy = datetime.now(UTC), parts.policy()
        can = await offered(parts, found, who, now)
        standing = next(
            (each for each in found["lifecycles"] if each["lifecycle"] == lifecycle), None
        )
        is_running = standing is not None and standing["outcome"] is None
        result = await _result(journal, who, job_id, lifecycle, said)
        if is_running:  # then the screen itself has the guide
            result = {name: each for name, each in result.items() if name not in _IN_THE_SCREEN}
        if standing is None or not is_running:
            screen = _over(lifecycle, standing, can)
        elif lifecycle == "reassignment":
            screen = _conference(found, standing, can, policy, who, now)
        else:
            known = await lifecycles.known(standing["workflow_id"])
            remembered = known.lifecycle.remembered if known and known.lifecycle else {}
            case = _case(found, standing, remembered, policy, now)
            screen = _apo(found, standing, case, can, who, now)
        return pages.show(
            request,
            who,
            "call.html",
            job=found["job"],
            lifecycle=lifecycle,
            standing=standing,
            screen=screen,
            answer=parts_of(result, pages.moment),
            step=_step(standing),
            address=request.url.path,
        )

    return router


_IN_THE_SCREEN = frozenset({"guide", "checklist"})
"""Entries of an answer that a screen shows anyhow while its lifecycle runs."""


async def _result(
    journal: Journal, who: Person, job_id: str, lifecycle: str, message_id: str | None
) -> Mapping[str, Any]:
    """Return what the last step was answered, nothing if that isn't known or somebody else's."""
    if message_id is None:
        return {}
    workflow_id = LIFECYCLES[lifecycle].workflow_id(job_id)
    known = await journal.answered(workflow_id, who.actor, message_id)
    return known[2].get("result") or {} if known and known[1] == _OK else {}


# --- the conference -------------------------------------------------------------------------------


def _conference(
    found: Mapping[str, Any],
    standing: Mapping[str, Any],
    can: Offered,
    policy: Policy,
    who: Person,
    now: datetime,
) -> Screen:
    heading, outcomes = CONFERENCE[standing["stage"]]
    call = standing.get("call")
    whom = [_provider(call, policy, now)] if call else []
    customer = _customer(found, now)
    if standing["stage"] == "asking_customer":
        whom = [customer, *whom]
    elif standing["stage"] != "calling_provider":
        whom = [*whom, customer]
    forms = [form for outcome in outcomes if (form := _form(outcome, standing, can))]
    return Screen(
        heading=heading.format(name=call["name"] if call else "the provider"),
        whom=whom,
        lines=[_line(each, who.role, _their_name(found)) for each in standing.get("guide", [])],
        outcomes=forms,
        facts=_facts(call, policy) if call else [],
        waits=_who_acts(can, "reassignment", outcomes),
    )


def _provider(call: Mapping[str, Any], policy: Policy, now: datetime) -> Whom:
    zones, until = call["zones"], call["until"]
    return Whom(
        name=call["name"],
        phone=call["phone"],
        local_time=spoken(now, zones[0]) if zones else "",
        is_lost=not zones,
        until=until,
        until_there=spoken(datetime.fromisoformat(until), _zone(call, policy)) if until else "",
    )


def _zone(call: Mapping[str, Any], policy: Policy) -> str:
    """Return the zone of a provider, or the company's where it isn't known."""
    zone: str = call["zones"][0] if call["zones"] else policy.calendar.zone
    return zone


def _facts(call: Mapping[str, Any], policy: Policy) -> list[tuple[str, str]]:
    """Return what else the agent needs to know of the provider, and how far the list goes."""
    zone = _zone(call, policy)
    said = [("Call", f"{call['called']} of at most {call['most']}")]
    if call["appointment"]:
        said.append(("Offered", spoken(datetime.fromisoformat(call["appointment"]), zone)))
    if call["fee_asked"]:
        said.append(("Travel fee asked", f"${call['fee_asked']}"))
    if call["fee"]:
        said.append(("Travel fee approved", f"${call['fee']}"))
    if call["miles"] is not None:
        said.append(("Distance", f"{call['miles']} miles"))
    caller = call["caller"]
    said.append(("On the phone", f"{caller['name']} ({Role(caller['role']).label})"))
    if call["left"]:
        said.append(("Next", ", ".join(call["left"])))
    return said


# --- APO ------------------------------------------------------------------------------------------


def _apo(
    found: Mapping[str, Any],
    standing: Mapping[str, Any],
    case: ApoCase,
    can: Offered,
    who: Person,
    now: datetime,
) -> Screen:
    dispatch_calls = standing["stage"] == Stage.CONTACTING_CUSTOMER and who.role is not (
        Role.CUSTOMER_SERVICE
    )
    steps = apo_guide.explanation(case) if dispatch_calls else apo_guide.checklist(case)
    is_deciding = standing["stage"] == Stage.AWAITING_APPROVAL
    outcomes = BY_DISPATCH if dispatch_calls else BY_AGENTS
    if is_deciding:
        outcomes = (*BY_WHO_DECIDES, *outcomes)
    forms = [form for outcome in outcomes if (form := _form(outcome, standing, can))]
    facts = [
        ("Stage", stage_label(standing["stage"])),
        ("E-mail on file", (found["job"].get("customer") or {}).get("email") or "None"),
    ]
    facts += [("Request", plain(text)) for text in texts_of(found["tasks"], Task.DECIDE_APO)]
    if case.approved:
        facts.append(("Approved", usd(case.approved)))
    return Screen(
        heading="Call the customer about APO" if dispatch_calls else "The customer calls about APO",
        whom=[_customer(found, now)],
        lines=[_line(each, who.role, _their_name(found)) for each in steps],
        outcomes=forms,
        facts=facts,
        waits=_who_acts(can, "apo", BY_WHO_DECIDES if is_deciding else outcomes),
    )


def _case(
    found: Mapping[str, Any],
    standing: Mapping[str, Any],
    remembered: Mapping[str, Any],
    policy: Policy,
    now: datetime,
) -> ApoCase:
    """Return as much of a case as the checklist asks for, from what our tables know of it.

    The address of the customer is whole: whoever compares it with theirs has to read it.
    """
    job = Job.model_validate(found["job"])
    email = job.customer_email
    address = email if email and is_mailable(email) else None
    return ApoCase(
        job=job.without_customer().model_copy(update={"customer_mail": address}),
        job_version=0,
        policy=policy,
        stage=standing["stage"],
        memory=Memory.model_validate(remembered),
        clocks=record_clocks([policy.calendar.zone], now),
        supervisors_at_hand=standing["waiting_on"] == Role.SUPERVISOR,
    )


# --- both -----------------------------------------------------------------------------------------


def _step(standing: Mapping[str, Any] | None) -> str:
    """Return a step of a call as ids have it: what was ticked at one isn't ticked at the next."""
    if standing is None:
        return ""
    called = (standing.get("call") or {}).get("called", 0)
    return f"{standing['stage']}-{called}".replace("_", "-")


def _over(lifecycle: str, standing: Mapping[str, Any] | None, can: Offered) -> Screen:
    """Return the screen of a call that is over, or that has not begun: it can be started here."""
    starts = [form for form in can.of(lifecycle) if form.name in _STARTS]
    heading = stage_label(standing["outcome"]) if standing else "Nobody is on the phone yet"
    return Screen(heading=heading, whom=[], lines=[], outcomes=starts)


_STARTS = frozenset({"start_reassignment", "offer_apo", "request_apo"})


def _their_name(found: Mapping[str, Any]) -> str:
    """Return the customer's name, as it reads in a sentence."""
    return (found["job"].get("customer") or {}).get("name") or "the customer"


def _customer(found: Mapping[str, Any], now: datetime) -> Whom:
    customer = found["job"].get("customer") or {}
    zones = zones_of(customer.get("zip"))
    return Whom(
        name=customer.get("name") or "The customer",
        phone=customer.get("phone"),
        local_time=spoken(now, zones[0]) if zones else "",
    )


def _form(
    outcome: Outcome,
    standing: Mapping[str, Any],
    can: Offered,
) -> CommandForm | None:
    """Return the form of an outcome, None if whoever looks may not say it came so."""
    lifecycle = standing["lifecycle"]
    offered_form = can.form(lifecycle, outcome.command)
    if offered_form is None:
        return None
    return outcome.form(offered_form)


def _who_acts(can: Offered, lifecycle: str, outcomes: Sequence[Outcome]) -> str:
    """Return who acts now, where it is not who looks."""
    names = dict.fromkeys(outcome.command for outcome in outcomes)
    others = {each.name for each in can.others if each.lifecycle == lifecycle}
    named = [name for name in names if name in others]
    return f"{LIFECYCLES[lifecycle].commands.who_can(*named)}." if named else ""


_THEIR_NAME = "[customer's name]"
_SAYS, _INNER = ("Say to ", "Say", "Ask"), "– "


def _line(text: str, role: Role, customer: str) -> Line:
    """Return a line of a guide: what is said stands apart from what is done.

    Args:
        text: the line as the guide has it.
        role: who reads it.
        customer: the customer's name, which no workflow carries.
    """
    text = text.replace(_THEIR_NAME, customer)
    before, colon, rest = text.partition(": ")
    if not colon or not before.startswith(_SAYS) or len(before) > _LONGEST_SPEAKER:
        step = text.removeprefix("Do: ")
        return Line(
            told_to(step.removeprefix(_INNER), role),
            is_inner=step.startswith(_INNER),
            is_asked=step == apo_guide.GO_THROUGH,
        )
    to = before.removeprefix("Say to ") if before.startswith("Say to ") else ""
    return Line(plain(rest.strip().strip('"')), to)


_LONGEST_SPEAKER = len("Say to the customer")
