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
from sqlalchemy import make_url

SOCKET = ".s.PGSQL.5432"
"""Name of the socket in the server's folder."""

_INITDB = (
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
    "--wal-segsize=1",
)
_FOR_SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off")


class PostgreSQL:
    """One running server; what is in it is gone when it stops."""

    def __init__(self, superuser: str = "steward") -> None:
        self.superuser = superuser
        self.folder = Path(tempfile.mkdtemp(prefix="steward-postgresql-"))
        """Where its socket is; it listens on no port, which somebody else might have taken."""
        self._names = count(1)

    def start(self) -> None:
        data, log, user = str(self.folder / "data"), self.folder / "log", _user()
        if user is not None:
            shutil.chown(self.folder, user)
        initdb = [_program("initdb"), f"--username={self.superuser}", *_INITDB, "-D", data]
        subprocess.run(initdb, user=user, cwd=self.folder, stdout=subprocess.DEVNULL, check=True)
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", *_FOR_SPEED)
        options = [option for setting in settings for option in ("-c", setting)]
        postgres = [_program("postgres"), "-D", data, *options]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                postgres, user=user, cwd=self.folder, stdout=output, stderr=output
            )
        while not self._answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once: nothing of it is to be kept
        self._process.wait()
        shutil.rmtree(self.folder)

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"steward_{next(self._names)}"
        with self._connection() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{self.superuser}@/{name}?host={self.folder}"

    def ask_for_passwords(self) -> None:
        """Let nobody in without a password but the superuser."""
        rules = f"local all {self.superuser} trust\nlocal all all scram-sha-256\n"
        (self.folder / "data" / "pg_hba.conf").write_text(rules)
        with self._connection() as connection:
            connection.execute("SELECT pg_reload_conf()")

    def disconnect_all(self, url: str) -> None:
        """End all connections to a database, as its administrator would."""
        name = make_url(url).database
        with self._connection() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folder),
            user=self.superuser,
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
