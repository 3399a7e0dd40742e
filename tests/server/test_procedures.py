"""The pages of the procedures and of the promises, with real jobs behind them."""

from __future__ import annotations

import csv
import re
from datetime import date

import pytest

from domain.catalogue import DECISIONS, RULES
from domain.labels import command_label, stage_label
from domain.lifecycles import LifecycleKind
from starters.desk.promises import written
from store.promises_told import Count
from tests.desk import Desk
from workflows.registry import LIFECYCLES

kinds = pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda each: each.name)


async def page_of(desk: Desk, address: str, status: int = 200) -> str:
    page = await desk.http.get(address)
    assert page.status_code == status
    return page.text.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")


@kinds
async def test_a_procedure_has_a_page_with_all_that_is_declared_of_it(
    desk: Desk, kind: LifecycleKind
) -> None:
    page = await page_of(desk, f"/console/procedures/{kind.name}")
    assert kind.purpose in page
    for stage in (*kind.stages, *kind.ends):
        assert stage_label(stage) in page
    for name, command in kind.commands.items():
        assert (f'id="command-{name}"' in page) == command.is_for_people
    for clause in RULES.values():
        assert (f'<li id="{clause.id}">' in page) == (clause.procedure == kind.clauses)
    for move in kind.moves:
        for said in (*map(command_label, move.commands), *move.when):
            assert said in page
    section = kind.name.replace("-", "_")
    for decision in DECISIONS.values():
        if decision.setting.startswith(f"{section}."):
            assert f"Our decision {decision.id}" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    here = rf'href="(?:/console/procedures/{kind.name})?#([^"]+)"'
    assert set(re.findall(here, page)) <= set(ids)


async def test_a_procedure_says_how_long_everybody_has(desk: Desk) -> None:
    page = await page_of(desk, "/console/procedures/plus-one")
    assert "Waiting for PlusOne to find a provider: 48 hours." in page
    assert "Dispatch gets a task to follow up." in page
    assert "note the provider's name, location, phone and fees" in page
    assert "3 business days" in page


async def test_a_procedure_says_how_many_jobs_stand_in_each_stage(desk: Desk) -> None:
    await desk.searching()
    all_of_them = await page_of(desk, "/console/procedures")
    its_own = await page_of(desk, "/console/procedures/plus-one")
    for page in (all_of_them, its_own):
        assert "/console?procedure=plus-one&stage=searching" in page
    assert re.search(r"\d+ jobs? now", its_own)


async def test_clauses_are_shown_by_state(desk: Desk) -> None:
    page = await page_of(desk, "/console/procedures/plus-one?state=enforced")
    shown = set(re.findall(r'<li id="(PO-\d\d)">', page))
    assert shown == {
        each.id for each in RULES.values() if each.procedure == "PO" and each.state == "enforced"
    }


async def test_an_unknown_procedure_leads_to_those_that_there_are(desk: Desk) -> None:
    page = await page_of(desk, "/console/procedures/<b>", 404)
    assert "There is no procedure" in page
    assert "<b>" not in page
    assert "/console/procedures/apo" in page


async def test_promises_are_told_in_numbers_and_as_a_file(desk: Desk) -> None:
    await desk.accepted()
    page = await page_of(desk, "/console/promises")
    assert "/console/procedures/plus-one#PO-17" in page
    assert "By who promised" in page
    file = await desk.http.get("/console/promises.csv?procedure=plus-one&role=plusone")
    assert "attachment" in file.headers["content-disposition"]
    head, *rows = csv.reader(file.text.splitlines())
    assert head == ["week", "rule", "role", "kept", "broken"]
    assert {row[2] for row in rows} == {"PlusOne"}
    assert sum(int(row[3]) for row in rows if row[1] == "PO-17") >= 1


async def test_days_without_promises_say_what_to_do(desk: Desk) -> None:
    page = await page_of(desk, "/console/promises?since=2020-01-01&until=2020-01-31&role=customer")
    assert "No promises settled on these days" in page
    assert 'value="2020-01-01"' in page
    file = await desk.http.get("/console/promises.csv?since=2020-01-01&until=2020-01-31")
    assert file.text == "week,rule,role,kept,broken\r\n"


@pytest.mark.parametrize("said", ["tomorrow", "0001-01-01", "9999-12-31", "2026-02-30", "-"])
async def test_what_is_no_day_is_not_asked_for(desk: Desk, said: str) -> None:
    assert await page_of(desk, f"/console/promises?since={said}&until={said}&procedure=x&role=y")


def test_a_spreadsheet_carries_nothing_out_of_the_file() -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "PO-17", 'a,"b"']
    counts = [Count(date(2026, 11, 23), name, name, 1, 2) for name in names]
    _, *rows = csv.reader(written(counts).splitlines())
    assert [row[1] for row in rows] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@SUM(A1)",
        "'\tx",
        "PO-17",
        'a,"b"',
    ]
    assert [row[2] for row in rows] == [row[1] for row in rows]
