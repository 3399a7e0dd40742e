"""The key ring of this process: the file of `STEWARD_KEYS`, or one made at the first run."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from domain.operator_files import FileProblem, OperatorFileError, read_text
from store.data_keys import DataKeys
from store.database import Database
from store.key_ring import KeyRing, new_ring_key
from store.ring_keys import RingKeys, WrongRingError
from workers.settings import Settings, SettingsError
from workers.watched import Watched

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
        OperatorFileError: it is not there, or no key ring; no message repeats a key.
    """
    text = read_text(path)
    try:
        return KeyRing.parse(text)
    except ValueError as error:
        raise OperatorFileError(FileProblem(str(path), 0, "", str(error))) from error


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
    return DataKeys(database, ring)


def _make(path: Path) -> None:
    """Make a key ring of one key, its owner's alone; where another process did so, it stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{new_ring_key().line()}\n")
            file.flush()
            os.fsync(file.fileno())
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
