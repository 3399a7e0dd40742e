"""Every rule that Steward can enforce is named by a test; those that it cannot are named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.catalogue import RULES

TESTS = Path(__file__).parents[1]

_DISPATCH = "what was tried before PlusOne is known to Dispatch alone"
_PLUSONE = "PlusOne's own dealings with the customer, of which we see the notes at most"
_CLAIMS = "claims are made out and approved in other systems"
_SPECIALISTS = "what specialists and their providers do among themselves"
_BINDS_NOBODY = "tells how things are, and binds nobody"
_WORDS = "what a person writes into a text field cannot be checked"

_FILED = "says where the procedure is kept, and when it is used"

EXEMPT = {
    "AM-01": _FILED,
    "AM-02": _FILED,
    "AM-03": _FILED,
    "AM-04": _FILED,
    "AM-05": _FILED,
    "APO-01": "says what the option is, and binds nobody",
    "APO-38": "what the procedure's text has lost",
    "APO-46": "binds nobody, and tells of calls that others take",
    "CONF-43": _BINDS_NOBODY,
    "CONF-44": _BINDS_NOBODY,
    "PO-03": "says what PlusOne is for, and binds nobody",
    "PO-15": _DISPATCH,
    "PO-16": _DISPATCH,
    "PO-39": "leaves Authorizations as it was",
    "PO-47": _WORDS,
    "PO-48": _WORDS,
    "PO-51": "announces the rules that follow it",
    "PO-56": _CLAIMS,
    "PO-57": _CLAIMS,
    "PO-58": _CLAIMS,
    "PO-62": _PLUSONE,
    "PO-65": _PLUSONE,
    "PO-66": _PLUSONE,
    "SPOC-01": _BINDS_NOBODY,
    "SPOC-02": _BINDS_NOBODY,
    "SPOC-03": _SPECIALISTS,
    "SPOC-04": _SPECIALISTS,
    "SPOC-05": _SPECIALISTS,
    "SPOC-06": _SPECIALISTS,
    "SPOC-08": _BINDS_NOBODY,
    "SPOC-09": _BINDS_NOBODY,
    "SPOC-10": _BINDS_NOBODY,
    "SPOC-15": _SPECIALISTS,
    "SPOC-16": _SPECIALISTS,
    "SPOC-17": _SPECIALISTS,
    "SPOC-18": _SPECIALISTS,
    "SPOC-19": _SPECIALISTS,
    "SPOC-33": _BINDS_NOBODY,
    "SPOC-41": _BINDS_NOBODY,
    "SPOC-47": _BINDS_NOBODY,
    "SPOC-48": "other procedures of Authorizations",
    "SPOC-49": "other systems",
    "SPOC-50": "other systems",
    "SPOC-51": "other systems",
}
"""Rules that no test can guard, and why."""

NOT_OURS = ("information only", "left to ", "not checked", "outside Steward")
"""How the catalogue begins to say that Steward does nothing about a rule."""


def rules_marked_in(source: str) -> Iterator[str]:
    """Give the id in each `pytest.mark.rule(...)` of a Python source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
            (rule_id,) = node.args
            yield ast.literal_eval(rule_id)


MARKED = {
    rule_id for file in TESTS.rglob("test_*.py") for rule_id in rules_marked_in(file.read_text())
}


@pytest.mark.parametrize("rule_id", [rule_id for rule_id in RULES if rule_id not in EXEMPT])
def test_a_rule_is_guarded_by_a_test(rule_id: str) -> None:
    assert rule_id in MARKED, f"no test is marked with {rule_id}: {RULES[rule_id].rule}"


@pytest.mark.parametrize("rule_id", EXEMPT)
def test_only_a_rule_of_which_steward_does_nothing_is_exempt(rule_id: str) -> None:
    assert RULES[rule_id].how.startswith(NOT_OURS)


def test_what_is_exempt_is_not_tested_all_the_same() -> None:
    assert MARKED & EXEMPT.keys() == set()


def test_tests_name_only_rules_that_there_are() -> None:
    procedures = tuple({f"{rule.procedure}-" for rule in RULES.values()})
    assert {rule_id for rule_id in MARKED if rule_id.startswith(procedures)} - RULES.keys() == set()


def test_a_mark_is_found_wherever_it_stands() -> None:
    source = """
import pytest

pytestmark = pytest.mark.rule("PO-01")
CASES = [pytest.param("x", marks=[pytest.mark.rule("PO-02")])]

@pytest.mark.rule("PO-03")
@pytest.mark.parametrize("case", CASES)
class TestIt:
    @pytest.mark.rule("PO-04")
    async def test_it(self, case: str) -> None:
        '''Says PO-05, which is no mark.'''
"""
    assert sorted(rules_marked_in(source)) == ["PO-01", "PO-02", "PO-03", "PO-04"]
