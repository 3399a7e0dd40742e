"""The way to the Temporal that a store belongs to, for what works on both once they are set up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from temporalio.client import Client

from store.database import Database
from workers.key_rings import data_keys_of
from workers.namespace import NamespaceGuard
from workers.sealing import sealed
from workers.settings import Settings
from workers.temporal import connect_when_it_answers, must_know_search_attributes


async def client_of_store(
    settings: Settings, data: Path, database: Database, patience: timedelta
) -> Client:
    """Return a client that seals, once store and Temporal are known to go together.

    Args:
        settings: which may name the key ring.
        data: the folder of what they place nowhere else.
        database: the store.
        patience: how long Temporal may take to answer.

    Raises:
        SettingsError: the key ring cannot be read or made, or is not the store's.
        StoreUnavailableError: the database does not answer, or its schema is another release's.
        TemporalUnreachableError: Temporal does not answer in time, or lacks our search attributes.
        WrongNamespaceError: the namespace is missing, or it is not the store's.
    """
    await database.check()
    keys = await data_keys_of(settings, data, database)
    client = sealed(await connect_when_it_answers(patience), keys)
    await NamespaceGuard(database, client).prove()
    await must_know_search_attributes(client)
    return client
