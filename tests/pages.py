"""The pages that people read, and the commands that are printed on them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)``` *$",
    re.MULTILINE | re.DOTALL,
)
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>[^\n]+?) -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    """The page's path from the root of the repository."""
    line: int
    language: str
    text: str
    not_run: str | None
    """Why these commands are not run, as the comment right above says; None if they are."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Every page of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(page for page in set(listed.stdout.split()) if (ROOT / page).exists())


def blocks(page: str, text: str | None = None) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text() if text is None else text
    for found in _FENCE.finditer(text):
        reason = _NOT_RUN.search(text, 0, found.start())
        yield Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"].strip(),
            re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            reason["reason"] if reason else None,
        )


def script(page: str) -> str:
    """All commands of a page that are run, in order."""
    return "\n".join(
        block.text for block in blocks(page) if block.language == "sh" and not block.not_run
    )
