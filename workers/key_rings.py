"""The key ring of this process: the file of `STEWARD_KEYS`, or one made at the first run."""

from __future__ import annotations

import fcntl
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from domain.operator_files import FileProblem, OperatorFileError, read_text
from store.data_keys import DataKeys
from store.database import Database
from store.key_ring import KeyRing, RingKey, new_ring_key
from store.ring_keys import RingKeys, WrongRingError
from workers.settings import Settings, SettingsError
from workers.watched import Watched

log = structlog.get_logger()

KEYS_FILE = "keys"
"""Name of the ring's file beside the store, where the settings name none."""

_OWNER_ONLY = 0o600


def keys_file(settings: Settings, data: Path, database: Database) -> Path:
    """Return the file of the key ring: the one set, or the one beside the SQLite store."""
    if settings.keys is not None:
        return settings.keys
    beside = database.url.database if database.is_sqlite else None
    return (Path(beside).parent if beside else data) / KEYS_FILE


def load_ring(path: Path) -> KeyRing:
    """Return the key ring of a file.

    Raises:
        OperatorFileError: it is not there, no key ring, or everybody may write it; no message
            repeats a key.
    """
    try:
        text = read_text(path)
    except OperatorFileError as error:
        (problem,) = error.problems
        reason = (
            f"{problem.reason}. Put the file back. For a store that was never encrypted, make its "
            "first key: steward keys new"
        )
        raise OperatorFileError(replace(problem, reason=reason)) from error
    if _mode(path) & stat.S_IWOTH:
        why = f"every user of this machine can change it. Run `chmod o-rwx {path}`"
        raise OperatorFileError(FileProblem(str(path), 0, "", why))
    try:
        return KeyRing.parse(text)
    except ValueError as error:
        raise OperatorFileError(FileProblem(str(path), 0, "", str(error))) from error


def others_can_read(path: Path) -> bool:
    """Return whether every user of the machine can read a ring's file."""
    return bool(_mode(path) & stat.S_IROTH)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:  # it has just gone; whoever reads it says so
        return 0


async def data_keys_of(settings: Settings, data: Path, database: Database) -> DataKeys:
    """Return the data keys of a store, opened with this process's key ring.

    The first process that ever works on the store makes the ring, unless `STEWARD_KEYS` is set.

    Raises:
        SettingsError: the ring cannot be read or made, or is not the store's.
        StoreUnavailableError: the database does not answer.
    """
    path, known = keys_file(settings, data, database), RingKeys(database)
    if not path.exists() and settings.keys is None:
        if await known.are_known():
            raise SettingsError(
                f"{path}: the key ring that this store is encrypted under is missing. Put it back, "
                "or set STEWARD_KEYS"
            )
        _make(path)
    try:
        ring = Watched("STEWARD_KEYS", path, lambda _: load_ring(path))
        await known.claim(ring(), datetime.now(UTC))
    except OperatorFileError as error:
        raise SettingsError(f"STEWARD_KEYS: {error}") from error
    except WrongRingError as error:
        raise SettingsError(f"STEWARD_KEYS: {path}: {error}") from error
    if others_can_read(path):
        log.warning("every user can read STEWARD_KEYS", instead="chmod o-rwx FILE")
    return DataKeys(database, ring, look_again=ring.look_again)


def add_key(path: Path, key: RingKey) -> None:
    """Put a key at the head of a ring's file, in one step, for its owner's eyes alone.

    Raises:
        OSError: the file, or its folder, cannot be written.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # of two who add a key, both are in the file
        owner, before = path.stat(), path.read_text("utf-8")
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        _write_new(temporary, f"{key.line()}\n{before}")
        try:
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(temporary, owner.st_uid, owner.st_gid)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, for its owner alone, down to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _make(path: Path) -> None:
    """Make a key ring of one key, its owner's alone; where another process did so, it stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        _write_new(temporary, f"{new_ring_key().line()}\n")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        finally:
            temporary.unlink()
    except OSError as error:
        raise SettingsError(
            f"{path}: can't make a key ring ({error.strerror}). Set STEWARD_KEYS to a file of keys"
        ) from error
