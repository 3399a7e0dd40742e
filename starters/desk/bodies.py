"""Bodies that somebody sent, as people read them: laid out, bounded, and nothing but text."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Final

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that nobody sees, that turn what follows, or that no page can have."""
LONGEST: Final = 16_000
"""Bytes of a body that are shown."""


def readable(body: bytes, length: int) -> str:
    """Return a body as people read it: JSON a field a line, all else as it came.

    Args:
        body: its beginning, `LONGEST` bytes at most.
        length: how many bytes it has.
    """
    text = body.decode("utf-8", "replace")
    if length == len(body):
        with suppress(ValueError, RecursionError):  # then it is shown as it came
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)[: 4 * LONGEST]


def in_units(count: int) -> str:
    """Return a number of bytes as people read it: `310 bytes`, `1.4 kB`."""
    thousand = 1000
    if count < thousand:
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{count / thousand:.1f} kB"
