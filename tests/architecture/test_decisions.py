"""Every decision says when it was made and whether it still holds, and the index says the same."""

import re
from datetime import date
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "adr"
DECISIONS = sorted(FOLDER.glob("[0-9]*.md"))
_HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>.+)\n\n"
    r"- Date: (?P<date>\d{4}-\d\d-\d\d)\n"
    r"- Status: (?P<status>proposed|accepted|superseded by \[\d+\]\(\d{4}-[a-z-]+\.md\))"
    r"(?:; amended \d{4}-\d\d-\d\d: .+)?\n\n"
)


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_a_number_a_date_and_a_status(page: Path) -> None:
    head = _HEAD.match(page.read_text())
    assert head, "begin with '# N. Title', '- Date: YYYY-MM-DD' and '- Status: accepted'"
    assert page.name.startswith(f"{int(head['number']):04}-")
    assert date.fromisoformat(head["date"]) >= date(2026, 11, 21)
    status = head["status"].partition(" ")[0]
    row = f"| {head['number']} | [{head['title']}]({page.name}) | {head['date']} | {status} |"
    assert row in (FOLDER / "README.md").read_text().splitlines(), f"the index lacks {row}"


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == [*range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize(
    "text",
    [
        "# 1. Title\n\n**Decision.** None\n",
        "# 1. Title\n\n- Date: yesterday\n- Status: accepted\n\n",
        "# 1. Title\n\n- Date: 2026-11-29\n- Status: perhaps\n\n",
    ],
)
def test_a_decision_without_date_or_status_is_found(text: str) -> None:
    assert not _HEAD.match(text)
