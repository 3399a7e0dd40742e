"""`python -m benchmarks`: measures everything, or a part of it, and writes the page."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import (
    asking,
    costs,
    desk,
    growth,
    latency,
    replay,
    sandbox,
    secrecy,
    skipped,
    throughput,
)
from benchmarks.figures import Section
from benchmarks.processes import ROOT, starting_at_once
from benchmarks.report import PAGE_FILE, goal_in_words, in_words, write_page
from benchmarks.results import Machine, Measurement, Results, kept_in
from benchmarks.scale import FULL, QUICK, Scale, Tell
from workers.settings import LogForm
from workers.telemetry import configure_logging

SECTIONS: Mapping[str, Callable[[Scale, Tell], Awaitable[Section]]] = {
    "throughput": throughput.measure,
    "cost": costs.measure,
    "latency": latency.measure,
    "growth": growth.measure,
    "sandbox": sandbox.measure,
    "replay": replay.measure,
    "skipped": skipped.measure,
    "asking": asking.measure,
    "desk": desk.measure,
    "secrecy": secrecy.measure,
}

_PAGE_FOLDER = ROOT / "benchmarks"
_QUICK_FOLDER = ROOT / "build" / "benchmarks"
_SECONDS_IN_A_MINUTE = 60

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _known(names: list[str] | None) -> list[str] | None:
    for name in names or ():
        if name not in SECTIONS:
            raise typer.BadParameter(f"there is no {name!r}; use one of: {', '.join(SECTIONS)}")
    return names


@app.command()
def main(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECTION",
            callback=_known,
            help=f"Measure this section alone, and leave the others as they are; may be given "
            f"again. One of {', '.join(SECTIONS)}.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where page and results go: else benchmarks/, or build/ if quick."),
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure a little, to see that it runs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Make the page again from its results; measure nothing.")
    ] = False,
) -> None:
    """Measure Steward beside the bare engine, and write the page of it."""
    configure_logging(LogForm.CONSOLE, logging.WARNING)
    folder = out or (_QUICK_FOLDER if quick else _PAGE_FOLDER)
    if page:
        results = kept_in(folder)
        if results is None:
            raise typer.BadParameter(f"{folder} keeps no results")
        write_page(results, folder)
    else:
        results = asyncio.run(_measure_all(only or list(SECTIONS), folder, quick=quick))
    if as_json:
        typer.echo(results.model_dump_json(indent=1))
    else:
        Console().print(_summary(results), f"See {folder / PAGE_FILE}")


async def _measure_all(names: Sequence[str], folder: Path, *, quick: bool) -> Results:
    """Measure sections one after another; what is there is kept after each."""
    scale, scale_name = (QUICK, "quick") if quick else (FULL, "full")
    results, kept = Results(machine=Machine.this(), scale=scale_name), kept_in(folder)
    if kept and set(names) != set(SECTIONS) and kept.is_comparable_to(results):
        results = kept
    with starting_at_once() if quick else nullcontext():
        return await _measured(results, names, folder, scale)


async def _measured(results: Results, names: Sequence[str], folder: Path, scale: Scale) -> Results:
    for name in names:
        with _telling(name) as tell:
            load, began = os.getloadavg()[0], time.monotonic()
            section = await SECTIONS[name](scale, tell)
        minutes = (time.monotonic() - began) / _SECONDS_IN_A_MINUTE
        today = datetime.now(UTC).date()
        results = results.with_(
            Measurement(section=section, on=today, minutes=minutes, load_before=load)
        )
        results.write(folder)
        write_page(results, folder)
    return results


@contextmanager
def _telling(section: str) -> Iterator[Tell]:
    """Show on the standard error how far a section has come; a line for each step in a log."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        task = progress.add_task(section, total=1)

        def tell(what: str) -> None:
            if console.is_terminal:
                progress.update(task, description=f"{section}: {what}")
            else:
                console.print(f"{section}: {what}", highlight=False, soft_wrap=True)

        yield tell
        progress.update(task, description=section, completed=1)


def _summary(results: Results) -> Table:
    table = Table("Section", "Figure", "Median", "Goal", "")
    for measurement in results.measurements:
        for figure in measurement.section.figures:
            if figure.goal is not None:
                table.add_row(
                    measurement.section.title,
                    figure.name,
                    in_words(figure.median, figure.unit),
                    goal_in_words(figure.goal, figure.unit),
                    "met" if figure.is_met else "missed",
                )
    return table


def _leave(code: object) -> None:
    """End the process at once: Temporal's SDK may abort one that ends in the ordinary way."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    try:
        app()
    except SystemExit as done:
        _leave(done.code)
