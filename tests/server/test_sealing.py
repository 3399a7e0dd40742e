"""What goes to Temporal is encrypted with the job's own key, and only Steward can make it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import WorkflowSerializationContext

from store.data_keys import DataKeys, KeyDestroyedError, UnknownDataKeyError, destroy_key
from store.database import Database, migrate
from store.key_ring import KeyRing, UnknownRingKeyError, new_ring_key
from store.ring_keys import RingKeys, WrongRingError
from store.switches import Switch, Switches
from workers.sealing import ENCODING, Origin, PayloadNotReadableError, SealingCodec
from workflows.messages import SEAL, SEALED_BY

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"240.00 for the faucet"')


class World:
    """A store, its ring, and a wall clock that a test moves."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ring = KeyRing((new_ring_key(),))
        self.now = NOW

    def keys(self) -> DataKeys:
        """Return the keys as another process opens them."""
        return DataKeys(self.database, lambda: self.ring, lambda: self.now)

    def codec(self, job_id: str = "SJ-1001", keys: DataKeys | None = None) -> SealingCodec:
        context = WorkflowSerializationContext("default", f"plus-one/{job_id}")
        return SealingCodec(keys or self.keys()).with_context(context)

    async def erase(self, job_id: str) -> None:
        await self.database.write(lambda connection: destroy_key(connection, job_id, self.now))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path / 'steward.sqlite3'}"
    migrate(url)
    database = Database(url)
    yield World(database)
    await database.close()


def unopened(payload: Payload) -> Payload:
    """Return a payload that stays as it is, but for what it says of who sealed it."""
    kept = {name: value for name, value in payload.metadata.items() if name != SEALED_BY}
    return Payload(metadata=kept, data=payload.data)


async def test_what_is_sealed_is_read_by_any_process_and_says_who_sealed_it(world: World) -> None:
    (sealed,) = await world.codec().encode([PLAIN])
    (opened,) = await world.codec().decode([sealed])
    assert sealed.metadata["encoding"] == ENCODING
    assert b"faucet" not in sealed.SerializeToString()
    assert opened.data == PLAIN.data
    assert opened.metadata["encoding"] == b"json/plain"
    assert opened.metadata[SEALED_BY] == b"steward"


async def test_no_two_are_alike(world: World) -> None:
    codec = world.codec()
    one, other = await codec.encode([PLAIN, PLAIN])
    assert one.data != other.data
    opened = await codec.decode([one, other])
    assert opened[0].metadata[SEAL] != opened[1].metadata[SEAL]


async def test_each_job_has_a_key_and_reads_no_others(world: World) -> None:
    (sealed,) = await world.codec("SJ-1001").encode([PLAIN])
    assert await world.codec("SJ-1002").decode([sealed]) == [unopened(sealed)]


CHANGES = {
    "data": {"data": b"short"},
    "another key": {"key": b"0" * 20},
    "no key": {"key": b""},
    "a key that is none": {"key": b"\0\xff" * 10},
    "somebody else": {SEALED_BY: b"codec-server"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_was_changed_is_not_read_and_stops_no_job(
    world: World, change: dict[str, bytes]
) -> None:
    (sealed,) = await world.codec().encode([PLAIN])
    for part, value in change.items():
        if part == "data":
            sealed.data = value
        else:
            sealed.metadata[part] = value
    assert await world.codec().decode([sealed]) == [unopened(sealed)]
    with pytest.raises((PayloadNotReadableError, UnknownDataKeyError)):
        await SealingCodec(world.keys()).decode([sealed])


async def test_nobody_passes_for_steward_by_saying_so(world: World) -> None:
    said = {"encoding": b"json/plain", SEALED_BY: b"steward", SEAL: b"0"}
    claimed = Payload(metadata=said, data=b"{}")
    (opened,) = await world.codec().decode([claimed])
    assert dict(opened.metadata) == {"encoding": b"json/plain"}
    assert opened.data == claimed.data


async def test_what_the_codec_server_seals_says_so(world: World) -> None:
    codec = SealingCodec(world.keys(), job_id="SJ-1001", origin=Origin.CODEC_SERVER)
    (opened,) = await world.codec().decode(await codec.encode([PLAIN]))
    assert opened.metadata[SEALED_BY] == b"codec-server"


async def test_what_came_before_encryption_is_read_as_it_is(world: World) -> None:
    assert await world.codec().decode([PLAIN]) == [PLAIN]


async def test_nothing_is_sealed_before_the_switch_is_on(world: World) -> None:
    codec = world.codec()
    switches = Switches(world.database)
    await switches.turn(Switch.PAYLOADS, NOW, is_on=False)
    assert await codec.encode([PLAIN]) == [PLAIN]
    await switches.turn(Switch.PAYLOADS, NOW, is_on=True)
    world.now += timedelta(seconds=5)
    (sealed,) = await codec.encode([PLAIN])
    assert sealed.metadata["encoding"] == ENCODING


async def test_an_erased_job_is_read_by_nobody(world: World) -> None:
    (sealed,) = await world.codec().encode([PLAIN])
    await world.erase("SJ-1001")
    with pytest.raises(KeyDestroyedError):
        await world.codec().decode([sealed])
    with pytest.raises(KeyDestroyedError):
        await world.codec().encode([PLAIN])


async def test_another_job_s_erased_payload_stops_no_job(world: World) -> None:
    (sealed,) = await world.codec("SJ-1002").encode([PLAIN])
    await world.erase("SJ-1002")
    assert await world.codec("SJ-1001").decode([sealed]) == [unopened(sealed)]


async def test_a_process_that_has_the_key_open_forgets_it_within_minutes(world: World) -> None:
    codec = world.codec()
    (sealed,) = await codec.encode([PLAIN])
    await world.erase("SJ-1001")
    world.now += timedelta(minutes=5)
    with pytest.raises(KeyDestroyedError):
        await codec.decode([sealed])


async def test_rotation_leaves_everything_readable_without_the_old_key(world: World) -> None:
    (sealed,) = await world.codec().encode([PLAIN])
    old, new = world.ring.first, new_ring_key()
    world.ring = KeyRing((new, old))
    assert await world.keys().wrap_anew() == (1, None)
    assert await world.keys().wrap_anew() == (0, None)
    assert await RingKeys(world.database).in_use() == {new.id}
    world.ring = KeyRing((new,))
    (opened,) = await world.codec().decode([sealed])
    assert opened.data == PLAIN.data


async def test_a_store_is_worked_on_with_its_own_ring_alone(world: World) -> None:
    known = RingKeys(world.database)
    await known.claim(world.ring, NOW)
    (sealed,) = await world.codec().encode([PLAIN])
    own, world.ring = world.ring, KeyRing((new_ring_key(),))
    with pytest.raises(WrongRingError, match=own.first.id):
        await known.claim(world.ring, NOW)
    with pytest.raises(UnknownRingKeyError):
        await world.codec().decode([sealed])
