"""What the log lines of one activity have in common, by which they are found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.effects import Batch

_TURN: Final = re.compile(r"#[0-9]+/(?:event:(?P<event>.+)|(?P<turn>[a-z_-]+).*)/[0-9]+", re.DOTALL)
"""What a batch's effects are for, in the keys of its steps (`workflows.effects`)."""


class Correlating(Interceptor):
    """Has each log line of an activity say which it is, and what it was done for."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  the SDK's name
        """Say it of what the next interceptor carries out."""
        return _Correlated(next)


class _Correlated(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401  the SDK's signature
        info = activity.info()
        said = {"activity": info.activity_type, "attempt": info.attempt, **done_for(input.args)}
        with structlog.contextvars.bound_contextvars(**said):
            return await super().execute_activity(input)


def done_for(arguments: Sequence[Any]) -> Mapping[str, str]:
    """Return the id of the event that an activity's effects are for, or what else woke the job.

    What a person or a program calls a message is left out: it may say anything.
    """
    batch = arguments[0] if arguments else None
    if not isinstance(batch, Batch) or not batch.steps:
        return {}
    known = _TURN.search(batch.steps[0].key)
    return (
        {}
        if known is None
        else {
            name: said
            for name, said in (("event_id", known["event"]), ("turn", known["turn"]))
            if said is not None
        }
    )
