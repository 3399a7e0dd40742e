"""Rehearsal: a job's clock moves ahead by a button, and only where the stack is an embedded one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.desk import Desk
from tests.server.conftest import api
from tests.server.test_trouble_pages import Sitting


@pytest.fixture
async def stage(desk: Desk) -> AsyncIterator[Desk]:
    """The desk's API where clocks may be moved."""
    async with api(desk, rehearses=True) as opened:
        yield opened


@pytest.fixture
def learner(stage: Desk) -> Sitting:
    return Sitting(stage, "supervisor")


def ahead(job_id: str, lifecycle: str = "plus-one") -> str:
    return f"/console/jobs/{job_id}/{lifecycle}/fast-forward"


async def test_a_job_goes_to_its_deadline(stage: Desk, learner: Sitting) -> None:
    job = await stage.searching()
    page = await learner.opens(f"/console/jobs/{job.id}")
    assert "Rehearsal: move this job's clock" in page
    said = await learner.told(await learner.sends(ahead(job.id), ahead="1h"))
    assert said.startswith(f"For {job.id} it is now ")
    assert (await job.page()).stage == "searching"
    await learner.told(await learner.sends(ahead(job.id), ahead="due"))
    await job.ends_as("no_provider_found")
    ended = await learner.sends(ahead(job.id), ahead="1h")
    assert ended.status_code == 409
    assert "no such procedure under way" in ended.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write how far"),
        ("tomorrow", "Write how far"),
        ("0h", "Write how far"),
        ("99999w", "Write how far"),
    ],
)
async def test_nonsense_moves_no_clock(
    stage: Desk, learner: Sitting, typed: str, said: str
) -> None:
    job = await stage.searching()
    refused = await learner.sends(ahead(job.id), ahead=typed, back=f"/console/jobs/{job.id}")
    assert refused.status_code == 409
    assert said in refused.text
    assert f'href="/console/jobs/{job.id}">Back' in refused.text
    assert (await learner.sends(ahead(job.id, "nonsense"), ahead="1h")).status_code == 404


async def test_elsewhere_no_clock_is_moved_and_there_is_no_tour(desk: Desk) -> None:
    job, supervisor = await desk.searching(), Sitting(desk, "supervisor")
    page = await supervisor.opens(f"/console/jobs/{job.id}")
    assert "fast-forward" not in page
    assert "/console/tour" not in page
    refused = await supervisor.sends(ahead(job.id), ahead="48h")
    assert refused.status_code == 409
    assert "Only a stack for rehearsal" in refused.text
    assert (await job.page()).stage == "searching"
    assert (await desk.http.get("/console/tour")).status_code == 404


async def test_a_tour_asks_and_checks(stage: Desk, learner: Sitting) -> None:
    assert "Start the tour" in await learner.opens("/console/tour")
    for address in ("/console/tour/answer", "/console/tour/practice"):
        assert (await learner.sends(address)).status_code == 404  # on no tour
    began = await learner.sends("/console/tour/start")
    learner.cookies["steward-tour"] = began.cookies["steward-tour"]
    assert "0 of 10 done" in await learner.opens("/console/tour")
    for step in range(1, 11):
        page = await learner.opens(f"/console/tour?step={step}")
        assert f"<title>Tour, step {step} of 10 · Steward</title>" in page
    wrong = await learner.sends("/console/tour/answer", step="1", answer="SJ-0")
    assert "That job isn&#39;t overdue." in wrong.text
    assert (await stage.http.get("/console/tour?step=11")).status_code == 422


@pytest.mark.parametrize("cookie", ["", "zz", "7b7d", "00" * 3000])
async def test_a_cookie_of_no_tour_is_none(stage: Desk, cookie: str) -> None:
    response: httpx.Response = await stage.http.get(
        "/console/tour", headers={"cookie": f"steward-tour={cookie}"}
    )
    assert "Start the tour" in response.text


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/console/tour/answer", "/console/tour"),
        ("/console/stuck/dismiss", "/console/stuck"),
        ("/console/tasks/1/done", "/console/tasks"),
        ("/console/hooks/1/replay", "/console/hooks/1"),
        ("/console/outbox/retry", "/console/outbox"),
        ("/console/role", "/console"),
        ("/console/jobs/SJ-1/plus-one/fast-forward", "/console/jobs/SJ-1"),
    ],
)
async def test_whoever_opens_the_address_of_a_form_gets_its_page(
    stage: Desk, form: str, page: str
) -> None:
    answer = await stage.http.get(form)
    assert (answer.status_code, answer.headers.get("location")) == (303, page)


async def test_nothing_that_a_job_ahead_has_opened_is_said_to_open_later(stage: Desk) -> None:
    learner = Sitting(stage, "dispatch")
    job = await stage.searching()
    await learner.told(await learner.sends(ahead(job.id), ahead="due"))
    await job.ends_as("no_provider_found")
    for address in ("/console/tasks", f"/console/jobs/{job.id}"):
        page = " ".join(re.sub(r"<[^>]*>", " ", await learner.opens(address)).split())
        assert job.id in page
        assert re.search(r"[Oo]pened just now", page), address
        assert not re.search(r"[Oo]pened in ", page), address
