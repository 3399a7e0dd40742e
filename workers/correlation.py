"""What the log lines of one activity have in common, by which they are found."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.effects import Batch

_TURN: Final = re.compile(r"#[0-9]+/(?:event:(?P<event>.+)|(?P<turn>[a-z_-]+).*)/[0-9]+", re.DOTALL)
"""What a batch's effects, or a mail, are for: in the keys of steps (`workflows.effects`)."""
_FIELDS: Final = {"event": "event_id"}
"""What a log line calls some of it."""


class Correlating(Interceptor):
    """Has each log line of an activity say which it is, and what it was done for."""

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
        return await super().execute_activity(input)


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
