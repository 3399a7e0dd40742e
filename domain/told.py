"""The door for what the job system tells: what is taken, what is left out, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from domain.events import EVENT, Event
from domain.field_problems import in_words
from domain.jobs import Job
from domain.values import MAX_TEXT, TOLD_YEARS, Instant, shortened

AHEAD = timedelta(days=1)
"""How far ahead of our clock the job system may tell of an assignment or a report."""

_ROUNDS = 20
"""How often an event is mended: it has fewer fields of data than this."""


class UnreadableEventError(ValueError):
    """An event that cannot be taken; the message says why, without what the event says."""


class ToldEvent(NamedTuple):
    """An event as it is taken."""

    event: Event
    left_out: str | None = None
    """What of its data could not be taken as it was sent, and why; None if all was."""
    lost: str | None = None
    """Its type, where its data says something that could not be used: somebody has to look it up.
    None if nothing is lost."""


def read_event(body: bytes, now: Instant) -> ToldEvent:
    """Return the event that a hook's body tells.

    Its job and its actor have to be readable as a whole, and so have the kind, the instant and the
    amount that its data names. Otherwise a text of the data that is too long is cut, with a mark; a
    field that may be missing is left out; and where nothing of the data can be used, the job is
    taken without it: a note that says nothing does not lose the status that came with it.

    Args:
        body: as it was sent.
        now: the wall clock, aware UTC.

    Raises:
        UnreadableEventError: it is a dead letter.
    """
    try:
        told = ToldEvent(EVENT.validate_json(body))
    except ValidationError as error:
        told = _mended(body, error)
    told = told._replace(event=_without_hints(told.event))
    if problems := "; ".join(_nonsense(told.event.job, now)):
        raise UnreadableEventError(problems)
    return told


def read_own_event(body: bytes) -> ToldEvent:
    """Return an event that Steward put in its inbox itself, in the time of a lifecycle.

    Raises:
        UnreadableEventError: it cannot be read.
    """
    try:
        return ToldEvent(EVENT.validate_json(body))
    except ValidationError as error:
        raise UnreadableEventError(_said(error.errors())) from error


def _without_hints(event: Event) -> Event:
    """Return an event whose job says nothing that only we say of it."""
    ours = {
        "customer_mail": None,
        "customer_zip": None,
        "customer_state": None,
        "customer_mail_version": 0,
    }
    return event.model_copy(update={"job": event.job.model_copy(update=ours)})


def _nonsense(job: Job, now: datetime) -> Iterator[str]:
    for name in ("assigned_at", "diagnostic_report_at", "appointment_at"):
        at: datetime | None = getattr(job, name)
        if at is not None and at.year not in TOLD_YEARS:
            yield f"job.{name}: the year {at.year} is out of range"
        elif at is not None and name != "appointment_at" and at > now + AHEAD:
            yield f"job.{name}: {at:%Y-%m-%d %H:%M} UTC is more than a day ahead"


# --- data that cannot be taken as it was sent --------------------------------------------------


def _mended(body: bytes, error: ValidationError) -> ToldEvent:
    """Return an event with what of its data can be used.

    Raises:
        UnreadableEventError: something else is wrong with it.
    """
    problems = list[str]()
    try:
        told = from_json(body)
    except ValueError:
        raise UnreadableEventError(_said(error.errors())) from error
    for _ in range(_ROUNDS):
        faults = error.errors(include_url=False)
        if any(_decides(_place(fault["loc"])) for fault in faults):
            raise UnreadableEventError(_said(faults)) from error
        problems += [_sentence(fault) for fault in faults]
        for fault in faults:
            if not _mend(told, fault):
                return ToldEvent(_without_data(told), "; ".join(problems), _lost(told))
        try:
            return ToldEvent(EVENT.validate_json(to_json(told)), "; ".join(problems))
        except ValidationError as another:
            error = another
    raise UnreadableEventError(_said(error.errors())) from error


def _decides(place: tuple[int | str, ...]) -> bool:
    """Return whether an event cannot be taken where something is wrong in this place."""
    return place[:1] != ("data",) or place[1:] in (("kind",), ("at",), ("amount",))


def _mend(told: dict[str, Any], fault: Any) -> bool:  # noqa: ANN401  pydantic's own
    """Cut or leave out the field that a fault is about; return whether that could be done."""
    *path, name = takewhile(_is_name, _place(fault["loc"]))  # of a list, the list as a whole
    parent: Any = told
    for step in path:
        parent = parent.get(step) if isinstance(parent, dict) else None
    if not isinstance(parent, dict) or name not in parent:
        return name in _MAY_BE_MISSING  # left out already, with another of its faults
    value = parent[name]
    if isinstance(value, str) and "\0" in value:
        parent[name] = value.replace("\0", "")
    elif fault["type"] == "string_too_long" and isinstance(value, str):
        parent[name] = _cut(value)
    elif name in _MAY_BE_MISSING:
        del parent[name]
    else:
        return False
    return True


def _is_name(step: int | str) -> bool:
    return isinstance(step, str)


_MAY_BE_MISSING = {
    "about",
    "amount",
    "calendar_searched",
    "has_details",
    "manual_search_done",
    "missing",
    "part_eta",
    "parts_supplied_by",
    "review",
    "visibility",
}
"""Fields of data whose absence says no more than that nothing was said."""


def _cut(text: str) -> str:
    mark = f"… [shortened: {len(text):,} characters were sent]"
    return text[: MAX_TEXT - len(mark)] + mark


def _without_data(told: dict[str, Any]) -> Event:
    """Return what the event says of its job alone."""
    sent = {**told, "type": "job.status_changed", "data": None}
    changed = EVENT.validate_json(to_json(sent))
    if told["type"] == "job.report_submitted" and changed.job.diagnostic_report_at is None:
        reported = {"diagnostic_report_at": changed.occurred_at}
        changed = changed.model_copy(update={"job": changed.job.model_copy(update=reported)})
    return changed


def _lost(told: dict[str, Any]) -> str | None:
    kind: str = told["type"]
    data = told.get("data")
    note = data.get("note") if isinstance(data, dict) else None
    text = note.get("text") if isinstance(note, dict) else None
    says_nothing = not (isinstance(text, str) and text.strip())
    return None if kind == "job.note_added" and says_nothing else kind


def _place(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return where in an event a fault is; pydantic puts the event's type before it."""
    return location[1:]


def _said(faults: list[Any]) -> str:
    return "; ".join(map(_sentence, faults[:10]))


def _sentence(fault: Any) -> str:  # noqa: ANN401  pydantic's own
    """Return what is wrong with a field, without what it says."""
    where = shortened(".".join(map(str, fault["loc"])), _LONGEST_NAME) or "body"
    return shortened(f"{where}: {in_words(fault)}", _LONGEST_SENTENCE)


_LONGEST_NAME, _LONGEST_SENTENCE = 100, 300
