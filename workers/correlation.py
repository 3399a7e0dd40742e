"""What the log lines of one activity have in common, by which they are found."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.effects import Batch

log = structlog.get_logger()

_TURN: Final = re.compile(r"#[0-9]+/(?:event:(?P<event>.+)|(?P<turn>[a-z_-]+).*)/[0-9]+", re.DOTALL)
"""What a batch's effects, or a mail, are for: in the keys of steps (`workflows.effects`)."""
_FIELDS: Final = {"event": "event_id"}
"""What a log line calls some of it."""


class Correlating(Interceptor):
    """Has each log line of an activity say which it is, and what it was done for.

    What is done for a request has a line, as the request has one in the API. Of what fails the SDK
    writes one each time, but for faults that are expected: of those the first attempt has one here.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  the SDK's name
        """Say it of what the next interceptor carries out."""
        return _Correlated(next)


class _Correlated(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401  the SDK's signature
        info = activity.info()
        said = {"activity": info.activity_type, "attempt": info.attempt, **done_for(input.args)}
        # The SDK gives each attempt a task, and so a context, of its own. Nothing is taken back, so
        # that the line has it, too, which the SDK writes of an attempt that has failed.
        structlog.contextvars.bind_contextvars(**said)
        _tell_the_trace(said)
        if "request_id" not in said:
            return await super().execute_activity(input)
        begun = time.perf_counter()
        try:
            result = await super().execute_activity(input)
        except ApplicationError as error:
            if error.category is ApplicationErrorCategory.BENIGN and info.attempt == 1:
                log.info("a request's work has to wait", reason=error.type)
            raise
        milliseconds = round(1000 * (time.perf_counter() - begun))
        log.info("a request's work is done", milliseconds=milliseconds)
        return result


def _tell_the_trace(said: Mapping[str, object]) -> None:
    """Have the step of the trace, where traces are kept, name the request, too."""
    tracing = sys.modules.get("opentelemetry.trace")
    if tracing is not None and "request_id" in said:
        tracing.get_current_span().set_attribute("steward.request_id", said["request_id"])


def done_for(arguments: Sequence[Any]) -> Mapping[str, str]:
    """Return what woke the job for an activity's effects, and by which request that came.

    It is the id of an event, or the name of something else. What a person or a program calls a
    message is left out: it may say anything.
    """
    first = arguments[0] if arguments else None
    batch = first if isinstance(first, Batch) and first.steps else None
    key = batch.steps[0].key if batch is not None else first if isinstance(first, str) else ""
    found = {
        **(known.groupdict() if (known := _TURN.search(key)) else {}),
        "request_id": batch.request_id if batch is not None else None,
    }
    return {_FIELDS.get(name, name): said for name, said in found.items() if said is not None}
