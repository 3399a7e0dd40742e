"""`steward session`: who is signed in at the desk, and how an administrator ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from starters.failures import Failure
from starters.on_the_database import DataOption, on_the_database
from starters.options import DEFAULT_DATA, AsJson, examples

if TYPE_CHECKING:
    from store.database import Database
    from store.sessions import OpenSession

_IF_NONE = "so nobody is signed in. Name another folder with --data"


sessions = typer.Typer(
    help="Who is signed in at the console, where STEWARD_AUTH=tokens.",
    epilog=examples("session list", "session end 3f9c2a71d0b4"),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@sessions.command(
    "list", epilog=examples("session list", "session list --data desk", "session list --json")
)
def list_sessions(data: DataOption = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List who is signed in, the newest first."""
    from datetime import UTC, datetime

    from starters.company_time import company_time
    from starters.rendering import print_json, print_text
    from store.sessions import SessionStore

    now = datetime.now(UTC)

    async def read(database: Database) -> list[OpenSession]:
        return await SessionStore(database).all(now)

    found = on_the_database(data, read, _IF_NONE)
    if as_json:
        print_json({"items": [each.model_dump(mode="json") for each in found]})
        return
    if not found:
        print_text("Nobody is signed in.")
    for each in found:
        by = "a personal token" if each.is_by_token else "a company account"
        print_text(
            f"{each.id}  {each.name} ({each.role.label}), signed in with {by}",
            f"              since {company_time(each.created_at)}, "
            f"until {company_time(each.expires_at)}",
        )


@sessions.command("end", epilog=examples("session end 3f9c2a71d0b4"))
def end(
    session_id: Annotated[
        str, typer.Argument(metavar="ID", help="The ID that `steward session list` shows.")
    ],
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Sign somebody out, at once. With an account or a token they can sign in again."""
    from starters.rendering import print_json, print_text
    from store.sessions import SessionStore

    async def take(database: Database) -> bool:
        return await SessionStore(database).end_by_id(session_id)

    if not on_the_database(data, take, _IF_NONE):
        raise Failure(f"there is no session {session_id}. See `steward session list`")
    if as_json:
        print_json({"id": session_id, "ended": True})
    else:
        print_text(f"Session {session_id} is ended. To go on, its owner has to sign in again.")
