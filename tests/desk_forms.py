"""How tests fill in and send forms of the desk, as a browser does, without one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.desk import Desk


@dataclass
class Page(HTMLParser):
    """A page as it is read: its forms by their addresses, with what stands in each field."""

    html: str
    forms: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    _open: str | None = None
    _select: str | None = None
    _area: tuple[str, list[str]] | None = None

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    @property
    def words(self) -> str:
        """What stands on the page, without its tags."""
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.html)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = given.get("action", "")
            self.forms[self._open] = []
        if self._open is None:
            return
        fields = self.forms[self._open]
        if tag == "input" and given.get("name"):
            ticked = given.get("type") not in {"checkbox", "radio"} or "checked" in given
            if ticked:
                fields.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self._select = given["name"]
            fields.append((given["name"], ""))
        elif tag == "option" and self._select and "selected" in given:
            fields[-1] = (self._select, given["value"])
        elif tag == "textarea":
            self._area = (given["name"], [])

    def handle_data(self, data: str) -> None:
        if self._area:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area and self._open is not None:
            name, said = self._area
            self.forms[self._open].append((name, "".join(said).removeprefix("\n")))
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag == "form":
            self._open = None


@dataclass
class Sitter:
    """Somebody who sits at the desk in a role, with a browser's cookies and without scripts."""

    desk: Desk
    http: httpx.AsyncClient

    @classmethod
    async def of(cls, desk: Desk, role: str, name: str = "Robin") -> Sitter:
        """Return somebody who has switched to a role."""
        transport = httpx.ASGITransport(desk.app)
        http = httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=90)
        sitter = cls(desk, http)
        await sitter.sends(await sitter.opens("/console"), "/console/role", role=role, name=name)
        return sitter

    async def opens(self, path: str) -> Page:
        """Return a page that has to be there."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    async def sends(
        self, page: Page, address: str, headers: dict[str, str] | None = None, **filled: Any
    ) -> httpx.Response:
        """Send a form of a page, filled in; double underscores stand for dots in names."""
        values = dict(page.forms[address])
        values |= {name.replace("__", "."): str(value) for name, value in filled.items()}
        return await self.http.post(address, data=values, headers=headers or {})

    async def acts(self, job_id: str, lifecycle: str, command: str, **filled: Any) -> Any:
        """Open the form of a command, send it filled in, and return what is answered."""
        address = f"/console/jobs/{job_id}/{lifecycle}/{command}"
        return await self.sends(await self.opens(address), address, **filled)
