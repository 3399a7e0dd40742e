"""What a batch does to its job's exceptions: a job has at most one open of a code (G-16)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select

from domain.effects import (
    ChangeException,
    CloseException,
    Effect,
    OpenException,
    SendCommand,
    Step,
)
from domain.exceptions import already_open
from domain.refusals import Refusal
from store import schema
from store.batch_rows import BatchRows
from store.database import Database
from store.job_rows import Origin, change_exception, open_exception
from store.jobs import held_job


def code_that_has_to_be_free(effect: Effect) -> str | None:
    """Return the code of which no exception may be open, for an effect and all that goes with it.

    None if the effect asks for none.
    """
    match effect:
        case OpenException(code=code, refused_if_open=True):
            return code
        case SendCommand(unless_open=code):
            return code
        case _:
            return None


class JobExceptions:
    """Opens, changes and closes exceptions of one batch's job."""

    def __init__(self, rows: BatchRows) -> None:
        self._rows = rows

    def refusal(self) -> Refusal | None:
        """Return why an exception that has to be its code's only open one is not (G-16)."""
        batch = self._rows.batch
        wanted = [
            (step.key, code)
            for step in batch.steps
            if (code := code_that_has_to_be_free(step.effect)) is not None
        ]
        if wanted:  # of two that open one at once, the second sees that of the first
            held_job(self._rows.connection, batch.job_id, lock=True)
        return next(
            (
                already_open(code)
                for key, code in wanted
                if not self._rows.is_claimed(key) and self._is_open(code)
            ),
            None,
        )

    def open_codes(self) -> list[str]:
        """Return the codes of the job's open exceptions, whoever opened them, the oldest first."""
        exceptions = schema.exceptions
        of_job = exceptions.c.job_id == self._rows.batch.job_id
        found = (
            select(exceptions.c.code)
            .where(of_job, schema.is_open_exception)
            .order_by(exceptions.c.id)
        )
        return list(self._rows.connection.scalars(found))

    def apply(self, step: Step, wanted: OpenException | ChangeException | CloseException) -> None:
        """Open, change or close the one exception of a code, unless the step was applied before."""
        if self._rows.claim(step.key):
            rows = self._rows
            self._write(rows.database, rows.connection, rows.origin(step), wanted)

    @staticmethod
    def _write(
        database: Database,
        connection: Connection,
        origin: Origin,
        wanted: OpenException | ChangeException | CloseException,
    ) -> None:
        match wanted:
            case OpenException(code=code, status=status, comment=comment):
                open_exception(database, connection, origin, code, status, comment)
            case ChangeException(code=code, status=status, comment=comment):
                change_exception(database, connection, origin, code, status, comment)
            case CloseException(code=code, comment=comment):
                change_exception(database, connection, origin, code, schema.COMPLETE, comment)

    def _is_open(self, code: str) -> bool:
        found = select(schema.exceptions.c.id).where(*self._open_of(code))
        return self._rows.connection.scalar(found) is not None

    def _open_of(self, code: str) -> tuple[ColumnElement[bool], ...]:
        exceptions = schema.exceptions
        this_job = exceptions.c.job_id == self._rows.batch.job_id
        return this_job, exceptions.c.code == code, schema.is_open_exception
