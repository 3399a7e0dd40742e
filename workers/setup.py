"""`steward setup`: schema, namespace, search attributes and Schedule, made or up to date again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from domain.outgoing import Destination
from store.database import Database, migrate
from workers.job_systems import destinations_of
from workers.key_rings import data_keys_of
from workers.namespace import NamespaceGuard
from workers.schedules import ensure_schedules
from workers.sealing import sealed
from workers.settings import DEFAULT_DATA, load_settings
from workers.telemetry import configure_logging
from workers.temporal import (
    connect_when_it_answers,
    ensure_namespace,
    ensure_search_attributes,
    temporal_address,
)

log = structlog.get_logger()

_PATIENCE = 60
"""Seconds that Temporal may take to answer."""


async def main(*, adopt_namespace: bool = False) -> None:
    """Set everything up; what is right already is left alone.

    Args:
        adopt_namespace: whether the database belongs to this namespace from now on, although it
            belonged to another. Whatever runs in the other is lost to it.

    Raises:
        SettingsError: a setting makes no sense.
        StoreUnavailableError: the database does not answer.
        TemporalUnreachableError: Temporal does not answer within a minute.
        WrongNamespaceError: the database belongs to another namespace.
    """
    settings = load_settings()
    configure_logging(settings.log)
    policy = settings.load_policy()
    url = settings.database_in(DEFAULT_DATA)
    await asyncio.to_thread(migrate, url)
    log.info("schema is up to date")
    log.info("connecting to Temporal", address=temporal_address({}), at_most_seconds=_PATIENCE)
    database = Database(url)
    keys = await data_keys_of(settings, DEFAULT_DATA, database)
    client = sealed(await connect_when_it_answers(timedelta(seconds=_PATIENCE)), keys)
    guard = NamespaceGuard(database, client)
    if not adopt_namespace:
        await guard.must_not_differ()
    await ensure_namespace(client)
    await guard.adopt()
    await ensure_search_attributes(client)
    has_job_system = Destination.JOB_SYSTEM in destinations_of(settings)
    await ensure_schedules(client, policy, has_job_system=has_job_system)
    await database.close()
    log.info("Temporal is set up", namespace=client.namespace)
