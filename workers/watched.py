"""An operator's file that is read again when it has changed, without a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import structlog

from domain.faults import in_brief
from domain.operator_files import OperatorFileError

T = TypeVar("T")

log = structlog.get_logger()

_LOOKS_EVERY_SECONDS = 1.0

_Version = tuple[int, int, int]


class Watched(Generic[T]):
    """What a file says now; called, it tells.

    A file that cannot be used, or is gone, changes nothing: what it said before holds, and the log
    says so once.
    """

    def __init__(
        self,
        variable: str,
        path: Path | None,
        load: Callable[[Path | None], T],
        clock: Callable[[], float] = time.monotonic,
        *,
        names_nobody: bool = False,
    ) -> None:
        """Read a file.

        Args:
            variable: the setting that names the file, for the log.
            path: the file; None for what holds without one, which never changes.
            load: reads it.
            clock: seconds that only grow.
            names_nobody: whether the log may quote what stands in the file. Otherwise it tells the
                lines alone.

        Raises:
            OperatorFileError: it cannot be used.
        """
        self._variable, self._path, self._load, self._clock = variable, path, load, clock
        self._names_nobody = names_nobody
        self._version = _version(path)
        self._said = load(path)
        self._looked_at = clock()
        self._lock = Lock()

    def __call__(self) -> T:
        """Return what the file says, at most a second late."""
        if self._path is not None and self._clock() - self._looked_at >= _LOOKS_EVERY_SECONDS:
            with self._lock:
                self._look()
        return self._said

    def look_again(self) -> T:
        """Return what the file says at this very moment."""
        with self._lock:
            self._look()
        return self._said

    def _look(self) -> None:
        self._looked_at = self._clock()
        version = _version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._said = self._load(self._path)
        except OperatorFileError as error:
            reason = error.in_one_line() if self._names_nobody else in_brief(error)
            log.warning(
                "a file cannot be used; what it said before holds",
                setting=self._variable,
                reason=reason,
            )
        else:
            path = self._path.as_posix() if self._path else None
            log.info("a file was read again", setting=self._variable, file=path)


def _version(path: Path | None) -> _Version | None:
    """Return how a file looks from outside, None if it is not there."""
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino) if status else None
