"""Steward's events over HTTP, each as Standard Webhooks 1.0 asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import httpx
from httpx import codes
from pydantic import JsonValue

from activities.http_answers import certificate_problem, retry_after
from activities.job_system import JobSystemError, NotLetInError, NotReachedError, TurnedDownError
from activities.outward import OUTWARD
from domain.signatures import HookSecrets, signatures, unix_seconds
from domain.values import shortened

PATIENCE: Final = 15.0
"""Seconds for an answer, from connecting to its last byte."""

_CONNECTING: Final = 5.0
"""Seconds for a connection."""
_TRIED_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing about the event."""
_SILENT: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses that mean that nobody is there to answer; any other is about its event alone."""
_LONGEST_ANSWER: Final = 2048
"""Bytes of an answer that are read: nobody has to say more."""
_LONGEST_QUOTE: Final = 300
"""Characters of an answer that a reason of ours repeats."""
_LIMITS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=30)
_AT_FAULT: Final = {
    401: "it refuses the signature. Check that it knows a secret of STEWARD_EVENTS_SECRETS",
    403: "it lets nobody in. Check that it knows a secret of STEWARD_EVENTS_SECRETS",
    404: "there is nothing at this address. Check STEWARD_EVENTS_URL",
    405: "it takes no POST there. Check STEWARD_EVENTS_URL",
    410: "it takes no events any more. Check STEWARD_EVENTS_URL, or unset it",
}
"""Statuses that speak of the endpoint, not of the event."""


class HttpSubscriber:
    """The endpoint at `STEWARD_EVENTS_URL`; see `Subscriber`."""

    def __init__(
        self,
        url: str,
        secrets: HookSecrets,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = PATIENCE,
    ) -> None:
        """Begin; nothing connects before the first event.

        Args:
            url: where events are posted.
            secrets: each of them signs.
            transport: how requests travel, if not over the network.
            now: the wall clock, aware UTC.
            patience: seconds for an answer.
        """
        self._url = url
        self._secrets = secrets
        self._now = now
        self._patience = patience
        self._client = httpx.AsyncClient(
            headers={
                "content-type": "application/json",
                "accept-encoding": "identity",
                "user-agent": "Steward",
            },
            timeout=httpx.Timeout(patience, connect=_CONNECTING),
            limits=_LIMITS,
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            verify=httpx.create_ssl_context() if url.startswith("https:") else True,
        )

    async def deliver(self, event: Mapping[str, JsonValue], event_id: str) -> None:
        """Deliver an event under its id, which is its `webhook-id`."""
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        at = self._now()
        headers = {
            **OUTWARD.get(),
            "webhook-id": event_id,
            "webhook-timestamp": unix_seconds(at),
            "webhook-signature": signatures(self._secrets, event_id, at, body),
        }
        try:
            async with asyncio.timeout(self._patience):
                await self._post(body, headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            if problem := certificate_problem(error):
                raise NotReachedError(
                    f"the connection is not safe ({problem}). Check its certificate, or name its "
                    "authority with SSL_CERT_FILE"
                ) from error
            raise NotReachedError("it can't be reached") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise NotLetInError(
                "nothing can be sent to its address. Check STEWARD_EVENTS_URL"
            ) from error
        except (httpx.HTTPError, TimeoutError) as error:
            is_late = isinstance(error, httpx.TimeoutException | TimeoutError)
            reason = "it doesn't answer in time" if is_late else "the connection broke off"
            raise NotReachedError(reason, may_have_happened=True) from error

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            if not codes.is_success(answer.status_code):
                raise _refusal(answer, await _said(answer), self._now())


async def _said(answer: httpx.Response) -> str:
    """Return how an answer begins, as text; what it says further on is not read."""
    said = b""
    async for part in answer.aiter_bytes(_LONGEST_ANSWER):
        said += part
        if len(said) >= _LONGEST_ANSWER:
            break
    return shortened(" ".join(said.decode(errors="replace").split()), _LONGEST_QUOTE)


def _refusal(answer: httpx.Response, said: str, now: datetime) -> JobSystemError:
    """Return what a status means that is no success."""
    status = answer.status_code
    if status < codes.BAD_REQUEST:
        return NotLetInError(f"it redirects elsewhere ({status}). Check STEWARD_EVENTS_URL")
    if status in _AT_FAULT:
        return NotLetInError(f"{_AT_FAULT[status]} ({status})")
    if status in _TRIED_AGAIN or codes.is_server_error(status):
        return NotReachedError(
            f"it answers {status}",
            retry_after=retry_after(answer.headers.get("retry-after", ""), now),
            may_have_happened=codes.is_server_error(status),
            has_answered=status not in _SILENT,
        )
    said = said or answer.reason_phrase
    return TurnedDownError(f"{status}: {said}" if said else f"{status}", status=status)
