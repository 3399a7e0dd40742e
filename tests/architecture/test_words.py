"""Every text that people read is in words that people use (docs/words.md has them all)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from starters.words import PAGE, Text, all_texts, texts_of, words_page
from tests.words import problems_at_run_time, problems_of

ALLOWED: Mapping[tuple[str, str], str] = {
    ("domain/texts.py", "outside permitted calling time"): "mandated, word for word (CONF-08)",
    ("domain/values.py", "write 2026-11-23T14:05:00Z"): "says how a program writes an instant",
    ("domain/told.py", "is more than a day ahead"): "tells the sender of an event its own instant",
    ("workflows/temporal.py", "does not say what"): "for those who write a story, at import",
}
"""Texts that break the rules for a reason: by file and by a part of what they say."""


def problems_in(text: Text) -> list[str]:
    if any(text.path == path and part in text.said for path, part in ALLOWED):
        return []
    return [f"line {text.line}: {problem}, in: {text.said}" for problem in problems_of(text.said)]


@cache
def texts() -> Sequence[Text]:
    """Every text there is: found by the one test process that asks, not by each that collects."""
    return tuple(all_texts())


def test_texts_for_people_have_no_identifiers_and_no_riddles() -> None:
    said = [f"{text.path}, {problem}" for text in texts() for problem in problems_in(text)]
    assert len({text.path for text in texts()}) > 200
    assert said == []


def test_who_is_sent_to_a_route_is_told_the_verb_too() -> None:
    routes = re.compile(r"(?<!\()GET /(jobs|tasks|hooks)\b")
    sent = [each.said for each in texts() if routes.search(each.said)]
    assert sent
    assert [said for said in sent if "`steward " not in said] == []


def test_each_exception_is_still_needed() -> None:
    needed = {
        (path, part)
        for path, part in ALLOWED
        for text in texts()
        if text.path == path and part in text.said and [*problems_of(text.said)]
    }
    assert set(ALLOWED) - needed == set()


def test_the_page_of_all_words_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == words_page(texts()), (
        "write it again: python -m starters.words"
    )


# --- the finder and the checks themselves -------------------------------------------------------

MODULE = '''
"""What the module is for: no text."""
NAME = "offer_apo"
HINT = "Ask a supervisor"
PATTERN = re.compile("one two three")


class OfferApo(Payload):
    """Offer APO to the customer."""


def told(role):
    """Return something: no text."""
    log.info("nobody reads this here")
    note(f"Call {role.people} about {amount:.2f}, as the {x['y']} says.")
    return Promise(duty="find " "a provider", key="a_key")


TOLD = {"by_check": "Pay by check", Method.CARD: "Pay by card"}
PLAIN = NAME.removeprefix("this is not said").replace("nor is this", " ")
HEAD = "| Command | What it does |"
'''


def test_the_finder_finds_prose_help_and_nothing_else() -> None:
    found = [(each.place, each.kind, each.said) for each in texts_of(MODULE, "domain/x.py")]
    assert found == [
        ("HINT", "", "Ask a supervisor"),
        ("OfferApo", "help", "Offer APO to the customer."),
        ("told", "note", "Call {role.people} about {amount:.2f}, as the {…} says."),
        ("told", "duty", "find a provider"),
        ("TOLD", "by_check", "Pay by check"),
        ("TOLD", "CARD", "Pay by card"),
    ]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Now give offer_apo.", 'names an identifier: "offer_apo"'),
        ("It is waited for.", 'says "is waited for"'),
        ("The customer is to pay.", 'says "is to pay"'),
        ("then dispatch calls", 'names a department without its capital: "dispatch"'),
        ("{actor.role} may not.", 'fills in an identifier: "{actor.role}"'),
        ("Until {at:%Y-%m-%d}.", 'has the time of a machine: "%Y-%m-%d"'),
        ("Ask anybody but for the customer.", 'says "but for"'),
    ],
)
def test_what_nobody_says_is_found(said: str, problem: str) -> None:
    assert problem in list(problems_of(said))


@pytest.mark.parametrize(
    "said",
    [
        "Offer APO (`offer_apo`).",
        "Send it again with the same message_id.",
        "Dispatch can offer APO.",
        "See docs/adding_a_page.md.",
        "{role.people} can decide.",
    ],
)
def test_what_people_say_passes(said: str) -> None:
    assert list(problems_of(said)) == []


def test_a_text_at_run_time_may_quote_what_people_wrote() -> None:
    assert list(problems_at_run_time('They wrote: "my_file".')) == []
    assert list(problems_at_run_time("Give offer_apo."))
    assert list(problems_at_run_time("Until 2026-11-23T14:05:00Z."))
