"""`steward erase`: erases a job's data for ever, on the store itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starters.failures import Failure
from starters.on_the_database import DataOption, on_the_database
from starters.options import DEFAULT_DATA, AsJson, examples

if TYPE_CHECKING:
    from store.database import Database
    from store.erasures import Erasure

_IF_NONE = "so there is no job to erase. Name another folder with --data"
_EXAMPLES = (
    'erase SJ-2001 --reason "Requested by the customer"',
    'erase SJ-2001 --reason "Requested by the customer" --end --data desk',
    "erase --from erasures.json --json",
)


def add_erase_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("erase", epilog=examples(*_EXAMPLES))(erase)


def erase(
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="The job's number.")] = None,
    reason: Annotated[
        str | None,
        typer.Option(help="Why. It is kept, so name nobody."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The supervisor who decides; your user name if unset.")
    ] = None,
    *,
    end: Annotated[
        bool, typer.Option("--end", help="Cancel procedures that still run on the job first.")
    ] = False,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Erase again what `steward erasures --json` lists.",
        ),
    ] = None,
    data: DataOption = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Erase a job's data for ever: its key, its texts, and everybody's name.

    It stays on record that the job was there, and when what happened. Backups are not reached.
    """
    from starters.rendering import print_json, print_text

    wanted = _wanted(job, reason, from_)

    async def work(database: Database) -> list[Erasure]:
        return [
            done
            for each, why in wanted
            if (done := await _erase(database, each, why, name, end=end)) is not None
        ]

    done = on_the_database(data, work, _IF_NONE)
    if job is not None and not done:
        raise Failure(f"there is no job {job}. See `steward jobs`")
    if as_json:
        items = [{**each._asdict(), "erased_at": each.erased_at.isoformat()} for each in done]
        print_json(items[0] if job is not None else {"items": items})
    else:
        print_text(*(f"Job {each.job_id} is erased." for each in done))


def add_erasures_verb(app: typer.Typer) -> None:
    """Add the verb that lists erasures to the command line."""
    app.command("erasures", epilog=examples("erasures", "erasures --json"))(erasures)


def erasures(data: DataOption = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List erased jobs. Keep the list outside your backups, to erase again after a restore."""
    from starters.company_time import company_time
    from starters.rendering import print_json, print_text

    async def read(database: Database) -> list[Erasure]:
        from store.erasures import Erasures

        found, after = await Erasures(database).page()
        while after is not None:
            more, after = await Erasures(database).page(after)
            found += more
        return found

    found = on_the_database(data, read, _IF_NONE)
    if as_json:
        items = [{**each._asdict(), "erased_at": each.erased_at.isoformat()} for each in found]
        print_json({"items": items})
    elif found:
        print_text(
            *(
                f"{each.job_id}  {company_time(each.erased_at)}, by {each.by}: {each.reason}"
                for each in found
            )
        )
    else:
        print_text("No job was erased.")


def _wanted(job: str | None, reason: str | None, from_: Path | None) -> list[tuple[str, str]]:
    """Return each job to erase, and why."""
    import json

    from pydantic import TypeAdapter, ValidationError

    from domain.values import JobId, Prose

    if (job is None) == (from_ is None):
        raise Failure("name one job, or a file with --from")
    try:
        if job is not None:
            if not (reason or "").strip():
                raise Failure('say why: --reason "Requested by the customer"')
            found = [{"job_id": job, "reason": reason}]
        else:
            found = json.loads(Path(from_ or "").read_text("utf-8"))["items"]
        jobs = TypeAdapter(list[JobId]).validate_python([each["job_id"] for each in found])
        reasons = TypeAdapter(list[Prose]).validate_python([each["reason"] for each in found])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        where = from_ or job
        raise Failure(f"{where}: not a job number, or no list of erasures") from error
    return list(zip(jobs, reasons, strict=True))


async def _erase(
    database: Database, job: str, reason: str, name: str | None, *, end: bool
) -> Erasure | None:
    from datetime import UTC, datetime
    from getpass import getuser

    from domain.refusals import Refused
    from domain.roles import Actor, Role
    from service.erasing import ErasingDesk
    from store.erasures import Erasures
    from workers.temporal import connect

    client = await connect() if end else None
    desk = ErasingDesk(Erasures(database), client, lambda: datetime.now(UTC))
    by = Actor(name=name or getuser(), role=Role.SUPERVISOR)
    try:
        return await desk.erase(job, by, reason, end=end)
    except Refused as refused:
        way_out = f" {refused.refusal.instead}" if refused.refusal.instead else ""
        raise Failure(f"{refused.refusal.message}{way_out}") from refused
