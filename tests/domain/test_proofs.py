"""A proof is of one message alone, and what no proof can be read in proves nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.proofs import LIFETIME, Claim, Proof, Verdict, proof_in, unproven, without_proof
from domain.refusals import RefusalKind
from domain.roles import Actor, Role

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DANA = Actor(name="Dana", role=Role.DISPATCH)
KEY = ("0a0a0a0a", b"a secret of the ring")
CLAIM = Claim.made("plus-one/SJ-1001", "cancel", DANA, {"reason": "Sold"})
OTHERS = {
    "another job": Claim.made("plus-one/SJ-1002", "cancel", DANA, {"reason": "Sold"}),
    "another command": Claim.made("plus-one/SJ-1001", "ring", DANA, {"reason": "Sold"}),
    "somebody else": Claim.made(
        "plus-one/SJ-1001", "cancel", DANA.model_copy(update={"name": "Sam"}), {"reason": "Sold"}
    ),
    "another payload": Claim.made("plus-one/SJ-1001", "cancel", DANA, {"reason": "Old"}),
}


def test_it_travels_as_text_and_fits_what_it_was_made_for() -> None:
    made = Proof.made(CLAIM, KEY, NOW)
    read = Proof.parse(str(made))
    assert read == made
    assert read is not None
    assert read.fits(CLAIM, KEY[1])
    assert not read.fits(CLAIM, b"another ring")


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_it_fits_nothing_else(other: Claim) -> None:
    assert not Proof.made(CLAIM, KEY, NOW).fits(other, KEY[1])


def test_it_lasts_a_quarter_of_an_hour_to_the_second() -> None:
    made = Proof.made(CLAIM, KEY, NOW)
    assert not made.has_expired(datetime.fromtimestamp(made.expires - 1, UTC))
    assert made.has_expired(NOW + LIFETIME)


@pytest.mark.parametrize("text", ["", "what is this", "1.2.3.4.5", "\N{SNOWMAN}" * 99, "x" * 5000])
def test_what_is_no_proof_is_not_read_as_one(text: str) -> None:
    assert Proof.parse(text) is None


def test_a_payload_is_proven_as_it_is_without_its_proof() -> None:
    payload = {"reason": "Sold", "proof": "the proof"}
    assert without_proof(payload) == {"reason": "Sold"}
    assert without_proof("text") == "text"
    assert proof_in(payload) == "the proof"


@pytest.mark.parametrize("proof", [3, ["x"], "x" * 5000, "\N{SNOWMAN}"])
def test_a_proof_that_is_none_is_not_the_same_as_a_missing_one(proof: object) -> None:
    found = proof_in({"proof": proof})
    assert found is not None
    assert Proof.parse(found) is None


@pytest.mark.parametrize("payload", [None, "text", {}, {"proof": None}])
def test_a_missing_one_is_missing(payload: object) -> None:
    assert proof_in(payload) is None


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.BELIEVED])
def test_each_verdict_says_why_and_what_to_do(verdict: Verdict) -> None:
    refusal = unproven(verdict)
    assert refusal.kind is RefusalKind.UNPROVEN
    assert "unproven" in refusal.message
    assert "steward proof" in str(refusal.instead)


def test_what_is_nested_without_end_is_not_handed_on() -> None:
    deep: object = "bottom"
    for _ in range(500):
        deep = [{"in": deep}]
    with pytest.raises(ValueError, match="nested"):
        Claim.made("plus-one/SJ-1001", "cancel", DANA, deep)
