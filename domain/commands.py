"""Commands: every act of a person, declared once for all the ways in which it can be given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    TypeAdapter,
    ValidationError,
)

from domain.attention import WAITS_FOR_JOB_SYSTEM, Attention
from domain.editions import NEWEST, reading_under
from domain.field_problems import field_problems, unknown_fields
from domain.labels import attention_label, command_label, lifecycle_label, stage_label, to_do
from domain.refusals import (
    Refusal,
    Refused,
    conflict,
    conflicting,
    forbidden,
    quoted,
    uncited,
    unreadable,
)
from domain.roles import EMPLOYEES, OUTSIDERS, Actor, Role, may_act_as
from domain.stages import LifecycleStage
from domain.suggestions import did_you_mean
from domain.texts import joined
from domain.values import Instant, MessageId, Prose


def _without_description(schema: dict[str, Any]) -> None:
    """Leave the help out of a payload's schema: it stands beside the operation that takes it."""
    schema.pop("description", None)


class Payload(BaseModel):
    """The fields that every command has; each command adds its own.

    The name of a command's payload in snake_case is the command's name, and its docstring the
    command's help: one sentence that says what the command does.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        use_attribute_docstrings=True,
        json_schema_extra=_without_description,
    )

    actor: Actor
    """Who gives the command, in which role."""
    message_id: MessageId | None = None
    """Makes the command idempotent: the second time it answers as the first did."""


def answer_key(actor: Actor, message_id: str) -> str:
    """Return by what the answer to an actor's message is kept: the id is the actor's own.

    No message id is such a key: it has a space.
    """
    return f"{actor.fingerprint} {message_id}"


Guard = Callable[[Any, Any, datetime], Refusal | None]
"""A pure rule of (case, payload, now) that may refuse a command its role and stage allow."""


class StandaloneAnswer(NamedTuple):
    """The answer to a command that changes nothing, and what the journal says about it."""

    result: dict[str, Any]
    journal: str
    rule: str | None = None


Standalone = Callable[[Any, Any], StandaloneAnswer]
"""A pure function of (payload, policy) that answers a command which changes nothing."""

_ALL_THAT_RUN: frozenset[str] = frozenset({"every running stage"})
"""Stands for all running stages of a lifecycle, until the command is in that lifecycle's table."""

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, kw_only=True)
class Command:
    """One thing that people can do to a running lifecycle."""

    payload: type[Payload]
    """Its fields; its class says the command's name, and its docstring what the command does."""
    roles: frozenset[Role]
    stages: frozenset[str] = _ALL_THAT_RUN
    """Where it is possible: in every running stage, unless it says otherwise."""
    role_rule: str | None = None
    """The rule that names the roles, where a procedure does."""
    role_hint: str | None = None
    """What others do instead; None: ask whoever may."""
    stage_rule: str | None = None
    """The rule that ties it to its stages, where a procedure does."""
    stage_hint: str | Callable[[Any], str | None] | None = None
    """What to do instead in any other stage; where it depends on the case, told by it."""
    field_rules: Mapping[str, str] = field(default_factory=dict)
    """The rule of each field that a procedure says the values of."""
    guard: Guard | None = None
    starts: bool = False
    """Whether it starts the lifecycle where none runs."""
    standalone: Standalone | None = None
    """Answers it on any known job, also where the lifecycle doesn't run: it changes nothing."""
    example: Mapping[str, object]
    """Fields of a payload that could be sent as it stands, for help, docs and Temporal UI."""

    @cached_property
    def name(self) -> str:
        """Its name outside: `request_info` for the payload `RequestInfo`."""
        return _CAPITAL.sub("_", self.payload.__name__).lower()

    @property
    def is_for_people(self) -> bool:
        """Whether a person may give it: not one that only Steward itself gives."""
        return self.roles != {Role.SYSTEM}

    @cached_property
    def help(self) -> str:
        """What it does, on one line: its payload's docstring.

        Raises:
            TypeError: the payload has no docstring of its own.
        """
        if self.payload.__doc__ is None:
            raise TypeError(f"{self.payload.__name__} has no docstring to explain {self.name}")
        return " ".join(self.payload.__doc__.split())

    def example_payload(self) -> dict[str, object]:
        """Return a whole payload to copy: an actor who may do it, and the example's fields."""
        role = next(role for role in Role if role in self.roles)
        return {"actor": {"name": "Dana", "role": role.value}, **self.example}


class DismissAttention(Payload):
    """Dismiss an alert: its cause is settled, or there was none."""

    attention: Attention
    reason: Prose


def _stands(case: Any, command: DismissAttention, _: datetime) -> Refusal | None:  # noqa: ANN401  any case
    """Refuse to dismiss what nobody asks attention for; Steward may be late, which is no fault."""
    if command.attention in case.attention or command.actor.role is Role.SYSTEM:
        return None
    return not_standing(command.attention, case.attention)


def not_standing(attention: Attention, standing: Sequence[str]) -> Refusal:
    """Return the refusal to dismiss what a lifecycle does not ask attention for."""
    named = ", ".join(f"{attention_label(each)} (`{each}`)" for each in standing)
    return conflict(
        None,
        f"This job has no alert “{attention_label(attention)}” to dismiss.",
        f"Its alerts: {named}." if named else "Nothing to do: this job has no alerts.",
    )


_COMMON = (
    Command(
        payload=DismissAttention,
        roles=frozenset({Role.SUPERVISOR, Role.SYSTEM}),
        guard=_stands,
        example={"attention": "bad_message", "reason": "Sent again, corrected"},
    ),
)
"""The commands of every lifecycle, in every running stage; each is possible only at times."""

DISMISS_ATTENTION = _COMMON[0].name
"""Name of the command that dismisses a call for attention; in an ended lifecycle the store does."""


@dataclass(frozen=True)
class CommandRequest:
    """A command as somebody gave it: readable and allowed to its role."""

    command: Command
    payload: Payload

    @property
    def actor(self) -> Actor:
        """Who gave it."""
        return self.payload.actor


class CommandTable(Mapping[str, Command]):
    """All commands of one lifecycle, and the one place where a command is refused."""

    def __init__(self, lifecycle: str, stage: type[LifecycleStage], *commands: Command) -> None:
        """Make the table of a lifecycle.

        Args:
            lifecycle: its name outside.
            stage: its stages; a command that names none is possible in all that run.
            commands: in the order in which people see them.
        """
        running: frozenset[str] = stage.running()
        self.lifecycle = lifecycle
        self._stage = stage
        self._commands = {
            command.name: replace(command, stages=running)
            if command.stages is _ALL_THAT_RUN
            else command
            for command in commands
        }
        self._own = tuple(command.name for command in commands)

    def with_common(self) -> CommandTable:
        """Return this table with the commands of every lifecycle behind its own."""
        own = [self[name] for name in self._own]
        table = CommandTable(self.lifecycle, self._stage, *own, *_COMMON)
        table._own = self._own
        return table

    def __getitem__(self, name: str) -> Command:
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)

    __hash__ = object.__hash__

    def possible_in(self, stage: str) -> list[str]:
        """Return the names of the procedure's commands that a stage leaves possible to people."""
        own = (self[name] for name in self._own)
        return [each.name for each in own if each.is_for_people and stage in each.stages]

    def possible_now(self, stage: str, attention: Sequence[str]) -> list[str]:
        """Return the names of all commands that are possible in a stage.

        Args:
            stage: the lifecycle's stage.
            attention: what it asks attention for, which can be dismissed unless it waits for the
                job system.
        """
        dismiss = [DISMISS_ATTENTION] if set(attention) - WAITS_FOR_JOB_SYSTEM else []
        return self.possible_in(stage) + dismiss

    @property
    def for_people(self) -> list[str]:
        """The names of all commands but those that Steward alone gives."""
        return [name for name, command in self.items() if command.is_for_people]

    def who_can(self, *names: str) -> str:
        """Return who can give some commands, as sentences, the last one without its period.

        `PlusOne or Dispatch can report that no provider was found. Authorizations can approve the
        repair or deny the repair`: commands that the same people can give stand together. So
        nobody is ever sent to a command that their role may not give.
        """
        by_people: dict[str, list[str]] = {}
        for name in names:
            people = _one_of(role for role in Role if role in self[name].roles)
            by_people.setdefault(people, []).append(to_do(name))
        said = (f"{people} can {joined(doing, 'or')}" for people, doing in by_people.items())
        return ". ".join(map(_capital, said))

    def read(self, name: str, fields: object, edition: int = NEWEST) -> CommandRequest:
        """Return the command that the fields make, if they can be read and their actor may give it.

        Args:
            name: the command's name.
            fields: its payload, as it was sent.
            edition: the edition of the rules that reads it.

        Raises:
            Refused: the command is unknown, a field is wrong, or the role may not.
        """
        command = self.get(name)
        if command is None:
            raise unknown_command(self, name)
        try:
            actor = _GIVEN.validate_python(fields).actor
            if not may_act_as(actor.role, command.roles):
                raise self.not_for(actor.role, command)
            if wrong := _obviously_wrong(fields, command):
                raise unreadable(wrong, instead=_like_this(command))
            payload = command.payload.model_validate(fields, context=reading_under(edition))
        except ValidationError as error:
            raise unreadable(
                field_problems(error, name, command.payload, tuple(Payload.model_fields)),
                instead=_like_this(command),
                rule=_rule_of(error, command.field_rules),
            ) from error
        return CommandRequest(command, payload)

    def not_for(self, role: Role, command: Command) -> Refused:
        """Return the refusal of a command to a role that may not give it."""
        who = _one_of(each for each in Role if each in command.roles)
        rule = command.role_rule
        return forbidden(
            rule,
            f"{_capital(role.people)} can't {to_do(command.name)}. {_capital(who)} can"
            f"{cited(rule, role)}.",
            instead=command.role_hint or f"Ask {who}.",
        )

    def check(
        self,
        request: CommandRequest,
        stage: str,
        case: object,
        now: datetime,
        *,
        begun: bool = True,
    ) -> None:
        """Let a command pass that the stage and the lifecycle's rules allow now.

        Args:
            request: what was read.
            stage: the lifecycle's stage.
            case: the lifecycle's state, as its guards know it.
            now: the workflow's time, aware UTC.
            begun: whether the lifecycle runs; where it does not, the command has to start it.

        Raises:
            Refused: the stage or a rule forbids it now.
        """
        command = request.command
        possible = stage in command.stages if begun else command.starts
        if not possible:
            hint = command.stage_hint
            role = request.actor.role
            where = (
                f"Status: {stage_label(stage)}"
                if begun
                else f"{lifecycle_label(self.lifecycle)} hasn't started on this job"
            )
            raise conflicting(
                command.stage_rule,
                f"You can't {to_do(command.name)} now. {where}{cited(command.stage_rule, role)}.",
                instead=(hint(case) if callable(hint) else hint)
                or self._possible_instead(stage, role, begun=begun),
            )
        if command.guard and (refusal := command.guard(case, request.payload, now)):
            outside = request.actor.role in OUTSIDERS
            raise Refused(uncited(refusal) if outside else refusal)

    def _possible_instead(self, stage: str, role: Role, *, begun: bool) -> str:
        """Return what this role can do in a stage, or who can do something."""
        possible = self.possible_in(stage) if begun else self._starting()
        own = [name for name in possible if may_act_as(role, self[name].roles)]
        if own:
            return f"You can do this now: {', '.join(map(labelled, own))}."
        return f"{self.who_can(*possible)}." if possible else _NOTHING_LEFT

    def _starting(self) -> list[str]:
        return [name for name in self._own if self[name].starts]


class Answer(BaseModel):
    """What a command is answered with, whichever way it came."""

    model_config = ConfigDict(frozen=True)

    stage: str
    waiting_on: Role | None
    due_at: Instant | None
    next: str
    result: dict[str, Any] | None = None


class _Given(BaseModel):
    """The part of any payload that says who gives the command."""

    actor: Actor


_GIVEN = TypeAdapter(_Given)


_NOTHING_LEFT = "Nothing is left to do here. The job's notes say what happened."

_MOST_VALUES = 2000
"""Values that a message may have, nested ones included: pydantic tells of each that is wrong."""
_DEEPEST = 50
"""Levels of lists and objects that a message may have."""


def _obviously_wrong(fields: object, command: Command) -> str | None:
    """Return what is wrong with a message that a model would take long to refuse, None if nothing.

    It takes no longer the more a message says.
    """
    payload = command.payload
    if isinstance(fields, dict) and len(fields) > len(payload.model_fields) + 10:
        unknown = [quoted(str(name)) for name in fields if name not in payload.model_fields]
        common = tuple(Payload.model_fields)
        return f"{next(unknown_fields(unknown, command.name, payload, common))}."
    values, level = 0, [fields]
    for _ in range(_DEEPEST):
        inside: list[object] = []
        for each in level:
            inside += each.values() if isinstance(each, dict) else ()
            inside += each if isinstance(each, list | tuple) else ()
            if values + len(inside) > _MOST_VALUES:
                return f"A message can have at most {_MOST_VALUES:,} values. This one has more."
        values += len(inside)
        level = inside
    return f"A message can be nested at most {_DEEPEST} levels deep." if level else None


def unknown_command(table: CommandTable, name: str) -> Refused:
    """Return the refusal of a command that a lifecycle does not have."""
    return unreadable(
        f'{lifecycle_label(table.lifecycle)} has no command "{quoted(name)}".'
        f"{did_you_mean(name, table.for_people)}",
        instead=f"Use one of: {', '.join(table.for_people)}.",
    )


def labelled(command: str) -> str:
    """Return a command as a person and a program know it: ``Offer APO (`offer_apo`)``."""
    return f"{command_label(command)} (`{command}`)"


def _like_this(command: Command) -> str:
    return f"Send fields like {json.dumps(command.example_payload())}"


def _one_of(roles: Iterable[Role]) -> str:
    """Return in words who may do something: `Dispatch, Escalations or a supervisor`.

    People are sent to people: a system is named only where nobody else may.
    """
    able = tuple(roles)
    if frozenset(able) >= EMPLOYEES:
        return "any employee"
    people = (role.people for role in able if role is not Role.SYSTEM or len(able) == 1)
    return joined(people, "or")


def cited(rule: str | None, reader: Role | None = None) -> str:
    """Return a rule's id as it ends a sentence: ` (PO-18)`; nothing where there is none.

    Customers and providers read no rule ids.
    """
    return f" ({rule})" if rule and reader not in {Role.CUSTOMER, Role.PROVIDER} else ""


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _rule_of(error: ValidationError, field_rules: Mapping[str, str]) -> str | None:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    wrong = (str(problem["loc"][0]) for problem in problems if problem["loc"])
    return next((field_rules[name] for name in wrong if name in field_rules), None)
