"""Random numbers that are used once: one stands before whatever is encrypted."""

from __future__ import annotations

import os
import ssl
from typing import Final

from store.key_ring import NONCE_BYTES

_DRAWN_AT_ONCE: Final = 256

_drawn: Final[list[bytes]] = []
"""Those that nobody has used yet. Whoever uses one takes it out first."""


def new_nonce() -> bytes:
    """Return a random number of `NONCE_BYTES` that nobody else gets.

    To draw many takes hardly longer than one. They are not the system's: asking for those gives
    other threads their turn each time.
    """
    try:
        return _drawn.pop()
    except IndexError:
        drawn = ssl.RAND_bytes(_DRAWN_AT_ONCE * NONCE_BYTES)
        first, *others = (drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES))
        _drawn.extend(others)
        return first


# The copy of a process draws its own: used by both, a number would betray what it stands before.
os.register_at_fork(after_in_child=_drawn.clear)
