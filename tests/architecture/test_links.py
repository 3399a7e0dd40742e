"""Every file that a page leads to is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
)
_LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
_PATH_IN_CODE = re.compile(r"`((?:\w[\w.-]*/)+[\w.-]+\.(?:py|md|toml|csv|sh|json))`")


def led_to(page: Path) -> Iterator[Path]:
    """The files of this checkout that a page leads to, by a link or by a path written as code."""
    text = page.read_text()
    for target in _LINK.findall(text):
        if "://" not in target and not target.startswith("mailto:"):
            yield page.parent / target
    for path in _PATH_IN_CODE.findall(text):
        yield ROOT / path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_leads_to_files_that_are_there(page: Path) -> None:
    missing = [str(path) for path in led_to(page) if not path.exists()]
    # The changelog also names files as they were, and pages name files that are yet to be made.
    assert [path for path in missing if "NAME" not in path and page.name != "CHANGELOG.md"] == []


def test_a_link_and_a_path_are_found_wherever_they_stand(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("See [it](a/b.md#part), [her](https://x.example) and `domain/apo/rules.py`.")
    assert [*led_to(page)] == [tmp_path / "a/b.md", ROOT / "domain/apo/rules.py"]
