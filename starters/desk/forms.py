"""Forms of commands: what somebody can do on a job now, and what they can't, with whom to ask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from domain.apo.case import Stage
from domain.commands import DISMISS_ATTENTION, Command, cited
from domain.labels import (
    COMMANDS,
    attention_label,
    command_label,
    field_label,
    lifecycle_label,
)
from domain.lifecycles import LifecycleKind
from domain.policy import Policy
from domain.refusals import Refusal
from domain.roles import Role, may_act_as
from service.startable import Start
from starters.desk.fields import Asking, Field, Shape, Values, fields_of, values_of
from starters.desk.people import Person
from workflows.registry import LIFECYCLES

_ASKED_OF: Final[Mapping[tuple[str, str], Role]] = dict.fromkeys(
    (
        ("offer_apo", "locator_completed"),
        ("offer_apo", "all_providers_called"),
        ("offer_apo", "customer_escalated"),
    ),
    Role.ESCALATIONS,
)
"""The role that alone is asked for a field, by command and name."""
_SELDOM = ("risk_reported", DISMISS_ATTENTION)
"""Commands that come last, however likely the others are."""


@dataclass(frozen=True, kw_only=True)
class WayOut:
    """A command that somebody can give instead, as a link to its form."""

    label: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """Why a form was not carried out, as it stands above it."""

    message: str
    instead: str = ""
    ways: Sequence[WayOut] = ()
    is_uncertain: bool = False
    """Whether the command may still be carried out."""


@dataclass(frozen=True, kw_only=True)
class CommandForm:
    """One command, as somebody fills it in."""

    job_id: str
    lifecycle: str
    name: str
    label: str
    help: str
    fields: tuple[Field, ...]
    message_id: str
    """Makes sending it twice the same as once; another one after each answer."""
    said: Said | None = None
    """Why it was not carried out, if it was sent."""
    is_settling: bool = False
    """Whether it settles a task that is open for this person."""
    button: str = ""
    """What its button says, if not the label."""
    hidden: tuple[tuple[str, str], ...] = ()
    """Names and values of the fields that are not asked for: the button says them."""
    part: str = ""
    """Tells it from other forms of the same command on a page."""
    step: str = ""
    """The step of a call that it is about, as `step_of` names it; empty where it is about none."""
    element: str = ""
    """The id of the element that it was sent from, which it keeps when it was refused."""

    @property
    def address(self) -> str:
        """Where it is sent, and where it stands alone on a page."""
        return form_address(self.job_id, self.lifecycle, self.name)

    @property
    def id(self) -> str:
        """The id of its element: one of each command of each job on a page."""
        own = f"form-{self.job_id}-{self.lifecycle}-{self.name}{self.part}".replace("_", "-")
        return self.element or own

    @property
    def has_rows(self) -> bool:
        """Whether it has a list, with a button of its own before the one that sends."""
        return any(each.shape is Shape.ROWS for each in self.fields)

    def narrowed(
        self, button: str, part: str, said: Mapping[str, str], asks: Sequence[str]
    ) -> CommandForm:
        """Return the form of one answer: what the button says is not asked for.

        Args:
            button: what the button says.
            part: tells it from other forms of the command.
            said: the values of the fields that the button says.
            asks: the names of the fields that are still asked for, in their order.
        """
        by_name = {each.name: each for each in self.fields}
        fields = tuple(replace(by_name[name], when=None) for name in asks)
        return replace(self, button=button, part=part, hidden=tuple(said.items()), fields=fields)

    def for_role(self, role: Role) -> CommandForm:
        """Return the form without what only other roles are asked."""
        others = {
            name
            for (command, name), asked in _ASKED_OF.items()
            if self.name == command and asked is not role
        }
        fields = tuple(each for each in self.fields if each.name not in others)
        return replace(self, fields=fields)

    def has(self, name: str) -> bool:
        """Return whether it has a field of a name."""
        return any(each.name == name for each in _all_of(self.fields))

    @property
    def problems(self) -> tuple[Field, ...]:
        """The fields that something is wrong with, those of groups among them."""
        return tuple(each for each in _all_of(self.fields) if each.problem)


@dataclass(frozen=True, kw_only=True)
class NotTheirs:
    """A command that somebody can't give now: why not, and whom to ask."""

    lifecycle: str
    name: str
    told: str
    """Who can, or why nobody can, as one line of a list."""
    reason: str
    """The same to whoever wants to give it."""
    instead: str


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What can be done on a job now, by whoever looks at it."""

    job_id: str
    forms: tuple[CommandForm, ...]
    """What they can do: first what settles a task of theirs, last what is seldom done."""
    others: tuple[NotTheirs, ...]
    """What they can't."""

    def of(self, lifecycle: str) -> tuple[CommandForm, ...]:
        """Return the forms of one lifecycle."""
        return tuple(each for each in self.forms if each.lifecycle == lifecycle)

    def form(self, lifecycle: str, name: str) -> CommandForm | None:
        """Return the form of a command, None if it can't be given now."""
        return next((each for each in self.of(lifecycle) if each.name == name), None)

    def other(self, lifecycle: str, name: str) -> NotTheirs | None:
        """Return why a command can't be given by whoever looks, None if it isn't listed so."""
        for each in self.others:
            if (each.lifecycle, each.name) == (lifecycle, name):
                return each
        return None


def form_address(job_id: str, lifecycle: str, name: str) -> str:
    """Return where the form of a command stands alone, and is sent to."""
    return f"/console/jobs/{job_id}/{lifecycle}/{name}"


def job_address(job_id: str) -> str:
    """Return where a job's page is."""
    return f"/console/jobs/{quote(job_id, safe='')}"


CONFERENCE = "reassignment"
ON_THE_PHONE = ("apo", CONFERENCE)
"""The lifecycles that people carry out on the phone, each with a screen of its own."""


def talks(role: Role, lifecycle: str | None, stage: str | None, waiting_on: str | None) -> bool:
    """Return whether people of a role carry out a stage on the phone.

    Whoever decides on APO does so before anybody calls: the form is their way, not the screen.
    """
    decides = stage == Stage.AWAITING_APPROVAL and waiting_on == role
    return lifecycle in ON_THE_PHONE and not decides


def call_address(job_id: str, lifecycle: str) -> str:
    """Return where the call screen of a lifecycle is."""
    return f"/console/jobs/{job_id}/call/{lifecycle}"


def new_message_id() -> str:
    """Return an id that no form has had."""
    return uuid4().hex


def forms_for(
    found: Mapping[str, Any],
    starts: Sequence[Start],
    who: Person,
    policy: Policy,
    now: datetime,
) -> Offered:
    """Return what somebody can do on a job now, and what others can.

    Args:
        found: the job, as `Reading.job` has it.
        starts: what can start a lifecycle on it, as `Startable.on` has it.
        who: who looks at it.
        policy: the policy in force.
        now: the wall clock, aware UTC.
    """
    job_id = found["job"]["job_id"]
    forms: list[CommandForm] = []
    others: list[NotTheirs] = []
    for kind, command, standing in _possible(found["lifecycles"], starts):
        if may_act_as(who.role, command.roles):
            form = form_for(kind, command, job_id, standing, policy, now)
            form = form.for_role(who.role)
            forms.append(replace(form, is_settling=_settles(found["tasks"], kind, command, who)))
        else:
            others.append(not_theirs(kind, command, who.role))
    for start in starts:
        command = LIFECYCLES[start.lifecycle].commands[start.command]
        if start.refusal is not None and may_act_as(who.role, command.roles):
            others.append(_not_now(start, start.refusal))
    forms.sort(key=lambda form: (form.name in _SELDOM, not form.is_settling))
    return Offered(job_id=job_id, forms=tuple(forms), others=tuple(others))


def form_for(
    kind: LifecycleKind,
    command: Command,
    job_id: str,
    standing: Mapping[str, Any] | None,
    policy: Policy,
    now: datetime,
    values: Values | None = None,
    problems: Mapping[str, str] | None = None,
) -> CommandForm:
    """Return the form of a command.

    Args:
        kind: the lifecycle.
        command: one of its commands.
        job_id: the job.
        standing: where the lifecycle stands, None if it has never run.
        policy: the policy in force.
        now: the wall clock, aware UTC.
        values: what stands in the fields; None: what is known already.
        problems: what is wrong with them.
    """
    asking = Asking(
        zone=policy.calendar.zone,
        zones=zones_of_promises(command, standing),
        lost=_lost(command, standing),
        choices=_choices(standing, policy),
        values=_known(command, standing, policy) if values is None else values,
        problems=problems or {},
        now=now,
    )
    return CommandForm(
        job_id=job_id,
        lifecycle=kind.name,
        name=command.name,
        label=command_label(command.name),
        help=command.help,
        fields=fields_of(command, asking),
        message_id=new_message_id(),
        step=step_of(kind, command, standing),
    )


def _known(command: Command, standing: Mapping[str, Any] | None, policy: Policy) -> Values:
    """Return what is known already of the fields of a command: what the provider has offered."""
    call = (standing or {}).get("call")
    if call is None:
        return {}
    offered = {"at": call["appointment"], "amount": call["fee_asked"]}
    fields = command.payload.model_fields
    told = {name: value for name, value in offered.items() if value and name in fields}
    zones = call["zones"] or [policy.calendar.zone]
    return values_of(command, told, zones[0]) if told else {}


def step_of(kind: LifecycleKind, command: Command, standing: Mapping[str, Any] | None) -> str:
    """Return which step of which call a command is about, empty where it is about none.

    Two people may have the same call before them. What one of them says of it must not be logged
    for the provider who is called next.

    Args:
        kind: the lifecycle.
        command: one of its commands.
        standing: where the lifecycle stands, None if it has never run.
    """
    is_of_a_call = kind.name == CONFERENCE and command.name != DISMISS_ATTENTION
    if not is_of_a_call or not standing or standing.get("outcome") or "stage" not in standing:
        return ""
    call = standing.get("call") or {}
    return f"{standing['stage']}-{call.get('called', 0)}-{call.get('number', '')}"


_OF_PROVIDERS = frozenset({"earliest_appointment", "will_contact_by", "at"})
"""The instants that a provider promises: on its own clock."""


def zones_of_promises(command: Command, standing: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the zone of each instant that a provider says, where its zone is known."""
    zones = ((standing or {}).get("call") or {}).get("zones", [])
    return dict.fromkeys(sorted(_promised(command)), zones[0]) if zones else {}


def _lost(command: Command, standing: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the instants that a provider says whose zone isn't known."""
    call = (standing or {}).get("call")
    return _promised(command) if call and not call["zones"] else frozenset()


def _promised(command: Command) -> frozenset[str]:
    return _OF_PROVIDERS & set(command.payload.model_fields)


def _choices(
    standing: Mapping[str, Any] | None, policy: Policy
) -> dict[str, list[tuple[str, str]]]:
    """Return the choices that a job or the policy knows better than the type of a field."""
    raised = standing["attention"] if standing else []
    codes = policy.am_escalation.code_help
    return {
        "exception_code": [(code.value, f"{code.value}: {said}") for code, said in codes.items()],
        **({"attention": [(each, attention_label(each)) for each in raised]} if raised else {}),
    }


def _possible(
    lifecycles: Sequence[Mapping[str, Any]], starts: Sequence[Start]
) -> Iterator[tuple[LifecycleKind, Command, Mapping[str, Any] | None]]:
    """Yield each command that somebody can give to a job now, with where its lifecycle stands."""
    standings = {each["lifecycle"]: each for each in lifecycles if each["lifecycle"] in LIFECYCLES}
    for name, standing in standings.items():
        commands = LIFECYCLES[name].commands
        if standing["outcome"] is None:
            possible = commands.possible_now(standing["stage"], standing["attention"])
        else:
            possible = [DISMISS_ATTENTION] if standing["attention"] else []
        for each in possible:
            yield LIFECYCLES[name], commands[each], standing
    running = {name for name, each in standings.items() if each["outcome"] is None}
    for start in starts:
        if start.refusal is None and start.lifecycle not in running:
            kind = LIFECYCLES[start.lifecycle]
            yield kind, kind.commands[start.command], standings.get(start.lifecycle)


def texts_of(tasks: Sequence[Mapping[str, Any]], *kinds: str) -> list[str]:
    """Return what the open tasks of some kinds say."""
    return [each["text"] for each in tasks if each["status"] == "open" and each["kind"] in kinds]


def _settles(
    tasks: Sequence[Mapping[str, Any]], kind: LifecycleKind, command: Command, who: Person
) -> bool:
    settled = {each.value for each in kind.tasks if command.name in each.settled_by}
    return any(
        task["status"] == "open" and task["kind"] in settled and task["role"] == who.role.value
        for task in tasks
    )


def not_theirs(kind: LifecycleKind, command: Command, role: Role) -> NotTheirs:
    """Return why a role can't give a command, and who can."""
    refusal = kind.commands.not_for(role, command).refusal
    hint = plain(command.role_hint or "")
    who = f"{kind.commands.who_can(command.name)}{cited(refusal.rule, role)}."
    return NotTheirs(
        lifecycle=kind.name,
        name=command.name,
        told=f"{who} {hint}".rstrip(),
        reason=plain(refusal.message),
        instead=hint,
    )


def _not_now(start: Start, refusal: Refusal) -> NotTheirs:
    reason, instead = plain(refusal.message), refusal.instead or ""
    otherwise = "" if instead in COMMANDS else plain(instead)
    return NotTheirs(
        lifecycle=start.lifecycle,
        name=start.command,
        told=f"{command_label(start.command)}: {reason} {otherwise}".rstrip(),
        reason=reason,
        instead=otherwise,
    )


# --- refusals in place ----------------------------------------------------------------------------


def said_of(refusal: Mapping[str, Any], kind: LifecycleKind, offered: Offered, who: Person) -> Said:
    """Return a refusal as it stands above a form, with the way out that is theirs.

    Args:
        refusal: the body of the answer: what, why, what instead.
        kind: the lifecycle whose command was refused.
        offered: what they can do on this job.
        who: whom it is said to.
    """
    instead = refusal.get("instead") or ""
    if is_for_programs(instead):
        job = WayOut(label="Open the job", address=job_address(offered.job_id))
        return Said(message=plain(str(refusal["message"])), ways=[job])
    named = [instead] if instead in COMMANDS else _NAMED.findall(instead)
    ways = [way for name in dict.fromkeys(named) if (way := _way_out(name, kind, offered))]
    said = "" if instead in COMMANDS else told_to(instead, who.role)
    if instead in COMMANDS and not ways:
        said = _whom_to_ask(instead, kind, who)
    return Said(message=plain(str(refusal["message"])), instead=said, ways=ways)


_NAMED = re.compile(r"`([a-z_]+)`")
_OF_PROGRAMS = ("GET /", "`steward ")


def is_for_programs(instead: str) -> bool:
    """Return whether a way out is one of the API or the command line, which no page offers."""
    return any(each in instead for each in _OF_PROGRAMS)


def _way_out(name: str, kind: LifecycleKind, offered: Offered) -> WayOut | None:
    lifecycles = (kind.name, *(each for each in LIFECYCLES if each != kind.name))
    forms = (offered.form(lifecycle, name) for lifecycle in lifecycles)
    form = next((each for each in forms if each), None)
    return WayOut(label=form.label, address=form.address) if form else None


def _whom_to_ask(name: str, kind: LifecycleKind, who: Person) -> str:
    tables = (kind.commands, *(each.commands for each in LIFECYCLES.values()))
    table = next((each for each in tables if name in each), None)
    if table is None or may_act_as(who.role, table[name].roles):
        return ""
    return f"{table.who_can(name)}."


_NAME_IN_BRACKETS = re.compile(r" \(`[a-z_]+`\)")
_FIELD_IS = re.compile(r"`([a-z_]+)`: (true|false)")


def plain(text: str) -> str:
    """Return a sentence as a page says it: by labels alone, without names for programs."""
    text = _NAME_IN_BRACKETS.sub("", text)
    text = _FIELD_IS.sub(lambda found: f"“{field_label('', found[1])}”", text)
    return _NAMED.sub(lambda found: f"“{_label(found[1])}”", text)


def told_to(text: str, role: Role) -> str:
    """Return a sentence as somebody in a role reads it, who asks nobody for what they may do."""
    asking = re.compile(rf"\b([Aa])sk {re.escape(role.people)} to ")
    return asking.sub(lambda found: f"{'You' if found[1] == 'A' else 'you'} can ", plain(text))


def _label(name: str) -> str:
    if name in COMMANDS:
        return COMMANDS[name]
    return lifecycle_label(name) if name in LIFECYCLES else field_label("", name)


def _all_of(fields: Sequence[Field]) -> Iterator[Field]:
    for each in fields:
        yield each
        yield from _all_of(each.fields)
        yield from _all_of(each.rows)
