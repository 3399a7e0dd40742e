"""The catalogue names every rule and every decision once, and only settings that there are."""

import csv
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from pydantic import BaseModel, ValidationError

from domain.catalogue import DECISIONS, RULES, Decision, Rule, UnknownRule, in_numbers, rule
from domain.policy import Policy

PLUS_ONE = [f"PO-{number:02}" for number in range(1, 70)]
SPOC = [f"SPOC-{number:02}" for number in range(1, 52)]
APO = [f"APO-{number:02}" for number in range(1, 47)]
AM = [f"AM-{number:02}" for number in range(1, 36)]
CONF = [f"CONF-{number:02}" for number in range(1, 46)]
DECIDED = [f"G-{number:02}" for number in range(1, 74)]
"""The gaps that were found in the procedures; what follows are those we found ourselves."""


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{prefix}{name}.")


SETTINGS = set(settings_of(Policy))


def rows(name: str) -> list[dict[str, str]]:
    with files("domain").joinpath(name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "ids"),
    [("rules.csv", [*PLUS_ONE, *APO, *AM, *SPOC, *CONF]), ("decisions.csv", DECIDED)],
    ids=["rules", "decisions"],
)
def test_every_id_has_one_row_in_its_place(name: str, ids: list[str]) -> None:
    found = [row["id"] for row in rows(name)]
    assert [each for each in found if each in ids] == ids
    assert sorted(set(found)) == sorted(found)


def test_every_row_is_in_the_catalogue() -> None:
    assert list(RULES) == [row["id"] for row in rows("rules.csv")]
    assert list(DECISIONS) == [row["id"] for row in rows("decisions.csv")]


@pytest.mark.parametrize("entry", RULES.values(), ids=lambda entry: entry.id)
def test_a_rule_is_one_short_clause_of_its_procedure(entry: Rule) -> None:
    assert entry.id.split("-")[0] == entry.procedure
    assert len(entry.rule) <= 140
    assert entry.rule.endswith(".")
    assert not entry.how.endswith(".")


def test_no_two_rules_say_the_same() -> None:
    assert len({entry.rule for entry in RULES.values()}) == len(RULES)


def test_decisions_name_only_settings_that_there_are() -> None:
    named = {decision.setting for decision in DECISIONS.values()} - {""}
    assert named <= SETTINGS


@pytest.mark.parametrize("decision", DECISIONS.values(), ids=lambda decision: decision.id)
def test_a_decision_has_a_setting_or_says_why_it_has_none(decision: Decision) -> None:
    said = f"give {decision.id} either a setting or a reason in why_no_setting"
    assert bool(decision.setting) != bool(decision.why_no_setting), said
    assert not decision.why_no_setting.endswith(".")


def test_rules_are_counted_by_their_state() -> None:
    enforced, performed, told = rule("PO-18"), rule("PO-07"), rule("PO-03")
    still_open = enforced.model_copy(update={"state": "open"})

    assert in_numbers([enforced, performed, enforced, told]) == (
        "4 clauses: 2 enforced, 1 performed, 1 informational"
    )
    assert in_numbers([enforced]) == "1 clause: 1 enforced, 0 performed, 0 informational"
    assert in_numbers([still_open]) == "1 clause: 0 enforced, 0 performed, 0 informational, 1 open"


def test_rules_name_only_settings_that_there_are() -> None:
    named = {each for entry in RULES.values() for each in re.findall(r"\w+\.\w+", entry.how)}
    assert "plus_one.search_window" in named
    assert named <= SETTINGS


def test_rules_cite_only_decisions_that_there_are() -> None:
    cited = {each for entry in RULES.values() for each in re.findall(r"G-\d{2,3}", entry.how)}
    assert "G-10" in cited
    assert cited <= DECISIONS.keys()


@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("rule_id", ["PO-08", "PO-18", "PO-19", "PO-20", "PO-36"])
def test_what_holds_a_job_with_plusone_is_a_guard(rule_id: str) -> None:
    assert rule(rule_id).kind == "guard"
    assert "reassignment guard" in rule(rule_id).how


@pytest.mark.parametrize("unknown", ["PO-181", "po-18", "PO18", "", "G-10", "x" * 1000])
def test_an_unknown_id_is_answered_with_the_nearest(unknown: str) -> None:
    with pytest.raises(UnknownRule, match=r"nearest: [A-Z]+-\d\d, ") as raised:
        rule(unknown)
    assert str(raised.value).startswith(f"no rule {unknown!r} in the catalogue")
    assert isinstance(raised.value, KeyError)


def test_a_slip_finds_the_rule_that_was_meant() -> None:
    with pytest.raises(UnknownRule, match=r"nearest: PO-18,"):
        rule("PO-181")


@pytest.mark.parametrize(
    "slip", [{"kind": "advice"}, {"how": " "}, {"rule": ""}, {"id": "PO-1"}, {"extra": "field"}]
)
def test_a_row_with_a_slip_is_not_taken(slip: dict[str, str]) -> None:
    row = rows("rules.csv")[0]
    assert Rule.model_validate(row) == RULES["PO-01"]
    with pytest.raises(ValidationError):
        Rule.model_validate(row | slip)


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        RULES["PO-18"] = rule("PO-19")  # type: ignore[index]
    with pytest.raises(ValidationError):
        rule("PO-18").how = "ignored"  # type: ignore[misc]
