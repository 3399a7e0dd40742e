"""The data keys: one for each job, by which all that Temporal has of the job is encrypted.

They are kept wrapped by the key ring. Destroying a job's key makes all of it unreadable, wherever
copies of it are.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from store import schema
from store.database import Database, StoreUnavailableError
from store.key_ring import KEY_BYTES, KeyRing, UnknownRingKeyError
from store.switches import Switch, setting_of

STEWARDS_OWN = ""
"""What stands for the job where something is about none."""

_ID_BYTES = 10
_KEPT = 10_000
"""How many keys a process keeps open, about half a kilobyte each."""
_BELIEVED_FOR = timedelta(minutes=5)
"""How long a process uses a key without asking whether it has been destroyed."""
_ASKS_WHETHER_ON_EVERY = timedelta(seconds=5)
_AT_ONCE = 500
"""Keys that are wrapped anew in one transaction."""

_KEYS = schema.data_keys
_WRAPPED: Select[Any] = select(_KEYS.c.id, _KEYS.c.job_id, _KEYS.c.ring_key_id, _KEYS.c.wrapped)
_BY_ID = _WRAPPED.where(_KEYS.c.id == bindparam("wanted"))
_OF_JOB = _WRAPPED.where(_KEYS.c.job_id == bindparam("wanted"))


class KeyDestroyedError(LookupError):
    """The data key of this was destroyed: its job was erased.

    Attributes:
        job_id: the job.
    """

    for_logs = "this job was erased, and what is encrypted with its key cannot be read"

    def __init__(self, job_id: str) -> None:
        super().__init__(self.for_logs)
        self.job_id = job_id


class UnknownDataKeyError(LookupError):
    """The store knows no data key of this id: it belongs to another store."""


@dataclass(frozen=True)
class DataKey:
    """The open key of one job."""

    id: str
    job_id: str
    cipher: AESGCM = field(repr=False)


@dataclass
class _Kept:
    key: DataKey
    believed_until: datetime


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class DataKeys:
    """The data keys of one store, as one process opens them."""

    def __init__(
        self,
        database: Database,
        ring: Callable[[], KeyRing],
        clock: Callable[[], datetime] = _wall_clock,
        look_again: Callable[[], KeyRing] | None = None,
    ) -> None:
        """Take a store and a ring.

        Args:
            database: the store.
            ring: tells the key ring, as it was a moment ago.
            clock: the wall clock, aware UTC.
            look_again: tells the key ring as it is at this very moment.
        """
        self._database = database
        self._ring = ring
        self._look_again = look_again or ring
        self._clock = clock
        self._by_id: OrderedDict[str, _Kept] = OrderedDict()
        self._id_of_job: dict[str, str] = {}
        self._seals = False
        self._asked_whether_at: datetime | None = None

    def ring(self) -> KeyRing:
        """Return the key ring as it now is."""
        return self._ring()

    # --- using -------------------------------------------------------------------------------

    @property
    def seal(self) -> bool:
        """Whether this process already knows that this store's payloads are encrypted."""
        return self._seals

    def at_hand(self, key_id: str) -> DataKey | None:
        """Return the key of an id if it is open and needs no question to the store."""
        kept = self._by_id.get(key_id)
        if kept is None or self._clock() >= kept.believed_until:
            return None
        self._by_id.move_to_end(key_id)
        return kept.key

    def at_hand_of(self, job_id: str) -> DataKey | None:
        """Return the key of a job if it is open and needs no question to the store."""
        key_id = self._id_of_job.get(job_id)
        return None if key_id is None else self.at_hand(key_id)

    def forget(self, job_id: str) -> None:
        """Close the key of a job, so that it's asked for again before it's used."""
        self._by_id.pop(self._id_of_job.pop(job_id, ""), None)

    async def are_in_use(self) -> bool:
        """Return whether this store's payloads are encrypted by now.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        now = self._clock()
        asked_at = self._asked_whether_at
        if self._seals or (asked_at and now - asked_at < _ASKS_WHETHER_ON_EVERY):
            return self._seals
        setting = await self._database.read(lambda tx: setting_of(tx, Switch.PAYLOADS))
        self._seals, self._asked_whether_at = setting is not None and setting.is_on, now
        return self._seals

    async def key_of(self, job_id: str) -> DataKey:
        """Return the key of a job, which is made if it has none yet.

        Raises:
            KeyDestroyedError: the job was erased.
            UnknownRingKeyError: the ring does not open it.
            StoreUnavailableError: the database does not answer.
        """
        known = self._id_of_job.get(job_id)
        if known is not None:
            return await self.key(known)
        found = await self._database.read(lambda tx: _one(tx, _OF_JOB, job_id))
        if found is None:
            found = await self._database.write(lambda tx: self._made(tx, job_id))
        return self._opened(found)

    async def key(self, key_id: str) -> DataKey:
        """Return the key of an id.

        A key that is open already is used for as long as the database does not answer.

        Raises:
            KeyDestroyedError: its job was erased.
            UnknownDataKeyError: there is none.
            UnknownRingKeyError: the ring does not open it.
            StoreUnavailableError: the database does not answer.
        """
        return self.at_hand(key_id) or await self.key_now(key_id)

    async def key_now(self, key_id: str) -> DataKey:
        """Return the key of an id as the store has it now, as `key` does and with its errors."""
        kept = self._by_id.get(key_id)
        try:
            found = await self._database.read(lambda tx: _one(tx, _BY_ID, key_id))
        except StoreUnavailableError:
            if kept is None:
                raise
            return kept.key
        if found is None:
            raise UnknownDataKeyError("this was encrypted with a key that this store does not have")
        return self._opened(found)

    def _made(self, connection: Connection, job_id: str) -> Row[Any]:
        """Return the key of a job in the store, one that is made now unless it has one by now."""
        key_id = secrets.token_hex(_ID_BYTES)
        about = _about(key_id, job_id)
        ring_key_id, wrapped = self._look_again().wrap(secrets.token_bytes(KEY_BYTES), about)
        row = {
            "id": key_id,
            "job_id": job_id,
            "ring_key_id": ring_key_id,
            "wrapped": wrapped,
            "made_at": self._clock(),
        }
        connection.execute(self._database.insert_once(_KEYS, "job_id"), row)
        return connection.execute(_OF_JOB, {"wanted": job_id}).one()

    def _opened(self, row: Row[Any]) -> DataKey:
        if row.wrapped is None:
            self._by_id.pop(row.id, None)
            self._id_of_job.pop(row.job_id, None)
            raise KeyDestroyedError(row.job_id)
        key = DataKey(row.id, row.job_id, AESGCM(self._unwrapped(row)))
        self._by_id[row.id] = _Kept(key, self._clock() + _BELIEVED_FOR)
        self._by_id.move_to_end(row.id)
        self._id_of_job[row.job_id] = row.id
        if len(self._by_id) > _KEPT:
            _, oldest = self._by_id.popitem(last=False)
            self._id_of_job.pop(oldest.key.job_id, None)
        return key

    def _unwrapped(self, row: Row[Any]) -> bytes:
        about = _about(row.id, row.job_id)
        try:
            return self._ring().unwrap(row.ring_key_id, row.wrapped, about)
        except UnknownRingKeyError:  # the ring may just have got a new key
            return self._look_again().unwrap(row.ring_key_id, row.wrapped, about)

    # --- keeping -----------------------------------------------------------------------------

    async def wrap_anew(self, after: str = "") -> tuple[int, str | None]:
        """Wrap some data keys under the ring's first key that are wrapped under another.

        Args:
            after: the id of the last key that was looked at before, empty to begin.

        Returns:
            How many were wrapped anew, and where to go on; None if no key is left.

        Raises:
            UnknownRingKeyError: the ring lacks a key that one of them is wrapped under.
            StoreUnavailableError: the database does not answer.
        """
        return await self._database.write(lambda connection: self._wrap_some(connection, after))

    async def to_wrap(self) -> int:
        """Return how many data keys are wrapped under another than the ring's first key.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        others = _wrapped_under_another(self._look_again())
        counting = select(func.count()).select_from(others.subquery())
        return await self._database.read(lambda connection: connection.scalar(counting) or 0)

    def _wrap_some(self, connection: Connection, after: str) -> tuple[int, str | None]:
        ring = self._look_again()
        others = _wrapped_under_another(ring).where(_KEYS.c.id > after)
        rows = connection.execute(others.order_by(_KEYS.c.id).limit(_AT_ONCE)).all()
        for row in rows:
            about = _about(row.id, row.job_id)
            secret = ring.unwrap(row.ring_key_id, row.wrapped, about)
            ring_key_id, wrapped = ring.wrap(secret, about)
            connection.execute(
                update(_KEYS)
                .where(_KEYS.c.id == row.id, _KEYS.c.wrapped.is_not(None))
                .values(ring_key_id=ring_key_id, wrapped=wrapped)
            )
        return len(rows), rows[-1].id if len(rows) == _AT_ONCE else None


def _wrapped_under_another(ring: KeyRing) -> Select[Any]:
    return _WRAPPED.where(_KEYS.c.wrapped.is_not(None), _KEYS.c.ring_key_id != ring.first.id)


def destroy_key(connection: Connection, job_id: str, now: datetime) -> bool:
    """Destroy the data key of a job for ever, and return whether it had one.

    Args:
        connection: of the transaction that erases what else there is of the job.
        job_id: whose.
        now: the wall clock, aware UTC.
    """
    destroying = (
        update(_KEYS)
        .where(_KEYS.c.job_id == job_id, _KEYS.c.wrapped.is_not(None))
        .values(wrapped=None, destroyed_at=now)
    )
    return connection.execute(destroying).rowcount == 1


def _one(connection: Connection, asked: Any, wanted: str) -> Row[Any] | None:  # noqa: ANN401  a select of any columns
    return connection.execute(asked, {"wanted": wanted}).one_or_none()


def _about(key_id: str, job_id: str) -> str:
    """Return what a wrapped key is bound to."""
    return f"{key_id} {job_id}"
