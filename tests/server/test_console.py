"""The console's pages, with real jobs behind them."""

import re
from datetime import datetime, timedelta

from domain.labels import task_label
from domain.roles import Role
from tests.desk import Desk, Told, account
from tests.desk_forms import Sitter
from tests.options import FRIDGE, WANTED
from tests.server.parsed import Element, parsed


async def test_a_jobs_page_tells_all_and_runs_nothing_that_somebody_wrote(desk: Desk) -> None:
    job = await desk.accepted()
    await job.note("<script>alert(1)</script> is what the customer wrote", role="dispatch")
    await job.ok("approve", "authorizations", amount="240.00", non_covered="35.00")
    await job.ok("add_service_job", "dispatch", reason="Second opinion")
    await job.refused("approve", "dispatch", amount="1.00")

    page = await desk.http.get(f"/console/jobs/{job.id}")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "<script>" not in page.text
    for said in (
        "&lt;script&gt;",
        "JOB APPROVAL",
        "Second opinion",
        "Refused (Approve the repair)",
    ):
        assert said in page.text
    assert (await job.page()).next.split(" (")[0] in page.text


async def test_the_list_shows_a_job_and_finds_it(desk: Desk) -> None:
    job = await desk.searching()
    for query in (f"q={job.id}", f"q={job.id}&show=all"):
        assert job.id in (await desk.http.get(f"/console?{query}")).text
    for query in (f"q={job.id}&show=ended", f"q={job.id}&show=overdue"):
        assert f"/console/jobs/{job.id}" not in (await desk.http.get(f"/console?{query}")).text


async def test_mail_and_what_is_stuck_have_their_pages(desk: Desk) -> None:
    job = await desk.searching()
    await job.ok("report_cannot_locate", "plusone", text="Nobody within 60 miles")
    assert job.id in (await desk.http.get("/console/mail")).text
    other = await desk.searching()
    await other.signal("aprove", {})
    await desk.eventually(other, lambda shown: shown["lifecycles"][0]["attention"])
    stuck = (await desk.http.get("/console/stuck")).text
    assert other.id in stuck
    assert "Message refused" in stuck
    assert "bad_message" not in re.sub(r"<[^>]*>", "", stuck)


async def test_a_job_that_does_not_exist_is_said_so(desk: Desk) -> None:
    page = await desk.http.get("/console/jobs/SJ-0")
    assert (page.status_code, "There is no job SJ-0" in page.text) == (404, True)


async def test_the_front_door_leads_to_the_console(desk: Desk) -> None:
    assert (await desk.http.get("/")).headers["location"] == "/console"


async def test_a_job_whose_option_was_declined_stays_in_sight(desk: Desk) -> None:
    job = desk.job(assigned_to=account("Tulsa Plumbing", "4711"), item=FRIDGE, trade="Appliances")
    await job.event("job.created")
    option = job.of("apo")
    await option.ok("request_apo", "escalations", **WANTED)
    assert f"row-none-{job.id}" not in await unfollowed(desk, job)
    await option.ok("decline_apo", "supervisor", reason="A provider is free tomorrow")
    await option.ends_as("declined")
    tasks = [task for task in (await job.page()).shown["tasks"] if task["status"] == "open"]
    said = text_of(parsed((await desk.http.get(f"/console/jobs/{job.id}")).text))
    row = parsed(await unfollowed(desk, job)).one("tr", id=f"row-none-{job.id}").text
    for task in tasks:
        assert f"{Role(task['role']).label} has an open task: {task_label(task['kind'])}" in said
        assert task_label(task["kind"]) in row
    assert tasks or "Nobody is following up on this job." in said
    assert FRIDGE["name"] in row


async def test_a_job_that_none_follows_offers_what_this_role_may_start(desk: Desk) -> None:
    job = desk.job(assigned_to=account("Tulsa Plumbing", "4711"), item=FRIDGE, trade="Appliances")
    await job.event("job.created")
    theirs = text_of(await page_as(desk, job, "escalations"))
    assert "You can start a procedure: " in theirs
    assert "Request APO" in theirs
    said = text_of(await page_as(desk, job, "plusone"))
    assert "You can start" not in said
    assert "Dispatch or Escalations can request APO" in said
    assert "can't" not in said[: said.index("can request APO")]
    for each in (theirs, said):
        assert "_apo" not in each

    await job.becomes("Completed")
    await desk.eventually(job, lambda shown: shown["job"]["status"] == "Completed")
    assert text_of(await page_as(desk, job, "escalations")).startswith("Ended The job is Completed")
    assert f"row-none-{job.id}" not in await unfollowed(desk, job)


async def test_what_is_late_is_said_before_what_is_due_next(desk: Desk) -> None:
    job = await desk.accepted()
    due = (await job.page()).due_at
    assert due is not None
    await job.fast_forward_to(due + timedelta(hours=5))
    await desk.eventually(job, lambda shown: "overdue" in shown["lifecycles"][0]["attention"])
    page = parsed((await desk.http.get(f"/console/jobs/{job.id}")).text)
    timer = page.one("p", role="timer")
    assert timer.text.endswith(" late")
    block = page.one("div", cls="due").text
    assert datetime.fromisoformat(timer["data-due"]) <= due
    assert "PlusOne had until " in block
    assert block.index(" late") < block.index("Next: ")


async def test_ways_to_show_the_board_say_what_they_leave_out(desk: Desk) -> None:
    mine = (await desk.http.get("/console?show=mine")).text
    assert "Tasks on other jobs are in My tasks." in mine
    assert 'id="note"' not in (await desk.http.get("/console")).text


async def unfollowed(desk: Desk, job: Told) -> str:
    return (await desk.http.get(f"/console?show=unfollowed&q={job.id}")).text


async def page_as(desk: Desk, job: Told, role: str) -> Element:
    cookies = {"cookie": f"steward-here=abc:{role}:{b'Robin'.hex()}"}
    return parsed((await desk.http.get(f"/console/jobs/{job.id}", headers=cookies)).text)


def text_of(page: Element) -> str:
    return " ".join(page.one("section", id="not-followed").text.split())


async def test_a_name_that_nobody_typed_follows_the_role(desk: Desk) -> None:
    robin = await Sitter.of(desk, "escalations", "Supervisor at this desk")
    assert "Escalations at this desk" in (await robin.opens("/console")).words
    page = await robin.opens("/console")
    await robin.sends(page, "/console/role", role="dispatch")
    page = await robin.opens("/console")
    assert "Dispatch at this desk" in page.words
    await robin.sends(page, "/console/role", role="dispatch", name="Robin")
    await robin.sends(await robin.opens("/console"), "/console/role", role="supervisor")
    assert "Robin" in (await robin.opens("/console")).words
