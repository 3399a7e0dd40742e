"""How long a database may take: no request waits longer, and no thread is lost to one that hangs.

A server that is busy ends a statement itself; one that has stopped, or whose network has, does not.
So the client counts, too, and gives the connection up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")

SQLITE_BUSY_SECONDS = 3
"""How long a transaction waits for another process that writes the file."""
LOCK_SECONDS = 2
"""How long a statement waits for a lock that another transaction holds."""
STATEMENT_SECONDS = 4
"""How long a statement may take, its locks included."""
SILENCE_SECONDS = 6
"""How long the client waits for a server that says nothing at all."""
CONNECT_ARGUMENTS: Mapping[str, int] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""How long PostgreSQL may take to be reached, and how a server that has vanished is noticed."""

_SETTINGS = f"""
SELECT set_config('lock_timeout', '{LOCK_SECONDS}s', false),
       set_config('statement_timeout', '{STATEMENT_SECONDS}s', false),
       set_config('idle_in_transaction_session_timeout', '60s', false)
"""

_TEMPORARY = (
    "08",  # connections
    "25006",  # read-only: a standby after a failover
    "40",  # serialization failures and deadlocks
    "53",  # disk, memory or connections used up
    "55P03",  # a lock that is not to be had
    "57",  # an operator stopped something, or the time was up
    "58",  # the system below
)
"""States of PostgreSQL in which what was asked for may be asked again, by how they begin."""

_SIGNS = (
    "connection",
    "failed to resolve host",
    "unable to open database",
    "database is locked",
    "database table is locked",
    "readonly database",
    "shutting down",
    "starting up",
    "disk I/O error",
    "disk is full",
    "wait timeout expired",
)
"""What a driver says where it names no state."""


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up where the server says nothing for too long."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for an answer of the server.

        Raises:
            psycopg.OperationalError: it does not come in time; the connection is closed.
        """
        limit = SILENCE_SECONDS if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001  psycopg has no other name for it
            # What the server does with the statement is unknown, and so is what it says next.
            self.pgconn.finish()
            raise


def limit_postgresql(engine: Engine) -> None:
    """Have all connections of an engine be patient ones, with limits on the server's side, too."""

    def connect(_: object, __: object, arguments: list[Any], named: dict[str, Any]) -> Any:  # noqa: ANN401  the driver's
        connection = PatientConnection.connect(*arguments, **named)
        try:
            connection.execute(_SETTINGS)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    event.listen(engine, "do_connect", connect)


def may_be_asked_again(error: DBAPIError) -> bool:
    """Return whether an error is the database's trouble of the moment, and no fault of ours."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_TEMPORARY)
    said = str(error.orig)
    return any(sign in said for sign in _SIGNS)
