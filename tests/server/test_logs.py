"""Logs are structured, and tell nothing about the people that jobs are about."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.faults import in_brief, places
from store.database import Database, StoreUnavailableError, migrate
from tests.desk import sqlite_url
from workers.payloads import DATA_CONVERTER
from workers.settings import LogForm
from workers.telemetry import configure_logging, log_form

CANARY = "Tweety-918-555-0199"
ADDRESS = "tweety@example.com"
REFUSED = f"refused {ADDRESS}"


@contextmanager
def logging_as(form: LogForm, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Log to a text, and leave logging as it was."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    monkeypatch.setattr(sys, "stderr", written)
    try:
        configure_logging(form)
        yield written
    finally:
        root.handlers[:], root.level, logging.raiseExceptions = before
        sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks
        structlog.reset_defaults()


def failing(values: str = CANARY) -> BaseException:
    """A fault whose text, cause and local variables tell somebody's data."""

    class Model(BaseModel):
        number: int

    def work(customer: str) -> None:
        try:
            Model.model_validate({"number": customer})
        except ValueError as error:
            raise LookupError(f"no such customer: {customer} <{ADDRESS}>") from error

    with pytest.raises(LookupError) as fault:
        work(values)
    return fault.value


def libraries_that_say_too_much() -> None:
    logging.getLogger("somebody").warning("cannot write to %s", CANARY)
    logging.getLogger("somebody").error(REFUSED, exc_info=failing())
    logging.getLogger("temporalio.worker").warning("failed for %s\n%s", ADDRESS, CANARY)


def a_task_that_nobody_awaits() -> None:
    async def fails() -> None:
        raise failing()

    async def main() -> None:
        task = asyncio.ensure_future(fails())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        asyncio.get_running_loop().call_soon(lambda _: 1 / 0, CANARY)
        await asyncio.sleep(0)

    asyncio.run(main())


def a_thread_that_fails() -> None:
    def work() -> None:
        raise failing()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"unexpected value {CANARY}", UserWarning, stacklevel=1)


def ours() -> None:
    log = structlog.get_logger()
    log.error("cannot be read", error=failing(), to=ADDRESS)
    with suppress(LookupError):
        try:
            raise failing()
        except LookupError:
            log.exception("failed")
            raise


def uncaught() -> None:
    error = failing()
    sys.excepthook(type(error), error, error.__traceback__)


TELLING: list[Callable[[], None]] = [
    libraries_that_say_too_much,
    a_task_that_nobody_awaits,
    a_thread_that_fails,
    a_warning,
    ours,
    uncaught,
]


@pytest.mark.parametrize("form", list(LogForm))
@pytest.mark.parametrize("tell", TELLING, ids=lambda tell: tell.__name__)
@pytest.mark.filterwarnings("default::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_value_gets_into_a_log_line(
    form: LogForm, tell: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_as(form, monkeypatch) as written:
        tell()
    said = written.getvalue()
    assert said
    assert CANARY not in said
    assert ADDRESS not in said


@pytest.mark.parametrize("tell", TELLING, ids=lambda tell: tell.__name__)
def test_json_is_one_object_a_line_whatever_is_told(
    tell: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with logging_as(LogForm.JSON, monkeypatch) as written:
        tell()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert all({"event", "level", "timestamp", "logger"} <= set(line) for line in lines)


def test_the_exporter_of_traces_says_why_it_cannot_send(monkeypatch: pytest.MonkeyPatch) -> None:
    with logging_as(LogForm.JSON, monkeypatch) as written:
        logging.getLogger("opentelemetry.exporter.otlp.proto.http").warning(
            "Transient error %s encountered while exporting", "Service Unavailable"
        )
        logging.getLogger("opentelemetry.trace").warning("Invalid state %s", CANARY)
    sent, other = (json.loads(line)["event"] for line in written.getvalue().splitlines())
    assert sent == "Transient error Service Unavailable encountered while exporting"
    assert other == "Invalid state %s"


def test_a_fault_is_told_by_its_kind_its_places_and_its_causes() -> None:
    first, *rest = places(failing())
    assert first == "LookupError"
    assert any("test_logs.py" in line and line.endswith("in work") for line in rest)
    assert "caused by ValidationError" in rest


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(CANARY), "ValueError"),
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: "),
        (OSError(f"cannot reach {CANARY}"), "OSError"),
        (RPCError(CANARY, RPCStatusCode.NOT_FOUND, b""), "RPCError: NOT_FOUND"),
        (StoreUnavailableError("the database does not answer"), "StoreUnavailableError: the "),
        (ExceptionGroup(CANARY, [ValueError(CANARY)]), "ExceptionGroup"),
    ],
)
def test_of_a_fault_only_what_is_impersonal_is_told(error: BaseException, said: str) -> None:
    assert in_brief(error).startswith(said)
    assert CANARY not in "\n".join(places(error))


def test_a_fault_that_goes_round_in_circles_is_told_once() -> None:
    error, cause = ValueError(), ValueError()
    error.__cause__, cause.__cause__ = cause, error
    assert len(places(error)) == 2


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    migrate(sqlite_url(tmp_path))
    database = Database(sqlite_url(tmp_path))
    yield database
    await database.close()


async def test_a_refused_row_is_told_by_the_databases_code_alone(store: Database) -> None:
    row = {"name": CANARY}
    with pytest.raises(IntegrityError) as refused:
        await store.write(
            lambda connection: connection.execute(
                text("INSERT INTO jobs (job_id, trade) VALUES (:name, :name)"), row
            )
        )
    assert CANARY not in str(refused.value)
    assert in_brief(refused.value).startswith("IntegrityError: IntegrityError, SQLITE_CONSTRAINT")


def told_to_temporal(error: BaseException) -> str:
    failure = Failure()
    converter = DATA_CONVERTER
    converter.failure_converter.to_failure(error, converter.payload_converter, failure)
    return str(failure)


def test_a_failure_in_a_history_tells_the_kind_of_a_fault_and_of_its_causes() -> None:
    told = told_to_temporal(failing())
    assert CANARY not in told
    assert ADDRESS not in told
    assert "ValidationError" in told
    wrapped = ApplicationError("not yet", type="NotTakenYet")
    wrapped.__cause__ = failing()
    told = told_to_temporal(wrapped)
    assert "not yet" in told
    assert CANARY not in told


@pytest.mark.parametrize(
    ("said", "form"),
    [("json", "json"), ("console", "console"), ("", "console"), ("nonsense", "console")],
)
def test_the_form_is_what_the_environment_says(
    said: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_LOG", said)
    assert log_form() == form
