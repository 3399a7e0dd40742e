"""Measures what a worker carries out; apart from `workers.figures`, since an API has no worker."""

from __future__ import annotations

import time
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.postman import NotTakenError, Postman, UncertainError
from domain.effects import BatchResult
from domain.values import Instant
from store.mail_queue import QueuedMail
from workers.figures import Figures
from workers.spans import NO_SPANS, Mark, Spans


class MeasuringInterceptor(Interceptor):
    """Measures each attempt of each activity of a worker."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  the SDK's name
        """Measure what the next interceptor carries out."""
        return _Measured(next, self._figures)


class _Measured(ActivityInboundInterceptor):
    def __init__(self, next_: ActivityInboundInterceptor, figures: Figures) -> None:
        super().__init__(next_)
        self._figures = figures

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401  the SDK's signature
        info, figures = activity.info(), self._figures
        name = info.activity_type
        if info.attempt > 1:
            figures.retries.labels(activity=name).inc()
        outcome, begun = "failed", time.perf_counter()
        try:
            result = await super().execute_activity(input)
            refusal = result.refusal if isinstance(result, BatchResult) else None
            outcome = "done" if refusal is None else "refused"
            if refusal is not None and info.workflow_id:
                figures.refused(info.workflow_id, refusal)
        except ApplicationError as error:
            if error.category is ApplicationErrorCategory.BENIGN:
                outcome = "waiting"
            raise
        finally:
            figures.attempts.labels(activity=name, outcome=outcome).inc()
            figures.durations.labels(activity=name).observe(time.perf_counter() - begun)
        return result


class MeasuredPostman:
    """A postman whose every errand is counted, and a step of a trace."""

    def __init__(self, postman: Postman, figures: Figures, spans: Spans = NO_SPANS) -> None:
        self._postman = postman
        self._spans = spans
        self._mails = figures.mails

    async def bring(self, mail: QueuedMail, now: Instant) -> str | None:
        """Bring a mail to the server; see `Postman`."""
        with self._spans.span("send e-mail") as mark:
            return await self._bring(mail, now, mark)

    async def _bring(self, mail: QueuedMail, now: Instant, mark: Mark) -> str | None:
        outcome = "fault"
        try:
            left_out = await self._postman.bring(mail, now)
            outcome = "partly_taken" if left_out else "taken"
        except NotTakenError as error:
            outcome = "refused" if error.for_good else "not_now"
            raise
        except UncertainError:
            outcome = "uncertain"
            raise
        finally:
            self._mails.labels(outcome=outcome).inc()
            mark("outcome", outcome)
        return left_out
