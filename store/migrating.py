"""Brings a schema up to date, with Alembic.

A module of its own, since a store that is up to date needs no Alembic, which takes longer to load
than the rest of the store.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from store.database import MIGRATIONS, StoreUnavailableError


def upgrade(connection: Connection) -> None:
    """Run what migrations are missing.

    Raises:
        StoreUnavailableError: the schema is of a newer release.
        sqlalchemy.exc.DBAPIError: the database does not do what it is told.
    """
    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreUnavailableError(
            f"the schema is of a newer release ({error}): run that release, or a later one"
        ) from error


def alembic_config() -> Config:
    """Return what Alembic has to know: where our migrations are."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
