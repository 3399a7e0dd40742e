"""E-mail addresses as people give them: how a field is read, and how an address is shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, ValidationInfo

from domain.editions import Edition, edition_of
from domain.values import LONGEST_LABEL

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


_LONGEST_FIELD = 1000
"""Characters of a field that is read; nobody has addresses for more."""


class Recipient(NamedTuple):
    """Somebody whom a field names as one to write to."""

    address: str
    """A bare address that every mail server can take."""
    name: str = ""
    """The name beside it, empty where none is given."""


class ReadField(NamedTuple):
    """What a field for an address says."""

    recipients: tuple[Recipient, ...]
    """Whom mail can be sent to, each once, in their order."""
    is_read_whole: bool
    """Whether nothing else stands in the field: no placeholder, and nothing that is no address."""

    @property
    def bare(self) -> str:
        """The addresses alone, as they are kept: `a@example.com, b@example.com`."""
        return ", ".join(each.address for each in self.recipients)


def read_field(field: str | None) -> ReadField:
    """Return whom a field for an address names: the one way in which addresses are read.

    An address may stand bare, as `mailto:`, or in angle brackets behind a name, in quotation marks
    or not, as `Specialist, Sue <sue@example.com>`; commas or semicolons part several. Blanks around
    each count for nothing. A field with a line break or another control character inside names
    nobody, because no mail program writes one; nor does one of more than 1,000 characters. As many
    are read as fit into 300 characters, which is what is kept of them.
    """
    text = (field or "").strip()
    if len(text) > _LONGEST_FIELD or any(unicodedata.category(char) == "Cc" for char in text):
        return ReadField((), is_read_whole=False)
    found: dict[str, Recipient] = {}
    is_read_whole, before = True, ""
    for piece, separator in _pieces(text):
        if not piece:
            continue
        recipient = _recipient(f"{before}, {piece}") if before else None
        if recipient is None:
            is_read_whole = is_read_whole and not before
            recipient = _recipient(piece)
        before = ""
        if recipient is not None:
            found.setdefault(recipient.address, recipient)
            if len(", ".join(found)) > LONGEST_LABEL:
                del found[recipient.address]
                is_read_whole = False
        elif separator == "," and "@" not in piece and "<" not in piece:
            before = piece  # the last name of `Specialist, Sue <sue@example.com>`
        else:
            is_read_whole = False
    return ReadField(tuple(found.values()), is_read_whole=is_read_whole and not before)


def is_mailable(field: str | None) -> bool:
    """Return whether a field names anybody who can be written to.

    That is no placeholder typed in because a field wanted something (G-44).
    """
    return bool(read_field(field).recipients)


def _mailable(field: str, info: ValidationInfo) -> str:
    if edition_of(info) < Edition.FACTS_BY_MEANING:
        if not _is_usable(field.strip(" ")):
            raise ValueError("write an e-mail address, such as ada@example.com")
        return field.strip(" ")
    read = read_field(field)
    if not read.recipients or not read.is_read_whole:
        raise ValueError("write an e-mail address, such as ada@example.com")
    return read.bare


Mailable = Annotated[str, AfterValidator(_mailable)]
"""What a person types in as an address: one that mail can be sent to, kept bare; or several."""


def masked(field: str) -> str:
    """Return an address as it may be shown: `a***@example.com`, or `***` for what is no address.

    Several are shown beside each other. It is for people: two addresses may have one mask, so
    nothing is ever decided by it.
    """
    shown = [_masked(each.address) for each in read_field(field).recipients]
    return ", ".join(shown) or _masked(field.strip())


def _masked(address: str) -> str:
    parts = _ADDRESS.fullmatch(address)
    return f"{parts['local'][0]}***@{parts['domain']}" if parts else "***"


_PIECE = re.compile(r'(?P<piece>(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^,;])*)(?P<separator>[,;]|\Z)')
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Return what commas and semicolons part, outside of quotation marks, and what follows each."""
    for found in _PIECE.finditer(text):
        yield found["piece"].strip(), found["separator"]


def _recipient(piece: str) -> Recipient | None:
    """Return whom one part of a field names, None if mail cannot be sent to it."""
    named = _NAMED.fullmatch(piece)
    name, address = (named["name"], named["address"]) if named else ("", piece)
    address = address.strip().removeprefix("mailto:").strip()
    return Recipient(address, _unquoted(name.strip())) if _is_usable(address) else None


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 1 and name[0] == name[-1] and name[0] in "\"'"
    return re.sub(r"\\(.)", r"\1", name[1:-1]).strip() if is_quoted else name


def _is_usable(address: str) -> bool:
    parts = _ADDRESS.fullmatch(address)
    return (
        parts is not None
        and not _STANDS_FOR_NOBODY.fullmatch(parts["local"])
        and not _LEADS_NOWHERE.fullmatch(parts["domain"])
    )
