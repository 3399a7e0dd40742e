"""The command line's verb for job systems: `steward job-system check URL`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starters.failures import Failure
from starters.options import AsJson, examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from activities.conformance import Result


_EXAMPLES = examples(
    "job-system check http://127.0.0.1:8090",
    "job-system check https://jobs-test.example.com/api --job SJ-1001",
    "job-system check https://jobs-test.example.com/api --json",
    "job-system check --adapter mainframe",
)
_CANNOT = 2
"""What the process ends with where nothing can be checked."""
_PASSWORD = re.compile("//[^/]*@")
_MARKS = {True: "✓", False: "✗", None: "-"}


def add_job_system_verbs(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    group = typer.Typer(
        help="Check a job system before Steward works with it.",
        epilog=_EXAMPLES,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.callback()(_job_system)
    group.command("check", epilog=_EXAMPLES)(check)
    app.add_typer(group, name="job-system")


def _job_system() -> None:
    """Check a job system before Steward works with it."""


def check(
    url: Annotated[str | None, typer.Argument(metavar="URL", help="Where its paths begin.")] = None,
    job: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="The job to work with; the first that fits if unset."),
    ] = None,
    adapter: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Check your adapter of this name instead of HTTP."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check line by line whether a job system does what docs/job-system.openapi.yaml says.

    Run it against a test system: it changes a job, sets back what it can, and adds a job that it
    cancels. The token is STEWARD_JOB_SYSTEM_TOKEN. Exits with 1 if something does not hold, and
    with 2 if nothing can be checked.
    """
    import uvloop

    from starters.faults_told import log_as_configured
    from starters.rendering import print_json

    log_as_configured()
    where = _PASSWORD.sub("//", url) if url is not None else adapter
    token = os.environ.get("STEWARD_JOB_SYSTEM_TOKEN") or None
    try:
        _check_options(url, token, job, adapter)
        results = uvloop.run(_carry_out(url, token, job, adapter, says_all=not as_json))
    except Failure as failure:
        if as_json:
            print_json({"url": where, "holds": False, "checks": [], "error": str(failure)})
        raise
    holds = all(each.holds is not False for each in results)
    if as_json:
        print_json({"url": where, "holds": holds, "checks": [_as_json(each) for each in results]})
    if not holds:
        raise typer.Exit(1)


def _check_options(
    url: str | None, token: str | None, job: str | None, adapter: str | None
) -> None:
    from pydantic import TypeAdapter, ValidationError

    from domain.values import JobId
    from workers.settings import partner_address

    if adapter is None and url is None:
        raise Failure("name the job system's address, or your adapter with --adapter", _CANNOT)
    try:
        if url is not None:
            partner_address(url)
    except ValueError as error:
        raise Failure(f"URL: {error}", _CANNOT) from error
    try:
        if job is not None:
            TypeAdapter(JobId).validate_python(job)
    except ValidationError as error:
        raise Failure(
            f'--job: "{job}" is not a job number. Write it like SJ-1001, or leave --job out',
            _CANNOT,
        ) from error
    if adapter is None and token is None:
        raise Failure(
            "STEWARD_JOB_SYSTEM_TOKEN is not set. Set it to the token that the job system knows "
            "Steward by, and run this again",
            _CANNOT,
        )


async def _carry_out(
    url: str | None, token: str | None, job: str | None, adapter: str | None, *, says_all: bool
) -> list[Result]:
    from activities.conformance import CannotCheckError, Conformance
    from starters.rendering import print_text
    from workers.job_systems import adapter_called
    from workers.settings import SettingsError

    try:
        system = (
            None if adapter is None else adapter_called(adapter, url, token, named_by="--adapter")
        )
    except SettingsError as error:
        raise Failure(str(error), _CANNOT) from error
    where = url or adapter or ""
    try:
        conformance = Conformance(url or "http://adapter", token or "", job, adapter=system)
    except ValueError as error:
        raise Failure(f"STEWARD_JOB_SYSTEM_TOKEN: {error}", _CANNOT) from error
    results: list[Result] = []
    try:
        found = await conformance.begin()
        if says_all:
            print_text(
                f"Checking {where} with job {found}. This changes the job: use a test system."
            )
        group = ""
        async for each in conformance.run():
            if says_all:
                print_text(*([] if each.check.group == group else ["", each.check.group]))
                print_text(*_lines(each))
            group = each.check.group
            results.append(each)
    except CannotCheckError as error:
        raise Failure(str(error), _CANNOT) from error
    except ValueError as error:
        raise Failure(f"{where} can't be asked: {error}", _CANNOT) from error
    finally:
        await conformance.close()
    if says_all:
        print_text("", _in_short(results))
    return results


def _lines(result: Result) -> Iterator[str]:
    check = result.check
    yield f"  {_MARKS[result.holds]} {check.name}"
    if result.holds is None:
        yield f"      Not checked: {result.got}."
    if result.holds is False:
        for request in result.sent:
            yield f"      Sent:     {request}"
        yield f"      Expected: {check.expected}"
        yield f"      Got:      {result.got}"
        yield f"      Clause:   {check.clause}"


def _in_short(results: list[Result]) -> str:
    broken = sum(each.holds is False for each in results)
    left = sum(each.holds is None for each in results)
    said = f"{len(results) - broken - left} of {len(results)} hold."
    if broken:
        said += f" {broken} {'does' if broken == 1 else 'do'} not."
    if left:
        said += f" {left} could not be checked."
    return said


def _as_json(result: Result) -> dict[str, Any]:
    check = result.check
    return {
        "group": check.group,
        "name": check.name,
        "holds": result.holds,
        "sent": list(result.sent),
        "expected": check.expected,
        "got": result.got,
        "clause": check.clause,
    }
