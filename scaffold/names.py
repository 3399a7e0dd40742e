"""What a lifecycle is called in the places where it has a name."""

from __future__ import annotations

import keyword
import re
from dataclasses import asdict, dataclass
from string import Template
from typing import Self

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_PREFIX = re.compile(r"[A-Z]{2,6}")
_TITLE = re.compile(r"[A-Z][A-Za-z0-9 ]*")
_LONGEST = 30
"""Characters of a name or a title: a line of code has to hold them."""
_OF_ONE_WORD = 4
"""Letters of a name of one word that its rules are cited by."""


class ScaffoldError(Exception):
    """Raised where nothing was written, with what is wrong and what to do about it."""


@dataclass(frozen=True)
class Names:
    """A lifecycle's name, and the names that follow from it."""

    name: str
    """Its name outside, such as `am-escalation`."""
    module: str
    """Its name in Python and in the policy, such as `am_escalation`."""
    camel: str
    """Its story and its workflow type, such as `AmEscalation`."""
    const: str
    """Its kind, such as `AM_ESCALATION`."""
    title: str
    """What people call it."""
    prefix: str
    """What the ids of its rules begin with."""

    @classmethod
    def of(cls, name: str, *, title: str | None = None, prefix: str | None = None) -> Self:
        """Return the names of a lifecycle.

        Args:
            name: in lower case, with dashes between words.
            title: None: the name as a sentence begins.
            prefix: None: the initials of the name's words, or the beginning of its only one.

        Raises:
            ScaffoldError: one of them cannot be used.
        """
        words, module = name.split("-"), name.replace("-", "_")
        if not _NAME.fullmatch(name) or len(name) > _LONGEST or keyword.iskeyword(module):
            raise ScaffoldError(
                f"{name!r} can't be the name of a lifecycle. Use up to {_LONGEST} lower-case "
                "letters and digits, with dashes between words, like warranty-callback."
            )
        title = title or " ".join(words).capitalize()
        if not _TITLE.fullmatch(title) or len(title) > _LONGEST:
            raise ScaffoldError(
                f"{title!r} can't be a title. Use up to {_LONGEST} letters, digits and spaces, "
                'beginning with a capital, like "Warranty callback".'
            )
        initials = "".join(word[0] for word in words)
        prefix = prefix or (initials if len(words) > 1 else name[:_OF_ONE_WORD]).upper()
        if not _PREFIX.fullmatch(prefix):
            raise ScaffoldError(
                f"{prefix!r} can't begin the ids of rules. Use --prefix with 2 to 6 capitals, "
                "like WC."
            )
        return cls(
            name=name,
            module=module,
            camel="".join(word.capitalize() for word in words),
            const=module.upper(),
            title=title,
            prefix=prefix,
        )

    def put_into(self, template: str) -> str:
        """Return a template with `$name`, `$module` and the others replaced.

        `$gap` stands for the spaces that the title is shorter than the longest one.
        """
        gap = " " * (_LONGEST - len(self.title))
        return Template(template).substitute(asdict(self), gap=gap)
