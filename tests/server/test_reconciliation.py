"""What the hooks missed comes in by the Schedule, or when a person asks; late hooks do no harm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleHandle,
    ScheduleOverlapPolicy,
)
from temporalio.service import RPCError

from activities.job_system import NotReachedError, TurnedDownError
from domain.policy import parse_policy
from domain.roles import FOUND_IN_LIST
from starters.rendering import print_reconciled
from store import schema
from store.reconciliations import Reconciliations
from tests.desk import DANA, Desk, Page, Told, account, acting, ago, iso, now
from tests.domain.factories import POLICY
from tests.follow_ups import tulsa_plumbing
from tests.partner import Office, open_office
from tests.store.rows import execute, rows
from workers.schedules import ensure_schedules, reconciliation_schedule
from workflows.reconciliation import RECONCILE

APO = account("Alternate Provider Option")
TULSA = account("Tulsa Plumbing", "4711")


@pytest.fixture(scope="module")
async def office(new_store: Callable[[], str]) -> AsyncIterator[Office]:
    async with open_office(new_store()) as opened:
        yield opened


async def reconcile(desk: Desk, role: str = "admin_team", **fields: Any) -> dict[str, Any]:
    answer = await desk.http.post("/reconcile", json={"actor": acting(role), **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def found(office: Office, job: Told, *whats: str) -> None:
    """Reconcile, which has to find these changes of a job alone."""
    missed = (await reconcile(office.desk))["missed"]
    assert missed == [{"job_id": job.id, "what": what} for what in whats]
    await office.heard(job)


async def journal_of(office: Office, job: Told) -> list[str]:
    return [row["what"] for row in await rows(office.desk.database, schema.journal, job_id=job.id)]


# --- a person asks -----------------------------------------------------------------------------


async def test_a_search_begins_whose_assignment_no_hook_told_of(office: Office) -> None:
    job = office.desk.job()
    office.enter(job)
    dry = await reconcile(office.desk, dry_run=True)
    assert (dry["missed"], dry["done"]) == ([{"job_id": job.id, "what": "job.assigned"}], False)
    assert (await office.desk.http.get(f"/jobs/{job.id}")).status_code == 404

    done = await reconcile(office.desk)
    assert (done["missed"], done["done"]) == (dry["missed"], True)
    await office.heard(job)
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("searching", "PlusOne Solutions")
    journal = await journal_of(office, job)
    assert (
        "Steward wasn't told that this job was assigned to PlusOne Solutions. "
        "It found that in the job system's list."
    ) in journal

    nothing = await reconcile(office.desk)
    assert (nothing["missed"], nothing["done"]) == ([], True)


async def test_who_may_not_is_told_who_may(office: Office) -> None:
    answer = await office.desk.http.post("/reconcile", json={"actor": DANA})
    assert answer.status_code == 403
    assert answer.json()["instead"] == "Ask the Admin team or a supervisor."
    assert (await reconcile(office.desk, "supervisor"))["missed"] == []


@pytest.mark.parametrize(
    ("since", "error", "status", "message", "instead"),
    [
        (
            "nonsense",
            TurnedDownError("422: query.changed_since: write a number.", status=422),
            422,
            "The job system refused the cursor “nonsense”: query.changed_since: write a number.",
            "Leave out --since, or use a cursor from the job system.",
        ),
        (
            "4711",
            TurnedDownError("403: You may not list jobs.", status=403),
            503,
            "The job system doesn't list its jobs: 403: You may not list jobs.",
            "Correct the cause, then run `steward reconcile` again.",
        ),
        (
            None,
            NotReachedError("it can't be reached"),
            503,
            "The job system doesn't list its jobs: it can't be reached.",
            "Try again in a moment. `steward stuck` says if it keeps failing.",
        ),
    ],
)
async def test_a_list_that_is_refused_says_what_helps(
    office: Office,
    monkeypatch: pytest.MonkeyPatch,
    since: str | None,
    error: Exception,
    status: int,
    message: str,
    instead: str,
) -> None:
    def refuses(*_: object) -> None:
        raise error

    monkeypatch.setattr(office.partner, "list_changed", refuses)
    fields = {"actor": acting("admin_team"), "dry_run": True}
    answer = await office.desk.http.post("/reconcile", json=fields | {"since": since})
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["instead"] == instead


@pytest.mark.parametrize("body", [{}, {"actor": acting("supervisor"), "dry_run": "perhaps"}])
async def test_a_body_that_cannot_be_read_is_refused(office: Office, body: object) -> None:
    answer = await office.desk.http.post("/reconcile", json=body)
    assert answer.status_code == 422, answer.text


async def test_a_place_is_kept_for_the_schedule_on_demand(office: Office) -> None:
    await reconcile(office.desk)
    store = Reconciliations(office.desk.database)
    before = await store.record()
    assert before is not None
    await store.succeeded("900000", {}, now())  # as the job system's restore leaves it
    await reconcile(office.desk, since="")
    kept = await store.record()
    assert (kept and kept.cursor) == "900000"
    await reconcile(office.desk, since="", keep=True)
    kept = await store.record()
    assert (kept and kept.cursor) == before.cursor


async def test_a_dry_run_keeps_no_place(office: Office) -> None:
    body = {"actor": acting("supervisor"), "since": "", "keep": True, "dry_run": True}
    answer = await office.desk.http.post("/reconcile", json=body)
    assert answer.status_code == 422
    assert answer.json()["instead"] == "Leave out --keep or --dry-run."


async def test_without_another_job_system_there_is_nothing_to_reconcile(desk: Desk) -> None:
    answer = await desk.http.post("/reconcile", json={"actor": acting("supervisor")})
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert "no other job system" in answer.json()["message"]


async def test_a_job_system_that_does_not_answer_is_said_to(office: Office) -> None:
    def silent() -> None:
        raise NotReachedError("503: closed for repairs")

    office.partner.before = silent
    try:
        answer = await office.desk.http.post("/reconcile", json={"actor": acting("supervisor")})
    finally:
        office.partner.before = None
    assert answer.status_code == 503
    assert "closed for repairs" in answer.json()["message"]
    await reconcile(office.desk)


WRONG_TOKEN = "it doesn't accept our token (401). Check STEWARD_JOB_SYSTEM_TOKEN"


async def test_the_figures_and_the_stuck_list_say_how_it_goes(office: Office) -> None:
    job = office.desk.job()
    office.enter(job)
    await found(office, job, "job.assigned")
    figures = (await office.desk.http.get("/metrics")).text
    assert 'steward_reconciled_events{type="job.assigned"}' in figures
    assert "steward_reconciliation_succeeded_timestamp_seconds" in figures

    long_ago = now() - timedelta(hours=2)
    table = schema.reconciliations
    failing = table.update().values(succeeded_at=long_ago, reason=WRONG_TOKEN)
    await execute(office.desk.database, failing)
    items = (await office.desk.http.get("/stuck")).json()["items"]
    (item,) = (each for each in items if each["kind"] == "reconciliation")
    assert item["what"] == (
        "Changes in the job system may be missing here. The job system doesn't accept our token "
        "(401)."
    )
    assert item["cure"].startswith(
        "Check STEWARD_JOB_SYSTEM_TOKEN, and restart. `steward reconcile"
    )
    await execute(office.desk.database, table.update().values(reason=None))
    items = (await office.desk.http.get("/stuck")).json()["items"]
    (item,) = (each for each in items if each["kind"] == "reconciliation")
    assert "Schedule `reconcile` is paused" in item["cure"]

    await reconcile(office.desk)
    items = (await office.desk.http.get("/stuck")).json()["items"]
    assert [each for each in items if each["kind"] == "reconciliation"] == []


# --- late hooks --------------------------------------------------------------------------------


async def test_hooks_that_come_after_all_change_nothing_twice(office: Office) -> None:
    job = office.desk.job()
    assigned_at = now()
    office.enter(job)
    await found(office, job, "job.assigned")
    office.enter(job, status="Accepted")
    await found(office, job, "job.status_changed")
    before = (await job.page()).shown

    assigned = {**job.fields, "status": "New"}
    accepted = {**job.fields}
    for kind, fields in (("job.status_changed", accepted), ("job.assigned", assigned)):
        body = {"type": kind, "occurred_at": iso(assigned_at), "actor": DANA, "job": fields}
        await office.desk.post_event(body)
    await office.heard(job)
    after = (await job.page()).shown
    for part in ("notes", "assignments", "emails", "promises"):
        assert after[part] == before[part]
    assert Page(after).status == "Accepted"
    assert [each["stage"] for each in after["lifecycles"]] == ["accepted"]
    opened = [task["kind"] for task in after["tasks"]]
    assert opened == [task["kind"] for task in before["tasks"]]


@pytest.mark.rule("PO-05")
async def test_who_assigned_a_found_job_is_asked_and_settled_by_the_late_hook(
    office: Office,
) -> None:
    job = office.desk.job()
    office.enter(job)
    await found(office, job, "job.assigned")
    page = await job.page()
    assert page.attention == []
    asked = page.task("assigned_out_of_turn")
    assert (asked["status"], asked["role"]) == ("open", "supervisor")
    assert asked["text"].startswith("Find out who assigned this job to PlusOne.")

    await job.assigned()
    await office.heard(job)
    page = await job.page()
    assert (page.attention, page.task("assigned_out_of_turn")["status"]) == ([], "done")


@pytest.mark.rule("PO-05")
async def test_a_late_hook_that_names_somebody_else_than_dispatch_is_questioned(
    office: Office,
) -> None:
    job = office.desk.job()
    office.enter(job)
    await found(office, job, "job.assigned")
    await job.assigned(actor=acting("customer_service"))
    await office.heard(job)
    page = await job.page()
    assert page.attention == ["rule_conflict"]
    texts = page.task_texts("assigned_out_of_turn")
    assert texts[-1].startswith("Talk to Customer Service")


async def test_a_job_found_with_no_provider_found_accuses_nobody(office: Office) -> None:
    job = await office.searching()
    there = account("No Provider Found")
    office.enter(job, assigned_to=there, assigned_at=iso(now()))
    await found(office, job, "job.assigned")
    page = await job.ends_as("superseded")
    assert page.attention == ["rule_conflict"]
    assert page.task("reassigned_against_rule")["text"].startswith("Find out whether PlusOne gave")
    assert not [note for note in page.notes if "bill" in note]


@pytest.mark.rule("PO-11")
async def test_a_job_found_with_another_provider_was_taken_by_somebody(office: Office) -> None:
    job = await office.searching()
    office.enter(job, assigned_to=TULSA, assigned_at=iso(now()))
    await found(office, job, "job.assigned")
    page = await job.ends_as("superseded")
    assert page.task("reassigned_against_rule")["text"].startswith("Somebody took this job")
    shown = await job.show()
    doers = {entry["what"]: entry["actor"]["name"] for entry in shown["journal"]}
    assert doers["found with another account, though PlusOne may keep it"] == "Steward"
    assert "Job system's list" not in doers.values()
    assert not [what for what in doers if what.lower().startswith("taken from")]


@pytest.mark.rule("APO-19")
async def test_who_assigned_apo_is_asked_until_the_late_hook_tells(office: Office) -> None:
    job = office.desk.job(assigned_to=APO).of("apo")
    office.enter(job)
    await found(office, job, "job.assigned")
    page = await job.page()
    assert (page.stage, page.attention) == ("awaiting_customer", [])
    assert page.task("assigned_out_of_turn")["text"].startswith("Find out who assigned")
    await job.assigned()
    await office.heard(job)
    assert (await job.page()).task("assigned_out_of_turn")["status"] == "done"


async def test_an_appointment_and_its_report_that_no_hook_told_of_are_followed(
    office: Office,
) -> None:
    job = office.desk.job(
        assigned_to=tulsa_plumbing(), status="Accepted", appointment_at=ago("30s")
    ).of("spoc")
    office.enter(job)
    await found(office, job, "job.assigned", "job.appointment_confirmed")
    assert (await job.page()).stage == "awaiting_report"
    office.enter(job, diagnostic_report_at=iso(now()))
    await found(office, job, "job.status_changed")
    assert (await job.page()).stage == "report_received"


async def test_a_search_begins_although_a_later_hook_hid_its_assignment(office: Office) -> None:
    job = office.desk.job()
    office.enter(job)
    await job.event("job.status_changed")
    await found(office, job, "job.assigned")
    assert (await job.page()).stage == "searching"


# --- the Schedule ------------------------------------------------------------------------------


@pytest.fixture
async def schedule(client: Client) -> AsyncIterator[ScheduleHandle]:
    """Leave no Schedule behind."""
    yield client.get_schedule_handle(RECONCILE)
    await ensure_schedules(client, POLICY, has_job_system=False)


def test_it_runs_as_often_as_the_policy_says_and_never_twice_at_once() -> None:
    wanted = reconciliation_schedule(POLICY)
    (interval,) = wanted.spec.intervals
    assert interval.every == timedelta(minutes=10)
    assert wanted.policy.overlap is ScheduleOverlapPolicy.SKIP


async def test_it_is_kept_while_there_is_another_job_system(
    client: Client, schedule: ScheduleHandle
) -> None:
    await ensure_schedules(client, POLICY, has_job_system=True)
    await schedule.pause(note="The job system moves house")
    often = parse_policy('[reconciliation]\nevery = "2m"', "often.toml")
    await ensure_schedules(client, often, has_job_system=True)
    kept = (await schedule.describe()).schedule
    (interval,) = kept.spec.intervals
    assert (interval.every, kept.state.paused) == (timedelta(minutes=2), True)

    await ensure_schedules(client, POLICY, has_job_system=False)
    with pytest.raises(RPCError):
        await schedule.describe()
    await ensure_schedules(client, POLICY, has_job_system=False)


async def test_the_worker_finds_what_is_older_than_the_grace(office: Office) -> None:
    desk = office.desk
    await ensure_schedules(desk.client, POLICY, has_job_system=True)
    handle = desk.client.get_schedule_handle(RECONCILE)
    old, young = desk.job(), desk.job()
    office.partner.now = lambda: now() - timedelta(minutes=5)
    office.enter(old)
    office.partner.now = now
    office.enter(young)
    await handle.trigger()
    while not (actions := (await handle.describe()).info.recent_actions):  # noqa: ASYNC110  the server tells no other way
        await asyncio.sleep(0.05)
    action = actions[-1].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    assert action.workflow_id.startswith("reconcile-")
    assert await desk.client.get_workflow_handle(action.workflow_id).result() == 1
    await handle.delete()
    await office.heard(old)
    assert (await old.page()).stage == "searching"
    record = await Reconciliations(desk.database).record()
    assert record is not None
    assert record.failing_since is None
    await found(office, young, "job.assigned")


# --- what is printed ---------------------------------------------------------------------------

ANSWER = {"missed": [], "left": [], "unreadable": [], "listed": 3, "done": True, "next": None}


@pytest.mark.parametrize(
    ("answer", "is_dry", "words"),
    [
        ({}, False, ["The hooks missed nothing. Compared: 3 jobs"]),
        (
            {"missed": [{"job_id": "SJ-1", "what": "job.assigned"}]},
            False,
            ["SJ-1", "an assignment", "Steward is delivering what was missed."],
        ),
        (
            {"missed": [{"job_id": "SJ-1", "what": "job.status_changed"}]},
            True,
            ["a change of the job", "this was a dry run."],
        ),
        ({"left": [{"job_id": "SJ-2", "why": "Busy."}]}, False, ["next time: SJ-2. Busy."]),
        ({"unreadable": [{"job_id": "SJ-3", "why": "No."}]}, False, ["Can't be read: SJ-3. No."]),
        ({"next": "4711", "done": False}, False, ["Add --since 4711"]),
    ],
)
def test_a_person_reads_what_was_missed(
    answer: dict[str, Any],
    is_dry: bool,  # noqa: FBT001  what pytest gives
    words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_reconciled({**ANSWER, **answer}, dry_run=is_dry)
    said = capsys.readouterr().out
    assert [word for word in words if word not in said] == []


def test_the_mark_of_what_was_found_names_nobody() -> None:
    assert json.loads(FOUND_IN_LIST.model_dump_json()) == {
        "name": "Job system's list",
        "role": "system",
    }
