"""My tasks at the desk: who sees what, how a task is taken, done and taken back, and refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.concerns import LEAK, reported
from tests.conferences import fee_asked
from tests.desk import Desk, Told
from tests.desk_forms import Page, Sitter
from tests.server.test_tasks_http import misassigned, tasks

SCRIPT = "<script>alert(1)</script>"


async def page_with(sitter: Sitter, address: str, path: str = "/console/tasks") -> Page:
    """Return the page of a list that has a form: the desk's other tasks may come first."""
    while True:
        page = await sitter.opens(path)
        if address in page.forms:
            return page
        more = re.search(r'href="([^"]*after=[^"]*)"', page.html)
        assert more is not None, f"there is no {address}"
        path = more[1].replace("&amp;", "&")


async def unlisted(sitter: Sitter, task_id: int) -> Page:
    """Return the first page, once it is sure that no page of the list has a task."""
    first = page = await sitter.opens("/console/tasks")
    while True:
        assert f'id="task-{task_id}"' not in page.html
        more = re.search(r'href="([^"]*after=[^"]*)"', page.html)
        if more is None:
            return first
        page = await sitter.opens(more[1].replace("&amp;", "&"))


def to(task: dict[str, Any], what: str) -> str:
    return f"/console/tasks/{task['id']}/{what}"


async def the_task(desk: Desk, task: dict[str, Any]) -> dict[str, Any]:
    return next(
        each for each in await tasks(desk, job_id=task["job_id"]) if each["id"] == task["id"]
    )


async def test_a_task_is_done_and_that_is_taken_back(desk: Desk) -> None:
    _, task = await misassigned(desk)
    sam = await Sitter.of(desk, "supervisor", "Sam")
    page = await page_with(sam, to(task, "done"))
    for said in (task["text"], "Ada Byron", task["job_id"]):
        assert said in page.words
    assert 'href="tel:918-555-0101"' in page.html
    answer = await sam.sends(page, to(task, "done"), outcome=f"Talked {SCRIPT}")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/console/tasks#undo-{task['id']}",
    )
    closed = await the_task(desk, task)
    assert (closed["status"], closed["outcome"]) == ("done", f"Talked {SCRIPT}")
    assert closed["closed_by"] == {"name": "Sam", "role": "supervisor"}
    again = await sam.sends(page, to(task, "done"), outcome=f"Talked {SCRIPT}")
    assert again.status_code == 303, "sent twice, done once"
    other = await sam.sends(page, to(task, "done"), outcome="Something else")
    assert other.status_code == 409, "what was never recorded isn't done"

    page = await unlisted(sam, task["id"])
    assert re.search(r"\d+ seconds left", page.html)
    assert SCRIPT not in page.html
    shown = (await (await Sitter.of(desk, "supervisor", "Kim")).opens("/console/tasks")).html
    assert to(task, "undo") not in shown, "another can't take it back"
    assert "Talked &lt;script&gt;" in shown, "but sees what came of it"
    answer = await sam.sends(page, to(task, "undo"))
    assert answer.status_code == 303
    assert "Reopened" in (await sam.opens("/console/tasks")).words
    assert (await the_task(desk, task))["status"] == "open"
    await page_with(sam, to(task, "done"))


async def test_of_two_who_do_a_task_the_second_hears_who_was_first(desk: Desk) -> None:
    _, task = await misassigned(desk)
    sam, kim = [await Sitter.of(desk, "supervisor", name) for name in ("Sam", "Kim")]
    page = await page_with(kim, to(task, "done"))
    await sam.sends(await page_with(sam, to(task, "done")), to(task, "done"), outcome="Called")
    answer = await kim.sends(page, to(task, "done"), outcome="Called as well")
    assert answer.status_code == 409
    said = Page(answer.text).words
    assert re.search(r"Sam already closed this task on \w+, .* ET: Called", said)
    assert "Nothing is left to do." in said
    assert "You typed: Called as well" in said
    assert f"{task['job_id']} Sam already closed" in said
    assert dict(Page(answer.text).forms["/console/role"])["back"] == "/console/tasks"
    assert 'data-live=""' in answer.text, "a page that answers a form is not asked for again"


@pytest.mark.parametrize(("what", "said"), [("done", "can close it"), ("take", "can take it")])
async def test_what_is_another_roles_is_refused_with_whom_to_ask(
    desk: Desk, what: str, said: str
) -> None:
    _, task = await misassigned(desk)
    robin = await Sitter.of(desk, "leadership_desk")
    page = await robin.opens("/console")
    page.forms[to(task, what)] = page.forms["/console/role"]
    answer = await robin.sends(page, to(task, what), outcome="x")
    assert answer.status_code == 403
    shown = Page(answer.text).words
    assert f"This task is for a supervisor. Only a supervisor {said}." in shown
    assert "Ask a supervisor." in shown
    assert (await the_task(desk, task))["status"] == "open"


async def test_a_form_of_nowhere_changes_nothing(desk: Desk) -> None:
    _, task = await misassigned(desk)
    sam = await Sitter.of(desk, "supervisor")
    assert (await sam.http.post(to(task, "done"), data={})).status_code == 403
    page = await sam.opens("/console")
    for task_id, status in (("0", 404), ("x", 404), (str(2**63), 404)):
        address = f"/console/tasks/{task_id}/done"
        page.forms[address] = page.forms["/console/role"]
        answer = await sam.sends(page, address)
        assert answer.status_code == status
    assert "This task isn't there." in (
        Page((await sam.sends(page, "/console/tasks/0/done")).text).words
    )


async def test_who_is_on_a_task_is_shown_and_keeps_nobody_from_it(desk: Desk) -> None:
    _, task = await misassigned(desk)
    sam, kim = [await Sitter.of(desk, "supervisor", name) for name in (f"Sam {SCRIPT}", "Kim")]
    page = await page_with(sam, to(task, "take"))
    assert "I&#39;m on it" in page.html
    assert (await sam.sends(page, to(task, "take"))).status_code == 303
    taken = await the_task(desk, task)
    assert taken["taken_by"]["name"] == f"Sam {SCRIPT}"
    assert taken["taken_at"] is not None
    page = await page_with(kim, to(task, "take"))
    assert "Sam &lt;script&gt;alert(1)&lt;/script&gt; is on it" in page.html
    assert SCRIPT not in page.html
    assert "Take it over" in page.html
    page = await page_with(sam, to(task, "release"))
    await sam.sends(page, to(task, "release"))
    assert (await the_task(desk, task))["taken_by"] is None
    await kim.sends(await page_with(kim, to(task, "done")), to(task, "done"))
    answer = await sam.sends(page, to(task, "release"))
    assert answer.status_code == 409
    assert "Kim already closed this task" in Page(answer.text).words


async def test_a_task_that_a_command_settles_has_its_form(desk: Desk) -> None:
    job = await reported(desk)
    (task,) = await tasks(desk, job_id=job.id)
    address = f"/console/jobs/{job.id}/am-escalation/provider_contacted"
    lee = await Sitter.of(desk, "customer_service", "Lee")
    page = await page_with(lee, address)
    assert to(task, "done") not in page.forms
    assert f'id="task-{task["id"]}-form-{job.id}-am-escalation-provider-contacted"' in page.html
    assert LEAK in page.words
    answer = await lee.sends(page, address, reached="no")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/tasks")
    page = await unlisted(lee, task["id"])
    assert to(task, "undo") not in page.forms, "what a command did stays done"
    assert f"Done: Log the call to the provider ({job.id})." in page.words


async def test_what_only_others_may_settle_says_who(desk: Desk) -> None:
    job: Told = desk.job(assigned_to={"number": "4712", "name": "City Plumbers"}).of("apo")
    await job.event("job.created")
    await job.ok("offer_apo", "dispatch", reason="nobody", in_network_exhausted=True)
    await job.until("contacting_customer")
    await job.fast_forward("5h")
    await job.rests()
    task, *_ = await tasks(desk, job_id=job.id, kind="reach_customer", status="open")
    sam = await Sitter.of(desk, "supervisor")
    page = await page_with(sam, to(task, "take"), "/console/tasks?role=dispatch")
    card = page.html.partition(f'id="task-{task["id"]}"')[2].partition("</article>")[0]
    assert "<form class=" not in card
    assert "Dispatch can" in Page(card).words


async def test_everybody_sees_their_own_and_a_supervisor_any_roles(desk: Desk) -> None:
    await misassigned(desk)
    sam = await Sitter.of(desk, "supervisor")
    page = await sam.opens("/console/tasks?role=parts_sourcing")
    assert "Nothing to do for Parts Sourcing" in page.words
    assert (
        "Steward opens a task here when a job of the parts account needs its claim." in page.words
    )
    page = await sam.opens("/console/tasks?role=nonsense")
    assert "My tasks" in page.words
    assert "Supervisor" in page.html.partition('aria-label="Tasks of"')[2]
    ari = await Sitter.of(desk, "area_manager")
    page = await ari.opens("/console/tasks?role=supervisor")
    assert "Nothing to do for the Area Manager" in page.words
    assert 'aria-label="Tasks of"' not in page.html
    assert (await sam.http.get("/console/tasks?after=zzz")).status_code == 422


async def test_every_page_counts_the_tasks_of_whoever_looks(desk: Desk) -> None:
    await misassigned(desk)
    sam = await Sitter.of(desk, "supervisor")
    for path in ("/console", "/console/stuck", "/console/tasks"):
        assert re.search(
            r'My tasks <span class="count" id="open-tasks">\d+', (await sam.opens(path)).html
        )
    ari = await Sitter.of(desk, "area_manager")
    assert "open-tasks" not in (await ari.opens("/console")).html


async def test_whoever_decides_on_a_fee_calls_who_asks_for_it_and_finds_it_filled_in(
    desk: Desk,
) -> None:
    job = await fee_asked(desk)
    approving = f"/console/jobs/{job.id}/reassignment/approve_travel_fee"
    sam = await Sitter.of(desk, "supervisor", "Sam")
    page = await page_with(sam, approving)
    (card,) = re.findall(
        rf'<li class="task"(?:(?!<li class="task").)*{approving}.*?</article>', page.html, re.DOTALL
    )
    assert 'href="tel:918-555-4712"' in card
    assert "Slow Plumbers" not in card, "who has the job still, asks for nothing"
    for address in ("/console/tasks", f"/console/jobs/{job.id}", approving):
        shown = await page_with(sam, approving, address)
        assert ("amount", "45.00") in shown.forms[approving], address
    alone = await sam.opens(approving)
    assert "918-555-4712" in alone.words
