"""Rules that a text cites, as links to the page that explains them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from markupsafe import Markup, escape

from domain.catalogue import RULES

_LIFECYCLES: Final[Mapping[str, str]] = {
    "PO": "plus-one",
    "APO": "apo",
    "AM": "am-escalation",
    "SPOC": "spoc",
    "CONF": "reassignment",
}
"""The lifecycle whose page explains the clauses of each procedure."""

_CITED = re.compile(r"\b[A-Z]+-\d\d\b")


def with_rule_links(text: str) -> Markup:
    """Return a text as HTML, each rule that it cites a link to the rule's own place."""
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
