"""Jobs that no lifecycle follows: what can start one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.lifecycles import LifecycleKind
from domain.refusals import Refused
from domain.unfollowed import job_without_follower
from service.routing import Router
from service.starting import require_startable, with_message_id
from store.lifecycles import KnownJob, Lifecycles, UnfollowedJob

_TRIAL = "trial"
"""Message id of a command that is only tried, never sent."""


class Startable:
    """Says what can start a lifecycle on a job that none follows, or none any more."""

    def __init__(
        self,
        lifecycles: Lifecycles,
        router: Router,
        kinds: Mapping[str, LifecycleKind],
        clock: Callable[[], datetime],
    ) -> None:
        """Take what starts are decided by.

        Args:
            lifecycles: knows which jobs have none.
            router: makes the argument of a lifecycle.
            kinds: the lifecycles, by name.
            clock: the wall clock, aware UTC.
        """
        self._lifecycles = lifecycles
        self._router = router
        self._kinds = kinds
        self._clock = clock

    async def complete(self, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return a list's items; those without a lifecycle say how somebody starts one.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        alone = [item["job_id"] for item in items if item["lifecycle"] is None]
        known = await self._lifecycles.unfollowed(alone) if alone else {}
        return [
            {**item, **(self.shown(known[item["job_id"]]) if item["job_id"] in known else {})}
            for item in items
        ]

    async def of(self, job_id: str) -> dict[str, Any]:
        """Return `next` and `allowed` of a job that no lifecycle follows, nothing of any other.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        known = await self._lifecycles.unfollowed([job_id])
        return self.shown(known[job_id]) if job_id in known else {}

    def shown(self, job: UnfollowedJob) -> dict[str, Any]:
        """Return `next` and `allowed` of a job that no lifecycle follows."""
        possible = self.possible_starts(job)
        held = job.row.held.job
        startable = {lifecycle for lifecycle, _ in possible}
        ways = [
            kind
            for kind in self._kinds.values()
            if kind.name in startable or self._router.may_begin(kind, held)
        ]
        return {
            "next": job_without_follower(held.status, ways, job.ended),
            "allowed": [command for _, command in possible],
        }

    def possible_starts(self, job: UnfollowedJob) -> Sequence[tuple[str, str]]:
        """Return (lifecycle, command) of each command that can start a lifecycle on a job now.

        A command counts if somebody in one of its roles can start the lifecycle with its example:
        what a rule asks of the fields is not known before they are filled in.
        """
        return [
            (kind.name, name)
            for kind in self._kinds.values()
            for name, command in kind.commands.items()
            if command.starts
            and command.is_for_people
            and self._can_start(kind, name, KnownJob(job.row, job.ended.get(kind.name)))
        ]

    def _can_start(self, kind: LifecycleKind, name: str, known: KnownJob) -> bool:
        command, job_id = kind.commands[name], known.row.held.job.job_id
        for role in sorted(command.roles):
            example: dict[str, Any] = {
                **command.example_payload(),
                "actor": {"name": "Dana", "role": role.value},
            }
            fields = with_message_id(example, _TRIAL)
            try:
                request = kind.commands.read(name, fields)
                argument = self._router.start_for_command(
                    kind, job_id, known, request, fields, self._clock()
                )
                if argument is None:
                    return False
                require_startable(kind, request, argument)
            except Refused:
                continue
            return True
        return False
