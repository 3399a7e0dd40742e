"""Traces by OpenTelemetry: from a hook through Temporal and a worker to mail and job system.

Whatever is recorded passes `Discreet` on its way out: only attributes that are known to name nobody
get through, of an exception only its type, and no text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.converter import PayloadConverter
from temporalio.worker import WorkflowInboundInterceptor, WorkflowInterceptorClassInput
from temporalio.workflow import _Definition  # noqa: TID251  which messages a workflow takes

from activities.outward import OUTWARD
from workers.spans import Mark
from workflows.registry import ALL_WORKFLOWS

_OURS: Final = "steward."
_KEPT: Final = frozenset(
    {"temporalWorkflowID", "temporalRunID", "temporalActivityID", "temporalActivityType"}
)
"""Attributes of the SDK's that name nobody: ids that Steward makes of jobs and steps."""
_LONGEST: Final = 300
_TYPE: Final = "exception.type"
_MESSAGES: Final = frozenset(
    name
    for workflow in ALL_WORKFLOWS
    for defined in [_Definition.must_from_class(workflow)]
    for name in (*defined.signals, *defined.queries, *defined.updates)
)
"""What our own workflows call the messages that they take."""
_OF_MESSAGE: Final = re.compile(
    r"(?:(?:Signal|Query)(?:Child|External)?Workflow|StartWorkflowUpdate"
    r"|Handle(?:Signal|Query|Update)|ValidateUpdate)(?=:)"
)
"""How the names of spans begin whose rest is what a sender has called a message: anything."""


class Discreet(SpanExporter):
    """Passes spans on without anything that could be a person's."""

    def __init__(self, exporter: SpanExporter) -> None:
        """Take what sends them."""
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans, each without what is not known to name nobody."""
        return self._exporter.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        """Send nothing any more."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits; return whether that worked in time, in milliseconds."""
        return self._exporter.force_flush(timeout_millis)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=_named(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={
            name: value[:_LONGEST] if isinstance(value, str) else value
            for name, value in (span.attributes or {}).items()
            if name in _KEPT or name.startswith(_OURS)
        },
        events=[
            Event("exception", {_TYPE: kind}, event.timestamp)
            for event in span.events
            if isinstance(kind := (event.attributes or {}).get(_TYPE), str)
        ],
        links=[trace.Link(link.context) for link in span.links],
        kind=span.kind,
        status=trace.Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _named(name: str) -> str:
    """Return the name of a span; a message that is none of ours is not called by its name."""
    if (kind := _OF_MESSAGE.match(name)) is None or name[kind.end() + 1 :] in _MESSAGES:
        return name
    return f"{kind[0]}:unknown"


class _Carriers(PayloadConverter):
    """Reads and writes the header that carries a trace; what is no such header carries none.

    Anybody who can reach Temporal may send a workflow any header, and what cannot be read would
    hold up its task for ever.
    """

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """Write headers as the SDK does."""
        return PayloadConverter.default.to_payloads(values)

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type[Any]] | None = None
    ) -> list[Any]:
        """Read headers, each of which says where it stands in a trace, or nothing."""
        try:
            found = PayloadConverter.default.from_payloads(payloads, type_hints)
        except (RuntimeError, TypeError, ValueError):
            found = [None] * len(payloads)
        return [each if _is_carrier(each) else {} for each in found]


def _is_carrier(found: object) -> bool:
    return isinstance(found, dict) and all(
        isinstance(each, str) for each in (*found, *found.values())
    )


class _OfWorkflows(TracingWorkflowInboundInterceptor):
    def __init__(self, next_: WorkflowInboundInterceptor) -> None:
        super().__init__(next_)
        self.payload_converter = _Carriers()


class _Interceptor(TracingInterceptor):
    """The SDK's own, but for headers that it could not read."""

    def __init__(self, tracer: trace.Tracer) -> None:
        super().__init__(tracer)
        self.payload_converter = _Carriers()

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  the SDK's name
    ) -> type[TracingWorkflowInboundInterceptor]:
        """Return what makes steps of traces of what a workflow does."""
        super().workflow_interceptor_class(input)
        return _OfWorkflows


class _OfRequests(SpanProcessor):
    """Has each span say to which request it belongs, as the log lines beside it do.

    A workflow carries a command out in a trace of its own: the id leads from one to the other.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  OpenTelemetry's signature
        """Add the id of the request that is being answered, or carried out."""
        if (request_id := structlog.contextvars.get_contextvars().get("request_id")) is not None:
            span.set_attribute(f"{_OURS}request_id", request_id)


class Tracing:
    """Keeps traces; see `workers.spans.Spans`."""

    def __init__(self, provider: TracerProvider) -> None:
        """Take what records spans and hands them on; each says to which request it belongs."""
        provider.add_span_processor(_OfRequests())
        self._provider = provider
        self._tracer = provider.get_tracer("steward")
        self.interceptor = _Interceptor(self._tracer)

    @contextmanager
    def span(self, name: str, **said: str | int) -> Iterator[Mark]:
        """Have what happens in the context be a step of a trace."""
        ours: dict[str, Any] = {f"{_OURS}{key}": value for key, value in said.items()}
        with self._tracer.start_as_current_span(name, attributes=ours) as span:
            headers: dict[str, str] = {}
            inject(headers)
            token = OUTWARD.set(headers)
            try:
                yield lambda key, value: span.set_attribute(f"{_OURS}{key}", value)
            finally:
                OUTWARD.reset(token)

    def on(self, client: Client) -> Client:
        """Return a client whose calls, and whose workers' work, are steps of traces."""
        config = client.config()
        config["interceptors"] = [*config["interceptors"], self.interceptor]
        return Client(**config)

    def close(self) -> None:
        """Send what has not been sent yet."""
        self._provider.shutdown()


def tracing_of(part: str, exporters: Collection[str]) -> Tracing:
    """Return what keeps the traces of a part and sends them where OpenTelemetry's variables say.

    Args:
        part: what the part is called, unless `OTEL_SERVICE_NAME` says otherwise.
        exporters: `otlp`, `console`, or both.
    """
    called = os.environ.get("OTEL_SERVICE_NAME") or part
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: called}))
    if "otlp" in exporters:
        provider.add_span_processor(BatchSpanProcessor(Discreet(OTLPSpanExporter())))
    if "console" in exporters:
        provider.add_span_processor(BatchSpanProcessor(Discreet(ConsoleSpanExporter())))
    return Tracing(provider)
