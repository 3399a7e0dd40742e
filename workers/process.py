"""What every process of Steward that runs works with, put together from its settings in one place.

The API, the worker and `steward up` have it: nothing is loaded here that one of them does without.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

from temporalio.client import Client

from store.database import Database
from workers.figures import Figures, MeasuredJobSystem
from workers.job_systems import destinations_of, job_system_of
from workers.key_rings import data_keys_of
from workers.sealing import sealed
from workers.settings import Settings
from workers.spans import spans_of


class Process:
    """What a process works with, whichever part of Steward it runs; closed when it is left."""

    def __init__(self, settings: Settings, data: Path, part: str) -> None:
        """Put it together; nothing connects before the first use.

        Args:
            settings: checked settings.
            data: the folder of what the settings place nowhere else.
            part: what the process is called in traces.

        Raises:
            SettingsError: a file that the settings name, the job system or traces make no sense.
        """
        self.settings = settings
        self.data = data
        self.policy, self.directory = settings.watched_policy(), settings.watched_directory()
        self.figures, self.spans = Figures(), spans_of(part)
        self.job_system = MeasuredJobSystem(job_system_of(settings), self.figures, self.spans)
        self.database = Database(settings.database_in(data), destinations_of(settings))

    async def client(self, connect: Callable[[], Awaitable[Client]]) -> Client:
        """Return a client that seals what it sends, and whose calls are steps of traces.

        Args:
            connect: returns a client without either, once the keys are there.

        Raises:
            SettingsError: the key ring cannot be read or made, or is not the store's.
            StoreUnavailableError: the database does not answer.
        """
        keys = await data_keys_of(self.settings, self.data, self.database)
        return self.spans.on(sealed(await connect(), keys))

    async def __aenter__(self) -> Self:
        """Return the process itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what was opened, and send the traces that are still here."""
        await self.job_system.close()
        await self.database.close()
        await asyncio.to_thread(self.spans.close)


def stop_on_signals() -> asyncio.Event:
    """Return what is set once somebody wants this process to end."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
