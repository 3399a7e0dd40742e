"""Spans, the steps of a trace, as Steward's code begins them; nothing happens where none are kept.

Nothing of a trace is imported here: `workers.tracing` has what keeps one, and is loaded only where
somebody asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from temporalio.client import Client

from workers.settings import SettingsError

Mark = Callable[[str, str | int], None]
"""Says one more thing of a span: a name of ours, and a value that names nobody."""

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_EXPORTER = "OTEL_TRACES_EXPORTER"


class Spans(Protocol):
    """What keeps traces, or does not."""

    @contextmanager
    def span(self, name: str, **said: str | int) -> Iterator[Mark]:
        """Have what happens in the context be a step of a trace.

        Args:
            name: what happens, in words that are always the same.
            said: what else is known of it; a name `event_id` becomes `steward.event_id`.
        """

    def on(self, client: Client) -> Client:
        """Return a client whose calls, and whose workers' work, are steps of traces."""

    def close(self) -> None:
        """Send what has not been sent yet."""


class NoSpans:
    """Keeps nothing; see `Spans`."""

    @contextmanager
    def span(self, name: str, **said: str | int) -> Iterator[Mark]:  # noqa: ARG002  the port's signature
        """Do nothing beside what happens in the context."""
        yield _unheard

    def on(self, client: Client) -> Client:
        """Return the very client."""
        return client

    def close(self) -> None:
        """Do nothing: there is nothing to send."""


def _unheard(name: str, value: str | int) -> None:
    """Take what is said of a step that nobody keeps."""


NO_SPANS = NoSpans()


def spans_of(part: str, environment: Mapping[str, str] | None = None) -> Spans:
    """Return what keeps the traces of a part, by OpenTelemetry's own variables.

    Args:
        part: what the part is called in traces, unless `OTEL_SERVICE_NAME` says otherwise.
        environment: the variables; the process's own if not given.

    Raises:
        SettingsError: they ask for something that is not there.
    """
    asked = os.environ if environment is None else environment
    exporters = {name.strip() for name in asked.get(_EXPORTER, "").split(",")} - {""}
    is_off = asked.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporters == {"none"}
    if is_off or not (exporters or any(asked.get(name) for name in _ENDPOINTS)):
        return NO_SPANS
    if unknown := sorted(exporters - {"otlp", "console"}):
        raise SettingsError(f'{_EXPORTER}: "{unknown[0]}" is unknown here. Use otlp or console')
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if asked.get(name, "http/protobuf") != "http/protobuf":
            raise SettingsError(f"{name}: only http/protobuf is supported here")
    from workers.tracing import tracing_of  # noqa: PLC0415  nobody pays for it who does not ask

    return tracing_of(part, exporters or {"otlp"})
