"""Which messages are believed: proofs that count once, and whether any is asked for at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select

from domain.proofs import PURPOSE, Claim, Proof, Unproven, Verdict
from store import schema
from store.database import Database
from store.key_ring import KeyRing, UnknownRingKeyError
from store.switches import Switch, setting_of

_UNDER_WAY = timedelta(minutes=10)
"""How long plain messages of ours may be under way once all that we send is encrypted."""
_KEPT = timedelta(days=1)
"""How long it is known that a proof was used; it has expired long before."""

_USED = schema.proofs_used
_BY_ID = select(_USED.c.key).where(_USED.c.id == bindparam("proof"))


def are_asked_for(connection: Connection, now: datetime) -> bool:
    """Return whether messages count only with a proof that did not come through Steward.

    Args:
        connection: of a transaction.
        now: the wall clock, aware UTC.
    """
    proofs, sealing = (setting_of(connection, each) for each in (Switch.PROOFS, Switch.PAYLOADS))
    if proofs is None or not proofs.is_on or sealing is None or not sealing.is_on:
        return False
    return now - sealing.since >= _UNDER_WAY


class UsedProofs:
    """The proofs that have counted in one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(
        self, asked: Sequence[Unproven], ring: Callable[[], KeyRing], key: str, now: datetime
    ) -> list[Verdict]:
        """Return whether each message is believed; the proofs of those that are have counted then.

        Asked again under the same key, it says the same again.

        Args:
            asked: the messages.
            ring: tells the key ring that proofs are made with.
            key: names this check among all that there ever are.
            now: the wall clock, aware UTC.

        Raises:
            StoreUnavailableError: the database does not answer.
        """

        def check(connection: Connection) -> list[Verdict]:
            if not are_asked_for(connection, now):
                return [Verdict.BELIEVED] * len(asked)
            connection.execute(delete(_USED).where(_USED.c.used_at < now - _KEPT))
            return [
                self._verdict(connection, each, ring(), f"{key}/{number}", now)
                for number, each in enumerate(asked)
            ]

        return await self._database.write(check)

    def _verdict(
        self, connection: Connection, asked: Unproven, ring: KeyRing, key: str, now: datetime
    ) -> Verdict:
        if asked.proof is None:
            return Verdict.MISSING
        proof = Proof.parse(asked.proof)
        if proof is None or not _is_ours(proof, asked.claim, ring):
            return Verdict.WRONG
        used_by = connection.execute(_BY_ID, {"proof": proof.id}).scalar()
        if used_by is None and proof.has_expired(now):
            return Verdict.EXPIRED
        if used_by is None:
            row = {"id": proof.id, "key": key, "used_at": now}
            connection.execute(self._database.insert_once(_USED, "id"), row)
            used_by = connection.execute(_BY_ID, {"proof": proof.id}).scalar_one()
        return Verdict.BELIEVED if used_by == key else Verdict.USED


def _is_ours(proof: Proof, claim: Claim, ring: KeyRing) -> bool:
    try:
        _, secret = ring.derived(PURPOSE, proof.key_id)
    except UnknownRingKeyError:
        return False
    return proof.fits(claim, secret)
