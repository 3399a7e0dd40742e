"""Reconciliation as a person asks for it: at once, and told what came of it."""

from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from activities.job_system import TurnedDownError
from activities.reconciling import Reconciler
from domain.field_problems import field_problems
from domain.outgoing import reason_in_words
from domain.refusals import Refused, conflicting, forbidden, quoted, unreadable
from domain.roles import Actor, Role
from domain.values import Storable
from service.traffic import Traffic

_OF_A_WRONG_CURSOR: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
MAY_RECONCILE = frozenset({Role.SUPERVISOR, Role.ADMIN_TEAM})
_AT_MOST = timedelta(seconds=6)
"""How long pages are read for one answer: a request may take a few seconds more."""

EXAMPLE: Final = {"actor": {"name": "Robin", "role": Role.ADMIN_TEAM.value}, "dry_run": True}
"""A body to copy."""


class Reconcile(BaseModel):
    """Looking for what the hooks missed."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    actor: Actor | None = None
    """Who asks; in `tokens` mode it may be left out."""
    since: Storable | None = None
    """The cursor to begin at, empty for the list's beginning; without it, where the last
    reconciliation stopped."""
    keep: bool = False
    """Whether the Schedule goes on from there, too."""
    dry_run: bool = False
    """Whether only to say what was missed, and to change nothing."""


class ReconciliationDesk:
    """Carries out a reconciliation for a person."""

    def __init__(self, reconciler: Reconciler, traffic: Traffic) -> None:
        self._reconciler = reconciler
        self._traffic = traffic

    async def reconcile(self, fields: object, by: Actor | None) -> dict[str, Any]:
        """Look for what the hooks missed, and have it delivered; return what it was.

        Args:
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.

        Raises:
            Refused: it cannot be read, the role may not, or there is no other job system.
            JobSystemError: the job system does not list its jobs.
            StoreUnavailableError: the store does not answer.
        """
        asked = _read(fields)
        _check(asked.actor, by)
        if asked.keep and asked.dry_run:
            raise unreadable(
                "keep: A dry run changes nothing.", instead="Leave out --keep or --dry-run."
            )
        if not self._reconciler.has_list:
            raise conflicting(
                None,
                "There is no other job system. Steward's own copy of the jobs is the only one.",
                instead="Set STEWARD_JOB_SYSTEM_URL and STEWARD_JOB_SYSTEM_TOKEN, then restart.",
            )
        try:
            found = await self._reconciler.run(
                since=asked.since, dry=asked.dry_run, keep=asked.keep, at_most=_AT_MOST
            )
        except TurnedDownError as error:
            if asked.since is None or error.status not in _OF_A_WRONG_CURSOR:
                raise
            raise _wrong_cursor(asked.since, str(error)) from error
        if found.missed and not asked.dry_run:
            self._traffic.leave_backlog()
        return found.model_dump(mode="json")


def _wrong_cursor(since: str, reason: str) -> Refused:
    """Return that the job system does not know the cursor that somebody named."""
    why = reason_in_words(reason)
    said = f"The job system refused the cursor “{quoted(since)}”{f': {why}' if why else ''}."
    return unreadable(said, instead="Leave out --since, or use a cursor from the job system.")


def _read(fields: object) -> Reconcile:
    try:
        return Reconcile.model_validate(fields)
    except ValidationError as error:
        raise unreadable(
            field_problems(error, "a reconciliation", Reconcile),
            instead=f"Send fields like {json.dumps(EXAMPLE)}.",
        ) from error


def _check(said: Actor | None, by: Actor | None) -> None:
    """Return if whoever asks may.

    Raises:
        Refused: they may not, or nobody is named, or another than the token's owner.
    """
    actor = by or said
    if actor is None:
        raise unreadable("actor: Say who asks.")
    if by is not None and said not in (None, by):
        raise forbidden(
            None,
            f"This token belongs to {by.name} ({by.role.label}). The body names somebody else.",
            instead="Leave out the actor, or name yourself.",
        )
    if actor.role not in MAY_RECONCILE:
        raise forbidden(
            None,
            f"{actor.role.label} can't reconcile. The Admin team or a supervisor can.",
            instead="Ask the Admin team or a supervisor.",
        )
