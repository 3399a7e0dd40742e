"""What has become of everything: the ledger, the mailbox, the answers; comparable between runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, DateTime, select

from store import schema
from tests.crash_points.world import World

_OF_NO_MATTER = {
    "answers": {"id"},
    "destinations": {"cursor"},
    "emails": {"id", "attempts", "last_error", "html"},
    "inbox": {"id", "body", "digest", "envelope", "reason", "attempts", "claim"},
    "jobs": {"version", "words"},
    "leases": {"holder"},
    "lifecycles": {
        "run_id",
        "before_loss",
        "was_reset",
        "sequence",
        "attention_since",
        "snapshot",
        "in_turn",
        "began_with",
    },
    "outbox": {"id", "attempts", "reason", "subject"},
}
"""Columns that may differ where a process has died, beside those of instants."""
_LEFT_OUT = {
    "leases",
    "temporal_namespace",
    "tokens",
    "destinations",
    "effects_done",
    "reconciliations",
}
"""Tables that say nothing about jobs, but for keys of effects that other tables show."""

_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?|\d{8}T\d{6}(\.\d+)?"
)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DAY = r"[A-Z][a-z]{2}, [A-Z][a-z]{2} \d{1,2}(, \d{4})?"
_SPOKEN = re.compile(rf"({_DAY}, )?\d{{1,2}}:\d\d [AP]M( [A-Z]{{1,2}}T)?|{_DAY}")
_STEP = re.compile(r"(#\d+/.*)/\d+(@\d+)?$")
"""The end of a key: where in its turn an effect stands, and in which batch, which another effect
beside it or before it changes."""

Picture = dict[str, list[Any]]


async def picture_of(world: World, answers: list[Any]) -> Picture:
    """Return all that has become of a world's job, without what differs from run to run."""
    taken = await world.store.read(_tables)
    came = Counter(message_id[1:33] for message_id in world.mails.taken)
    for mail in taken["emails"]:
        token = sha256(mail["key"].encode()).hexdigest()[:32]
        mail["came"] = came.pop(token, 0)
        mail["a report on it finds it"] = mail.pop("message_id") == token
        mail["was being handed over"] = mail["key"] in world.died_at_handing_over
    taken["mails of which the ledger knows nothing"] = list(came)
    taken["answers given"] = answers
    if world.partner is not None:
        taken |= world.partner.picture(world.job_id)
    if world.listener is not None:
        taken |= world.listener.picture()
    return {name: [_alike(row, world.job_id) for row in rows] for name, rows in taken.items()}


def _tables(connection: Connection) -> Picture:
    return {
        table.name: [
            {
                column.name: value
                for column, value in zip(table.columns, row, strict=True)
                if column.name not in _OF_NO_MATTER.get(table.name, {"id"})
                and not isinstance(column.type, DateTime | schema.UtcDateTime)
            }
            for row in connection.execute(select(table).order_by(*table.primary_key))
        ]
        for table in schema.metadata.sorted_tables
        if table.name not in _LEFT_OUT
    }


def _alike(value: Any, job_id: str) -> Any:
    """Return a value with the same words for each job and instant."""
    if isinstance(value, dict):
        return {_alike(key, job_id): _alike(each, job_id) for key, each in value.items()}
    if isinstance(value, list):
        return [_alike(each, job_id) for each in value]
    if not isinstance(value, str):
        return value
    said = value.replace(job_id, "JOB")
    for pattern, word in ((_INSTANT, "INSTANT"), (_SPOKEN, "TIME"), (_ID, "ID")):
        said = pattern.sub(word, said)
    return _STEP.sub(r"\1", said)


def differences(undisturbed: Picture, found: Picture) -> list[str]:
    """Return what is missing, and what is there that should not be.

    A mail that was being handed over when the process died may be uncertain. Then it came once or
    not at all, and a person is asked to see to it: that, and nothing else, is forgiven.
    """
    found, told = _without_uncertainty(found)
    for name, rows in _without_uncertainty(undisturbed)[0].items():
        there = found[name]
        missing = [row for row in rows if rows.count(row) > there.count(row)]
        beside = [row for row in there if there.count(row) > rows.count(row)]
        told += [f"{name}: {each}" for each in _compared(missing, beside)]
        if not missing and not beside and rows != there:
            told.append(f"{name} in another order: {there} instead of {rows}")
    return told


def _compared(missing: list[Any], beside: list[Any]) -> Iterator[str]:
    """Yield how rows differ from those that should be there."""
    others = list(beside)
    for row in missing:
        other = next((each for each in others if _is_one(row, each)), None)
        if other is None:
            yield f"missing: {row}"
            continue
        others.remove(other)
        for column, value in row.items():
            if other[column] != value:
                yield f"{other[column]!r} instead of {value!r} as {column} of {_key(row)}"
    for row in others:
        yield f"too much: {row}"


def _is_one(row: Any, other: Any) -> bool:
    """Return whether two rows are of the same thing."""
    return isinstance(row, dict) and isinstance(other, dict) and _key(row) == _key(other)


def _key(row: dict[str, Any]) -> Any:
    return row.get("key") or row.get("workflow_id") or row.get("webhook_id") or row.get("job_id")


def _without_uncertainty(found: Picture) -> tuple[Picture, list[str]]:
    """Return a picture as if each uncertain mail had come; and what should not be so of one."""
    told: list[str] = []
    seen_to: list[dict[str, Any]] = []
    mails, lifecycles = [], list(found["lifecycles"])
    for mail in found["emails"]:
        settled = {name: value for name, value in mail.items() if name != "was being handed over"}
        if mail["state"] == "uncertain" and mail["was being handed over"]:
            asked = [task for task in found["tasks"] if task["key"] == f"undelivered:{mail['key']}"]
            seen_to += asked
            if len(asked) != 1:
                told.append(f"{len(asked)} tasks for the uncertain mail {mail['key']}")
            if mail["came"] > 1:
                told.append(f"the uncertain mail {mail['key']} came {mail['came']} times")
            settled |= {"state": "sent", "came": 1}
            lifecycles = [_as_if_it_came(each, mail["key"]) for each in lifecycles]
        mails.append(settled)
    found = {**found, "emails": mails, "lifecycles": lifecycles}
    return (_without_tasks(found, seen_to), told) if seen_to else (found, told)


def _without_tasks(found: Picture, tasks: list[dict[str, Any]]) -> Picture:
    """Return a picture without some tasks, and without what others were told of them."""
    texts, kinds = {task["text"] for task in tasks}, {task["kind"] for task in tasks}
    is_about_them: dict[str, Callable[[dict[str, Any]], bool]] = {
        "tasks": lambda row: row in tasks,
        "outbox": lambda row: ":undelivered:" in row["key"],
        "tasks there": lambda row: row["text"] in texts,
        "entries there": lambda row: row["text"].partition("\nOutcome: ")[0] in texts,
        "events": lambda row: row["data"].get("kind") in kinds,
    }
    return {
        name: [row for row in rows if not (name in is_about_them and is_about_them[name](row))]
        for name, rows in found.items()
    }


def _as_if_it_came(lifecycle: dict[str, Any], mail: str) -> dict[str, Any]:
    """Return a lifecycle without what it says about an uncertain mail of its own."""
    if not mail.startswith(f"{lifecycle['workflow_id']}#"):
        return lifecycle
    attention = [each for each in lifecycle["attention"] if each != "delivery_failed"]
    remembered = dict(lifecycle["remembered"])
    if "sent" in remembered:
        remembered["sent"] = [
            {name: value for name, value in each.items() if name != "fate" or value != "uncertain"}
            if mail.endswith(_STEP.sub(r"\1", f"#{each['key']}"))
            else each
            for each in remembered["sent"]
        ]
    return {**lifecycle, "attention": attention, "remembered": remembered}
