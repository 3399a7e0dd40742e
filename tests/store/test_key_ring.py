"""The key ring: what it opens, what it refuses, and that it gives no key away."""

from __future__ import annotations

import pytest

from store.key_ring import KeyRing, RingKey, UnknownRingKeyError, new_ring_key

ABOUT = "key-1 SJ-1001"


def ring_of(*keys: RingKey) -> KeyRing:
    return KeyRing.parse("\n".join(key.line() for key in keys))


def test_the_first_key_wraps_and_all_unwrap() -> None:
    old, new = new_ring_key(), new_ring_key()
    key_id, wrapped = ring_of(old).wrap(b"secret", ABOUT)
    rotated = ring_of(new, old)
    assert key_id == old.id
    assert rotated.unwrap(key_id, wrapped, ABOUT) == b"secret"
    assert rotated.wrap(b"secret", ABOUT)[0] == new.id


def test_what_is_wrapped_opens_for_nothing_else() -> None:
    ring = ring_of(new_ring_key())
    key_id, wrapped = ring.wrap(b"secret", ABOUT)
    with pytest.raises(UnknownRingKeyError):
        ring.unwrap(key_id, wrapped, "key-1 SJ-1002")
    with pytest.raises(UnknownRingKeyError):
        ring.unwrap(key_id, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), ABOUT)
    with pytest.raises(UnknownRingKeyError):
        ring.unwrap(key_id, b"", ABOUT)


def test_another_ring_opens_nothing_even_with_a_key_of_the_same_id() -> None:
    key = new_ring_key()
    key_id, wrapped = ring_of(key).wrap(b"secret", ABOUT)
    with pytest.raises(UnknownRingKeyError, match=key.id):
        ring_of(new_ring_key()).unwrap(key_id, wrapped, ABOUT)
    with pytest.raises(UnknownRingKeyError):
        ring_of(RingKey(key.id, new_ring_key().secret)).unwrap(key_id, wrapped, ABOUT)


def test_each_purpose_has_a_secret_of_its_own_that_outlives_a_rotation() -> None:
    old, new = new_ring_key(), new_ring_key()
    key_id, secret = ring_of(old).derived("proofs")
    assert secret not in {old.secret, ring_of(old).derived("cursors")[1]}
    assert ring_of(new, old).derived("proofs", key_id) == (key_id, secret)
    assert ring_of(new, old).derived("proofs")[1] != secret


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no key"),
        ("# nothing\n\n", "no key"),
        ("what is this", "line 1 is not"),
        ("0a0a0a0a:####", "line 1: the key is not Base64"),
        ("0a0a0a0a:c2hvcnQ=", "line 1: the key has 5 bytes"),
        ("0A0A0A0A:c2hvcnQ=", "line 1 is not"),
    ],
)
def test_a_file_that_is_no_ring_is_told_without_what_it_says(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        KeyRing.parse(text)
    assert "c2hvcnQ" not in str(refused.value)


def test_a_key_is_in_a_ring_once() -> None:
    key = new_ring_key()
    with pytest.raises(ValueError, match="twice"):
        ring_of(key, key)


def test_a_key_shows_itself_to_nobody() -> None:
    key = new_ring_key()
    assert repr(key.secret) not in repr(ring_of(key))
    assert key.secret.hex() not in key.check
