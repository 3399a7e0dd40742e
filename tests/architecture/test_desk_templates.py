"""The desk's templates keep to the content policy, and every changing form carries its proof."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DESK = Path(__file__).parents[2] / "starters" / "desk"
TEMPLATES = sorted((DESK / "templates").glob("*.html"))
STATIC = sorted(path for path in (DESK / "static").iterdir() if path.is_file())
VENDORED = "htmx-4.0.1.min.js"

BLOCKED = {
    r"\sstyle=": "a style attribute, which the policy blocks",
    r"<style\b": "inline style, which the policy blocks",
    r"<script(?![^>]*\ssrc=)": "an inline script, which the policy blocks",
    r"\son[a-z]+=": "an inline handler, which the policy blocks",
    r"hx-on|\bjs:|hx-vals='js|hx-live": "code in an attribute of htmx, which needs unsafe-eval",
    r"javascript:": "a script as an address",
    r"\|\s*safe\b|autoescape false": "text that is not escaped",
    r"(?:src|href)=\"(?:https?:)?//": "something from elsewhere",
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_that_the_content_policy_blocks(template: Path) -> None:
    text = template.read_text("utf-8")
    assert [why for pattern, why in BLOCKED.items() if re.search(pattern, text)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_the_form_token(template: Path) -> None:
    text = template.read_text("utf-8")
    forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, re.DOTALL)
    assert [form[:120] for form in forms if "form_token" not in form] == []


def test_every_file_is_used_and_small() -> None:
    """The whole desk is less than a picture."""
    ours = "".join(
        path.read_text("utf-8")
        for path in (*TEMPLATES, *STATIC, *DESK.glob("*.py"))
        if path.name != VENDORED
    )
    assert [
        path.name for path in STATIC if f'"{path.name}"' not in ours and path.name not in ours
    ] == []
    assert sum(path.stat().st_size for path in STATIC) < 160_000


def test_scripts_of_ours_make_no_code_of_text() -> None:
    for path in STATIC:
        if path.suffix == ".js" and path.name != VENDORED:
            text = path.read_text("utf-8")
            assert not re.search(
                r"\beval\(|new Function|innerHTML|outerHTML\s*=|document\.write", text
            ), path.name
