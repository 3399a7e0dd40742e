"""Whoever takes Steward's events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import JsonValue


class Subscriber(Protocol):
    """Takes events; each has an id, by which it is known when it comes more than once."""

    async def deliver(self, event: Mapping[str, JsonValue], event_id: str) -> None:
        """Deliver an event; it may arrive more than once, always under the same id.

        Args:
            event: its body.
            event_id: the same at every attempt.

        Raises:
            NotReachedError: nobody answers, or not now: worth another try.
            NotLetInError: an address or a secret is wrong, and all events wait for that.
            TurnedDownError: this event is refused for good.
        """

    async def close(self) -> None:
        """Close its connections."""
