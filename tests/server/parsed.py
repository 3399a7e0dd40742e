"""Pages as tests read them: the elements of HTML, found by tag, class and attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = frozenset({"input", "img", "link", "meta", "br", "hr"})


@dataclass
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str]
    content: list[Element | str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """What it says, white space as a reader sees it."""
        said = "".join(each if isinstance(each, str) else each._said for each in self.content)
        return " ".join(said.split())

    @property
    def _said(self) -> str:
        return "".join(each if isinstance(each, str) else each._said for each in self.content)

    def all(self, tag: str | None = None, cls: str | None = None, **wanted: str) -> list[Element]:
        """Return the elements inside it that fit, in the order of the page."""
        return [
            each
            for each in self._inside()
            if tag in (None, each.tag)
            and (cls is None or cls in each.classes)
            and all(each.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str, cls: str | None = None, **wanted: str) -> Element:
        """Return the one element inside it that fits."""
        (found,) = self.all(tag, cls, **wanted)
        return found

    def _inside(self) -> Iterator[Element]:
        for each in self.content:
            if isinstance(each, Element):
                yield each
                yield from each._inside()


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(element)
        if tag not in _EMPTY:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].content.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def parsed(html: str) -> Element:
    """Return a page, all of whose elements are closed in their order."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert len(parser.open) == 1, f"<{parser.open[-1].tag}> is not closed"
    return parser.open[0]
