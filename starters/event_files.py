"""Event files: what the job system would tell, written by hand and sent by `steward hook`.

A file is one JSON object, an array of them, or one object a line. Wherever a value in it reads
`now`, `now-49h` or `now+1h30m`, it stands for that instant, so that a file never grows old.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from domain.durations import parse_elapsed
from domain.signatures import LONGEST_ID, sign
from starters.failures import Failure

_INSTANT = re.compile(r"now(?:(?P<sign>[+-])(?P<elapsed>(?:[0-9]+[wdhms])+))?")
_STDIN = Path("-")


@dataclass(frozen=True)
class HookEvent:
    """One event, ready to be sent."""

    source: str
    """The file it stands in, and where there."""
    webhook_id: str
    body: bytes
    type: str | None
    job_id: str | None

    def headers(self, secret: str, now: datetime) -> dict[str, str]:
        """Return the headers that prove who sends the event, and when.

        Raises:
            ValueError: the secret is malformed.
        """
        return {
            "content-type": "application/json",
            "webhook-id": self.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": sign(secret, self.webhook_id, now, self.body),
        }


def read_events(path: Path, now: datetime) -> list[HookEvent]:
    """Return the events of a file, in its order; `-` is the standard input.

    Args:
        path: the file.
        now: aware UTC, what `now` in the file stands for.

    Raises:
        Failure: the file cannot be read, or holds something else than events.
    """
    name = "standard input" if path == _STDIN else str(path)
    try:
        content = sys.stdin.buffer.read() if path == _STDIN else path.read_bytes()
    except OSError as error:
        raise Failure(f"{name}: can't be read: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(f"{name}: not UTF-8 text") from error
    return parse_events(text, name, now)


def parse_events(text: str, name: str, now: datetime) -> list[HookEvent]:
    """Return the events of a text; the name tells where they come from.

    Raises:
        Failure: the text holds something else than events.
    """
    found = _objects(text, name)
    if not found:
        raise Failure(f"{name}: no event in it")
    return [
        _event(each, f"{name}, event {place}", now) for place, each in enumerate(found, start=1)
    ]


def _objects(text: str, name: str) -> list[Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        if not _is_json(text.lstrip().partition("\n")[0]):
            raise _not_json(name, error.lineno, error) from error
        return list(_lines(text, name))
    return found if isinstance(found, list) else [found]


def _lines(text: str, name: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise _not_json(name, number, error) from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def _not_json(name: str, line: int, error: json.JSONDecodeError) -> Failure:
    return Failure(f"{name}:{line}: not JSON: {error.msg}, at column {error.colno}")


def _event(written: Any, source: str, now: datetime) -> HookEvent:  # noqa: ANN401  any JSON
    if not isinstance(written, dict):
        raise Failure(f"{source}: not a JSON object")
    try:
        said: dict[str, Any] = _in_time(written, now)
    except (ValueError, OverflowError) as error:
        raise Failure(f"{source}: {error}") from error
    webhook_id = said.pop("webhook_id", None) or str(uuid4())
    if not _sendable(webhook_id):
        raise Failure(
            f"{source}: webhook_id must have 1 to {LONGEST_ID} printable ASCII characters, no "
            "period, and no space at either end"
        )
    job = said.get("job")
    return HookEvent(
        source=source,
        webhook_id=webhook_id,
        body=json.dumps(said).encode(),
        type=_text(said.get("type")),
        job_id=_text(job.get("job_id")) if isinstance(job, dict) else None,
    )


def _sendable(webhook_id: object) -> bool:
    return (
        isinstance(webhook_id, str)
        and webhook_id.isascii()
        and webhook_id.isprintable()
        and webhook_id.strip() == webhook_id
        and len(webhook_id) <= LONGEST_ID
        and "." not in webhook_id
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _in_time(written: Any, now: datetime) -> Any:  # noqa: ANN401  any JSON
    match written:
        case dict():
            return {key: _in_time(value, now) for key, value in written.items()}
        case list():
            return [_in_time(value, now) for value in written]
        case str() if said := _INSTANT.fullmatch(written):
            return _written(_instant(said, now))
        case _:
            return written


def _instant(said: re.Match[str], now: datetime) -> datetime:
    if said["elapsed"] is None:
        return now
    elapsed: timedelta = parse_elapsed(said["elapsed"])
    return now + elapsed if said["sign"] == "+" else now - elapsed


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
