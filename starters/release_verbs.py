"""What a release needs of the command line: `steward worker --verify` and `steward promote`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from temporalio.client import Client

from starters.failures import Failure
from starters.rendering import print_json, print_text
from store.database import Database
from workers.settings import DEFAULT_DATA, Settings, load_settings
from workers.store_client import client_of_store
from workers.temporal import connect_when_it_answers
from workers.verifying import CURE, Verified, verify
from workers.versions import NotPromotedError, promote
from workers.worker import version_of

_PATIENCE = timedelta(minutes=1)
_MISCONFIGURED = 2

_Tell = Callable[[str], None]


async def verify_release(sample: int, *, as_json: bool) -> int:
    """Replay a sample of the jobs, print what came of it, and return the exit code.

    Args:
        sample: the most jobs of each procedure and stage.
        as_json: print one document for a program, and no progress.

    Raises:
        SettingsError: a setting makes no sense.
        StoreUnavailableError: the database does not answer, or its schema is another release's.
        TemporalUnreachableError: Temporal does not answer, or lacks our search attributes.
        WrongNamespaceError: the namespace is missing, or it is not the database's.
    """
    _, done = await _verified(load_settings(), sample, _nobody if as_json else typer.echo)
    if as_json:
        print_json(_as_document(done))
    else:
        _print_verified(done)
    return 0 if done.holds else 1


async def promote_release(sample: int | None, *, as_json: bool) -> int:
    """Make this release's version of the workers the current one, and return the exit code.

    Args:
        sample: the most jobs of each procedure and stage that are replayed first; None: none.
        as_json: print one document for a program, and no progress.

    Raises:
        Failure: no version is set, or no worker of it polls.
        SettingsError: and the others as `verify_release` raises them.
    """
    settings = load_settings()
    version = version_of(settings)
    if version is None:
        raise Failure(
            "STEWARD_DEPLOYMENT and STEWARD_BUILD_ID are not set. Workers without a version need "
            "no promotion",
            _MISCONFIGURED,
        )
    document: dict[str, Any] = {"version": None, "previous": None}
    if sample is None:
        client = await connect_when_it_answers(_PATIENCE)
    else:
        client, done = await _verified(settings, sample, _nobody if as_json else typer.echo)
        document["verified"] = _as_document(done)
        if not as_json:
            _print_verified(done)
        if not done.holds:
            if as_json:
                print_json(document)
            return 1
    try:
        promoted = await promote(client, version)
    except NotPromotedError as error:
        raise Failure(str(error)) from error
    if as_json:
        print_json(document | {"version": promoted.version, "previous": promoted.previous})
    else:
        print_text(
            f"{promoted.version} is the current version. Before: "
            f"{promoted.previous or 'workers without a version'}.",
            "Every open job goes on with it at its next step. You can stop the earlier workers.",
        )
    return 0


async def _verified(settings: Settings, sample: int, tell: _Tell) -> tuple[Client, Verified]:
    """Return the way to Temporal, and what replaying a sample came to."""
    database = Database(settings.database_in(DEFAULT_DATA))
    try:
        client = await client_of_store(settings, DEFAULT_DATA, database, _PATIENCE)
        done = await verify(client, sample=sample, now=datetime.now(UTC), tell=tell)
    finally:
        await database.close()
    return client, done


def _nobody(_: str) -> None:
    """Tell nobody of the progress."""


def _as_document(done: Verified) -> dict[str, Any]:
    return {
        "ok": done.holds,
        "replayed": sum(done.replayed.values()),
        "groups": [
            {
                "lifecycle": group.lifecycle,
                "stage": group.stage or None,
                "found": found,
                "replayed": done.replayed.get(group, 0),
            }
            for group, found in done.found.items()
        ],
        "differences": [
            {
                "job_id": each.job_id,
                "lifecycle": each.group.lifecycle,
                "stage": each.group.stage or None,
                "workflow_id": each.workflow_id,
                "run_id": each.run_id,
                "differs": each.differs,
            }
            for each in done.differences
        ],
    }


def _print_verified(done: Verified) -> None:
    for each in done.differences:
        job = each.job_id or each.workflow_id
        print_text(f"{job} ({each.group.title}; run {each.run_id}): {each.differs}")
    tried = sum(done.replayed.values())
    if not done.holds:
        print_text(f"Don't release this code. {CURE}")
    elif tried:
        print_text(_carries_on(tried, sum(done.found.values())))
    else:
        print_text("No job runs yet, so there was nothing to replay.")


def _carries_on(tried: int, found: int) -> str:
    """Return what is known once all that was tried replays: of a sample, no more than that."""
    if tried >= found:
        return f"All {tried:,} replay: this code can carry on the jobs that run."
    return (
        f"All {tried:,} of the sample replay. {found - tried:,} of {found:,} workflows were not "
        "tried. To try more of each group, set --sample."
    )
