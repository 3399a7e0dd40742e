"""A PostgreSQL of the test session's own, started when the first test asks for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.desk import free_port

_SUPERUSER = "steward"
_FOR_SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off")


class PostgreSQL:
    """One running server; what is in it is gone when it stops."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="steward-postgresql-"))
        self._names = count(1)
        self.port = free_port()

    def start(self) -> None:
        data, log = self._folder / "data", self._folder / "log"
        if _user():
            shutil.chown(self._folder, _user())
        subprocess.run(
            [_program("initdb"), "-D", data, "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8"]
            + ["--locale=C", "--no-sync", "--no-instructions", "--wal-segsize=1"],
            user=_user(),
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", *_FOR_SPEED)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", data, "-p", str(self.port)]
                + [part for setting in settings for part in ("-c", setting)],
                user=_user(),
                cwd=self._folder,
                stdout=output,
                stderr=output,
            )
        while not self._answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once: nothing of it is to be kept
        self._process.wait()
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"steward_{next(self._names)}"
        with self._connection() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{_SUPERUSER}@127.0.0.1:{self.port}/{name}"

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=_SUPERUSER,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _answers(self) -> bool:
        try:
            self._connection().close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    server.start()
    yield server
    server.stop()


def _user() -> str | None:
    """Return whom the server runs as: it refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def _program(name: str) -> str:
    """Return a program of the server's; Debian keeps them out of PATH."""
    places = [os.environ.get("PATH", ""), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise FileNotFoundError(f"{name} is not there; `make setup` installs PostgreSQL")
    return found
