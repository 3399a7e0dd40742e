"""The client of a process that measures: its payloads are encrypted if the store has a key ring."""

from __future__ import annotations

from pathlib import Path

from temporalio.client import Client

from store.database import Database
from workers.key_rings import KEYS_FILE, data_keys_of
from workers.sealing import sealed
from workers.settings import Settings
from workers.temporal import connect

__all__ = ["KEYS_FILE", "client_for"]


async def client_for(address: str | None, database: Database) -> Client:
    """Return a client of a Temporal, whose payloads are encrypted if keys lie beside the store.

    Args:
        address: where Temporal answers; None for a client that never asks it.
        database: a store on SQLite, whose schema is there.
    """
    if address is None:
        client = await connect(lazy=True)
    else:
        client = await connect(target_host=address, namespace="default")
    folder = Path(database.url.database or "").parent
    keys = folder / KEYS_FILE
    if not keys.exists():
        return client
    return sealed(client, await data_keys_of(Settings(keys=keys), folder, database))
