"""What Temporal's core, the part of its SDK in Rust, measures of this process.

The core shows its figures to Prometheus on a port of its own and in no other way. So it gets one
that only this machine can reach, and whoever shows Steward's figures reads them there.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

import httpx
import structlog
from temporalio.runtime import PrometheusConfig

from domain.faults import in_brief

log = structlog.get_logger()

_LOOPBACK = "127.0.0.1"
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class CoreListener:
    """Where the core of this process shows its figures."""

    address: str

    @classmethod
    def choose(cls) -> CoreListener:
        """Return one on a port that is free at this moment."""
        with socket.socket() as probe:
            probe.bind((_LOOPBACK, 0))
            return cls(f"{_LOOPBACK}:{probe.getsockname()[1]}")

    @property
    def config(self) -> PrometheusConfig:
        """What the SDK is told: names and units as Prometheus wants them."""
        return PrometheusConfig(
            bind_address=self.address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )

    async def read(self) -> bytes:
        """Return the core's figures as Prometheus reads them; nothing where it does not answer."""
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False) as http:
                answer = await http.get(f"http://{self.address}/metrics")
        except httpx.HTTPError as error:
            log.warning("Temporal's core does not show its figures", reason=in_brief(error))
            return b""
        return answer.content if answer.status_code == httpx.codes.OK else b""
