"""Connections to PostgreSQL that are given up where the server says nothing for too long.

A module of its own, since a store on SQLite needs no driver of PostgreSQL: it takes a twentieth of
the time in which a process starts.
"""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Engine, event

from store.patience import LOCK_SECONDS, SILENCE_SECONDS, STATEMENT_SECONDS

T = TypeVar("T")

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
