"""Local time: the host's time zone data, and what a job recorded of it when it began.

Time zone data changes between builds and hosts, and a workflow must decide the same when its
history is replayed. So a lifecycle that asks for local times carries the clocks of its zones along,
as the host that started it knew them, and asks the host for none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.values import Instant
from domain.zones import host_zone

_RECORDED_AHEAD = timedelta(days=731)
"""How far a recorded clock knows its changes ahead; it goes on as it went from there on."""
_STEP = timedelta(days=7)
"""Clocks are changed at most once in it."""


class ClockChange(NamedTuple):
    """From when on a zone's clock shows which time."""

    at: Instant
    offset: int
    """Seconds ahead of UTC."""
    name: str
    """What the clock's time is called, such as CST."""


class Clock(BaseModel):
    """What a zone's clock shows, as it was known when it was recorded."""

    model_config = ConfigDict(frozen=True)

    changes: tuple[ClockChange, ...] = Field(min_length=1)
    """The time that it shows, and each change ahead; the first holds for all that was before."""


AS_THIS_HOST_HAS_THEM: Final[Mapping[str, Clock]] = MappingProxyType({})
"""No recorded clocks: this host's are asked."""


class RecordedZone(tzinfo):
    """A zone whose clock was recorded; it only tells what the clock shows at an instant."""

    def __init__(self, clock: Clock) -> None:
        self._changes = clock.changes
        self._instants = [change.at for change in clock.changes]

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """Not known: what a clock shows may have been two instants."""
        raise NotImplementedError

    dst = tzname = utcoffset  # type: ignore[assignment]  # neither is known for the same reason

    def fromutc(self, dt: datetime) -> datetime:
        """Return an instant, given as UTC, as this zone's clock shows it."""
        shown = dt.replace(tzinfo=UTC)
        found = max(bisect_right(self._instants, shown) - 1, 0)
        change = self._changes[found]
        return shown.astimezone(timezone(timedelta(seconds=change.offset), change.name))


def zone_in(clocks: Mapping[str, Clock], name: str) -> tzinfo:
    """Return a zone as it was recorded; where it was not, as this host's data has it.

    Raises:
        ValueError: it was not recorded, and this host knows no zone of the name.
    """
    recorded = clocks.get(name)
    return host_zone(name) if recorded is None else RecordedZone(recorded)


def record_clocks(names: Iterable[str], at: datetime) -> dict[str, Clock]:
    """Return the clocks of some IANA zones by their names, for whatever begins at an instant.

    Raises:
        ValueError: this host does not know one of them.
    """
    month = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {name: _recorded(name, month) for name in names}


@lru_cache(maxsize=512)
def _recorded(name: str, start: datetime) -> Clock:
    zone = host_zone(name)
    found, at, end = [_shown(zone, start)], start, start + _RECORDED_AHEAD
    while at < end:
        later = at + _STEP
        if _shown(zone, later)[1:] != found[-1][1:]:
            found.append(_shown(zone, jump(zone, at, later)))
        at = later
    return Clock(changes=tuple(found))


def _shown(zone: tzinfo, at: datetime) -> ClockChange:
    local = at.astimezone(zone)
    offset = local.utcoffset() or timedelta(0)
    return ClockChange(at, int(offset.total_seconds()), local.tzname() or "")


def jump(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the instant, in UTC, at which a zone's clock was changed between two instants."""
    seconds = range(int(before.timestamp()), int(after.timestamp()) + 1)
    old = _shown(zone, before)[1:]

    def changed(second: int) -> bool:
        return _shown(zone, datetime.fromtimestamp(second, UTC))[1:] != old

    return datetime.fromtimestamp(seconds[bisect_left(seconds, True, key=changed)], UTC)  # noqa: FBT003
