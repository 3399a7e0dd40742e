"""Faults as they may be logged: what kind they are and where, and nothing of what they are about.

The text of an exception may say anything: a database tells the row that it refuses, a mail server
the address, pydantic the input. So logs and Temporal's failures get kinds, codes and places; texts
are for the person who asked, and for the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from types import TracebackType

_CHAIN = 6
"""How many causes of a fault are told."""
_FRAMES = 25
"""How many places are told of each, the innermost ones."""


def in_brief(error: BaseException) -> str:
    """Return the kind of a fault, with what is known to be impersonal about it.

    That is the `for_logs` of one of ours, an operating system's or a database's own code, or the
    status of a remote call.
    """
    details = [*_details(error)]
    name = type(error).__name__
    return f"{name}: {', '.join(details)}" if details else name


def places(error: BaseException) -> list[str]:
    """Return a fault and what caused it, each with the places it came through, without values."""
    told: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen and len(seen) < _CHAIN:
        told.append(("caused by " if seen else "") + in_brief(cause))
        told += _frames(cause.__traceback__)
        if isinstance(cause, BaseExceptionGroup):
            for each in cause.exceptions[:_CHAIN]:
                told += [f"one of them: {in_brief(each)}", *_frames(each.__traceback__)]
        seen.add(id(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return told


def _details(error: BaseException) -> Iterator[str]:
    ours = getattr(error, "for_logs", None)
    if isinstance(ours, str) and ours:
        yield ours
    if isinstance(error, OSError) and isinstance(error.errno, int) and error.strerror:
        yield str(error.strerror)
    status = getattr(getattr(error, "status", None), "name", None)  # of a remote call
    if isinstance(status, str):
        yield status
    original = getattr(error, "orig", None)  # what the database's driver raised
    if isinstance(original, BaseException):
        yield type(original).__name__
        for code in ("sqlstate", "sqlite_errorname"):
            if isinstance(value := getattr(original, code, None), str):
                yield value


def _frames(traceback: TracebackType | None) -> list[str]:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        path = "/".join(PurePath(code.co_filename).parts[-3:])
        frames.append(f"  {path}:{traceback.tb_lineno} in {code.co_name}")
        traceback = traceback.tb_next
    return frames[-_FRAMES:]
