"""The data folder: what lies in it, and who holds it. All of it is its owner's alone."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starters.failures import Failure

STORE_FILE = "steward.sqlite3"
TEMPORAL_FILE = "temporal.sqlite3"

_LOCK_FILE = "lock"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_NOBODY_ELSE = 0o077


class FolderError(Exception):
    """A data folder that cannot be used; the message says why, in one line."""


def prepare(data: Path) -> None:
    """Make a data folder, or have an old one be its owner's alone; so are files made from now on.

    Raises:
        FolderError: it cannot be made, written or taken from others.
    """
    os.umask(_NOBODY_ELSE)
    try:
        data.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        probe = data / ".writable"
        probe.touch()
        probe.unlink()
        _take_from_others(data)
    except OSError as error:
        raise FolderError(
            f"can't write to the data folder {data} ({error.strerror}). Name another with --data"
        ) from error


@contextmanager
def hold(
    data: Path, instead: str = "Stop it, or name another folder with --data"
) -> Iterator[None]:
    """Hold the folder, so that a stack that starts meanwhile finds it taken.

    Args:
        data: the folder.
        instead: what to do if somebody holds it already.

    Raises:
        Failure: somebody holds it, or its lock can't be opened.
    """
    path = data / _LOCK_FILE
    try:
        opened = path.open("w")
    except OSError as error:
        raise Failure(f"can't open {path} ({error.strerror})", exit_code=2) from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(
                f"another `steward up` is running on {data}. {instead}", exit_code=2
            ) from error
        yield


def _take_from_others(data: Path) -> None:
    """Take a folder, and what is in it, from everybody but its owner.

    What a link in it leads to is left alone, and what is another user's is not ours to change.
    """
    for folder, _, files in os.walk(data):
        _restrict(Path(folder), _FOLDER_MODE)
        for name in files:
            _restrict(Path(folder) / name, _FILE_MODE)


def _restrict(path: Path, mode: int) -> None:
    try:
        status = path.lstat()
        is_ours = status.st_uid == os.geteuid() or os.geteuid() == 0
        if not stat.S_ISLNK(status.st_mode) and status.st_mode & _NOBODY_ELSE and is_ours:
            path.chmod(mode)
    except FileNotFoundError:
        return  # a database's helper files come and go
