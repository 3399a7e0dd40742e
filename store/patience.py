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
