"""`steward token`: makes, lists and revokes bearer tokens, on the store itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from starters.failures import Failure

if TYPE_CHECKING:
    from datetime import datetime

    from domain.roles import Actor
    from store.tokens import NewToken, Token, TokenStore

ResultT = TypeVar("ResultT")

_MISCONFIGURED = 2
_DATA = Path(".steward")


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  steward token {line}" for line in lines)


tokens = typer.Typer(
    help="Bearer tokens: who may come in where STEWARD_AUTH=tokens.",
    epilog=_examples("new --name Dana --role dispatch", "list", "revoke 3f9c2a71d0"),
    no_args_is_help=True,
    rich_markup_mode=None,
)

DataOption = Annotated[
    Path, typer.Option("--data", help="The folder of `steward up`, unless STEWARD_DATABASE_URL.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@tokens.command(
    "new",
    epilog=_examples(
        "new --name Dana --role dispatch --expires 90d",
        "new --name 'Tulsa Plumbing' --role provider --account 4711",
        "new --name 'Ada Byron' --role customer --job SJ-1001 --json",
    ),
)
def new(
    name: Annotated[str, typer.Option(help="Who its owner is, as the journal says it.")],
    role: Annotated[str, typer.Option(help="The role in which its owner acts.")],
    account: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="The account whose jobs a provider or PlusOne reads."),
    ] = None,
    job: Annotated[
        list[str] | None,
        typer.Option(metavar="JOB", help="A job that a customer's token is for; may be repeated."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="90d", help="How long it is in force; for ever if unset.")
    ] = None,
    data: DataOption = _DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, the only time that it is shown."""
    from datetime import UTC, datetime

    from starters.rendering import print_json, print_text

    now = datetime.now(UTC)
    actor, jobs = _actor(name, role), _jobs(job or [])
    number = _account_of(actor, account, jobs)
    ends = _end(expires, now)

    async def make(store: TokenStore) -> NewToken:
        return await store.new(actor, now, account=number, jobs=jobs, expires_at=ends)

    made = _on_the_store(data, make, may_make_it=True)
    if as_json:
        print_json(
            {
                "id": made.id,
                "token": made.token,
                "name": actor.name,
                "role": actor.role.value,
                "account": number,
                "jobs": list(jobs),
                "created_at": now.isoformat(),
                "expires_at": ends and ends.isoformat(),
            }
        )
    else:
        until = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "until it is revoked"
        print_text(
            f"Token {made.id} of {actor.name} ({actor.role.value}), in force {until}:",
            "",
            made.token,
            "",
            "Keep it now: it is not shown again. The command line takes it from STEWARD_TOKEN.",
        )


@tokens.command("list", epilog=_examples("list", "list --data desk", "list --json"))
def list_tokens(data: DataOption = _DATA, *, as_json: AsJson = False) -> None:
    """List all tokens, without the tokens themselves."""
    from datetime import UTC, datetime

    from starters.rendering import print_json, print_text
    from starters.tokens import HOW_TO_MAKE_THE_FIRST

    now = datetime.now(UTC)

    async def read(store: TokenStore) -> list[Token]:
        return await store.all()

    found = _on_the_store(data, read)
    if as_json:
        print_json({"items": [_document(each, now) for each in found]})
    elif not found:
        print_text(HOW_TO_MAKE_THE_FIRST)
    else:
        print_text(*(line for each in found for line in _lines(each, now)))


@tokens.command("revoke", epilog=_examples("revoke 3f9c2a71d0"))
def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="As `steward token list` shows it.")
    ],
    data: DataOption = _DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Take a token out of force, at once and for good."""
    from datetime import UTC, datetime

    from starters.rendering import print_json, print_text

    now = datetime.now(UTC)

    async def take(store: TokenStore) -> tuple[bool, list[Token]]:
        return await store.revoke(token_id, now), await store.all()

    taken, known = _on_the_store(data, take)
    if not taken:
        if any(each.id == token_id for each in known):
            raise Failure(f"token {token_id} was revoked before")
        raise Failure(f"there is no token {token_id}; see `steward token list`")
    if as_json:
        print_json({"id": token_id, "revoked_at": now.isoformat()})
    else:
        print_text(f"Token {token_id} is revoked. Nobody comes in with it any more.")


# --- what is asked for ------------------------------------------------------------------------


def _actor(name: str, role: str) -> Actor:
    from pydantic import ValidationError

    from domain.roles import Actor, Role

    if role not in set(Role):
        raise Failure(f"--role {role}: there is no such role; use one of: {', '.join(Role)}")
    try:
        return Actor(name=name, role=Role(role))
    except ValidationError as error:
        raise Failure(f"--name: {error.errors()[0]['msg']}") from error


def _jobs(jobs: list[str]) -> tuple[str, ...]:
    from pydantic import TypeAdapter, ValidationError

    from domain.values import JobId

    try:
        return tuple(dict.fromkeys(TypeAdapter(list[JobId]).validate_python(jobs)))
    except ValidationError as error:
        wrong = jobs[int(error.errors()[0]["loc"][0])]
        raise Failure(f"--job {wrong}: no job has such a number") from error


def _account_of(actor: Actor, account: str | None, jobs: tuple[str, ...]) -> str | None:
    """Return the account of a token, once its role and what it is for go together."""
    from domain.accounts import PLUSONE
    from domain.roles import Role
    from starters.access import PARTNERS

    role = actor.role
    number = (account or "").strip() or None
    if number is None and role is Role.PLUSONE:
        number = PLUSONE.number
    if role in PARTNERS and number is None:
        raise Failure("a provider's token needs --account NUMBER: it reads that account's jobs")
    if role not in PARTNERS and number is not None:
        raise Failure(f"--account: only a token of {' or '.join(sorted(PARTNERS))} has an account")
    if role is Role.CUSTOMER and not jobs:
        raise Failure("a customer's token needs --job JOB: it gives commands on these jobs alone")
    if jobs and role not in {Role.CUSTOMER, Role.SYSTEM}:
        raise Failure("--job: only a token of customer or system is for some jobs alone")
    return number


def _end(expires: str | None, now: datetime) -> datetime | None:
    from domain.durations import parse_elapsed

    if expires is None:
        return None
    try:
        return now + parse_elapsed(expires)
    except ValueError as error:
        raise Failure(f"--expires: {error}") from error


# --- the store --------------------------------------------------------------------------------


def _on_the_store(
    data: Path, work: Callable[[TokenStore], Awaitable[ResultT]], *, may_make_it: bool = False
) -> ResultT:
    """Return what is done on the store of STEWARD_DATABASE_URL, or of a data folder.

    Args:
        data: the folder.
        work: what is done.
        may_make_it: whether the store is made where there is none yet.
    """
    import asyncio

    from starters.data_folder import FolderError, prepare
    from store.database import Database, StoreUnavailableError, is_empty, migrate
    from store.tokens import TokenStore
    from workers.settings import SettingsError, load_settings

    async def done(url: str) -> ResultT:
        database = Database(url)
        try:
            await database.check()
            return await work(TokenStore(database))
        finally:
            await database.close()

    try:
        settings = load_settings()
        url = settings.database_in(data)
        if is_empty(url):
            if not may_make_it:
                where = "STEWARD_DATABASE_URL" if settings.database_url else str(data)
                raise Failure(
                    f"{where}: there is no store yet, so there are no tokens; make the first with "
                    "`steward token new`, or name another folder with --data"
                )
            if settings.database_url is None:
                prepare(data)
            migrate(url)
        return asyncio.run(done(url))
    except (SettingsError, FolderError) as error:
        raise Failure(str(error), _MISCONFIGURED) from error
    except StoreUnavailableError as error:
        raise Failure(str(error)) from error


# --- how they are shown -----------------------------------------------------------------------


def _state(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "in force" if token.is_in_force(now) else "expired"


def _document(token: Token, now: datetime) -> dict[str, Any]:
    document = token.model_dump(mode="json", exclude={"actor"})
    return {**document, **token.actor.model_dump(mode="json"), "state": _state(token, now)}


def _lines(token: Token, now: datetime) -> list[str]:
    of = [f"account {token.account}"] if token.account else []
    of += [f"jobs {', '.join(token.jobs)}"] if token.jobs else []
    used = f"last used {_at(token.last_used_at)}" if token.last_used_at else "never used"
    until = f", until {_at(token.expires_at)}" if token.expires_at else ""
    who = ", ".join([f"{token.actor.name} ({token.actor.role.value})", *of])
    return [f"{token.id}  {who}", f"            {_state(token, now)}{until}; {used}"]


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
