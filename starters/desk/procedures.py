"""The procedures: for each its drawing, its clocks, its commands, its policy and its clauses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import get_args

from fastapi import APIRouter, Request, Response

from domain.catalogue import RULES, Rule, State, in_numbers
from domain.commands import Command
from domain.editions import NEWEST
from domain.labels import command_label
from domain.lifecycles import LifecycleKind
from domain.moves import Move
from domain.policy_told import settings
from domain.roles import Role
from domain.specimens import duties, duties_beside
from domain.texts import joined
from starters.desk.diagram import Diagram, drawn
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import CurrentPerson, Person
from starters.routes import Routes
from workflows.registry import LIFECYCLES

_SHARED = ("calendar", "notes", "mail", "brands")
"""Sections of the policy that every procedure goes by."""


@dataclass(frozen=True)
class Way:
    """A way out of a stage, as its list tells it."""

    to: str
    by: tuple[str, ...]
    """What makes it, each in words."""


def procedure_routes(parts: DeskParts, pages: Pages) -> APIRouter:
    """Return the pages of the procedures."""
    router = Routes()

    async def standing() -> Mapping[str, Counter[str]]:
        """Return how many jobs stand in each running stage now, by procedure."""
        counts = {name: Counter[str]() for name in LIFECYCLES}
        for lifecycle, stage, open_ in await parts.reading.open_by_stage():
            counts.setdefault(lifecycle, Counter())[stage] += open_
        return counts

    async def listed(request: Request, who: Person, missing: str | None = None) -> Response:
        """Show all procedures; and that there is no such one, if one was asked for."""
        counts = await standing()
        return pages.show(
            request,
            who,
            "procedures.html",
            200 if missing is None else 404,
            missing=missing,
            procedures=[
                (kind, counts[name], in_numbers(_clauses(kind)))
                for name, kind in LIFECYCLES.items()
            ],
        )

    @router.get("/console/procedures")
    async def procedures(request: Request, who: CurrentPerson) -> Response:
        return await listed(request, who)

    @router.get("/console/procedures/{lifecycle}")
    async def procedure(
        request: Request, who: CurrentPerson, lifecycle: str, state: str = ""
    ) -> Response:
        kind = LIFECYCLES.get(lifecycle)
        if kind is None:
            return await listed(request, who, lifecycle)
        now, policy = datetime.now(UTC), parts.policy()
        section = kind.name.replace("-", "_")
        clauses = _clauses(kind)
        return pages.show(
            request,
            who,
            "procedure.html",
            kind=kind,
            diagram=_drawn(kind),
            counts=(await standing())[lifecycle],
            begins=[_way(kind, move) for move in kind.moves if move.begins],
            ways={stage: _ways(kind, stage) for stage in kind.stages},
            everywhere=[_way(kind, move) for move in _from_everywhere(kind)],
            duties=duties(kind, policy, now),
            beside=duties_beside(kind, policy, now),
            commands=[each for each in kind.commands.values() if each.is_for_people],
            who_may=who_may,
            stages_of=lambda command: stages_of(kind, command),
            policy=policy,
            edition=int(NEWEST),
            settings=settings(policy, section),
            shared=[each for name in _SHARED for each in settings(policy, name)],
            clauses=[each for each in clauses if state in ("", each.state)],
            states=[
                (each, count)
                for each in get_args(State)
                if (count := sum(clause.state == each for clause in clauses))
            ],
            state=state,
            in_numbers=in_numbers(clauses),
        )

    return router


@cache
def _drawn(kind: LifecycleKind) -> Diagram:
    return drawn(kind)


def _clauses(kind: LifecycleKind) -> list[Rule]:
    return [each for each in RULES.values() if each.procedure == kind.clauses]


def who_may(command: Command) -> str:
    """Return who may give a command, as the end of a sentence."""
    people = command.roles - {Role.SYSTEM} or command.roles
    return joined((role.people for role in Role if role in people), "or")


def stages_of(kind: LifecycleKind, command: Command) -> tuple[str, ...] | None:
    """Return the stages that a command is possible in, in their order; None: all that run."""
    possible = tuple(stage for stage in kind.stages if stage in command.stages)
    return None if len(possible) == len(kind.stages) else possible


def _from_everywhere(kind: LifecycleKind) -> Iterable[Move]:
    return (move for move in kind.moves if move.is_from_everywhere and move.to.is_end)


def _ways(kind: LifecycleKind, stage: str) -> list[Way]:
    """Return the ways out of a stage, one a target, but those out of every stage."""
    found = dict[str, tuple[str, ...]]()
    for move in kind.moves:
        if stage in move.starts and not (move.is_from_everywhere and move.to.is_end):
            found[move.to.value] = found.get(move.to.value, ()) + _way(kind, move).by
    return [Way(to, by) for to, by in found.items()]


def _way(kind: LifecycleKind, move: Move) -> Way:
    said = (f"{command_label(name)} ({who_may(kind.commands[name])})" for name in move.commands)
    return Way(move.to.value, (*said, *move.when))
