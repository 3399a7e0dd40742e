"""The glossary has each term once, in order, and every term that a page leads to."""

import re
from pathlib import Path

import pytest

from domain.accounts import ALTERNATE_PROVIDER_OPTION, NO_PROVIDER_FOUND, PROCURE_VENDOR
from domain.lifecycles import LifecycleKind
from domain.roles import Role
from workflows.registry import LIFECYCLES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "glossary.md"
MOST_SENTENCES, MOST_WORDS = 2, 45

_ENTRY = re.compile(r"^### (.+)\n\n((?:[^#\n].*\n)+)", re.MULTILINE)
_LINK = re.compile(r"\]\((?:[\w./-]*glossary\.md)?#([\w-]+)\)")

SECTIONS = {
    text.partition("\n")[0]: _ENTRY.findall(text) for text in PAGE.read_text().split("\n## ")[1:]
}
ENTRIES = [entry for entries in SECTIONS.values() for entry in entries]
TERMS = [term for term, _ in ENTRIES]


def anchor(term: str) -> str:
    """The end of the address of a heading, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", term.lower()).replace(" ", "-")


def terms_led_to(page: Path) -> list[str]:
    text = page.read_text()
    if page != PAGE:
        text = " ".join(re.findall(r"\]\([\w./-]*glossary\.md#[\w-]+\)", text))
    return _LINK.findall(text)


def test_a_term_stands_once() -> None:
    anchors = [anchor(term) for term in TERMS]
    assert sorted({each for each in anchors if anchors.count(each) > 1}) == []
    assert len(TERMS) == PAGE.read_text().count("\n### ")


@pytest.mark.parametrize("section", SECTIONS)
def test_terms_are_sorted(section: str) -> None:
    terms = [term.casefold() for term, _ in SECTIONS[section]]
    assert terms
    assert terms == sorted(terms)


@pytest.mark.parametrize(("term", "meaning"), ENTRIES, ids=TERMS)
def test_a_meaning_is_a_sentence_or_two(term: str, meaning: str) -> None:
    sentences = re.split(r"(?<=[.!?])\s+", meaning.strip())
    assert meaning.strip().endswith("."), term
    assert len(sentences) <= MOST_SENTENCES, term
    assert len(meaning.split()) <= MOST_WORDS, term


@pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda kind: kind.name)
def test_every_lifecycle_is_a_term(kind: LifecycleKind) -> None:
    meaning = dict(SECTIONS["The procedures"])[kind.title]
    assert f"the lifecycle `{kind.name}`" in " ".join(meaning.split())


def test_every_role_and_queue_is_a_term() -> None:
    terms = {anchor(term) for term, _ in SECTIONS["The procedures"]}
    roles = {role.value.replace("_", "-") for role in Role if role is not Role.SYSTEM}
    assert roles - terms == set()
    queues = {PROCURE_VENDOR, NO_PROVIDER_FOUND, ALTERNATE_PROVIDER_OPTION}
    assert {anchor(queue.name) for queue in queues} - terms == set()


def test_every_term_that_a_page_leads_to_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    led_to = {(page.name, term) for page in pages for term in terms_led_to(page)}
    anchors = {anchor(term) for term in TERMS}
    assert {(page, term) for page, term in led_to if term not in anchors} == set()
    assert {"README.md", "operations.md", "glossary.md"} <= {page for page, _ in led_to}


def test_a_newcomer_finds_it() -> None:
    assert "(docs/glossary.md)" in (ROOT / "README.md").read_text()
