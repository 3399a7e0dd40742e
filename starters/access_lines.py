"""The log line, and the count, of each request that changes something.

A line says which route was asked and how it was answered, and nothing that a caller typed: of an
address, only what Steward itself knows by that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog
from starlette.types import Scope

from domain.values import JOB_ID
from starters.doorkeeper import HOOKS, route_of
from starters.http_errors import FIRST_FAULT
from workflows.registry import LIFECYCLES

log = structlog.get_logger()

_OF_A_JOB: Final = re.compile(r"(?P<desk>/console)?/jobs/(?P<job>[^/]+)/(?P<rest>.+)")
_FIRST_REFUSAL: Final = 400
_CONFLICT: Final = 409

CountCommand = Callable[[str, str, int], None]
"""Counts a command: its lifecycle, its name, and the status that it was answered with."""


class GivenCommand(NamedTuple):
    """A command as an address names it."""

    lifecycle: str
    command: str
    """`unknown` where the lifecycle has no such command."""
    route: str


def command_in(path: str) -> GivenCommand | None:
    """Return the command that an address gives, of the API or the desk; None if it gives none."""
    of_a_job = _OF_A_JOB.fullmatch(path)
    lifecycle, _, name = of_a_job["rest"].partition("/") if of_a_job else ("", "", "")
    kind = LIFECYCLES.get(lifecycle)
    if of_a_job is None or kind is None or not name or "/" in name:
        return None
    command = name if name in kind.commands else "unknown"
    return GivenCommand(
        lifecycle, command, f"{of_a_job['desk'] or ''}/jobs/{{job_id}}/{lifecycle}/{command}"
    )


def tell_of(scope: Scope, status: int, seconds: float, count: CountCommand) -> None:
    """Write the line of a request that was answered, and count it if it gave a command.

    Hooks have lines of their own, by their event. A command that nobody let in is not counted,
    unless that is a fault of ours.
    """
    path: str = scope["path"]
    if path in HOOKS:
        return
    said: dict[str, object] = {"route": route_of(scope)}
    if (given := command_in(path)) is not None:
        said = given._asdict()
        if "route" in scope or status >= FIRST_FAULT:
            count(given.lifecycle, given.command, status)
    of_a_job = _OF_A_JOB.fullmatch(path)
    is_job = "route" in scope and _shows_a_job(status)
    if of_a_job and is_job and re.fullmatch(JOB_ID, of_a_job["job"]):
        said["job"] = of_a_job["job"]
    milliseconds = round(1000 * seconds)
    log.info(
        "a request was answered",
        method=scope["method"],
        status=status,
        milliseconds=milliseconds,
        **said,
    )


def _shows_a_job(status: int) -> bool:
    """Return whether a route answers so only of a job that exists: else anything may be typed."""
    return status < _FIRST_REFUSAL or status == _CONFLICT
