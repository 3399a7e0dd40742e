"""Logs: one structured line for each thing that happened, with job and lifecycle on it.

Nothing of a customer gets into them: faults are told by their kind and place (`domain.faults`),
never with their texts or with local variables, and of what libraries say only that which is known
to name nobody.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from temporalio import activity
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from domain.faults import in_brief, places
from domain.lifecycles import job_of
from workers.core import CoreListener
from workers.settings import LogForm

_QUIET = ("uvicorn", "httpx", "httpx2", "httpcore", "httpcore2", "alembic", "mail.log", "asyncio")
_SPEAKS_OF_NOBODY = (
    "temporalio",
    "temporal_core",
    "uvicorn",
    "alembic",
    "opentelemetry.exporter",
)
"""Libraries whose log lines name what they work with, and never what that says.

The exporter of traces has only what `workers.tracing.Discreet` lets through.
"""
_Event = MutableMapping[str, Any]

_OF_CORE = ("workflow_id", "run_id", "workflow_type", "activity_id", "task_queue")
"""What is kept of the fields of a line of Temporal's core; others may hold payloads."""
_TOLD_BESIDE = ("temporal_workflow", "temporal_activity", "request_id")
"""What is kept of what a library's line, or a workflow's, tells beside its text."""
_WORDS = re.compile(r"[A-Za-z' ]+")
_ADDRESS = re.compile(r"[^\s<>\"'(){}\[\],;:=]+@[^\s<>\"'(){}\[\],;:=]+")

log = structlog.get_logger()


def configure_logging(
    form: LogForm, level: int = logging.INFO, *, measures_core: bool = False
) -> None:
    """Send everything that is logged, ours and the libraries', to standard error in one form.

    Warnings and faults that nobody catches, in whichever thread, are logged as well.

    Args:
        form: how a line looks.
        level: the least that is logged.
        measures_core: whether Temporal's core measures what it does, too: see `core_listener`. Only
            the first call decides that.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=_TOLD_BESIDE),
        _add_job,
        _add_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer(default=_kind)
        if form is LogForm.JSON
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_without_what_it_is_about, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _add_places if form is LogForm.JSON else _add_places_as_text,
                _without_addresses,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # it would print the record that cannot be written
    _hear_what_nobody_catches()
    _hear_temporal_core(measures=measures_core)


def log_form() -> LogForm:
    """Return the form that `STEWARD_LOG` asks for; nonsense is told of when settings are read."""
    try:
        return LogForm(os.environ.get("STEWARD_LOG") or LogForm.CONSOLE)
    except ValueError:
        return LogForm.CONSOLE


# --- what is told of a record ---------------------------------------------------------------------


def _add_job(_: Any, __: str, event: _Event) -> _Event:  # noqa: ANN401  structlog's signature
    """Add job and lifecycle, wherever the line comes from; drop the rest of Temporal's details."""
    workflow: dict[str, Any] = event.pop("temporal_workflow", None) or {}
    workflow |= event.pop("temporal_activity", None) or {}
    workflow_id = workflow.get("workflow_id")
    if workflow_id is None and activity.in_activity():
        workflow_id = activity.info().workflow_id
    if workflow_id:
        event["workflow_id"] = workflow_id
        with suppress(ValueError):  # it may belong to no job, such as a digest
            event["lifecycle"], event["job"] = job_of(workflow_id)
    return event


def _add_trace(_: Any, __: str, event: _Event) -> _Event:  # noqa: ANN401  as above
    """Add the trace that a line belongs to, where traces are kept."""
    tracing = sys.modules.get("opentelemetry.trace")
    if tracing is not None and (context := tracing.get_current_span().get_span_context()).is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _without_what_it_is_about(_: Any, __: str, event: _Event) -> _Event:  # noqa: ANN401  as above
    """Keep of a library's line its first line, and its values only where they name nobody."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and not _is_of(record.name, _SPEAKS_OF_NOBODY):
        event["event"] = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        if record.name == "asyncio" and (words := _WORDS.match(event["event"])):
            event["event"] = words[0].strip()  # what follows shows a callback's arguments
    event["event"] = str(event["event"]).partition("\n")[0]
    told = getattr(getattr(record, "temporal_log", None), "fields", None)
    if isinstance(told, dict):
        event.update((name, str(told[name])) for name in _OF_CORE if name in told)
    return event


def _is_of(name: str, families: tuple[str, ...]) -> bool:
    return any(name == family or name.startswith(f"{family}.") for family in families)


def _add_places(_: Any, __: str, event: _Event) -> _Event:  # noqa: ANN401  as above
    error = _error_of(event.pop("exc_info", None))
    event.pop("stack_info", None)
    if error is not None:
        event["exception"] = places(error)
    return event


def _add_places_as_text(logger: Any, method: str, event: _Event) -> _Event:  # noqa: ANN401  as above
    event = _add_places(logger, method, event)
    if told := event.get("exception"):
        event["exception"] = "\n".join(told)
    return event


def _error_of(exc_info: object) -> BaseException | None:
    if exc_info is True:
        return sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def _without_addresses(_: Any, __: str, event: _Event) -> _Event:  # noqa: ANN401  as above
    """Tell faults by their kind, and hide what looks like somebody's address: the last resort."""
    for name, value in event.items():
        if isinstance(value, BaseException):
            event[name] = in_brief(value)
        elif isinstance(value, str) and "@" in value:
            event[name] = _ADDRESS.sub("***", value)
    return event


def _kind(value: object) -> str:
    """Return how something is told that JSON has no form for: never by what it holds."""
    return f"<{type(value).__name__}>"


# --- what nobody catches --------------------------------------------------------------------------


def _hear_what_nobody_catches() -> None:
    sys.excepthook = _uncaught
    threading.excepthook = lambda told: _uncaught(told.exc_type, told.exc_value, None)
    sys.unraisablehook = lambda told: _uncaught(told.exc_type, told.exc_value, None)
    warnings.showwarning = _warned


def _uncaught(
    kind: type[BaseException], error: BaseException | None, _: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.error("a fault that nobody caught", exc_info=error or kind())


def _warned(
    message: Warning | str,  # noqa: ARG001  it may quote values
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  the standard library's signature
    line: str | None = None,  # noqa: ARG001  as above
) -> None:
    where = "/".join(Path(filename).parts[-3:])
    log.warning("a warning of Python's", category=category.__name__, file=where, line=lineno)


class _Core:
    """Temporal's core in this process, which can be set up once."""

    is_set_up = False
    listener: CoreListener | None = None


def core_listener() -> CoreListener | None:
    """Return where Temporal's core shows its figures, None if it measures nothing."""
    return _Core.listener


def _hear_temporal_core(*, measures: bool) -> None:
    """Have what the SDK's core says come the same way; it prints by itself otherwise."""
    if _Core.is_set_up:
        return
    _Core.is_set_up = True
    forwarding = LogForwardingConfig(
        logger=logging.getLogger("temporal_core"),
        append_target_to_name=False,
        append_log_fields_to_message=False,
    )
    told = TelemetryFilter(core_level="WARN", other_level="ERROR")
    listener = CoreListener.choose() if measures else None
    telemetry = TelemetryConfig(
        logging=LoggingConfig(filter=told, forwarding=forwarding),
        metrics=None if listener is None else listener.config,
        attach_service_name=False,
    )
    try:
        Runtime.set_default(Runtime(telemetry=telemetry), error_if_already_set=True)
    except RuntimeError:  # something has connected already: then it is too late
        log.debug("Temporal's core logs by itself")
    else:
        _Core.listener = listener
