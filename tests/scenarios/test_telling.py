"""A job system elsewhere hears of all that Steward does: in order for each job, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from activities.job_system import NotReachedError, TurnedDownError
from domain.job_system import TellNote, TellTask, TellTaskDone
from tests.desk import Told, acting
from tests.partner import Office, open_office


@pytest.fixture(scope="module")
async def office(new_store: Callable[[], str]) -> AsyncIterator[Office]:
    async with open_office(new_store()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def well_behaved(office: Office) -> None:
    office.partner.before = office.partner.after = None
    office.partner.told.clear()


async def hears(office: Office, job: Told, true_of: Callable[[list[Any]], bool]) -> list[Any]:
    """Return what the job system was told of a job, once something is true of it."""
    told: list[Any] = []
    for _ in range(4000):
        told = [telling for job_id, telling in office.partner.told if job_id == job.id]
        if true_of(told):
            return told
        await asyncio.sleep(0.02)
    raise AssertionError(f"never told; heard so far: {told}")


async def outbox(office: Office, job: Told, **query: str) -> list[dict[str, Any]]:
    response = await office.desk.http.get("/outbox", params={"job_id": job.id, **query})
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def comes_to(
    office: Office, job: Told, true_of: Callable[[list[Any]], bool], **query: str
) -> list[dict[str, Any]]:
    """Return the outbox of a job once something is true of it."""
    rows: list[dict[str, Any]] = []
    for _ in range(2000):
        rows = await outbox(office, job, **query)
        if true_of(rows):
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"the outbox of {job.id} has {rows}")


async def test_notes_of_a_search_arrive_in_order_as_they_stand_here(office: Office) -> None:
    job = await office.searching()
    await job.fast_forward("48h")
    await job.outcome()
    shown = await job.show()
    notes = [(note["author"]["name"], note["text"]) for note in shown["notes"]]

    told = await hears(
        office, job, lambda told: len([e for e in told if e.what == "add_note"]) == len(notes)
    )

    heard = [(each.author.name, each.text) for each in told if isinstance(each, TellNote)]
    assert heard == notes
    await comes_to(office, job, lambda rows: not rows)


async def test_a_task_is_told_when_it_opens_and_when_somebody_closes_it(office: Office) -> None:
    job = office.desk.job()
    office.enter(job)
    await job.assigned(actor=acting("authorizations"))
    await job.rests()
    (task,) = (await office.desk.http.get("/tasks", params={"job_id": job.id})).json()["items"]
    await office.desk.http.post(
        f"/tasks/{task['id']}/done", json={"actor": acting("supervisor"), "outcome": "Talked"}
    )

    told = await hears(office, job, lambda told: bool(told) and told[-1].what == "close_task")

    (opened,) = [each for each in told if isinstance(each, TellTask)]
    (closed,) = [each for each in told if isinstance(each, TellTaskDone)]
    assert (opened.role, opened.kind, opened.text) == (task["role"], task["kind"], task["text"])
    assert (closed.key, closed.outcome) == (opened.key, "Talked")


@pytest.mark.parametrize("is_heard", [False, True], ids=["before it hears", "once it has heard"])
async def test_a_closing_that_is_taken_back_is_followed_by_a_new_task(
    office: Office, *, is_heard: bool
) -> None:
    job = office.desk.job(severity="Emergency")
    office.enter(job)
    await job.assigned()
    await job.rests()
    (task,) = (await office.desk.http.get("/tasks", params={"job_id": job.id})).json()["items"]
    dana, address = {"actor": acting("dispatch")}, f"/tasks/{task['id']}"
    assert (await office.desk.http.post(f"{address}/done", json=dana)).status_code == 200
    if is_heard:
        await hears(office, job, lambda told: any(isinstance(e, TellTaskDone) for e in told))
    answer = await office.desk.http.post(f"{address}/undo", json=dana)
    assert (answer.status_code, answer.json()["status"]) == (200, "open")
    assert (await office.desk.http.post(f"{address}/done", json=dana)).status_code == 200

    def is_over(told: list[Any]) -> bool:
        return len([each for each in told if isinstance(each, TellTaskDone)]) == len("12")

    about = (TellTask, TellTaskDone)
    told = [each for each in await hears(office, job, is_over) if isinstance(each, about)]
    assert [each.what for each in told] == ["open_task", "close_task"] * 2
    first, _, again, _ = told
    assert isinstance(first, TellTask)
    assert isinstance(again, TellTask)
    assert again == first.model_copy(update={"key": again.key, "at": again.at})
    assert [each.key for each in told] == [first.key, first.key, again.key, again.key]
    assert first.key != again.key


async def test_an_added_job_comes_back_with_its_id(office: Office) -> None:
    job = await office.searching()
    await job.ok("add_service_job", "dispatch", reason="Second opinion")
    await hears(office, job, lambda told: any(e.what == "add_service_job" for e in told))

    shown = await office.desk.eventually(
        job, lambda shown: shown["service_jobs"] and "job_id" in shown["service_jobs"][0]
    )

    assert shown["service_jobs"][0]["job_id"].startswith(f"{job.id}-")


async def test_a_note_of_the_job_system_is_not_told_back(office: Office) -> None:
    job = await office.searching()
    note = {"author": acting("dispatch"), "text": "Gate code 12", "visibility": "Private"}
    await job.event("job.note_added", {"note": note})
    await office.heard(job)
    await hears(office, job, bool)

    heard = [each for _, each in office.partner.told if isinstance(each, TellNote)]
    assert "Gate code 12" not in [each.text for each in heard]


async def test_what_it_refuses_stands_in_stuck_until_somebody_decides(office: Office) -> None:
    def refuses() -> None:
        raise TurnedDownError("422: no such author", status=422)

    job = await office.searching()
    await hears(office, job, bool)
    office.partner.before = refuses
    await job.ok("add_service_job", "dispatch", reason="Second opinion")
    rows = await comes_to(office, job, bool, state="refused")
    office.partner.before = None
    row = rows[-1]

    stuck = (await office.desk.http.get("/stuck")).json()["items"]
    said = [each for each in stuck if each["job_id"] == job.id and each["kind"] == "refused"]
    assert f"steward outbox retry {row['id']}" in said[-1]["cure"]
    tasks = (await office.desk.http.get("/tasks", params={"job_id": job.id})).json()["items"]
    assert [each["kind"] for each in tasks if each["role"] == "admin_team"] == [
        "job_system_refused"
    ]
    assert (await office.desk.http.get("/readyz")).status_code == 200

    for each in await outbox(office, job, state="refused"):
        await office.desk.http.post(
            f"/outbox/{each['id']}/retry", json={"actor": acting("admin_team")}
        )
    await hears(office, job, lambda told: any(e.what == "add_service_job" for e in told))
    tasks = (await office.desk.http.get("/tasks", params={"job_id": job.id})).json()["items"]
    assert [each["status"] for each in tasks if each["role"] == "admin_team"] == ["done"]


async def test_every_second_answer_is_lost_and_nothing_comes_twice(office: Office) -> None:
    answers = 0

    def loses() -> None:
        nonlocal answers
        answers += 1
        if answers % 2:
            raise NotReachedError("its answer did not come", may_have_happened=True)

    office.partner.after = loses
    job = await office.searching()
    for number in range(3):
        await job.ok("add_service_job", "dispatch", reason=f"Opinion {number}")

    told = await hears(
        office, job, lambda told: len([e for e in told if e.what == "add_service_job"]) == 3
    )

    texts = [each.model_dump_json() for each in told]
    assert len(texts) == len(set(texts))
    figures = (await office.desk.http.get("/metrics")).text
    assert "steward_circuit_open" in figures
    assert 'steward_outbox_oldest_seconds{destination="job_system"}' in figures
