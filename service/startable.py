"""Jobs that no lifecycle follows: what can start one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.lifecycles import LifecycleKind
from domain.refusals import Refusal, Refused, conflict
from domain.roles import Role
from domain.unfollowed import how_to_start, job_without_follower
from service.routing import Router
from service.starting import require_startable, with_message_id
from store.lifecycles import KnownJob, Lifecycles, UnfollowedJob

_TRIAL = "trial"
"""Message id of a command that is only tried, never sent."""


class Start(NamedTuple):
    """A command that starts a lifecycle, or that needs none."""

    lifecycle: str
    command: str
    refusal: Refusal | None
    """Why nobody can give it now, None if somebody can."""


class Ways(NamedTuple):
    """How a lifecycle can start on a job that none follows."""

    commands: Collection[tuple[str, str]]
    """Lifecycle and name of each command that can start one."""
    elsewhere: Sequence[str]
    """What people do in the job system to start one, a sentence each."""


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

    async def ways(self, job_id: str) -> Ways | None:
        """Return how a lifecycle can start on a job, None if one follows it.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        job = (await self._lifecycles.unfollowed([job_id])).get(job_id)
        if job is None:
            return None
        kinds = self._kinds.values()
        begun = [kind for kind in kinds if self._router.may_begin(kind, job.row.held.job)]
        return Ways(
            commands=self.possible_starts(job),
            elsewhere=[how_to_start(kind, job.ended) for kind in begun],
        )

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

    async def on(self, job_id: str, role: Role) -> list[Start]:
        """Return every command that can start a lifecycle on a job, or be answered without one.

        Those of a lifecycle that runs are left out. One that a rule forbids now, whatever its
        fields say, has the refusal.

        Args:
            job_id: the job.
            role: who is told: a refusal is what this role would read.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        found: list[Start] = []
        for kind in self._kinds.values():
            known = await self._lifecycles.known(kind.workflow_id(job_id))
            if known is None:
                return []
            if known.lifecycle is not None and known.lifecycle.outcome is None:
                continue
            for name, command in kind.commands.items():
                if command.standalone is not None:
                    found.append(Start(kind.name, name, None))
                elif command.starts and command.is_for_people:
                    found.append(Start(kind.name, name, self._forbidden(kind, name, known, role)))
        return found

    def _forbidden(
        self, kind: LifecycleKind, name: str, known: KnownJob, role: Role
    ) -> Refusal | None:
        """Return why nobody can start a lifecycle so now, None if somebody can."""
        roles = kind.commands[name].roles
        refusals = {each: self._refusal(kind, name, known, each) for each in sorted(roles)}
        if None in refusals.values():
            return None
        return refusals.get(role) or next(iter(refusals.values()))

    def _can_start(self, kind: LifecycleKind, name: str, known: KnownJob) -> bool:
        roles = sorted(kind.commands[name].roles)
        return any(self._refusal(kind, name, known, role) is None for role in roles)

    def _refusal(
        self, kind: LifecycleKind, name: str, known: KnownJob, role: Role
    ) -> Refusal | None:
        """Return why a role can't start a lifecycle with a command's example, None if it can."""
        command, job_id = kind.commands[name], known.row.held.job.job_id
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
                return conflict(None, f"{kind.title} is already running for this job.")
            require_startable(kind, request, argument)
        except Refused as refused:
            return refused.refusal
        return None
