"""The catalogue: every rule that is cited, in plain words, and every gap that had to be decided."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["guard", "authorisation", "routing", "timer", "note", "notification", "information"]
State = Literal["enforced", "performed", "informational", "open"]
"""Enforced: Steward refuses what it forbids. Performed: Steward does what it asks for.
Informational: it asks for nothing that Steward could do or refuse. Open: still to be built."""
Text = Annotated[str, Field(min_length=1)]


class Rule(BaseModel):
    """One clause of a procedure."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: Annotated[str, Field(pattern=r"^[A-Z]+-\d\d$")]
    procedure: Text
    """The procedure it is a clause of: the part of the id before the dash."""
    kind: Kind
    rule: Text
    how: Text
    """What Steward does about it."""
    state: State
    shown_by: str = ""
    """The test that fails when the rule is removed, as pytest names it. For an informational rule,
    the reason why there is no such test."""


class Decision(BaseModel):
    """What is done where the procedures say nothing, or two things at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: Annotated[str, Field(pattern=r"^G-\d{2,3}$")]
    question: Text
    decision: Text
    setting: str
    """Dotted name of the policy setting that decides otherwise, empty where nothing can."""
    why_no_setting: str = ""
    """Why nothing can decide otherwise, where there is no setting."""


class UnknownRule(KeyError):  # noqa: N818  names what happened, as KeyError does not
    """Raised for an id that the catalogue does not have; says which ids come nearest."""

    def __str__(self) -> str:
        """Return the message as it is: KeyError would put it in quotes."""
        return str(self.args[0])


def rule(rule_id: str) -> Rule:
    """Return the rule of an id such as `PO-18`.

    Raises:
        UnknownRule: the catalogue has no such id.
    """
    try:
        return RULES[rule_id]
    except KeyError:
        nearest = ", ".join(get_close_matches(rule_id, RULES, cutoff=0.0))
        raise UnknownRule(f"no rule {rule_id!r} in the catalogue; nearest: {nearest}") from None


def in_numbers(rules: Iterable[Rule]) -> str:
    """Return how many clauses there are and how many of each state: `69 clauses: 12 enforced, …`.

    Nothing is said of open ones where there are none.
    """
    states = Counter(each.state for each in rules)
    counts = ", ".join(
        f"{states[state]} {state}" for state in get_args(State) if states[state] or state != "open"
    )
    total = states.total()
    return f"{total} {'clause' if total == 1 else 'clauses'}: {counts}"


EntryT = TypeVar("EntryT", Rule, Decision)


def _catalogue(model: type[EntryT], name: str) -> Mapping[str, EntryT]:
    text = files("domain").joinpath(name).read_text(encoding="utf-8")
    entries = [model.model_validate(row) for row in csv.DictReader(text.splitlines(), strict=True)]
    return MappingProxyType({entry.id: entry for entry in entries})


RULES: Mapping[str, Rule] = _catalogue(Rule, "rules.csv")
"""Every rule by its id, in the order of the procedures."""

DECISIONS: Mapping[str, Decision] = _catalogue(Decision, "decisions.csv")
"""Every decided gap by its id."""
