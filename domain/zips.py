"""ZIP codes: which state each lies in."""

from __future__ import annotations

import re
from functools import lru_cache

import zipcodes

_POSTAL = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ "
    "NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI"
)
STATES = frozenset(_POSTAL.split())
"""The states, the District of Columbia and the territories, by their postal abbreviations."""

_ZIP = re.compile(r"[0-9]{5}(-?[0-9]{4})?", re.ASCII)


@lru_cache(maxsize=4096)
def state_of(zip_code: str | None) -> str | None:
    """Return the state that a ZIP code, with or without its four more digits, lies in.

    None where it is no ZIP code of a state: misspelt, unknown, or of the armed forces.
    """
    written = (zip_code or "").strip()
    if not _ZIP.fullmatch(written):
        return None
    known = zipcodes.matching(written[:5])  # type: ignore[no-untyped-call]  # it has none
    state = known[0]["state"] if known else None
    return state if state in STATES else None
