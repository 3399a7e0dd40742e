"""What the store keeps of a running lifecycle, so that it can go on without its history.

With each batch the store gets what a continue-as-new at that moment would carry (decision 21). It
is in two parts: what a lifecycle began with, which never changes, and its case as it stands.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from domain.jobs import Job
from domain.lifecycles import (
    Answered,
    Case,
    LifecycleKind,
    LifecycleStart,
    LookAfterEnd,
    WaitingMessage,
)
from domain.promises import Promise

REMEMBERED: Final = 50
"""How many of the newest events, and of the newest signals, a snapshot knows as taken."""
_ANSWERS_IN_FULL: Final = 5
"""Of how many commands a snapshot knows the whole answer; of others, that they were carried out.

What was answered over HTTP is kept in the store, for ever.
"""
_LEVEL: Final = 1
"""How hard it is compressed: more takes twice as long, and saves a tenth."""

_OF_THE_START: Final = frozenset({"policy", "clocks"})
"""Fields of a case that stay as the lifecycle began with them."""
_OF_THE_CASE: Final = frozenset(
    {
        "job",
        "job_version",
        "case",
        "unsent_mails",
        "held_mails",
        "unheard",
        "waiting_messages",
        "seals",
        "hears_from",
    }
)
"""Fields of a start that say how far it has come, not how it began.

What was sent to the runs before is not heard by one that begins anew: it hears from its own
beginning, and whether mails have still to wait is found out anew.
"""


ModelT = TypeVar("ModelT", bound=BaseModel)


class SnapshotNotReadableError(ValueError):
    """What the store keeps of a lifecycle cannot be read by this release."""


class InTurn(BaseModel):
    """A turn that is not over: more of it follows, or a commit waits for what somebody answers.

    It is taken again from its beginning: what has come true has its key, and is not done twice.
    """

    model_config = ConfigDict(frozen=True)

    sequence: int
    """The batch it was kept with."""
    message: WaitingMessage | None = None
    """The command that began the turn; None where an event or a deadline did, which come again."""


class Snapshot(BaseModel):
    """A lifecycle as it stands after a batch, without what it began with."""

    model_config = ConfigDict(frozen=True)

    episode: int
    sequence: int
    """The batch after which it stands so."""
    case: dict[str, JsonValue]
    """The fields of the case, but for those that stay as it began with them."""
    mails: dict[str, str] = {}
    """Mails of which the case does not know the end: the key of each, and its template."""
    waiting: tuple[str | WaitingMessage, ...] = ()
    """What has come and was not taken yet; of an event, its id: the inbox has the event."""
    look: LookAfterEnd | None = None


def pack(case: Case, standing: Mapping[str, Any]) -> str:
    """Return a snapshot as it travels to the store: compressed, and written in ASCII.

    Args:
        case: the case.
        standing: the other fields of `Snapshot`, as JSON values.
    """
    brief = case.model_copy(
        update={
            "events_taken": case.events_taken[-REMEMBERED:],
            "signals_taken": case.signals_taken[-REMEMBERED:],
            "answers": _in_brief(case.answers),
        }
    )
    written = brief.model_dump_json(exclude=set(_OF_THE_START))
    return _packed(f'{json.dumps(standing)[:-1]}, "case": {written}}}')


def pack_start(start: LifecycleStart) -> str:
    """Return what a lifecycle began with, as it travels to the store."""
    return _packed(start.model_dump_json(exclude=set(_OF_THE_CASE)))


def pack_turn(turn: InTurn) -> str:
    """Return what is known of a turn that is under way, as it travels to the store."""
    return _packed(turn.model_dump_json())


def to_bytes(packed: str) -> bytes:
    """Return what the store keeps of something that has travelled to it."""
    return base64.b64decode(packed)


def merged(
    kept: bytes, job: Job | None, version: int | None, deadlines: Mapping[str, datetime]
) -> bytes:
    """Return a snapshot with what its very batch has brought: the job, and deadlines."""
    told: dict[str, Any] = json.loads(_read(kept))
    case = told["case"]
    if job is not None:
        case |= {"job": job.model_dump(mode="json"), "job_version": version}
    case["deadlines"] |= {name: at.isoformat() for name, at in deadlines.items()}
    return zlib.compress(json.dumps(told).encode(), _LEVEL)


def read_snapshot(kept: bytes) -> Snapshot:
    """Return a snapshot as the store has kept it.

    Raises:
        SnapshotNotReadableError: it is damaged, or a newer release has written it.
    """
    return _validated(Snapshot, kept)


def read_turn(kept: bytes) -> InTurn:
    """Return what is known of a turn that was under way.

    Raises:
        SnapshotNotReadableError: it is damaged, or a newer release has written it.
    """
    return _validated(InTurn, kept)


def start_again(
    kind: LifecycleKind,
    kept: bytes,
    snapshot: Snapshot | None,
    job: tuple[Job, int],
    due_at: datetime | None,
    **carried: Any,  # noqa: ANN401  fields of the start
) -> LifecycleStart:
    """Return the argument with which a lifecycle goes on where it stood.

    Args:
        kind: which it is.
        kept: what it began with.
        snapshot: how far it had come, None where its first turn has not ended.
        job: the job and its version, for a lifecycle whose first turn has not ended.
        due_at: the deadline of what it waits for, aware UTC.
        carried: what waits for it, by the names of the start's fields.

    Raises:
        SnapshotNotReadableError: it is damaged, or a newer release has written it.
    """
    try:
        began: dict[str, Any] = json.loads(_read(kept))
        if snapshot is None:
            live, version = job
            begun = {"job": live.model_dump(mode="json"), "job_version": version}
        else:
            case = {**snapshot.case, **{name: began.get(name, {}) for name in _OF_THE_START}}
            case["due_at"] = due_at and due_at.isoformat()
            if case["waiting"] is None:
                case["due_at"] = None
            begun = {"job": case["job"], "job_version": case["job_version"], "case": case}
            if snapshot.look is not None:
                begun["look_after_end"] = snapshot.look.model_dump(mode="json")
        return kind.start.model_validate({**began, **begun}).model_copy(update=carried)
    except (ValueError, TypeError, KeyError) as error:
        raise SnapshotNotReadableError(f"it can't be read ({type(error).__name__})") from error


def waits_for(start: LifecycleStart) -> Promise | None:
    """Return what a lifecycle that goes on waits for, None if it has ended."""
    return start.case.waiting if start.case is not None else None


def _in_brief(answers: Mapping[str, Answered]) -> dict[str, Answered]:
    """Return what is known of answers, the oldest of them without what was answered."""
    oldest = len(answers) - _ANSWERS_IN_FULL
    if oldest <= 0:
        return dict(answers)
    return {
        key: each if place >= oldest else each.model_copy(update={"answer": None})
        for place, (key, each) in enumerate(answers.items())
    }


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), _LEVEL)).decode("ascii")


def _read(kept: bytes) -> bytes:
    try:
        return zlib.decompress(kept)
    except zlib.error as error:
        raise SnapshotNotReadableError("it is damaged") from error


def _validated(model: type[ModelT], kept: bytes) -> ModelT:
    try:
        return model.model_validate_json(_read(kept))
    except ValidationError as error:
        raise SnapshotNotReadableError(
            f"it can't be read: {error.error_count()} fields differ"
        ) from error
