"""Copies the folder of `steward up`, while it runs or not, and puts a copy back.

The store and Temporal each have a database of their own. A copy of both is of one instant, as if
the machine had lost power then: what is going on at that moment goes on after the restore, once.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from starters.data_folder import STORE_FILE, TEMPORAL_FILE, hold
from starters.failures import Failure
from starters.hook_sender import SECRETS_FILE
from workers.key_rings import KEYS_FILE

DATABASES = (STORE_FILE, TEMPORAL_FILE)
MANIFEST = "backup.json"

_SECRETS = (SECRETS_FILE, KEYS_FILE)

_PATIENCE_SECONDS = 30
_FREE = 0o700
_OWNERS_ALONE = 0o600


def back_up(data: Path, target: Path, now: datetime) -> Mapping[str, Any]:
    """Copy a data folder into a new folder, and return what the copy says of itself.

    It is complete or not there at all. Whoever has it has the customers' data, the secret that
    signs hooks and the key ring: folder and files are the owner's alone.

    Raises:
        Failure: there is nothing to copy, the target is there already, or copying fails.
    """
    missing = [name for name in DATABASES if not (data / name).is_file()]
    if missing:
        raise Failure(
            f"{data} is not a folder of `steward up`: {', '.join(missing)} not found. Name it with "
            "--data"
        )
    if target.exists():
        raise Failure(f"{target} already exists. Name a new folder")
    manifest = {"made_at": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "version": _version()}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as place:
            copy = Path(place) / "copy"
            copy.mkdir(mode=_FREE)
            _copy_databases(data, copy)
            for secret in _SECRETS:
                if (data / secret).is_file():
                    _copy(data / secret, copy / secret)
            _new_file(copy / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
            copy.rename(target)
    except (OSError, sqlite3.Error) as error:
        raise Failure(f"{target}: the backup failed: {error}") from error
    return manifest


def restore(source: Path, data: Path) -> Mapping[str, Any]:
    """Put a copy into a data folder that is empty or not there, and return what it says of itself.

    Raises:
        Failure: it is no whole backup, the folder has data or a stack already, or copying fails.
    """
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{source} is not a backup: can't read {MANIFEST}: {error}") from error
    for name in DATABASES:
        _must_be_sound(source / name)
    there = [name for name in (*DATABASES, *_SECRETS) if (data / name).exists()]
    if there:
        raise Failure(
            f"{data} already has data ({', '.join(there)}). Move it away, or name another "
            "folder with --data"
        )
    try:
        data.mkdir(mode=_FREE, parents=True, exist_ok=True)
        with hold(data):
            for name in (*DATABASES, *_SECRETS):
                if (source / name).is_file():
                    _copy(source / name, data / name)
    except OSError as error:
        raise Failure(f"{data}: the restore failed: {error}") from error
    return manifest


def _copy_databases(data: Path, copy: Path) -> None:
    with ExitStack() as stack:
        sources = {name: stack.enter_context(_reading(data / name)) for name in DATABASES}
        with ExitStack() as writers:
            # Nobody writes while each reader takes hold of what there is: milliseconds.
            for name in DATABASES:
                writers.enter_context(_sole_writer(data / name))
            for source in sources.values():
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for name, source in sources.items():
            _new_file(copy / name)
            with closing(sqlite3.connect(copy / name)) as target:
                source.backup(target)
                # A copy is one file, which nobody has to know as two.
                target.execute("PRAGMA journal_mode = DELETE")
            _must_be_sound(copy / name)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, _PATIENCE_SECONDS, isolation_level=None)) as connection:
        yield connection


@contextmanager
def _sole_writer(path: Path) -> Iterator[None]:
    with _reading(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def _must_be_sound(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise Failure(f"{path} is not a complete backup: {error}") from error
    if said != "ok":
        raise Failure(f"{path} is not a complete backup: {said}")


def _new_file(path: Path) -> Path:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNERS_ALONE))
    return path


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, _new_file(target))


def _version() -> str:
    return version("steward")
