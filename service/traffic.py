"""What hooks and redelivery know of each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

AT_ONCE = 20
"""As many hooks that wait for an answer are dispatched at once; more are left to redelivery."""


class Traffic:
    """Counts the hooks that wait for an answer: redelivery gives way to them.

    They wake redelivery when they leave it something.
    """

    def __init__(self) -> None:
        self._open_hooks = 0
        self._no_open_hook = asyncio.Event()
        self._no_open_hook.set()
        self._backlog = asyncio.Event()

    @contextmanager
    def answering(self) -> Iterator[bool]:
        """Count a hook while it waits; give whether too many wait to dispatch them all at once."""
        self._open_hooks += 1
        self._no_open_hook.clear()
        try:
            yield self._open_hooks > AT_ONCE
        finally:
            self._open_hooks -= 1
            if not self._open_hooks:
                self._no_open_hook.set()

    def leave_backlog(self) -> None:
        """Wake redelivery: the inbox has something that it may have at once."""
        self._backlog.set()

    def take_backlog(self) -> None:
        """Have redelivery sleep once it is done, unless it is woken from now on."""
        self._backlog.clear()

    async def until_no_hook_waits(self, patience: float) -> None:
        """Return once no hook waits for an answer, or after so many seconds."""
        await _until_set(self._no_open_hook, patience)

    async def until_backlog(self, patience: float) -> None:
        """Return once redelivery is woken, or after so many seconds."""
        await _until_set(self._backlog, patience)


async def _until_set(event: asyncio.Event, patience: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), patience)
