"""What the golden paths cost, counted exactly: no job becomes dearer unawares."""

from __future__ import annotations

import pytest

from benchmarks.costs import PATHS, Cost, GoldenPath, cost_of
from tests.desk import Desk
from tests.production import IN_PRODUCTION
from workflows.registry import LIFECYCLES

TABLE = """
path                                                | starts | activities | timers | signals | updates | upserts | Actions | events | tasks | KB at most
PlusOne to No Provider Found                        |      1 |          3 |      2 |       0 |       0 |       1 |       7 |     34 |     6 |         24
PlusOne accepted to completed                       |      1 |          3 |      2 |       2 |       0 |       2 |      10 |     37 |     6 |         26
PlusOne accepted, diagnosed, approved and completed |      1 |          5 |      4 |       3 |       1 |       4 |      18 |     64 |    10 |         40
one reminder of PlusOne's silence                   |      0 |          1 |      1 |       0 |       0 |       1 |       3 |     12 |     2 |          6
one day of waiting                                  |      0 |          0 |      0 |       0 |       0 |       0 |       0 |      0 |     0 |          0
APO offered to paid                                 |      1 |          5 |      4 |       0 |       5 |       5 |      20 |     70 |    10 |         45
one reminder of an APO offer                        |      0 |          1 |      1 |       0 |       0 |       1 |       3 |     12 |     2 |          7
half a day of waiting for an answer to it           |      0 |          0 |      0 |       0 |       0 |       0 |       0 |      0 |     0 |          0
a concern escalated and resolved                    |      1 |          6 |      5 |       0 |       5 |       5 |      22 |     81 |    12 |         46
one reminder of a call to a provider                |      0 |          1 |      1 |       0 |       0 |       1 |       3 |     12 |     2 |          5
SPoC diagnosis confirmed to closed                  |      1 |          3 |      2 |       2 |       0 |       2 |      10 |     37 |     6 |         24
one reminder of a SPoC report                       |      0 |          1 |      1 |       0 |       0 |       1 |       3 |     12 |     2 |          6
a job reassigned in a conference                    |      1 |          5 |      4 |       0 |       5 |       5 |      20 |     70 |    10 |         50
one provider more who does not answer               |      0 |          1 |      1 |       0 |       1 |       1 |       4 |     14 |     2 |          9
"""  # noqa: E501  a table is read by its columns

ENCRYPTED = 1.12
"""How much larger histories may be that are encrypted; nothing else about them is dearer."""

Row = dict[str, int]


def rows_of(table: str) -> dict[str, Row]:
    head, *rows = ([cell.strip() for cell in line.split("|")] for line in table.split("\n")[1:-1])
    return {row[0]: dict(zip(head[1:], map(int, row[1:]), strict=True)) for row in rows}


def row_of(cost: Cost) -> Row:
    return {
        "starts": cost.starts,
        "activities": cost.activities + cost.local_activities,
        "timers": cost.timers,
        "signals": cost.signals,
        "updates": cost.updates,
        "upserts": cost.upserts,
        "Actions": cost.actions,
        "events": cost.events,
        "tasks": cost.workflow_tasks,
    }


def explained(path: GoldenPath, expected: Row, found: Row) -> str:
    """What has changed, in words, for whoever changed it."""
    changes = [
        f"{kind} {expected[kind]} → {now}" for kind, now in found.items() if now != expected[kind]
    ]
    goal = f", the goal is {path.actions.bound} {path.actions.limit:g}" if path.actions else ""
    return (
        f"{path.title} costs something else than before: {', '.join(changes)}. Every job that "
        f"goes this way pays for it: Temporal Cloud bills each Action{goal}. If it is meant, "
        "put the new numbers into the table and say so in the change."
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.title)
async def test_a_path_costs_what_stands_in_the_table(desk: Desk, path: GoldenPath) -> None:
    expected = rows_of(TABLE)[path.title]
    at_most = expected.pop("KB at most") * 1000 * (ENCRYPTED if IN_PRODUCTION else 1)

    cost = await cost_of(path, desk)

    found = row_of(cost)
    assert found == expected, explained(path, expected, found)
    assert 0.75 * at_most <= cost.size <= at_most, f"{path.title} takes {cost.size} bytes"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.title)
def test_a_path_meets_its_goals_by_the_table(path: GoldenPath) -> None:
    row = rows_of(TABLE)[path.title]
    assert path.actions is None or path.actions.is_met_by(row["Actions"])
    assert path.events is None or path.events.is_met_by(row["events"])


def test_the_table_has_a_row_for_each_path_and_no_other() -> None:
    assert list(rows_of(TABLE)) == [path.title for path in PATHS]


def test_every_lifecycle_has_golden_paths() -> None:
    assert {path.lifecycle for path in PATHS} == set(LIFECYCLES)


def test_a_changed_cost_is_explained() -> None:
    path = PATHS[0]
    expected = rows_of(TABLE)[path.title]
    dearer = expected | {"upserts": 2, "Actions": 8, "events": 35}

    said = explained(path, expected, dearer)

    assert "upserts 1 → 2, Actions 7 → 8, events 34 → 35" in said
    assert "the goal is at most 9" in said
