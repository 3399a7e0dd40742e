"""E-mail addresses as people give them: which can be written to, and how one is shown."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?=.{{1,254}}\Z)(?=[^@]{{1,64}}@)"
    rf"(?P<local>{_WORD}(?:\.{_WORD})*)@(?P<domain>(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL})"
)

_NO_MAIL = r"no[._-]?e?[._-]?mail(?:[._-]?address)?[0-9]*"
_STANDS_FOR_NOBODY = re.compile(
    rf"{_NO_MAIL}|n/?a|nil|no|none|null|unknown|no[._-]?(?:address|reply)"
    r"|not[._-]?(?:available|given|known|provided)",
    re.IGNORECASE,
)
_LEADS_NOWHERE = re.compile(rf"(?:.+\.)?(?:{_NO_MAIL}\.[^.]+|invalid)", re.IGNORECASE)


def is_mailable(address: str | None) -> bool:
    """Return whether an address can be written to.

    It is a bare address that every mail server can take, but for blanks around it, and no
    placeholder typed in because a field wanted something (G-44).
    """
    parts = _parts(address or "")
    return (
        parts is not None
        and not _STANDS_FOR_NOBODY.fullmatch(parts["local"])
        and not _LEADS_NOWHERE.fullmatch(parts["domain"])
    )


def _mailable(address: str) -> str:
    if not is_mailable(address):
        raise ValueError("that is no address that mail can be sent to")
    return address.strip(" ")


Mailable = Annotated[str, AfterValidator(_mailable)]
"""An address that a person types in: one that mail can be sent to."""


def masked(address: str) -> str:
    """Return an address as it may be shown: `a***@example.com`, or `***` for what is no address."""
    parts = _parts(address)
    return f"{parts['local'][0]}***@{parts['domain']}" if parts else "***"


def _parts(address: str) -> re.Match[str] | None:
    return _ADDRESS.fullmatch(address.strip(" "))
