"""Every clause is enforced or performed, as a test of its own shows, or says why no test can."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from domain.catalogue import RULES, Rule

ROOT = Path(__file__).parents[2]

CLAUSES = {"PO": 69, "APO": 46, "AM": 35, "SPOC": 51, "CONF": 45}
"""How many clauses each of the five written procedures has."""

SHOWN = [rule for rule in RULES.values() if rule.state in ("enforced", "performed")]
INFORMATIONAL = [rule for rule in RULES.values() if rule.state == "informational"]


def rules_named_by(nodes: Iterable[ast.AST], known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the rules that expressions mark: `pytest.mark.rule("PO-01")`, or a name for such."""
    found: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
            found.add(ast.literal_eval(node.args[0]))
        elif isinstance(node, ast.Name):
            found |= known.get(node.id, frozenset())
    return frozenset(found)


def marked_tests(source: str) -> dict[str, frozenset[str]]:
    """Return the rules that each test of a Python source is marked with, by the test's name.

    A test in a class is named as pytest does: `TestIt::test_it`.
    """
    return dict(_marked_in(ast.parse(source).body, "", frozenset()))


def _marked_in(
    body: Iterable[ast.stmt], within: str, inherited: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    known: dict[str, frozenset[str]] = {}
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]):
                known[name] = rules_named_by([node.value], known)
            case ast.ClassDef():
                marks = inherited | rules_named_by(node.decorator_list, known)
                marks |= known.get("pytestmark", frozenset())
                yield from _marked_in(node.body, f"{within}{node.name}::", marks)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test_"):
                marks = inherited | rules_named_by(node.decorator_list, known)
                yield f"{within}{node.name}", marks | known.get("pytestmark", frozenset())


@cache
def all_marks() -> Mapping[str, frozenset[str]]:
    """Return the rules that each test is marked with, by the test's name as pytest says it."""
    return {
        f"{file.relative_to(ROOT).as_posix()}::{name}": marks
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for name, marks in marked_tests(file.read_text("utf-8")).items()
    }


def test_every_clause_of_the_procedures_is_in_the_catalogue() -> None:
    found = Counter(rule.procedure for rule in RULES.values())
    assert {procedure: found[procedure] for procedure in CLAUSES} == CLAUSES
    assert sum(CLAUSES.values()) == 246


def test_no_clause_is_open() -> None:
    assert [f"{rule.id}: {rule.rule}" for rule in RULES.values() if rule.state == "open"] == []


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.id)
def test_a_rule_is_shown_by_a_test_that_is_marked_with_it(rule: Rule) -> None:
    assert rule.shown_by in all_marks(), f"{rule.id} names no test: {rule.shown_by!r}"
    assert rule.id in all_marks()[rule.shown_by], f"{rule.shown_by} is not marked with {rule.id}"


@pytest.mark.parametrize("rule", INFORMATIONAL, ids=lambda rule: rule.id)
def test_an_informational_rule_says_why_no_test_shows_it(rule: Rule) -> None:
    assert rule.shown_by, f"{rule.id} has no reason: {rule.rule}"
    assert "::" not in rule.shown_by, f"{rule.id} names a test, so it is enforced or performed"
    by = [name for name, marks in all_marks().items() if rule.id in marks]
    assert by == [], f"{rule.id} is tested, so it is enforced or performed"


def test_tests_name_only_rules_that_there_are() -> None:
    procedures = tuple({f"{rule.procedure}-" for rule in RULES.values()})
    assert {
        rule_id
        for rule_id in frozenset().union(*all_marks().values())
        if rule_id.startswith(procedures)
    } - RULES.keys() == set()


def test_a_mark_is_found_wherever_it_stands() -> None:
    source = """
import pytest

pytestmark = pytest.mark.rule("PO-01")
CASES = [pytest.param("x", marks=[pytest.mark.rule("PO-02")])]

@pytest.mark.rule("PO-03")
class TestIt:
    pytestmark = [pytest.mark.rule("PO-04")]

    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.rule("PO-05")
    async def test_it(self, case: str) -> None:
        '''Says PO-06, which is no mark.'''

    def test_more(self) -> None: ...

@pytest.mark.parametrize("case", CASES)
def test_that(case: str) -> None: ...

def helper() -> None: ...
"""
    assert {name: sorted(marks) for name, marks in marked_tests(source).items()} == {
        "TestIt::test_it": ["PO-01", "PO-03", "PO-04", "PO-05"],
        "TestIt::test_more": ["PO-01", "PO-03", "PO-04"],
        "test_that": ["PO-01", "PO-02"],
    }
