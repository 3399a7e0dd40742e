"""The audit: what the store lists as running runs in Temporal, or a supervisor hears of it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError
from typer.testing import CliRunner, Result

from domain.unfollowed import NOBODY_FOLLOWS
from service.audit import Audit, Standing, loss_of
from service.rebuilding import Fate, Rebuilder
from service.signalling import NotDeliveredError
from starters.cli import app
from starters.command_fields import read_fields
from store import schema
from store.database import Database, migrate
from store.leases import Leases
from store.lifecycles import Lifecycles
from store.losses import Losses
from store.namespaces import Namespace, Namespaces
from store.switches import Switch, Switches
from tests.desk import Desk, Letterbox, Told, iso, now, open_desk, sqlite_url
from tests.options import instructed, invoiced
from tests.ports import free_port, nobodys_port
from tests.server.conftest import api
from tests.store.rows import execute, rows
from workers.dev_server import DevServer, ServerOptions
from workers.namespace import NamespaceGuard
from workers.temporal import connect, ensure_namespace, ensure_search_attributes
from workers.worker import make_worker
from workflows.registry import LIFECYCLES

ANOTHER = timedelta(seconds=2)
"""Between two assignments: what is told of one second is the same instant."""


def audit_of(
    desk: Desk, client: Client | None = None, clock: Callable[[], datetime] = now
) -> Audit:
    """Return an audit of a desk of its own, which looks again without waiting."""
    database = desk.database
    guard = NamespaceGuard(database, client or desk.client, clock)
    lifecycles, losses = Lifecycles(database), Losses(database)
    return Audit(lifecycles, losses, Leases(database), guard, clock, timedelta(0))


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A desk with a server of its own: what is lost there is nobody else's."""
    folder = tmp_path_factory.mktemp("audited")
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    async with open_desk(client, sqlite_url(folder)) as opened:
        yield opened
    await server.stop()


async def stuck(desk: Desk, job: Told) -> list[dict[str, Any]]:
    items = (await desk.http.get("/stuck")).json()["items"]
    return [item for item in items if item["job_id"] == job.id]


async def why(job: Told) -> list[str]:
    items = (await job.desk.http.get(f"/jobs/{job.id}/why")).json()["items"]
    return [item["why"] for item in items]


# --- what ends a workflow otherwise than by its story -----------------------------------------


async def terminated(job: Told) -> None:
    await job.handle.terminate("by hand")


async def deleted(job: Told) -> None:
    """Delete it in Temporal, so that nothing is left of it."""
    client = job.desk.client
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=job.workflow_id),
        )
    )
    for _ in range(2000):
        try:
            await job.handle.describe()
        except RPCError:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it was never deleted")


WAYS: list[tuple[Callable[[Told], Awaitable[None]], str]] = [
    (terminated, "was terminated in Temporal"),
    (deleted, "is no longer in Temporal"),
]


@pytest.mark.parametrize(("ends", "how"), WAYS, ids=["terminated", "deleted"])
async def test_a_lifecycle_that_is_lost_is_told_of_before_anything_happens_to_its_job(
    own: Desk, ends: Callable[[Told], Awaitable[None]], how: str
) -> None:
    job = await own.searching()
    audit = audit_of(own)
    await audit.compare()
    await ends(job)
    await audit.compare()

    page = await job.page()
    assert (page.standing["outcome"], page.waiting_on, page.due_at) == ("cancelled", None, None)
    assert [outcome for _, outcome in page.promises] == ["superseded"]
    assert page.tasks("supervisor") == ["workflow_ended"]
    assert page.tasks("dispatch") == []
    assert how in page.task("workflow_ended")["text"]
    (item,) = await stuck(own, job)
    assert item["kind"] == "lost_lifecycle"
    assert "assign the job to PlusOne Solutions" in item["what"]
    said = await why(job)
    assert "Steward stopped following" in said[0]
    assert how in said[0]
    assert said[1].startswith(f"{NOBODY_FOLLOWS} To start the PlusOne search again, assign")
    assert any(what == f"its workflow {how}" for _, what, _ in page.journal)

    await audit.compare()
    assert (await job.page()).tasks("supervisor") == ["workflow_ended"], "it is told once"


async def test_started_again_it_is_stuck_no_more(own: Desk) -> None:
    job = await own.searching()
    await terminated(job)
    await audit_of(own).compare()
    job.fields["assigned_at"] = iso(now() + ANOTHER)
    assert (await job.assigned())["outcome"] == "started"
    page = await job.page()
    assert (page.stage, page.tasks("supervisor")) == ("searching", [])
    assert await stuck(own, job) == []
    assert len(await why(job)) == 1
    assert await rows(own.database, schema.lifecycles, workflow_id=job.workflow_id, lost_at=None)


async def test_a_lost_option_is_started_again_by_its_command(own: Desk) -> None:
    job = await instructed(own)
    await terminated(job)
    await audit_of(own).compare()
    (item,) = await stuck(own, job)
    assert "`offer_apo`" in item["what"]
    start, decide = item["cure"].split("`")[1:4:2]
    steward, do, *words = shlex.split(start)
    assert (steward, do, words[:2], words[3:5]) == (
        "steward",
        "do",
        [job.id, "apo"],
        ["--as", "dispatch"],
    )
    wanted = read_fields(words[5:], LIFECYCLES["apo"].commands[words[2]].payload)
    (task,) = await rows(own.database, schema.tasks, job_id=job.id, kind="workflow_ended")
    assert decide == f"steward task done {task['id']} --as supervisor"
    assert (await job.ok(words[2], words[4], **wanted))["stage"] == "contacting_customer"
    assert await stuck(own, job) == []


async def test_cancellation_in_temporal_is_told_of_whatever_edition_the_job_follows(
    own: Desk,
) -> None:
    job = await own.searching()
    told = (
        "Steward stopped following the PlusOne search on this job: its workflow was cancelled in "
        "Temporal. To start it again, assign the job to PlusOne Solutions once more in the job "
        "system."
    )
    await job.handle.cancel()
    await job.ends_as("cancelled")
    assert (await why(job))[0] == told
    # As jobs of the earlier editions end, which leave no task.
    tasks, lifecycles = schema.tasks, schema.lifecycles
    await execute(own.database, tasks.delete().where(tasks.c.workflow_id == job.workflow_id))
    await execute(
        own.database,
        lifecycles.update().where(lifecycles.c.job_id == job.id).values(next="It has ended."),
    )
    await audit_of(own).compare()
    await audit_of(own).compare()
    (item,) = await stuck(own, job)
    assert item["kind"] == "lost_lifecycle"
    assert (await why(job))[0] == told
    assert (await why(job))[-1].startswith(f"{NOBODY_FOLLOWS} To start the PlusOne search again")


async def test_who_runs_is_left_alone_whatever_visibility_says(
    own: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def knows_nothing(*_: object) -> set[str]:
        return set()

    monkeypatch.setattr("service.audit.running_ids", knows_nothing)
    job = await own.searching()
    audit = audit_of(own)
    await audit.compare()
    page = await job.page()
    assert (page.stage, page.standing["outcome"]) == ("searching", None)
    assert audit.figures.closed == 0


async def test_mail_that_nobody_sends_any_more_does_not_wait(own: Desk) -> None:
    job = await own.searching()
    mail = {
        "job_id": job.id,
        "at": now(),
        "to": "ada@example.com",
        "template": "apo_offer",
        "subject": "Read the new note",
        "text": "",
        "html": "",
        "attempts": 0,
    }
    for state in ("queued", "sending", "sent"):
        key = f"{job.workflow_id}#1/{state}"
        await execute(own.database, schema.emails.insert().values(**mail, state=state, key=key))
    await terminated(job)
    await audit_of(own).compare()
    mails = await rows(own.database, schema.emails, job_id=job.id)
    assert [each["state"] for each in mails] == ["bounced", "uncertain", "sent"]
    text = (await job.page()).task("workflow_ended")["text"]
    assert text.endswith(
        " Check whether these e-mails were sent: “Read the new note”, “Read the new note”."
    )


# --- Temporal's data comes back ---------------------------------------------------------------


async def test_what_is_found_running_again_is_listed_as_it_stood(own: Desk) -> None:
    job = await own.accepted()
    before = await job.page()
    losses = Losses(own.database)
    lifecycle = await losses.open(job.workflow_id)
    assert lifecycle is not None
    assert await losses.abandon(lifecycle, now(), loss_of(LIFECYCLES["plus-one"], "was away"))
    assert (await job.page()).standing["outcome"] == "cancelled"
    audit = audit_of(own)
    await audit.compare()

    page = await job.page()
    assert page.standing == before.standing
    assert page.tasks("supervisor") == []
    assert await stuck(own, job) == []
    assert page.journal[-1][1] == "its workflow is running again"
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL compressor")
    await job.until("diagnosis_submitted")


# --- a job that comes back to life ------------------------------------------------------------


async def test_a_reopened_job_stands_in_what_is_stuck_until_it_is_followed(own: Desk) -> None:
    job = await own.accepted()
    await job.becomes("Completed")
    await job.ends_as("completed")
    assert await stuck(own, job) == []
    await job.becomes("Accepted")
    (item,) = await stuck(own, job)
    assert item["kind"] == "reopened_job"
    (task,) = await rows(own.database, schema.tasks, job_id=job.id, kind="job_reopened")
    assert f"`steward task done {task['id']} --as supervisor`" in item["cure"]
    job.fields |= {"assigned_at": iso(now() + ANOTHER), "status": "New"}
    assert (await job.assigned())["outcome"] == "started"
    assert await stuck(own, job) == []
    assert (await job.page()).tasks("supervisor") == []


# --- a lifecycle that never began -------------------------------------------------------------


async def test_a_lifecycle_that_never_began_holds_nothing_back(desk: Desk, tmp_path: Path) -> None:
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    migrate(sqlite_url(tmp_path))
    database = Database(sqlite_url(tmp_path))
    idle = replace(desk, client=client, database=database)
    async with api(idle) as workerless:
        job = workerless.job()
        assert (await job.assigned())["outcome"] == "started"
        await terminated(job)
        held = await job.note("ASSIGNMENT calling")
        assert held["outcome"] == "ignored", "found out by the very event"
        page_of = (await workerless.http.get(f"/jobs/{job.id}")).json()
        assert [task["kind"] for task in page_of["tasks"]] == ["workflow_ended"]

        other = workerless.job()
        await other.assigned()
        await terminated(other)
        await audit_of(workerless).compare()
        shown = (await workerless.http.get(f"/jobs/{other.id}")).json()
        assert [task["kind"] for task in shown["tasks"]] == ["workflow_ended"]

        items = (await workerless.http.get("/stuck")).json()["items"]
        assert [item["kind"] for item in items if item["job_id"] is None] == ["no_worker"]
        ready = await workerless.http.get("/readyz")
        assert (ready.status_code, ready.json()["workers"]) == (
            200,
            "none is polling: start `steward worker`",
        )
    await database.close()
    await server.stop()


async def test_what_is_still_to_be_started_is_not_lost(own: Desk) -> None:
    job = own.job()
    deaf = await own.cut_off_from_temporal()
    answer = await replace(job, desk=deaf).assigned()
    assert answer["outcome"] == "started"
    assert await audit_of(own).settle(job.workflow_id) in (Standing.TO_START, Standing.RUNS)
    await own.eventually(job, lambda shown: bool(shown["notes"]))
    assert (await job.page()).tasks("supervisor") == []


# --- an event whose lifecycle ends before it is told ------------------------------------------


async def test_a_paid_invoice_that_comes_after_the_end_reopens_the_option(own: Desk) -> None:
    """Kept while Temporal was away, planned for an option whose deadline was first (APO-36)."""
    job = await invoiced(own)
    await job.ok("documents_approved", "support_services", amount="240.00")
    deaf = replace(job, desk=await own.cut_off_from_temporal())
    await job.page()
    kept = await deaf.event("document.received", {"kind": "paid_invoice", "amount": None})
    assert kept["outcome"] == "delivered"
    await hold(own, kept["event_id"])
    await job.ok("payment_chosen", "customer", method="check")
    await job.ends_as("paid")
    await hurry(own, kept["event_id"])
    await reopened(own, job, "reviewing_documents")
    await is_done(own, kept["event_id"])
    (row,) = await rows(own.database, schema.inbox, webhook_id=kept["event_id"])
    assert (row["outcome"], row["workflow_id"]) == ("started", job.workflow_id)


async def hold(desk: Desk, event_id: str) -> None:
    """Keep redelivery from an event until `hurry`."""
    inbox = schema.inbox
    later = inbox.update().where(inbox.c.webhook_id == event_id)
    await execute(desk.database, later.values(next_attempt_at=now() + timedelta(hours=1)))


async def hurry(desk: Desk, event_id: str) -> None:
    inbox = schema.inbox
    at_once = inbox.update().where(inbox.c.webhook_id == event_id)
    await execute(desk.database, at_once.values(next_attempt_at=now()))


async def is_done(desk: Desk, event_id: str) -> None:
    """Return once an event was delivered to all that wait for it."""
    state = select(schema.inbox.c.state).where(schema.inbox.c.webhook_id == event_id)
    while await desk.database.read(lambda connection: connection.scalar(state)) != "done":  # noqa: ASYNC110  the database tells no other way
        await asyncio.sleep(0.02)


async def reopened(desk: Desk, job: Told, stage: str) -> dict[str, Any]:
    return await desk.eventually(
        job,
        lambda shown: any(
            each["lifecycle"] == job.lifecycle and each["stage"] == stage
            for each in shown["lifecycles"]
        ),
    )


async def test_the_others_are_told_once_though_one_has_ended(own: Desk) -> None:
    job = await own.accepted()
    escalation = job.of("am-escalation")
    await escalation.ok("report_concern", "customer_service", concern="Late")
    deaf = replace(job, desk=await own.cut_off_from_temporal())
    kept = await deaf.event("customer.called", {"about": "Hello?"})
    await hold(own, kept["event_id"])
    await terminated(escalation)
    await audit_of(own).compare()
    await hurry(own, kept["event_id"])
    await is_done(own, kept["event_id"])
    history = await job.handle.fetch_history()
    told = [
        event
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
        and kept["event_id"].encode()
        in event.workflow_execution_signaled_event_attributes.input.payloads[0].data
    ]
    assert len(told) == 1


# --- the wrong namespace ----------------------------------------------------------------------


@pytest.fixture(params=["missing", "another"])
async def elsewhere(request: pytest.FixtureRequest, own: Desk) -> Client:
    """A client of a namespace that is not the store's, or that is not there at all."""
    address = own.client.service_client.config.target_host
    client = await connect(target_host=address, namespace=request.param)
    if request.param == "another":
        await ensure_namespace(client)
        await ensure_search_attributes(client)
    return client


async def test_from_a_wrong_namespace_nothing_is_concluded(own: Desk, elsewhere: Client) -> None:
    job = await own.searching()
    await audit_of(own).compare()
    async with api(own, client=elsewhere) as wrong:
        there = replace(job, desk=wrong)
        kept = await there.event("customer.called", {"about": "Hello?"})
        assert kept["reason"].startswith("saved, and delivered automatically")
        status, _ = await there.refused("customer_called", "customer_service", about="Hello?")
        assert status == 503
        ready = await wrong.http.get("/readyz")
        assert ready.status_code == 503
        assert "namespace" in ready.json()["temporal"]
        items = (await wrong.http.get("/stuck")).json()["items"]
        (item,) = [each for each in items if each["kind"] in ("namespace", "temporal", "no_worker")]
        assert item["kind"] == "namespace"
    with pytest.raises(NotDeliveredError, match="namespace"):
        await audit_of(own, elsewhere).compare()
    page = await job.page()
    assert (page.stage, page.standing["outcome"], page.tasks("supervisor")) == (
        "searching",
        None,
        [],
    )


async def test_a_namespace_made_anew_under_the_name_is_another(own: Desk, tmp_path: Path) -> None:
    migrate(sqlite_url(tmp_path))
    database = Database(sqlite_url(tmp_path))
    await Namespaces(database).claim(Namespace(name="default", id="of old"), now())
    guard = NamespaceGuard(database, own.client)
    with pytest.raises(Exception, match="--adopt-namespace"):
        await guard.prove()
    await guard.adopt()
    await guard.prove()
    await database.close()


async def test_when_all_data_of_temporal_is_lost_each_job_becomes_a_task(
    own: Desk, tmp_path: Path
) -> None:
    """The namespace is adopted, and somebody has decided to start nothing there again."""
    job = await own.searching()
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    url = sqlite_url(tmp_path)
    migrate(url)
    database = Database(url)
    await NamespaceGuard(database, client).adopt()
    async with (
        make_worker(client, database, Letterbox()),
        api(replace(own, client=client, database=database)) as desk,
    ):
        lost = [desk.job() for _ in range(3)]
        for each in lost:
            await each.assigned()
            await each.rests()
    await server.stop()
    bare = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    fresh = await bare.start()
    guard, switches = NamespaceGuard(database, fresh), Switches(database)
    await guard.adopt()
    audit = audit_of(replace(desk, client=fresh), fresh)
    await audit.compare()
    assert audit.figures.closed == 0  # first they may be started again
    assert await audit.rebuild_due_since() is not None
    await switches.turn(Switch.REBUILD_DUE, now(), is_on=False)
    await audit.compare()
    assert audit.figures.closed == 3
    assert {each.job_id for each in await audit.lost()} == {each.id for each in lost}
    assert (await job.page()).tasks("supervisor") == []
    rebuilt = await Rebuilder(database, fresh, guard, now).run()
    assert [each.fate for each in rebuilt] == [Fate.STARTED] * 3
    assert await audit.lost() == []
    async with (
        make_worker(fresh, database, Letterbox()),
        api(replace(own, client=fresh, database=database)) as desk,
    ):
        for each in lost:
            page = await replace(each, desk=desk).page()
            assert (page.stage, page.promises) == ("searching", [("PO-17", None)])
    await database.close()
    await bare.stop()


async def test_verbs_that_move_a_store_say_what_still_works_on_it(
    own: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await own.searching()
    await NamespaceGuard(own.database, own.client).prove()

    async def steward(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    source = own.database.url.render_as_string(hide_password=False)
    moves = ("migrate-store", "--from", source, "--to", sqlite_url(tmp_path))
    monkeypatch.setenv("STEWARD_DATABASE_URL", source)
    monkeypatch.setenv("TEMPORAL_ADDRESS", own.client.service_client.config.target_host)
    await execute(own.database, schema.leases.delete())  # the API's, which would be told of first
    refusing = asyncio.create_task(steward(*moves))
    while not refusing.done():  # whoever works asks for work again
        await own.searching()
    refused = await refusing
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "a worker is running on the source: " in refused.stderr
    would = await steward("rebuild", "--dry-run")
    assert (would.exit_code, "running already" in would.stdout) == (0, True)
    assert ", to be started " in would.stderr
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{nobodys_port()}")
    unseen = await steward(*moves)
    assert unseen.stderr.startswith("Can't see if a worker is running")
    assert (await job.page()).stage == "searching"


# --- by itself --------------------------------------------------------------------------------


async def test_of_several_processes_one_audits(own: Desk) -> None:
    leases, at = Leases(own.database), now()
    minute = timedelta(minutes=1)
    assert await leases.take("test", "one", at, minute)
    assert not await leases.take("test", "two", at + minute / 2, minute)
    assert await leases.take("test", "one", at + minute / 2, minute)
    assert not await leases.take("test", "two", at + minute, minute)
    assert await leases.take("test", "two", at + 2 * minute, minute)
    await leases.give_back("test", "two")
    assert await leases.take("test", "one", at, minute)
    await leases.give_back("test", "one")


async def test_it_runs_by_itself_and_says_when(own: Desk) -> None:
    text = (await own.http.get("/metrics")).text
    assert "steward_audit_last_run_timestamp_seconds" in text
    assert 'steward_background_failures_total{task="audit"} 0.0' in text
    assert "steward_lost_lifecycles" in text
