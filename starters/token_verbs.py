"""`steward token`: makes, lists and revokes bearer tokens, on the store itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from starters.failures import Failure
from starters.on_the_database import DataOption, on_the_database
from starters.options import DEFAULT_DATA, AsJson, examples

if TYPE_CHECKING:
    from datetime import datetime

    from domain.roles import Actor
    from store.tokens import NewToken, Token, TokenStore

ResultT = TypeVar("ResultT")

HOW_TO_MAKE_THE_FIRST = (
    "There is no token yet, so only the job system's hooks are accepted. Make the first one: "
    "steward token new --name NAME --role supervisor"
)


tokens = typer.Typer(
    help="Bearer tokens, for STEWARD_AUTH=tokens.",
    epilog=examples(
        "token new --name Dana --role dispatch", "token list", "token revoke 3f9c2a71d0"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@tokens.command(
    "new",
    epilog=examples(
        "token new --name Dana --role dispatch --expires 90d",
        "token new --name 'Tulsa Plumbing' --role provider --account 4711",
        "token new --name 'Ada Byron' --role customer --job SJ-1001 --json",
    ),
)
def new(
    name: Annotated[str, typer.Option(help="The owner's name, as the journal shows it.")],
    role: Annotated[str, typer.Option(help="The owner's role.")],
    account: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER", help="The account whose jobs a provider or PlusOne can read."
        ),
    ] = None,
    job: Annotated[
        list[str] | None,
        typer.Option(metavar="JOB", help="A job that a customer's token is for. Repeatable."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="90d", help="How long it is valid; without an end if unset."),
    ] = None,
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it. It is shown only this once."""
    from datetime import UTC, datetime

    from starters.company_time import company_time
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
        until = f"until {company_time(ends)}" if ends else "until revoked"
        print_text(
            f"Token {made.id} for {actor.name} ({actor.role.label}), valid {until}:",
            "",
            made.token,
            "",
            "Save it now. It isn't shown again. The command line reads it from STEWARD_TOKEN.",
        )


@tokens.command(
    "list", epilog=examples("token list", "token list --data desk", "token list --json")
)
def list_tokens(data: DataOption = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List all tokens, without their secret part."""
    from datetime import UTC, datetime

    from starters.rendering import print_json, print_text

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


@tokens.command("revoke", epilog=examples("token revoke 3f9c2a71d0"))
def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="The ID that `steward token list` shows.")
    ],
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Revoke a token, at once and for good."""
    from datetime import UTC, datetime

    from starters.rendering import print_json, print_text

    now = datetime.now(UTC)

    async def take(store: TokenStore) -> tuple[bool, list[Token]]:
        return await store.revoke(token_id, now), await store.all()

    taken, known = _on_the_store(data, take)
    if not taken:
        if any(each.id == token_id for each in known):
            raise Failure(f"token {token_id} is already revoked")
        raise Failure(f"there is no token {token_id}. See `steward token list`")
    if as_json:
        print_json({"id": token_id, "revoked_at": now.isoformat()})
    else:
        print_text(f"Token {token_id} is revoked. Nobody can use it any more.")


# --- what is asked for ------------------------------------------------------------------------


def _actor(name: str, role: str) -> Actor:
    from pydantic import ValidationError

    from domain.field_problems import in_words
    from domain.roles import Actor, Role
    from domain.suggestions import did_you_mean

    if role not in set(Role):
        raise Failure(
            f'there is no role "{role}".{did_you_mean(role, Role)} Use one of: {", ".join(Role)}'
        )
    try:
        return Actor(name=name, role=Role(role))
    except ValidationError as error:
        raise Failure(f"--name: {in_words(error.errors()[0])}") from error


def _jobs(jobs: list[str]) -> tuple[str, ...]:
    from pydantic import TypeAdapter, ValidationError

    from domain.values import JobId

    try:
        return tuple(dict.fromkeys(TypeAdapter(list[JobId]).validate_python(jobs)))
    except ValidationError as error:
        wrong = jobs[int(error.errors()[0]["loc"][0])]
        raise Failure(
            f"--job {wrong}: this can't be a job number. Write it like SJ-2001"
        ) from error


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
        raise Failure(
            "a provider's token needs --account NUMBER: it can read the jobs of that account"
        )
    if role not in PARTNERS and number is not None:
        raise Failure(f"--account: only tokens for {' or '.join(sorted(PARTNERS))} have an account")
    if role is Role.CUSTOMER and not jobs:
        raise Failure("a customer's token needs --job JOB: it can give commands on these jobs only")
    if jobs and role not in {Role.CUSTOMER, Role.SYSTEM}:
        raise Failure("--job: only tokens for customer or system are limited to jobs")
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
    from store.tokens import TokenStore

    if_none = (
        "so there are no tokens. Make the first with `steward token new`, or name another folder "
        "with --data"
    )
    return on_the_database(
        data, lambda database: work(TokenStore(database)), if_none, may_make_it=may_make_it
    )


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
    who = ", ".join([f"{token.actor.name} ({token.actor.role.label})", *of])
    return [f"{token.id}  {who}", f"            {_state(token, now)}{until}; {used}"]


def _at(at: datetime) -> str:
    from starters.company_time import company_time

    return company_time(at)
