"""A proof counts once, for the very message that it was made for, while it lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.proofs import LIFETIME, PURPOSE, Claim, Proof, Unproven, Verdict, proof_in
from domain.roles import Actor, Role
from store import schema
from store.database import Database
from store.key_ring import KeyRing, new_ring_key
from store.proofs import UsedProofs
from store.switches import Switch, Switches

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DANA = Actor(name="Dana", role=Role.DISPATCH)
OF = {"workflow_id": "plus-one/SJ-1001", "command": "cancel", "by": DANA}
PAYLOAD = {"actor": DANA.model_dump(mode="json"), "reason": "Sold", "amounts": [240.0, 1]}
CLAIM = Claim.made(payload=PAYLOAD, **OF)  # type: ignore[arg-type]  # three of its arguments
RING = KeyRing((new_ring_key(),))
LONG_AGO = NOW - timedelta(days=30)


def a_proof(claim: Claim = CLAIM, ring: KeyRing = RING, at: datetime = NOW) -> str:
    return str(Proof.made(claim, ring.derived(PURPOSE), at))


class Checks:
    """The checks of one store, where proofs are asked for."""

    def __init__(self, database: Database, ring: KeyRing = RING) -> None:
        self.database = database
        self.ring = ring

    async def of(
        self, *proofs: str | None, claim: Claim = CLAIM, key: str = "1", now: datetime = NOW
    ) -> list[Verdict]:
        asked = [Unproven(claim=claim, proof=proof) for proof in proofs]
        return await UsedProofs(self.database).check(asked, lambda: self.ring, key, now)


@pytest.fixture
async def checks(database: Database) -> Checks:
    for switch in (Switch.PROOFS, Switch.PAYLOADS):
        await Switches(database).turn(switch, LONG_AGO, is_on=True)
    return Checks(database)


async def test_a_proof_counts_once_and_says_the_same_at_every_attempt(checks: Checks) -> None:
    proof = a_proof()
    assert await checks.of(proof, proof, None) == ["believed", "used", "missing"]
    assert await checks.of(proof, proof, None) == ["believed", "used", "missing"], "a worker died"
    late = NOW + timedelta(hours=2)
    assert (await checks.of(proof, now=late))[0] == "believed", "a worker died for long"
    assert await checks.of(proof, key="2") == ["used"]


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (LIFETIME - timedelta(milliseconds=1), "believed"),
        (LIFETIME, "expired"),
        (timedelta(days=400), "expired"),
        (-timedelta(minutes=3), "believed"),  # the worker's clock is behind
    ],
)
async def test_it_lasts_a_quarter_of_an_hour(
    checks: Checks, after: timedelta, verdict: str
) -> None:
    assert await checks.of(a_proof(), now=NOW + after) == [verdict]


async def test_it_is_for_one_job_command_person_and_payload_alone(checks: Checks) -> None:
    stolen = {
        "job": OF | {"workflow_id": "plus-one/SJ-1002"},
        "lifecycle": OF | {"workflow_id": "apo/SJ-1001"},
        "command": OF | {"command": "approve"},
        "person": OF | {"by": Actor(name="Sam", role=Role.DISPATCH)},
        "role": OF | {"by": Actor(name="Dana", role=Role.SUPERVISOR)},
    }
    proof = a_proof()
    for what, of in stolen.items():
        claim = Claim.made(payload=PAYLOAD, **of)  # type: ignore[arg-type]  # as above
        assert await checks.of(proof, claim=claim, key=what) == ["wrong"], what
    payloads: list[Any] = [PAYLOAD | {"reason": "Sold."}, PAYLOAD | {"more": 1}, {}, [], None]
    for payload in payloads:
        claim = Claim.made(payload=payload, **OF)  # type: ignore[arg-type]  # as above
        assert await checks.of(proof, claim=claim, key="p") == ["wrong"], payload
    assert await checks.of(proof) == ["believed"], "none of these has used it"


async def test_how_a_payload_is_written_does_not_matter(checks: Checks) -> None:
    retyped = {"proof": "x", **dict(reversed(PAYLOAD.items()))}
    claim = Claim.made(payload=retyped, **OF)  # type: ignore[arg-type]  # as above
    assert await checks.of(a_proof(), claim=claim) == ["believed"]


async def test_forged_ones_and_garbage_of_every_size_are_wrong(checks: Checks) -> None:
    good = Proof.parse(a_proof())
    assert good is not None
    other = new_ring_key()
    forged = [
        str(replace(good, expires=good.expires + 1)),
        str(replace(good, id="0" * 32)),
        str(replace(good, code="0" * 64)),
        str(replace(good, key_id=other.id)),
        a_proof(ring=KeyRing((other,))),
        str(replace(good, key_id=other.id, expires=10**11 - 1)),
        f"{good} ",
        f"{good}\n",
        str(good).upper(),
        "p1....",
        "",
        "\x00",
        "٣" * 80,
    ]
    assert set(await checks.of(*forged)) == {"wrong"}
    sent: list[Any] = ["x" * 201, "x" * 10**6, 7, [], {}, True]
    for garbage in sent:
        proof = proof_in({"proof": garbage})
        assert await checks.of(proof) == ["wrong"], garbage


async def test_a_rotated_ring_believes_what_the_key_before_has_proven(checks: Checks) -> None:
    proof = a_proof()
    checks.ring = KeyRing((new_ring_key(), RING.first))
    assert await checks.of(proof) == ["believed"]
    checks.ring = KeyRing((new_ring_key(),))
    assert await checks.of(a_proof()) == ["wrong"]


async def test_where_nobody_asks_all_are_believed(checks: Checks, database: Database) -> None:
    switches = Switches(database)
    await switches.turn(Switch.PROOFS, NOW, is_on=False)
    assert await checks.of(None, "x") == ["believed", "believed"]
    await switches.turn(Switch.PROOFS, NOW, is_on=True)
    assert await checks.of(None) == ["missing"]


async def test_plain_messages_of_ours_that_are_under_way_are_believed(
    checks: Checks, database: Database
) -> None:
    await Switches(database).turn(Switch.PAYLOADS, NOW, is_on=False)
    assert await checks.of(None) == ["believed"], "all of ours are plain still"
    await Switches(database).turn(Switch.PAYLOADS, NOW, is_on=True)
    assert await checks.of(None, now=NOW + timedelta(minutes=9)) == ["believed"]
    assert await checks.of(None, now=NOW + timedelta(minutes=10)) == ["missing"]


async def test_what_has_expired_long_ago_is_forgotten(checks: Checks, database: Database) -> None:
    for day in range(3):
        at = NOW + timedelta(days=2 * day)
        assert await checks.of(a_proof(at=at), key=str(day), now=at) == ["believed"]
    kept = await database.read(lambda tx: tx.execute(select(schema.proofs_used.c.id)).all())
    assert len(kept) == 1
