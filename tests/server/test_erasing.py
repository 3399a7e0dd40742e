"""A supervisor erases a job: nothing of the customer is left, nothing about it comes back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from typer.testing import CliRunner

from activities.postman import NotTakenError
from domain.jobs import Customer
from domain.roles import Actor, Role
from service.erasing import ErasingDesk
from starters.cli import app
from store import schema
from store.data_keys import KeyDestroyedError
from store.database import migrate
from store.erasures import Erasures
from store.mail_queue import MailFault
from store.reading import PARTS
from store.retention import Kept
from tests.desk import Desk, Told, iso, now, sqlite_url
from tests.domain.factories import a_job
from tests.options import instructed
from tests.server.test_audit import audit_of
from tests.server.test_cli import said
from tests.server.test_sealing import NOW, PLAIN, World, world
from tests.store.rows import keep, rows
from workflows.registry import LIFECYCLES

__all__ = ["world"]

OTHER = "tweety.byron@canary.example"
SAM = {"name": "Sam", "role": "supervisor"}
WORDS = ("Tweety", "tweety@canary.example", "918-555-0199", "canary row")
CUSTOMER = {
    "name": "Tweety Byron",
    "email": "tweety@canary.example",
    "phone": "918-555-0199",
    "zip": "74101",
    "state": "OK",
}


async def told_of(desk: Desk, job: Told) -> str:
    """Return all that the store has of a job, whatever the column."""

    def read(connection: Connection) -> list[str]:
        tables = schema.metadata.sorted_tables
        return [str(tuple(row)) for table in tables for row in connection.execute(select(table))]

    found = [row for row in await desk.database.read(read) if job.id in row]
    return "\n".join(found)


async def test_a_job_is_ended_erased_and_stays_erased(house: Desk) -> None:
    job = await house.searching(customer=CUSTOMER, item={"name": "canary row", "category": "other"})
    await job.accepted()
    await job.note("ASSIGNMENT: Tweety Byron was called")
    await job.ok("approve", "authorizations", amount="240.00", text="for Tweety", message_id="m1")
    before = await told_of(house, job)
    assert [word for word in WORDS if word not in before] == []
    path, reason = f"/jobs/{job.id}/erase", "Requested by the owner"
    asked = {"actor": SAM, "reason": reason}
    dana = {"name": "Dana", "role": "dispatch"}
    assert (await house.http.post(path, json={**asked, "actor": dana})).status_code == 403
    running = await house.http.post(path, json=asked)
    assert running.status_code == 409
    assert "PlusOne search still runs" in running.json()["message"]
    done = await house.http.post(path, json={**asked, "end": True})
    assert done.status_code == 200, done.text
    assert (await house.http.post(path, json=asked)).json() == done.json()
    left = await told_of(house, job)
    assert [word for word in WORDS if word in left] == []

    again = await job.event("job.status_changed")
    assert again["outcome"] == "dead_letter"
    assert "This job was erased" in again["reason"]
    stuck = (await house.http.get("/stuck")).json()["items"]
    letters = [each for each in stuck if again["reason"] in str(each)]
    assert letters
    assert "replay" not in str(letters)
    assert "Delete the job in the job system too" in str(letters)
    left = await told_of(house, job)
    assert [word for word in WORDS if word in left] == []
    status, refused = await job.refused("request_info", "authorizations", what="more")
    assert (status, refused["error"]) == (409, "conflict")
    assert "was erased on" in refused["message"]
    status, told = await job.of("apo").refused(
        "offer_apo", "dispatch", reason="x", in_network_exhausted=True
    )
    assert (status, told["message"]) == (409, refused["message"])
    shown = (await house.http.get(f"/jobs/{job.id}")).json()
    assert shown["erased"]["reason"] == reason
    assert shown.get("allowed", []) == []
    assert all(each["allowed"] == [] for each in shown["lifecycles"])
    page = await house.http.get(f"/console/jobs/{job.id}")
    assert page.status_code == 200
    assert "Tweety" not in page.text
    assert "This job&#39;s data was erased on " in page.text
    assert f"by Sam: {reason}." in page.text
    assert "Erased" not in page.text
    (why,) = (await house.http.get(f"/jobs/{job.id}/why")).json()["items"]
    assert why == {"lifecycle": None, "why": shown["next"]}
    assert f"by Sam: {reason}." in why["why"]
    await nothing_is_a_fault(house, job)
    await no_command_is_possible(house, job)
    assert (await house.http.post("/jobs/SJ-nobody/erase", json=asked)).status_code == 404


@pytest.mark.parametrize("finds", ["the desk", "the audit"])
async def test_what_still_waits_for_a_mail_server_ends_with_its_job(desk: Desk, finds: str) -> None:
    """A lifecycle stays open in Temporal until its mail is sent; erased, it can't be read."""
    job = await instructed(desk)
    no_server = NotTakenError("no", for_good=False, fault=MailFault.OURS, waits=True)
    desk.letterbox.failures[f"/{job.id}#"] = [no_server] * 50
    await job.ok("instructions_not_received", "customer_service", corrected_email=OTHER)
    erasures, sam = Erasures(desk.database), Actor(name="Sam", role=Role.SUPERVISOR)
    if finds == "the desk":
        erasing = ErasingDesk(erasures, desk.client, now)
        assert await erasing.erase(job.id, sam, "Requested", end=True) is not None
    else:
        await job.handle.cancel()
        while await erasures.open_lifecycles(job.id):  # noqa: ASYNC110  the store tells nobody
            await asyncio.sleep(0.05)
        assert (await job.handle.describe()).status is WorkflowExecutionStatus.RUNNING
        await erasures.erase(job.id, sam, "Requested", now())
        await audit_of(desk).compare()
    assert (await job.handle.describe()).status is WorkflowExecutionStatus.TERMINATED
    await audit_of(desk).compare()
    tasks = await rows(desk.database, schema.tasks, job_id=job.id)
    assert {each["status"] for each in tasks} == {"done"}
    assert (await desk.http.get("/stuck")).text.count(job.id) == 0


async def test_a_procedure_that_begins_again_as_it_is_cancelled_is_ended_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next run begins once its mail server has answered, and doesn't know of the first."""
    job = await desk.searching()
    asked, answers = asyncio.Event(), asyncio.Event()
    no_server = NotTakenError("no", for_good=False, fault=MailFault.OURS, waits=True)

    async def bring(*_: object) -> None:
        if asked.is_set():
            await answers.wait()
        asked.set()
        raise no_server

    monkeypatch.setattr(desk.letterbox, "bring", bring)
    await job.ok("report_cannot_locate", "dispatch", text="Nobody near")
    await asked.wait()
    job.fields["assigned_at"] = iso(now())
    assert (await job.assigned())["outcome"] == "started"
    erasing = ErasingDesk(Erasures(desk.database), desk.client, now)
    sam = Actor(name="Sam", role=Role.SUPERVISOR)
    erased = asyncio.create_task(erasing.erase(job.id, sam, "Requested", end=True))
    await the_cancellation_of(job)
    first = await job.run_id()
    answers.set()
    assert await erased is not None
    assert await job.run_id() != first
    assert (await job.handle.describe()).status is not WorkflowExecutionStatus.RUNNING


async def the_cancellation_of(job: Told) -> None:
    """Return once somebody has asked Temporal to cancel the newest run."""
    wanted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
    for _ in range(1000):
        history = await job.handle.fetch_history()
        if any(event.event_type == wanted for event in history.events):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody cancelled it")


async def nothing_is_a_fault(house: Desk, job: Told) -> None:
    """Ask every route about an erased job: each answers, and what changes something is refused."""
    tasks = (await house.http.get("/tasks", params={"job_id": job.id})).json()["items"]
    mails = (await house.http.get("/mail", params={"job_id": job.id})).json()["items"]
    assert tasks
    assert mails
    for each in tasks:
        for change in ("done", "undo", "take", "release"):
            said = await house.http.post(f"/tasks/{each['id']}/{change}", json={"actor": SAM})
            assert (said.status_code, "was erased on" in said.text) == (409, True), change
    for each in mails:
        page = await house.http.get(f"/console/mail/{each['id']}")
        assert (page.status_code, "<iframe" in page.text) == (200, False)
        assert "data was erased on" in page.text
    for path in (f"/console/jobs/{job.id}/call/spoc", f"/console/jobs/{job.id}/readers"):
        assert (await house.http.get(path)).status_code < 500, path
    for part in PARTS:
        assert (await house.http.get(f"/jobs/{job.id}/history/{part}")).status_code < 500, part


async def no_command_is_possible(house: Desk, job: Told) -> None:
    """Give every command on an erased job, and ask for its form and its proof."""
    for kind in LIFECYCLES.values():
        for command in kind.commands.values():
            if not command.is_for_people:
                continue
            fields = command.example_payload()
            address = f"/jobs/{job.id}/{kind.name}/{command.name}"
            for path in (address, f"{address}/proof"):
                said = await house.http.post(path, json=fields)
                assert (said.status_code, "was erased on" in said.text) == (409, True), path
            for path in (f"/console{address}", f"/console{address}/proof"):
                assert (await house.http.get(path)).status_code == 409, path


async def test_who_erased_forgets_the_key_and_the_file_forgets_the_texts(world: World) -> None:
    job = await keep(world.database, a_job(customer=Customer.model_validate(CUSTOMER)))
    file = Path(world.database.url.database or "")
    files = (file, file.with_name(f"{file.name}-wal"))
    keys = world.keys()
    sealed = await world.codec(job.job_id, keys).encode([PLAIN])
    assert b"Tweety Byron" in b"".join(each.read_bytes() for each in files)
    desk = ErasingDesk(Erasures(world.database), None, lambda: NOW, keys=[keys])
    sam = Actor(name="Sam", role=Role.SUPERVISOR)
    assert await desk.erase(job.job_id, sam, "Requested", end=False) is not None
    with pytest.raises(KeyDestroyedError):
        await world.codec(job.job_id, keys).decode(sealed)
    left = b"".join(each.read_bytes() for each in files)
    assert [word for word in WORDS if word.encode() in left] == []


async def verb(*arguments: str) -> str:
    return await asyncio.to_thread(said, *arguments)


async def refused(*arguments: str) -> str:
    return (await asyncio.to_thread(CliRunner().invoke, app, list(arguments))).output


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("STEWARD_DATABASE_URL", "")
    monkeypatch.chdir(tmp_path)
    return str(tmp_path)


async def test_the_verb_erases_and_lists_for_a_restore(desk: Desk, data: str) -> None:
    job = desk.job(customer=CUSTOMER, assigned_to={"number": None, "name": "Procure Vendor"})
    await job.event("job.created")
    job_id, where = job.id, ("--data", str(Path(desk.database.url.database or "").parent))
    assert "say why: --reason" in await refused("erase", job_id, *where)
    done = json.loads(await verb("erase", job_id, "--reason", "Requested", *where, "--json"))
    assert (done["job_id"], done["reason"]) == (job_id, "Requested")
    listed = json.loads(await verb("erasures", *where, "--json"))
    assert job_id in {each["job_id"] for each in listed["items"]}
    assert f"{job_id}  " in await verb("erasures", *where)
    (Path(data) / "list.json").write_text(json.dumps(listed))
    again = json.loads(await verb("erase", "--from", f"{data}/list.json", *where, "--json"))
    assert done in again["items"]
    unknown = await refused("erase", "SJ-nobody", "--reason", "x", *where)
    assert "there is no job SJ-nobody" in unknown


async def test_the_verb_says_what_would_go_and_deletes_it(data: str) -> None:
    migrate(sqlite_url(Path(data)))
    told = json.loads(await verb("retention", "--dry-run", "--data", data, "--json"))
    assert told["deleted"] is False
    assert [each["what"] for each in told["items"]] == [each.value for each in Kept]
    assert "Jobs that are over, older than 2557 days: 0 deleted" in await verb(
        "retention", "--data", data
    )
