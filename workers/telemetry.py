"""Logs: one structured line for each thing that happened, with job and lifecycle on it."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from temporalio import activity
from temporalio.worker import Worker  # noqa: F401  its loggers exist once it is imported

from domain.lifecycles import job_of
from workers.settings import LogForm

_QUIET = ("uvicorn", "httpx", "httpcore", "alembic", "mail.log", "asyncio")
_Event = MutableMapping[str, Any]


def configure_logging(form: LogForm, level: int = logging.INFO) -> None:
    """Send everything that is logged, ours and the libraries', to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=("temporal_workflow", "temporal_activity")),
        _add_job,
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
        structlog.processors.JSONRenderer()
        if form is LogForm.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_job(_: Any, __: str, event: _Event) -> _Event:  # noqa: ANN401  structlog's signature
    """Add job and lifecycle, wherever the line comes from; drop the rest of Temporal's details."""
    workflow: dict[str, Any] = event.pop("temporal_workflow", None) or {}
    workflow |= event.pop("temporal_activity", None) or {}
    workflow_id = workflow.get("workflow_id")
    if workflow_id is None and activity.in_activity():
        workflow_id = activity.info().workflow_id
    if workflow_id:
        try:
            event["lifecycle"], event["job"] = job_of(workflow_id)
        except ValueError:
            event["workflow_id"] = workflow_id
    return event
