"""Reads the stories: event files whose instants are told from now, such as `now-49h`."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from samples.job_system import clock
from samples.job_system.shapes import Happening

_EVENTS: Final = TypeAdapter(list[Happening])
_INSTANT: Final = re.compile(r"now(?:([+-])((?:[0-9]+[wdhms])+))?")
_PART: Final = re.compile(r"([0-9]+)([wdhms])")
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def read_stories(folder: Path, now: datetime) -> dict[str, list[Happening]]:
    """Return the events of each file of a folder, by its name.

    Args:
        folder: where the files are.
        now: aware, what `now` in them stands for.

    Raises:
        ValueError: a file holds something else than events; the text names it.
    """
    return {
        path.name: read_story(path.read_text("utf-8"), str(path), now)
        for path in sorted(folder.glob("*.json"))
    }


def read_story(text: str, name: str, now: datetime) -> list[Happening]:
    """Return the events that a text tells.

    Args:
        text: a JSON array of events.
        name: where the text comes from.
        now: aware, what `now` in it stands for.

    Raises:
        ValueError: it holds something else; the text names it.
    """
    try:
        return _EVENTS.validate_python(_in_time(json.loads(text), now))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _in_time(written: Any, now: datetime) -> Any:  # noqa: ANN401  any JSON
    match written:
        case dict():
            return {name: _in_time(value, now) for name, value in written.items()}
        case list():
            return [_in_time(value, now) for value in written]
        case str() if said := _INSTANT.fullmatch(written):
            return clock.written(now + _elapsed(said[1], said[2]))
        case _:
            return written


def _elapsed(sign: str | None, said: str | None) -> timedelta:
    elapsed = sum(
        (timedelta(**{_UNITS[unit]: int(count)}) for count, unit in _PART.findall(said or "")),
        timedelta(),
    )
    return -elapsed if sign == "-" else elapsed
