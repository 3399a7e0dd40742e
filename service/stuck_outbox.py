"""What is stuck on its way to the job system and to those who take Steward's events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from domain.labels import outgoing_label
from domain.outgoing import Contact, Destination, trouble_with
from domain.texts import joined
from service.stuck_things import StuckThing
from store.deliveries import Standing
from store.outbox_list import OutboxList, OutboxRow, Unanswered, Waiting

_LATE: Final = timedelta(hours=1)
"""How long something waits before it counts as stuck."""
_MOST: Final = 100
"""Rows of a kind that are listed; `steward outbox list` has the others."""

_NAMES: Mapping[Destination, str] = {
    Destination.JOB_SYSTEM: "The job system",
    Destination.EVENTS: "The receiver of Steward's events",
}
_SETTINGS: Mapping[Destination, str] = {
    Destination.JOB_SYSTEM: "STEWARD_JOB_SYSTEM_URL and STEWARD_JOB_SYSTEM_TOKEN",
    Destination.EVENTS: "STEWARD_EVENTS_URL and STEWARD_EVENTS_SECRETS",
}


async def stuck_in_outbox(outbox: OutboxList, now: datetime) -> list[StuckThing]:
    """Return what is stuck in the outbox; nothing, and no question, where nobody is told.

    Args:
        outbox: the store's outbox.
        now: the wall clock, aware UTC.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    if not outbox.destinations:
        return []
    known, found = await outbox.standings(), list[StuckThing]()
    asked: Unanswered | None = None
    if Destination.JOB_SYSTEM in outbox.destinations:
        asked = await outbox.unanswered()
        found += _unanswered(asked, known.get(Destination.JOB_SYSTEM))
    for each in sorted(outbox.destinations):
        standing = known.get(each, Standing(Contact.ANSWERS))
        answers = standing.contact is Contact.ANSWERS
        if not answers:
            also = asked if each is Destination.JOB_SYSTEM else None
            found.append(_silent(each, standing, await outbox.waiting(each), also))
        if each is Destination.EVENTS:
            found += _refused_events(await outbox.refused(each, 1))
        else:
            refused = await outbox.refused(each, _MOST + 1)
            found += [_refused(row) for row in refused[:_MOST]]
            if len(refused) > _MOST:
                found.append(_MORE)
        if answers:  # else one item says it for all of them
            late = await outbox.late(each, now - _LATE, _MOST)
            found += [_late(each, row) for row in late]
    return found


def _silent(
    destination: Destination, standing: Standing, waiting: Waiting, asked: Unanswered | None
) -> StuckThing:
    """Return that a destination takes nothing: once, with all that waits for it."""
    trouble = trouble_with(_NAMES[destination], standing.reason or "it doesn't answer")
    kind = "event" if destination is Destination.EVENTS else "message"
    waits = _counted((waiting.rows, kind), (asked.rows if asked else 0, "change"))
    check = trouble.cure
    if check is None and standing.contact is Contact.SHUT_OUT:
        check = f"Correct {_SETTINGS[destination]}"
    what = f"{trouble.cause} {waits}"
    return StuckThing(destination.value, None, what, _cure(check), standing.since)


def _unanswered(asked: Unanswered | None, standing: Standing | None) -> list[StuckThing]:
    """Return that the job system does not answer what it is asked: once, for all jobs.

    Where it does not take what it is told either, that says it already.
    """
    if asked is None or (standing is not None and standing.contact is not Contact.ANSWERS):
        return []
    trouble = trouble_with(_NAMES[Destination.JOB_SYSTEM], asked.reason)
    what = f"{trouble.cause} {_counted((asked.rows, 'change'))}"
    cure = f"{_cure(trouble.cure)} To drop one: `steward outbox list --state asking`."
    return [StuckThing(Destination.JOB_SYSTEM.value, None, what, cure, asked.since)]


def _counted(*counts: tuple[int, str]) -> str:
    """Return how much waits, such as `2 messages and 1 change wait.`; what is none is left out."""
    said = [f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts if count]
    verb = "waits" if sum(count for count, _ in counts) == 1 else "wait"
    return f"{joined(said, 'and')} {verb}." if said else "Nothing waits."


def _cure(check: str | None) -> str:
    """Return what to do: a setting is read at the start, for all else Steward keeps trying."""
    if check is None:
        return "Check that it runs. Steward tries again until it answers."
    if "STEWARD_" in check:
        return f"{check}, and restart. Everything then continues in order."
    return f"{check}. Steward tries again until it answers."


def _refused(row: OutboxRow) -> StuckThing:
    return StuckThing(
        "refused",
        row.job_id,
        f"The job system refused {outgoing_label(row.what)}: {row.reason}",
        f"Correct the cause, then `steward outbox retry {row.id}`. Entered there by hand, or not "
        f'needed? `steward outbox drop {row.id} --reason "…"`',
        row.written_at,
        here="Correct the cause, then send it again. Entered by hand, or not needed? Drop it.",
        row_id=row.id,
    )


_MORE = StuckThing(
    "refused",
    None,
    "The job system refused more than this list shows.",
    "`steward outbox list --state refused` lists it.",
    None,
    here="The outbox lists it.",
)


def _refused_events(rows: list[OutboxRow]) -> list[StuckThing]:
    """Return that events were refused, once, whatever their number."""
    cure = "`steward outbox list --state refused` lists them, to retry or drop."
    return [
        StuckThing(
            "refused",
            None,
            f"{_NAMES[Destination.EVENTS]} refused events: {row.reason}",
            cure,
            row.written_at,
            here="The outbox lists them, to send again or drop.",
        )
        for row in rows
    ]


def _late(destination: Destination, row: OutboxRow) -> StuckThing:
    return StuckThing(
        "untold",
        row.job_id,
        f"{_NAMES[destination]} was not told yet: {outgoing_label(row.what)}. {row.reason}.",
        f"Find the cause in its log. Try now: `steward outbox retry {row.id}`. Not needed? "
        f'`steward outbox drop {row.id} --reason "…"`',
        row.written_at,
        here="Find the cause in its log, then send it again. Not needed? Drop it.",
        row_id=row.id,
    )
