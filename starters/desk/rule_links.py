"""Sentences as pages show them: the rules they cite are links, and what is for programs is code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from markupsafe import Markup, escape

from domain.catalogue import RULES
from workflows.registry import LIFECYCLES

_LIFECYCLES: Final[Mapping[str, str]] = {kind.clauses: name for name, kind in LIFECYCLES.items()}
"""The lifecycle whose page explains the clauses of each procedure."""

_CITED = re.compile(r"\b[A-Z]+-\d\d\b")


def with_rule_links(text: str) -> Markup:
    """Return a text as HTML: each rule that it cites is a link to what explains the rule.

    Words in backticks, which are for programs, stand out as such.
    """
    words = text.split("`")
    is_paired = len(words) % 2 == 1
    return Markup().join(
        Markup("<code>{}</code>").format(each) if is_paired and place % 2 else _linked(each)
        for place, each in enumerate(words if is_paired else [text])
    )


def _linked(text: str) -> Markup:
    said, end = Markup(), 0
    for cited in _CITED.finditer(text):
        lifecycle = _LIFECYCLES.get(RULES[cited[0]].procedure) if cited[0] in RULES else None
        if lifecycle is not None:
            said += escape(text[end : cited.start()])
            said += Markup('<a class="rule" href="/console/procedures/{}#{}">{}</a>').format(
                quote(lifecycle), cited[0], cited[0]
            )
            end = cited.end()
    return said + escape(text[end:])
