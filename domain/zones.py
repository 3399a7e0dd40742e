"""Time zones as this host's data has them; `domain.clocks` has those that a job recorded."""

from __future__ import annotations

from zoneinfo import ZoneInfo


def host_zone(name: str) -> ZoneInfo:
    """Return an IANA zone as this host's data has it; never asked where a replay might differ.

    Raises:
        ValueError: this host knows no zone of the name.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError) as error:
        raise ValueError(
            f"{name!r} is not an IANA time zone: write it like America/New_York"
        ) from error
