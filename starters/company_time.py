"""Times as people of the company read them, on the command line and on the pages."""

from __future__ import annotations

import os
import tomllib
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from domain.moments import spoken

_BUILT_IN = Path(__file__).parents[1] / "domain" / "policy.toml"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NOW = timedelta(minutes=1)


@cache
def company_zone() -> str:
    """Return the company's zone as this process knows it: of STEWARD_POLICY, or the built-in one.

    A policy that cannot be read is for others to complain of.
    """
    named = os.environ.get("STEWARD_POLICY")
    for file in (Path(named) if named else _BUILT_IN, _BUILT_IN):
        try:
            zone = tomllib.loads(file.read_text("utf-8"))["calendar"]["zone"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(zone, str):
            return zone
    return "America/New_York"


def company_time(at: datetime | str, zone: str | None = None) -> str:
    """Return an instant such as `Mon, Nov 23, 9:05 AM ET`.

    Args:
        at: the instant, aware, or as ISO 8601 text with its offset.
        zone: an IANA time zone; the company's, as this process knows it, unless said otherwise.
    """
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return spoken(moment, zone or company_zone())


def relative(at: datetime, now: datetime) -> str:
    """Return how far an instant is from now: `in 2 h 10 min`, `3 days ago`, `now`."""
    away = abs(at - now)
    if away < _NOW:
        return "now"
    span = _span(away)
    return f"in {span}" if at > now else f"{span} ago"


def countdown(due: datetime, now: datetime) -> str:
    """Return how long is left until an instant: `2 h 10 min left`, `9 min 4 s left`, `3 h late`."""
    away = abs(due - now)
    minutes, seconds = away // _NOW, away % _NOW // timedelta(seconds=1)
    if away < _NOW:
        said = f"{seconds} s"
    elif away < _HOUR:
        said = f"{minutes} min {seconds} s"
    else:
        said = _span(away)
    return f"{said} left" if due > now else f"{said} late"


def _span(away: timedelta) -> str:
    if away >= 2 * _DAY:
        return f"{away // _DAY} days"
    hours, minutes = away // _HOUR, away % _HOUR // _NOW
    said = [f"{hours} h"] if hours else []
    return " ".join([*said, f"{minutes} min"] if minutes else said)
