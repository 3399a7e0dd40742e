"""How a lifecycle that does not run is started: what people are told of it."""

from __future__ import annotations

from collections.abc import Iterable

from domain.commands import Command
from domain.jobs import JobStatus
from domain.lifecycles import LifecycleKind
from domain.roles import OUTSIDERS, Role


def starting_commands(kind: LifecycleKind) -> tuple[Command, ...]:
    """Return the commands that begin a lifecycle from nothing, in their order.

    One that is tied both to stages and to a rule starts it only in special cases, such as a paid
    invoice after the end: those are left out.
    """
    return tuple(
        command
        for command in kind.commands.values()
        if command.starts and not (command.stages and command.guard)
    )


def how_to_start(kind: LifecycleKind) -> tuple[str, ...]:
    """Return in whole sentences what people can do to start a lifecycle.

    Commands of one audience are one sentence; their names stand in backticks for programs.
    """
    by_audience: dict[str, list[str]] = {}
    for command in starting_commands(kind):
        by_audience.setdefault(_people(command.roles), []).append(_labelled(command.name))
    said = [f"{who} can use {_listed(names)}." for who, names in by_audience.items()]
    if kind.event_that_starts is not None:
        said.append(kind.event_that_starts)
    return tuple(said)


def nobody_follows(status: JobStatus, kinds: Iterable[LifecycleKind]) -> str:
    """Return what `why` says of a job that no lifecycle follows, and what could follow it.

    Args:
        status: the job's.
        kinds: the lifecycles that there are.
    """
    if status.final:
        return f"Nobody follows this job. It is {status.value}."
    ways = [f"{kind.title}: {' '.join(said)}" for kind in kinds if (said := how_to_start(kind))]
    return " ".join(["Nobody follows this job.", *ways])


def _labelled(name: str) -> str:
    words = name.replace("_", " ").replace("apo", "APO")
    return f"{words[:1].upper()}{words[1:]} (`{name}`)"


def _people(roles: Iterable[Role]) -> str:
    inside = sorted(role for role in roles if role not in OUTSIDERS)
    named = [_NAMES.get(role, role.value.replace("_", " ").title()) for role in inside]
    said = _listed(named)
    return f"{said[:1].upper()}{said[1:]}"


_NAMES = {
    Role.SUPERVISOR: "a supervisor",
    Role.AREA_MANAGER: "the Area Manager",
    Role.SPOC_SPECIALIST: "the SPoC specialist",
    Role.ADMIN_TEAM: "the Admin team",
}


def _listed(words: list[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last
