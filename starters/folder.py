"""The folder of `steward up`: what lies in it, and who holds it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starters.failures import Failure

STORE_FILE = "steward.sqlite3"
TEMPORAL_FILE = "temporal.sqlite3"

_LOCK_FILE = "lock"


@contextmanager
def hold(data: Path) -> Iterator[None]:
    """Hold the folder, so that a stack that starts meanwhile finds it taken.

    Raises:
        Failure: somebody holds it.
    """
    with (data / _LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(
                f"another `steward up` runs on {data}; stop it, or name another folder with --data",
                exit_code=2,
            ) from error
        yield
