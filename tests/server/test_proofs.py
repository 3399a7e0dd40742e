"""Whoever reaches Temporal past Steward gives no command, unless Steward has said that they may."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio import workflow
from temporalio.api.common.v1 import ActivityType, Payload, WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import RawValue
from temporalio.converter import PayloadCodec
from temporalio.worker import Replayer, Worker

from starters.tokens import TokenFile, Tokens
from store.data_keys import DataKeys
from store.database import Database, migrate
from store.key_ring import KeyRing, new_ring_key
from store.switches import Switch, Switches
from store.tokens import TokenStore
from tests.desk import Desk, Page, Told, open_desk, sqlite_url
from tests.desk_forms import Sitter
from tests.domain.factories import POLICY
from tests.ports import free_port
from tests.server.conftest import api
from tests.server.test_auth import entry
from workers.dev_server import DevServer, ServerOptions
from workers.schedules import ensure_digest
from workers.sealing import ENCODING, Origin, SealingCodec, sealed, sealing_converter
from workers.worker import runner
from workflows.digest import DIGEST
from workflows.registry import TASK_QUEUE, WORKFLOWS

DANA = {"name": "Dana", "role": "dispatch"}
CALLED = {"actor": {"name": "Kim", "role": "customer_service"}}
"""The payload of `customer_called`, which counts calls."""
TOKENS = "".join(
    entry(name, name, role)
    for name, role in {
        "Kim": "customer_service",
        "Dana": "dispatch",
        "Pat": "parts_sourcing",
        "PlusOne": "plusone",
    }.items()
)


class Reads(PayloadCodec):
    """The codec of an engineer, who may read what is encrypted and sends what is not."""

    def __init__(self, keys: DataKeys) -> None:
        self._reading = SealingCodec(keys)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return await self._reading.decode(payloads)


@dataclass
class House:
    """A house whose payloads are encrypted and whose API asks for tokens, and a way past it."""

    desk: Desk
    """Everybody's desk, which seals what it sends."""
    guarded: Desk
    """The same where tokens say who somebody is."""
    stranger: Client
    """A client that sends past Steward whatever it likes."""
    keys: DataKeys

    async def proof(self, job: Told, by: str, command: str, **fields: Any) -> httpx.Response:
        path = f"/jobs/{job.id}/{job.lifecycle}/{command}/proof"
        headers = {"authorization": f"Bearer {by}"}
        return await self.guarded.http.post(path, json=fields, headers=headers)

    async def proven(self, job: Told, by: str, command: str, **fields: Any) -> dict[str, Any]:
        response = await self.proof(job, by, command, **fields)
        assert response.status_code == 200, response.text
        payload: dict[str, Any] = response.json()["payload"]
        return payload

    def codec(self, job: Told) -> SealingCodec:
        return SealingCodec(self.keys, job_id=job.id)

    def forged(self, job: Told) -> WorkflowHandle[Any, Any]:
        return self.stranger.get_workflow_handle(job.workflow_id)

    async def unproven(self, job: Told) -> list[str]:
        """Return what the journal says of messages that were not believed."""
        page = await job.page()
        return [what for _, what, _ in page.journal if "unproven" in what]

    async def turn(self, *, is_on: bool) -> None:
        now = datetime.now(UTC)
        await Switches(self.desk.database).turn(Switch.PROOFS, now, is_on=is_on)


@asynccontextmanager
async def _opened(folder: Path, address: str) -> AsyncIterator[House]:
    url, ring = sqlite_url(folder), KeyRing((new_ring_key(),))
    migrate(url)
    database = Database(url)
    keys = DataKeys(database, lambda: ring)
    plain = await Client.connect(address)
    reads = replace(sealing_converter(keys), payload_codec=Reads(keys))
    stranger = await Client.connect(address, data_converter=reads)
    path = folder / "tokens.toml"
    path.write_text(TOKENS)
    async with open_desk(sealed(plain, keys), url) as desk:
        tokens = Tokens(TokenStore(desk.database), TokenFile(path))
        async with api(desk, tokens=tokens) as guarded:
            house = House(desk, guarded, stranger, keys)
            await house.turn(is_on=True)
            yield house
    await database.close()


@pytest.fixture(scope="module")
async def house_of_proofs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    options = ServerOptions(port=free_port(), ui_port=None, database=None)
    server = DevServer(options)
    await server.start()
    async with _opened(tmp_path_factory.mktemp("proofs"), server.address) as house:
        yield house
    await server.stop()


async def calls(job: Told) -> int:
    """Return how many calls of the customer were counted before this one."""
    answer = await job.ok("customer_called", "customer_service")
    return int(answer["result"]["calls"]) - 1


async def payloads(job: Told, kind: str) -> list[Payload]:
    """Return the payloads of a history's events of one kind, as anybody reads them."""
    found = []
    for event in (await job.handle.fetch_history()).events:
        if event.HasField(kind):  # type: ignore[arg-type]  # a name of the table below
            attributes = getattr(event, kind)
            said = attributes.result if kind.startswith("activity") else attributes.input
            found += said.payloads
    return found


FAILED = WorkflowExecutionStatus.FAILED
STARTED = "workflow_execution_started_event_attributes"
SIGNALED = "workflow_execution_signaled_event_attributes"
DONE = "activity_task_completed_event_attributes"


# --- what comes through Steward -------------------------------------------------------------------


async def test_what_comes_through_steward_counts_and_costs_nothing_more(
    house_of_proofs: House,
) -> None:
    job = await house_of_proofs.desk.accepted()
    await job.note("On our way")
    assert await calls(job) == 0
    status, _ = await job.refused("customer_called", "plusone")
    assert status == 403
    assert "check_proofs" not in await job.activities()
    assert (await job.page()).attention == []
    markers = [
        event
        for event in (await job.handle.fetch_history()).events
        if event.HasField("marker_recorded_event_attributes")
        and b"proofs" in event.SerializeToString()
    ]
    assert markers == []


# --- what does not --------------------------------------------------------------------------------


async def test_without_a_proof_nothing_counts(house_of_proofs: House) -> None:
    job = await house_of_proofs.desk.accepted()
    before = await job.page()
    handle = house_of_proofs.forged(job)

    await handle.signal("customer_called", CALLED)
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await handle.execute_update("customer_called", CALLED)
    said = str(failed.value.cause)
    told = {"event_id": "e1", "job_version": 99, "age": 0, "event": {}}
    await handle.signal("job_event", told)
    await handle.signal("begin_anew", {"episode": 2})
    await handle.signal("approve", "not even an object")

    assert "unproven" in said
    assert len(await house_of_proofs.unproven(job)) == 5
    page = await job.page()
    assert page.attention == ["bad_message"]
    assert (page.stage, page.due_at, page.notes) == (before.stage, before.due_at, before.notes)
    assert {who for who, what, _ in page.journal if "unproven" in what} == {"Steward"}
    assert await calls(job) == 0


async def test_a_proof_makes_one_signal_or_update_count(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    handle = house.forged(job)
    by_signal = await house.proven(job, "Kim", "customer_called")
    by_update = await house.proven(job, "Kim", "customer_called", actor=CALLED["actor"])

    retyped = json.dumps(dict(reversed(by_signal.items())), indent=3).encode()
    typed = Payload(metadata={"encoding": b"json/plain"}, data=retyped)
    await handle.signal("customer_called", RawValue(typed))
    answer = await handle.execute_update("customer_called", by_update)
    assert answer["result"]["calls"] == 2
    for again in (by_signal, by_update):
        await handle.signal("customer_called", again)
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("customer_called", again)

    assert all("used before" in what for what in await house.unproven(job))
    assert len(await house.unproven(job)) == 4
    journal = (await job.page()).journal
    assert len([1 for who, what, _ in journal if (who, what) == ("Kim", "customer_called")]) == 2
    assert any(who == "Kim" and what.startswith("got a proof to") for who, what, _ in journal)
    assert await calls(job) == 2


async def test_a_stolen_or_changed_proof_is_none(house_of_proofs: House) -> None:
    house = house_of_proofs
    job, other = await house.desk.accepted(), await house.desk.accepted()
    proven = await house.proven(job, "Kim", "customer_called")
    changed = [
        ("customer_called", proven | {"actor": DANA}),
        ("customer_called", proven | {"message_id": "another"}),
        ("customer_called", proven | {"proof": proven["proof"][:-1]}),
        ("customer_called", proven | {"proof": ["x"] * 50}),
        ("request_info", proven),
    ]
    await house.forged(other).signal("customer_called", proven)
    for command, payload in changed:
        await house.forged(job).signal(command, payload)

    assert len(await house.unproven(other)) == 1
    assert len(await house.unproven(job)) == len(changed)
    await house.forged(job).signal("customer_called", proven)
    assert await calls(job) == 1
    assert await calls(other) == 0


async def test_who_gets_a_proof(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()

    async def status(by: str, command: str, **fields: Any) -> int:
        return (await house.proof(job, by, command, **fields)).status_code

    made = (await house.proof(job, "Kim", "customer_called")).json()
    assert set(made) == {"proof", "expires_at", "payload"}
    assert made["payload"] == CALLED | {"proof": made["proof"]}
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < lasts <= timedelta(minutes=15)
    assert await status("Pat", "customer_called") == 403, "the role may not"
    assert await status("Dana", "customer_called", actor=CALLED["actor"]) == 403, "not their name"
    assert await status("Kim", "customer_called", noise=1) == 422
    assert await status("Kim", "no_such_command") == 422
    assert await status("Kim", "customer_called", proof="x") == 422
    assert (await house.proof(job.of("apo"), "Kim", "approve_apo")).status_code in {403, 404}
    nowhere = replace(job, fields=job.fields | {"job_id": "SJ-nowhere"})
    assert (await house.proof(nowhere, "Kim", "customer_called")).status_code == 404
    unknown = f"/jobs/{job.id}/plus-one/customer_called/proof"
    assert (await house.guarded.http.post(unknown, json={})).status_code == 401


async def test_the_desk_gives_a_proof_to_copy(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    sitter = await Sitter.of(house.desk, "customer_service", "Kim")
    address = f"/console/jobs/{job.id}/plus-one/customer_called/proof"
    page = await sitter.opens(address)

    made = await sitter.sends(page, address)
    assert made.status_code == 200, made.text
    shown = re.search(r'<pre id="proven"[^>]*>(.*?)</pre>', made.text, re.DOTALL)
    assert shown is not None
    await house.forged(job).signal("customer_called", json.loads(unescape(shown[1])))
    await job.rests()
    assert await calls(job) == 1

    address = f"/console/jobs/{job.id}/plus-one/approve/proof"
    lee = await Sitter.of(house.desk, "authorizations", "Lee")
    page = await lee.opens(address)
    assert dict(page.forms[address])["amount"] == "", "no example becomes true with one tap"
    refused = await lee.sends(page, address)
    assert (refused.status_code, "Check th" in refused.text) == (422, True)
    assert 'id="proven"' not in refused.text
    made = await lee.sends(page, address, amount="181.50")
    assert "181.50" in made.text
    nowhere = await lee.http.get("/console/jobs/SJ-nobody/plus-one/approve/proof")
    assert nowhere.status_code == 404


# --- copies of what is encrypted ------------------------------------------------------------------


async def test_copies_of_encrypted_payloads_do_nothing(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    await job.note("Heard once")
    await job.rests()
    before = await job.page()
    handle = house.forged(job)
    event = (await payloads(job, SIGNALED))[-1]
    started, done = (await payloads(job, STARTED))[0], (await payloads(job, DONE))[0]
    copies = [
        ("job_event", event),
        ("customer_called", event),
        ("job_event", started),
        ("begin_anew", started),
        ("begin_anew", done),
        ("customer_called", done),
        ("job_event", done),
    ]
    for name, payload in copies:
        assert payload.metadata["encoding"] == ENCODING
        await handle.signal(name, RawValue(payload))

    assert len(await house.unproven(job)) == len(copies)
    assert (await job.page()).notes == before.notes
    assert await calls(job) == 0


async def test_what_nobody_can_decrypt_does_not_stop_a_job(house_of_proofs: House) -> None:
    house = house_of_proofs
    job, other = await house.desk.accepted(), await house.desk.accepted()
    handle = house.forged(job)
    (_, foreign) = (await payloads(other, STARTED)), (await payloads(other, SIGNALED))[-1]
    cut = Payload()
    cut.CopyFrom(foreign)
    cut.data = b"short"
    for metadata in ({}, {"key": b"\x00\xff"}, {"key": b"0" * 20}, {"sealed-by": b"steward"}):
        forged = Payload(metadata={"encoding": ENCODING, **metadata}, data=b"x" * 99)
        await handle.signal("customer_called", RawValue(forged))
    for copied in (foreign, cut):
        await handle.signal("job_event", RawValue(copied))
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("customer_called", RawValue(cut))

    assert await calls(job) == 0
    page = await job.page()
    assert [what for _, what, _ in page.journal if "can't be read" in what or "JSON" in what]
    assert page.attention == ["bad_message"]


async def test_what_the_codec_server_encrypts_is_somebody_else_s(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    codec = SealingCodec(house.keys, job_id=job.id, origin=Origin.CODEC_SERVER)
    proven = await house.proven(job, "Kim", "customer_called")
    for payload in (CALLED, proven):
        metadata = {"encoding": b"json/plain", "meant-for": b"9999999999 customer_called x"}
        plain = Payload(metadata=metadata, data=json.dumps(payload).encode())
        (encrypted,) = await codec.encode([plain])
        await house.forged(job).signal("customer_called", RawValue(encrypted))
    assert len(await house.unproven(job)) == 1
    assert await calls(job) == 1


# --- starts --------------------------------------------------------------------------------------


async def test_nobody_else_starts_a_lifecycle(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    (payload,) = await payloads(job, STARTED)
    (opened,) = await house.codec(job).decode([payload])
    start = json.loads(opened.data)
    other = await house.desk.accepted()
    await other.becomes("Cancelled")
    await other.outcome()
    plain = Payload(metadata={"encoding": b"json/plain"}, data=opened.data)
    assert start["job"]["job_id"] == job.id
    forged: WorkflowHandle[Any, Any] = await house.stranger.start_workflow(
        "PlusOneSearch",
        RawValue(plain),
        id=other.workflow_id,
        task_queue=TASK_QUEUE,
        start_signal="customer_called",
        start_signal_args=[CALLED],
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(forged.result(), timeout=60)

    assert "unproven" in str(failed.value.cause)
    assert [each.name for each in await _scheduled(forged)] == ["check_proofs"]
    assert (await other.page()).standing["outcome"] is not None
    assert len(await house.unproven(other)) == 1


async def _ends(handle: WorkflowHandle[Any, Any]) -> tuple[str, list[str]]:
    """Return why a workflow fails, and the activities that it had carried out until then."""
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(follow_runs=False), timeout=20)
    return str(failed.value.cause), [each.name for each in await _scheduled(handle)]


async def _start_of(house: House, job: Told) -> tuple[Payload, dict[str, Any]]:
    """Return the start of a job's lifecycle: as it is encrypted, and what it says."""
    (encrypted,) = await payloads(job, STARTED)
    (opened,) = await house.codec(job).decode([encrypted])
    return encrypted, json.loads(opened.data)


async def _ended(house: House) -> Told:
    """Return a job that is over: its workflow id is free."""
    job = await house.desk.accepted()
    await job.becomes("Cancelled")
    await job.outcome()
    return job


async def test_no_run_is_believed_because_the_server_has_begun_it(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await _ended(house_of_proofs)
    encrypted, start = await _start_of(house, job)
    for argument in (start, RawValue(encrypted)):
        forged: WorkflowHandle[Any, Any] = await house.stranger.start_workflow(
            "PlusOneSearch",
            argument,
            id=job.workflow_id,
            task_queue=TASK_QUEUE,
            cron_schedule="@every 1s",
        )
        runs: dict[str, WorkflowExecutionStatus | None] = {}
        async with asyncio.timeout(20):
            while list(runs.values()).count(FAILED) < 2:
                for run_id in {*runs, (await forged.describe()).run_id}:
                    run = house.stranger.get_workflow_handle(job.workflow_id, run_id=run_id)
                    runs[run_id] = (await run.describe()).status
                await asyncio.sleep(0.05)
        for run_id, status in runs.items():
            run = house.stranger.get_workflow_handle(job.workflow_id, run_id=run_id)
            if status is FAILED:
                assert [each.name for each in await _scheduled(run)] == ["check_proofs"]
        await forged.terminate()
    assert len(await house.unproven(job)) >= 4


@workflow.defn(name="SomebodyElses", sandboxed=False)
class SomebodyElses:
    """Continues as one of Steward's workflows, with whatever it was given."""

    @workflow.run
    async def run(self, start: dict[str, Any]) -> None:
        workflow.continue_as_new(args=[start], workflow="PlusOneSearch", task_queue=TASK_QUEUE)


async def test_no_run_is_believed_because_it_continues_somebody_s(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await _ended(house_of_proofs)
    _, start = await _start_of(house, job)
    forger = Worker(house.stranger, task_queue="forger", workflows=[SomebodyElses])
    async with forger:
        forged = await house.stranger.start_workflow(
            "SomebodyElses", start, id=job.workflow_id, task_queue="forger"
        )
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(forged.result(), timeout=20)
    assert "unproven" in str(failed.value.cause)
    latest = house.stranger.get_workflow_handle(job.workflow_id)
    assert [each.name for each in await _scheduled(latest)] == ["check_proofs"]


async def test_what_nobody_proves_or_reads_ends_at_once(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await _ended(house_of_proofs)
    encrypted, start = await _start_of(house, job)
    broken = Payload(metadata={"encoding": ENCODING}, data=b"zz")
    unknown = Payload(metadata={"encoding": b"binary/other"}, data=b"zz")

    async def ends(type_: str, id_: str, *args: object) -> tuple[str, list[str]]:
        handle: WorkflowHandle[Any, Any] = await house.stranger.start_workflow(
            type_, args=args, id=id_, task_queue=TASK_QUEUE
        )
        return await _ends(handle)

    id_ = job.workflow_id
    said, activities = await ends("PlusOneSearch", id_, start | {"edition": 9999})
    assert ("unproven" in said, activities) == (True, ["check_proofs"])
    for argument in (broken, unknown):
        assert (await ends("PlusOneSearch", id_, RawValue(argument)))[1] == []
    for type_, other in (
        ("PlusOneSearch", "nonsense-id"),
        ("PlusOneSearch", f"apo/{job.id}"),
        ("AreaManagerEscalation", id_),
    ):
        said, activities = await ends(type_, other, RawValue(encrypted))
        assert ("not one of Steward's" in said, activities) == (True, [])
    for type_, good in (
        ("SpecialistsDigest", "America/New_York"),
        ("Reconciliation", {"grace": "1m"}),
    ):
        said, activities = await ends(type_, "forged", good)
        assert ("unproven" in said, activities) == (True, ["check_proofs"])
        for junk in ({"a": 1}, RawValue(broken), RawValue(encrypted)):
            assert (await ends(type_, "forged", junk))[1] in ([], ["check_proofs"])
    assert (await ends("Heartbeat", "forged"))[1] == []


async def test_the_schedules_workflows_are_known_by_their_input(house_of_proofs: House) -> None:
    house = house_of_proofs
    await ensure_digest(house.desk.client, POLICY)
    schedule = house.desk.client.get_schedule_handle(DIGEST)
    await schedule.trigger()
    async with asyncio.timeout(20):
        ran = (await schedule.describe()).info.recent_actions
        for _ in range(400):
            if ran:
                break
            await asyncio.sleep(0.05)
            ran = (await schedule.describe()).info.recent_actions
    started = ran[0].action
    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
    handle: WorkflowHandle[Any, Any] = house.stranger.get_workflow_handle(started.workflow_id)
    await handle.result()
    assert [each.name for each in await _scheduled(handle)] == ["send_specialists_digest"]
    await schedule.delete()


async def _scheduled(handle: WorkflowHandle[Any, Any]) -> list[ActivityType]:
    return [
        event.activity_task_scheduled_event_attributes.activity_type
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


async def test_what_temporal_sends_again_after_a_reset_is_believed(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    await job.note("Told before the reset")
    await job.rests()
    history = (await job.handle.fetch_history()).events
    first = next(
        each for each in history if each.HasField("workflow_task_completed_event_attributes")
    )
    await job.desk.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=job.workflow_id),
            reason="try it",
            request_id=job.id,
            workflow_task_finish_event_id=first.event_id,
        )
    )
    assert await calls(job) == 0
    assert "check_proofs" not in await job.activities()
    assert await house.unproven(job) == []


# --- floods, modes, upgrades ----------------------------------------------------------------------


async def test_a_flood_of_unproven_signals_jams_nothing(house_of_proofs: House) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    handle = house.forged(job)
    for _ in range(6):
        await asyncio.gather(*(handle.signal("customer_called", CALLED) for _ in range(50)))
    assert await calls(job) == 0
    assert 0 < len(await house.unproven(job)) < 150


async def test_where_nobody_asks_for_proofs_hand_made_messages_count(
    house_of_proofs: House,
) -> None:
    house, job = house_of_proofs, await house_of_proofs.desk.accepted()
    handle = house.forged(job)
    with_proof = await house.proven(job, "Kim", "customer_called")
    await house.turn(is_on=False)
    try:
        await handle.signal("customer_called", CALLED)
        await handle.signal("customer_called", with_proof)
        answer = await handle.execute_update("customer_called", CALLED)
        assert answer["result"]["calls"] == 3
    finally:
        await house.turn(is_on=True)
    await handle.signal("customer_called", CALLED)
    assert len(await house.unproven(job)) == 1
    await _replays(house, job)


async def _replays(house: House, job: Told) -> None:
    """Replay a history as another release would: whatever holds now, it says what it said."""
    replayer = Replayer(
        workflows=WORKFLOWS, workflow_runner=runner(), data_converter=sealing_converter(house.keys)
    )
    await replayer.replay_workflow(await job.handle.fetch_history())


async def test_a_job_from_before_asks_for_proofs_from_the_upgrade_on(tmp_path: Path) -> None:
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    async with open_desk(client, sqlite_url(tmp_path)) as old:
        job = await old.accepted()
        await job.give("update", "customer_called", **CALLED)
        await job.give("signal", "customer_called", **CALLED)
    async with _opened(tmp_path, server.address) as house:
        job = replace(job, desk=house.desk)
        await house.forged(job).signal("customer_called", CALLED)
        assert len(await house.unproven(job)) == 1
        assert await calls(job) == 2
        assert Page(await job.show()).attention == ["bad_message"]
        await _replays(house, job)
    await server.stop()
