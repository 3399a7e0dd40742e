"""What people read where the database is away, or the server is busy, slow or at fault."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from starters.app import Api
from starters.desk.people import HERE, form_token
from starters.doorkeeper import Limits
from starters.pace import Pace
from store.board import Board
from store.database import StoreUnavailableError
from store.task_list import TaskList
from tests.desk import Desk
from tests.server.conftest import api

PERSON = {"accept": "text/html,*/*"}
SENT = {"cookie": f"{HERE}=x:dispatch:{b'Dana'.hex()}", **PERSON}


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailableError("down")

    monkeypatch.setattr(Board, "page", down)
    monkeypatch.setattr(TaskList, "count", down)
    monkeypatch.setattr("store.reading.Reading.job", down)


def is_page(answer: httpx.Response, said: str, status: int = 503) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "Steward can&#39;t answer right now" in answer.text.replace("can't", "can&#39;t")
    assert said in answer.text
    assert "{" not in answer.text.partition("<main")[2]


@pytest.mark.usefixtures("no_database")
async def test_without_a_database_people_read_a_page_and_programs_an_error(desk: Desk) -> None:
    page = await desk.http.get("/console?q=SJ-1", headers=PERSON)
    is_page(page, "answer.")
    assert 'href="/console?q=SJ-1"' in page.text  # to try again
    program = await desk.http.get("/console")
    assert (program.status_code, program.json()["error"]) == (503, "unavailable")


@pytest.mark.usefixtures("no_database")
async def test_a_form_says_whether_it_may_be_done_and_where_its_text_is(desk: Desk) -> None:
    address, sent = "/console/jobs/SJ-1/plus-one/deny", {"form_token": form_token("x")}
    page = await desk.http.post(address, data=sent, headers=SENT)
    is_page(page, "What you sent may still be carried out. Check the job before you send it again.")
    assert "use your browser&#39;s Back button" in page.text.replace("'", "&#39;")
    script = SENT | {"hx-request": "true"}
    notice = await desk.http.post(address, data=sent, headers=script)
    assert (notice.status_code, notice.headers["hx-reswap"]) == (503, "beforebegin")
    assert "<html" not in notice.text
    assert "Back button" not in notice.text  # the form stays as it is


async def test_a_busy_and_a_slow_server_say_so_on_a_page(desk: Desk) -> None:
    async with api(desk, limits=Limits(at_once=0)) as busy:
        is_page(await busy.http.get("/console", headers=PERSON), "Too many people use Steward")
        form = await busy.http.post("/console/role", data={}, headers=PERSON)
        is_page(form, "Nothing was changed. Try again in a moment.")
        assert (await busy.http.get("/jobs", headers=PERSON)).json()["error"] == "unavailable"
    async with api(desk, limits=Limits(reading=timedelta(0))) as slow:
        is_page(await slow.http.get("/console", headers=PERSON), "Steward took too long to answer.")


async def test_whoever_asks_too_often_reads_when_to_try_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starters.doorkeeper._sender", lambda _: "session 1")
    monkeypatch.setattr(Pace, "seconds_to_wait", lambda *_: 12)
    page = await desk.http.get("/console", headers=PERSON)
    is_page(page, "Try again in 12 seconds.", 429)
    assert page.headers["retry-after"] == "12"
    assert page.headers["x-request-id"] not in page.text, "there is nothing to look for"
    form = await desk.http.post("/console/role", data={}, headers=PERSON | {"hx-request": "true"})
    assert (form.status_code, form.headers["hx-reswap"]) == (429, "beforebegin")
    assert "Nothing was changed. Try again in 12 seconds." in form.text


async def test_a_fault_is_told_on_a_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Board, "page", broken)
    assert isinstance(desk.app, Api)
    page = await desk.http.get("/console", headers=PERSON)
    is_page(page, "Steward failed on this request.", 500)
    assert f"<code>{page.headers['x-request-id']}</code>" in page.text
