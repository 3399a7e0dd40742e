"""What somebody probably meant: `approve` for `aprove`, job `SJ-2001` for `sj 2001`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_TYPED = 60
"""Characters of a name that is compared: nobody mistypes a longer one."""
_ALIKE = 0.7


def closest(typed: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like what was typed, None if none is.

    Case counts for nothing, and a dash, an underscore and a space are alike.
    """
    if len(typed) > _LONGEST_TYPED:
        return None
    by_letters = {_letters(name): name for name in known}
    found = get_close_matches(_letters(typed), by_letters, n=1, cutoff=_ALIKE)
    return by_letters[found[0]] if found else None


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Return the question that ends a sentence about an unknown name, or nothing.

    ` Did you mean "approve"?`, with the space before it.
    """
    meant = closest(typed, known)
    return f' Did you mean "{meant}"?' if meant else ""


def _letters(name: str) -> str:
    return name.casefold().replace("_", "-").replace(" ", "-")


_PARTED = re.compile(r"[\s_./\u2010-\u2015-]+")
_LETTERS_THEN_DIGITS = re.compile(r"(?<=[A-Za-z])(?=[0-9])")
_LONGEST_JOB_ID = 64


def spellings(job_id: str) -> frozenset[str]:
    """Return how a job's number may be spelled that somebody typed another way.

    `sj 2001`, `SJ2001` and `sj-2001` are all `SJ-2001`. What no column can hold has no spelling.
    """
    typed = job_id.strip()
    if not typed or len(typed) > _LONGEST_JOB_ID or not typed.isprintable():
        return frozenset()
    dashed = _PARTED.sub("-", typed).strip("-")
    forms = {typed, dashed, _LETTERS_THEN_DIGITS.sub("-", dashed), dashed.replace("-", "")}
    return frozenset(way for form in forms for way in (form, form.upper(), form.lower()))
