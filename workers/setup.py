"""`steward setup`: schema, namespace, search attributes and Schedule, made or up to date again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from store.database import migrate
from workers.schedules import ensure_digest
from workers.settings import DEFAULT_DATA, load_settings
from workers.telemetry import configure_logging
from workers.temporal import connect_when_it_answers, ensure_namespace, ensure_search_attributes

log = structlog.get_logger()


async def main() -> None:
    """Set everything up; what is right already is left alone.

    Raises:
        SettingsError: a setting makes no sense.
        StoreUnavailableError: the database does not answer.
        TemporalUnreachableError: Temporal does not answer within a minute.
    """
    settings = load_settings()
    configure_logging(settings.log)
    policy = settings.load_policy()
    await asyncio.to_thread(migrate, settings.database_in(DEFAULT_DATA))
    log.info("schema is up to date")
    client = await connect_when_it_answers(timedelta(minutes=1))
    await ensure_namespace(client)
    await ensure_search_attributes(client)
    await ensure_digest(client, policy)
    log.info("Temporal is set up", namespace=client.namespace)
