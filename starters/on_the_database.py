"""Work that a verb of the command line does on the store itself, without the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from starters.failures import Failure

if TYPE_CHECKING:
    from store.database import Database

ResultT = TypeVar("ResultT")

_MISCONFIGURED = 2

DataOption = Annotated[
    Path,
    typer.Option(
        "--data", help="The folder of `steward up`; unused if STEWARD_DATABASE_URL is set."
    ),
]


def on_the_database(
    data: Path,
    work: Callable[[Database], Awaitable[ResultT]],
    if_none: str,
    *,
    may_make_it: bool = False,
) -> ResultT:
    """Return what is done on the store of STEWARD_DATABASE_URL, or of a data folder.

    Args:
        data: the folder.
        work: what is done.
        if_none: what follows from there being no store yet, and what to do then.
        may_make_it: whether the store is made where there is none yet.

    Raises:
        Failure: it can't be done; the message says why.
    """
    import asyncio

    from starters.data_folder import FolderError, prepare
    from starters.faults_told import log_as_configured
    from store.database import Database, StoreUnavailableError, is_empty, migrate
    from workers.settings import SettingsError, load_settings

    async def done(url: str) -> ResultT:
        database = Database(url)
        try:
            await database.check()
            return await work(database)
        finally:
            await database.close()

    log_as_configured()
    try:
        settings = load_settings()
        url = settings.database_in(data)
        if is_empty(url):
            if not may_make_it:
                where = "STEWARD_DATABASE_URL" if settings.database_url else str(data)
                raise Failure(f"{where}: there is no database yet, {if_none}")
            if settings.database_url is None:
                prepare(data)
            migrate(url)
        return asyncio.run(done(url))
    except (SettingsError, FolderError) as error:
        raise Failure(str(error), _MISCONFIGURED) from error
    except StoreUnavailableError as error:
        raise Failure(str(error)) from error
