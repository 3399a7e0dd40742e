"""Writes the fingerprints of all recorded histories anew: `python -m tests.replay.fingerprints`.

Read the change that it makes before you commit it: each line that is another is a command that a
running job would issue otherwise than it did.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from tests.replay.check import (
    FINGERPRINTS,
    NAMES,
    Fingerprint,
    issued_for,
    name_of,
    names,
    recorded,
)


async def fingerprints() -> Mapping[str, Mapping[str, Fingerprint]]:
    """Return the commands that this code issues for each history, by lifecycle.

    Raises:
        SystemExit: one does not replay.
    """
    found: dict[str, dict[str, Fingerprint]] = {}
    documents = {path: json.loads(path.read_text()) for path in recorded()}
    async for path, differs, issued in issued_for(documents):
        if differs is not None:
            raise SystemExit(f"{name_of(path)} does not replay: {differs}")
        found.setdefault(path.stem.partition(".")[0], {})[name_of(path)] = issued
    return found


def main() -> None:
    """Write them."""
    FINGERPRINTS.mkdir(exist_ok=True)
    for lifecycle, histories in asyncio.run(fingerprints()).items():
        lines = [
            line
            for name, issued in sorted(histories.items())
            for line in (name, *(f"  {each}" for each in issued), "")
        ]
        (FINGERPRINTS / f"{lifecycle}.txt").write_text("\n".join(lines))
    NAMES.write_text("\n".join(names()) + "\n")


if __name__ == "__main__":
    main()
