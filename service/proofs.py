"""Makes proofs: by which a command counts that somebody sends with Temporal's own tools."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.commands import CommandRequest, unknown_command
from domain.labels import to_do
from domain.lifecycles import LifecycleKind
from domain.proofs import FIELD, PURPOSE, Claim, Proof
from domain.refusals import Refusal, RefusalKind, Refused, conflicting
from domain.roles import STEWARD, Actor
from domain.values import Instant
from service.commands import actor_of, signed
from service.erased_jobs import ErasedJobs
from store.journal import Journal, RefusedAttempt
from store.key_ring import KeyRing
from store.reading import Reading


class MadeProof(BaseModel):
    """A proof, and what to send with it."""

    model_config = ConfigDict(frozen=True)

    proof: str
    expires_at: Instant
    payload: dict[str, Any]
    """What to send as the one input of the signal or the update."""


class ProofDesk:
    """Makes proofs for those who may give a command."""

    def __init__(
        self,
        reading: Reading,
        journal: Journal,
        erased: ErasedJobs,
        ring: Callable[[], KeyRing] | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take what a proof rests on.

        Args:
            reading: knows which lifecycles run.
            journal: records who had a proof made.
            erased: refuses what is wanted of erased jobs.
            ring: tells the key ring; None where nothing is encrypted, so that no proof is asked.
            clock: the wall clock, aware UTC.
        """
        self._reading = reading
        self._journal = journal
        self._erased = erased
        self._ring = ring
        self._clock = clock

    async def make(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, by: Actor | None
    ) -> MadeProof:
        """Return a proof of a command that somebody is about to send past Steward.

        Whether the command is possible is decided when it comes to its workflow.

        Args:
            kind: the lifecycle.
            job_id: the job.
            command: the command's name.
            fields: its payload, as it came.
            by: who asks for the proof, None where the payload's actor is believed.

        Raises:
            Refused: the payload can't be read, the role may not, nothing takes the command, or
                the job was erased.
            StoreUnavailableError: the store does not answer.
        """
        await self._erased.require_kept(job_id)
        now, workflow_id = self._clock(), kind.workflow_id(job_id)
        try:
            request, payload = _readable(kind, command, fields, by)
            await self._must_run(kind, job_id)
            if self._ring is None:
                raise conflicting(
                    None, "No proof is needed here: nothing is encrypted.", "Send it without one."
                )
        except Refused as refused:
            await self._erased.require_kept(job_id)  # it may have been erased just now
            attempt = RefusedAttempt(
                id=f"proof:{now.isoformat()}",
                job_id=job_id,
                lifecycle=kind.name,
                command=command,
                at=now,
                actor=by or actor_of(fields) or STEWARD,
                refusal=refused.refusal,
            )
            await self._journal.refused(attempt)
            raise
        claim = Claim.made(workflow_id, command, request.actor, payload)
        proof = Proof.made(claim, self._ring().derived(PURPOSE), now)
        await self._erased.require_kept(job_id)
        made = {f"got a proof to {to_do(command)} (`{command}`)": None}
        key = f"proof:{workflow_id}:{proof.id}"
        await self._journal.noted(job_id, kind.name, request.actor, made, now, key)
        expires_at = datetime.fromtimestamp(proof.expires, UTC)
        return MadeProof(
            proof=str(proof), expires_at=expires_at, payload={**payload, FIELD: str(proof)}
        )

    async def _must_run(self, kind: LifecycleKind, job_id: str) -> None:
        standing = await self._reading.lifecycle(kind.workflow_id(job_id))
        if standing is None or standing["outcome"] is not None:
            raise Refused(
                Refusal(
                    kind=RefusalKind.NOT_RUNNING,
                    rule=None,
                    message=f"Nothing would take the command: {kind.title} isn't running on this "
                    "job.",
                    instead="Give the command in Steward if it can start the procedure.",
                )
            )


def _readable(
    kind: LifecycleKind, command: str, fields: object, by: Actor | None
) -> tuple[CommandRequest, dict[str, Any]]:
    """Return a command that can be sent, and its payload.

    Raises:
        Refused: it can't be read, or is not for the role.
    """
    declared = kind.commands.get(command)
    if declared is None or not declared.is_for_people:
        raise unknown_command(kind.commands, command)
    payload = fields if by is None else signed(fields, by)
    request = kind.commands.read(command, payload)
    return request, dict(payload) if isinstance(payload, dict) else {}
