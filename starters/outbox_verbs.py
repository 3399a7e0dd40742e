"""The command line's verbs for the outbox: `steward outbox list`, `retry ID` and `drop ID`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from starters.options import AsJson, NameOption, acting, examples
from starters.row_ids import row_id

RowId = Annotated[
    int,
    typer.Argument(metavar="ID", parser=row_id, help="The ID that `steward outbox list` shows."),
]
AsRole = Annotated[str | None, typer.Option("--as", help="Your role; Admin team if unset.")]

_USUAL_ROLE = "admin_team"
_LIST = "outbox list --job SJ-1001"
_RETRY = "outbox retry 12 --as supervisor"
_DROP = 'outbox drop 12 --reason "Entered by hand" --as supervisor'


def add_outbox_verbs(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    group = typer.Typer(
        help="See what Steward still has to send, and what was refused.",
        epilog=examples(_LIST, _RETRY),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    states = examples("outbox list --state refused", f"{_LIST} --json")
    group.command("list", epilog=states)(outbox_list)
    group.command("retry", epilog=examples(_RETRY))(outbox_retry)
    group.command("drop", epilog=examples(_DROP))(outbox_drop)
    app.add_typer(group, name="outbox")


def outbox_list(
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Only this job's.")] = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="asking, pending (waiting), refused, done or dropped; what is open if unset.",
        ),
    ] = None,
    after: Annotated[str | None, typer.Option(help="The cursor from the previous page.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what waits to be sent or was refused, the oldest first."""
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_outbox

    with ApiClient.from_environment() as client:
        page = client.get("outbox", job_id=job, state=state, after=after)
    (print_json if as_json else print_outbox)(page)


def outbox_retry(
    row: RowId, role: AsRole = None, name: NameOption = None, *, as_json: AsJson = False
) -> None:
    """Send a row again now.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    _decide(
        row, "retry", "Steward sends it again", acting(role, name, _USUAL_ROLE), as_json=as_json
    )


def outbox_drop(
    row: RowId,
    reason: Annotated[str, typer.Option(help="Why it isn't sent, such as “Entered by hand”.")],
    role: AsRole = None,
    name: NameOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Drop a row that was refused or has failed: Steward doesn't send it.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    body = {**acting(role, name, _USUAL_ROLE), "reason": reason}
    _decide(row, "drop", "Dropped", body, as_json=as_json)


def _decide(row: int, verb: str, said: str, body: Mapping[str, object], *, as_json: bool) -> None:
    from domain.labels import outgoing_label
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_text

    with ApiClient.from_environment() as client:
        decided = client.post("outbox", str(row), verb, body=body)
    if as_json:
        print_json(decided)
    else:
        print_text(f"{said}: {outgoing_label(decided['what'])} ({decided['job_id']}).")
