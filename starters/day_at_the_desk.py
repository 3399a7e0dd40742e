"""The samples: a day at the desk, told by event files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from starters.api_client import ApiClient
from starters.event_files import HookEvent, read_events
from starters.failures import Failure
from starters.hook_sender import send, was_lost

FOLDER = Path(__file__).parents[1] / "samples"


def sample_events(now: datetime) -> list[HookEvent]:
    """Return the events of all samples, file by file.

    Raises:
        Failure: this is no checkout, so there are no samples.
    """
    paths = sorted(FOLDER.glob("*.json"))
    if not paths:
        raise Failure(f"no samples in {FOLDER}. --sample only works in a checkout of Steward")
    return [event for path in paths for event in read_events(path, now)]


def send_samples(
    client: ApiClient, events: Sequence[HookEvent], secret: str, known: Collection[str]
) -> set[str]:
    """Send the events of jobs that are not known yet; return the ids of these jobs.

    A stack that is started again with its samples goes on with them, and gets none twice. Events
    are signed, so that it needs no token.

    Args:
        client: sends them.
        events: of all samples.
        secret: signs them.
        known: the jobs that the stack knows.

    Raises:
        Failure: an event is not taken.
    """
    told = {event.job_id for event in events if event.job_id is not None}
    new = told.difference(known)
    for event in events:
        if event.job_id in new:
            sent = send(client, event, secret)
            if was_lost(sent):
                raise Failure(f"{event.source}: {sent['outcome']}: {sent['reason']}")
    return new
