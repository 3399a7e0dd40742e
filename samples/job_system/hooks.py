"""Sends the hooks: signed (Standard Webhooks 1.0), until taken, in order for each job."""

from __future__ import annotations

import asyncio
import base64
import hmac
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx

from samples.job_system import clock
from samples.job_system.book import Book, Hook
from samples.job_system.misbehaviour import Behaviour

_AT_ONCE: Final = 8
"""Hooks under way at once, each of another job."""
_FIRST_WAIT: Final = timedelta(seconds=0.25)
_LONGEST_WAIT: Final = timedelta(seconds=2)
_KEY_BYTES: Final = range(24, 65)
_LOOKS_AGAIN: Final = 0.25
"""Seconds until the book is looked into again, should nothing be written meanwhile."""


def sign(secret: str, webhook_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sends a hook, and when.

    Args:
        secret: one `whsec_…`, or several by comma, of which the first signs.
        webhook_id: the hook's id.
        at: when it is sent, aware.
        body: the hook, byte for byte.

    Raises:
        ValueError: the secret is none.
    """
    encoded = secret.split(",", maxsplit=1)[0].strip().removeprefix("whsec_")
    key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    seconds = str(int(at.timestamp()))
    signed = f"{webhook_id}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }


def check(secrets: str) -> None:
    """Return if Steward can check what is signed with these secrets.

    Raises:
        ValueError: one of them is none.
    """
    for secret in secrets.split(","):
        encoded = secret.strip().removeprefix("whsec_")
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except ValueError:
            key = b""
        if not (secret.strip().startswith("whsec_") and len(key) in _KEY_BYTES):
            raise ValueError(
                "a secret of the hooks is whsec_ and the Base64 of 24 to 64 bytes. Correct "
                "--secret or STEWARD_HOOK_SECRETS"
            )


class HookSender:
    """Sends what waits in the book to one address."""

    def __init__(self, book: Book, behaviour: Behaviour, url: str, secret: str | Path) -> None:
        """Begin; nothing is sent before `run`.

        Args:
            book: where hooks wait.
            behaviour: which of them are dropped, late or doubled.
            url: where they go.
            secret: what signs them, or the file that has it, perhaps not yet.
        """
        self._book = book
        self._behaviour = behaviour
        self._url = url
        self._secret = secret
        self._news = asyncio.Event()
        self._under_way: dict[int, str] = {}
        book.has_news = self._news.set

    async def run(self) -> None:
        """Send hooks until cancelled."""
        async with (
            httpx.AsyncClient(timeout=10, trust_env=False) as client,
            asyncio.TaskGroup() as sending,
        ):
            while True:
                self._news.clear()
                if not self._behaviour.down_for:
                    for hook in self._next_hooks():
                        self._under_way[hook.id] = hook.job_id
                        sending.create_task(self._send(client, hook))
                try:
                    async with asyncio.timeout(_LOOKS_AGAIN):
                        await self._news.wait()
                except TimeoutError:
                    continue

    def _next_hooks(self) -> list[Hook]:
        chosen: list[Hook] = []
        for hook in self._book.due_hooks():
            if len(self._under_way) + len(chosen) >= _AT_ONCE:
                break
            if hook.id not in self._under_way and (drawn := self._drawn(hook)) is not None:
                chosen.append(drawn)
        return chosen

    def _drawn(self, hook: Hook) -> Hook | None:
        """Return a hook whose fate is decided; None if it is not to be sent now."""
        if hook.is_drawn:
            return hook
        strikes, said = self._behaviour.strikes, self._behaviour.said
        return self._book.draw(
            hook,
            dropped=strikes("dropped_hooks"),
            late=timedelta(seconds=said.late_seconds) if strikes("late_hooks") else None,
            doubled=strikes("doubled_hooks"),
            again=hook.is_echo and strikes("doubled_echoes"),
        )

    async def _send(self, client: httpx.AsyncClient, hook: Hook) -> None:
        try:
            why = await self._post(client, hook)
            if why is None and hook.is_doubled:
                why = await self._post(client, hook)
        finally:
            del self._under_way[hook.id]
            self._news.set()
        if why is None:
            self._book.sent(hook)
        else:
            wait = min(_FIRST_WAIT * 2 ** min(hook.attempts, 10), _LONGEST_WAIT)
            self._book.not_sent(hook, why, wait)

    async def _post(self, client: httpx.AsyncClient, hook: Hook) -> str | None:
        """Send a hook once; return why it was not taken, None if it was."""
        try:
            secret = (
                self._secret
                if isinstance(self._secret, str)
                else self._secret.read_text("utf-8").strip()
            )
            headers = sign(secret, hook.webhook_id, clock.now(), hook.body)
            answer = await client.post(self._url, content=hook.body, headers=headers)
        except OSError as error:
            return f"its secret can't be read: {error.strerror}"
        except ValueError:
            return "its secret can't be read: it is not whsec_ and base64"
        except httpx.HTTPError as error:
            return f"Steward does not answer ({type(error).__name__})"
        return (
            None if answer.status_code == HTTPStatus.OK else f"Steward answers {answer.status_code}"
        )
