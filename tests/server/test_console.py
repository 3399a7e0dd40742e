"""The console's pages, with real jobs behind them."""

import re

from tests.desk import Desk
from tests.desk_forms import Sitter


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
