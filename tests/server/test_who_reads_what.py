"""Every route and every role: what somebody may not read is not there, and nobody learns more."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import _IncludedRouter

from domain.accounts import PLUSONE
from domain.roles import EMPLOYEES, Actor, Role
from starters.desk.static_files import PREFIX, file_address
from starters.partner_view import Partner, page_for
from starters.tokens import Tokens
from store.tokens import TokenStore
from tests import concerns
from tests.desk import Desk, Told, account, ago, iso, now
from tests.server.conftest import api
from workflows.registry import LIFECYCLES

TULSA = account("Tulsa Plumbing", "700004711") | {"email": "desk@tulsa.example"}
RIVAL = account("City Plumbers", "700004712") | {
    "email": "desk@rival.example",
    "phone": "918-555-0777",
}
OUTSIDERS = ["plusone", "provider", "customer", "system"]
ROLES = sorted(EMPLOYEES) + OUTSIDERS
PARTNERS = {"plusone", "provider"}

# Who reads what: the answer to those who may is anything but 401 and 404.
OPEN = "open"  # needs no token
ANYBODY = "anybody"  # any token
EMPLOYEE = "employees"
STREAM = "stream"  # employees, for as long as they look
SUPERVISOR = "supervisors"
FIGURES = "figures"  # employees and systems
LIST = "list"  # employees all, partners theirs, others nothing
JOB = "job"  # employees all, partners theirs, others none
COMMAND = "command"  # as jobs, and customers on the jobs of their token

TABLE: dict[tuple[str, str], str] = {
    ("GET", "/openapi.json"): ANYBODY,
    ("POST", "/hooks/jobs"): OPEN,
    ("POST", "/hooks/mail"): OPEN,
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/hooks/dead"): EMPLOYEE,
    ("POST", "/hooks/dead/{inbox_id}/replay"): EMPLOYEE,
    ("GET", "/jobs"): LIST,
    ("GET", "/jobs/{job_id}"): JOB,
    ("GET", "/jobs/{job_id}/why"): JOB,
    ("GET", "/jobs/{job_id}/reads"): SUPERVISOR,
    ("POST", "/jobs/{job_id}/erase"): SUPERVISOR,
    ("POST", "/codec/decode"): EMPLOYEE,
    ("POST", "/codec/encode"): EMPLOYEE,
    ("GET", "/jobs/{job_id}/history/{part}"): EMPLOYEE,
    ("GET", "/stuck"): EMPLOYEE,
    ("GET", "/mail"): EMPLOYEE,
    ("GET", "/mail/{mail_id}"): EMPLOYEE,
    ("GET", "/tasks"): EMPLOYEE,
    ("POST", "/tasks/{task_id}/done"): EMPLOYEE,
    ("POST", "/tasks/{task_id}/undo"): EMPLOYEE,
    ("POST", "/tasks/{task_id}/take"): EMPLOYEE,
    ("POST", "/tasks/{task_id}/release"): EMPLOYEE,
    ("GET", "/outbox"): EMPLOYEE,
    ("POST", "/outbox/{row_id}/retry"): EMPLOYEE,
    ("POST", "/outbox/{row_id}/drop"): EMPLOYEE,
    ("POST", "/reconcile"): EMPLOYEE,
    ("GET", "/metrics"): FIGURES,
    ("GET", "/"): EMPLOYEE,
    ("GET", "/console"): EMPLOYEE,
    ("GET", "/console/jobs/{job_id}"): EMPLOYEE,
    ("GET", "/console/jobs/{job_id}/readers"): SUPERVISOR,
    ("GET", "/console/tasks"): EMPLOYEE,
    ("POST", "/console/tasks/{task_id}/done"): EMPLOYEE,
    ("POST", "/console/tasks/{task_id}/undo"): EMPLOYEE,
    ("POST", "/console/tasks/{task_id}/take"): EMPLOYEE,
    ("POST", "/console/tasks/{task_id}/release"): EMPLOYEE,
    ("GET", "/console/jobs/{job_id}/{lifecycle}/{command}"): EMPLOYEE,
    ("POST", "/console/jobs/{job_id}/{lifecycle}/{command}"): EMPLOYEE,
    ("POST", "/jobs/{job_id}/{lifecycle}/{command}/proof"): COMMAND,
    ("GET", "/console/jobs/{job_id}/{lifecycle}/{command}/proof"): EMPLOYEE,
    ("POST", "/console/jobs/{job_id}/{lifecycle}/{command}/proof"): EMPLOYEE,
    ("GET", "/console/jobs/{job_id}/call/{lifecycle}"): EMPLOYEE,
    ("GET", "/console/jobs/{job_id}/{lifecycle}/fast-forward"): EMPLOYEE,
    ("POST", "/console/jobs/{job_id}/{lifecycle}/fast-forward"): EMPLOYEE,
    ("GET", "/console/jobs/{job_id}/answers/{lifecycle}/{message_id}"): EMPLOYEE,
    ("GET", "/console/mail"): EMPLOYEE,
    ("GET", "/console/mail/{mail_id}"): EMPLOYEE,
    ("GET", "/console/mail/{mail_id}/html"): EMPLOYEE,
    ("GET", "/console/stuck"): EMPLOYEE,
    ("GET", "/console/procedures"): EMPLOYEE,
    ("GET", "/console/procedures/{lifecycle}"): EMPLOYEE,
    ("GET", "/console/promises"): EMPLOYEE,
    ("GET", "/console/promises.csv"): EMPLOYEE,
    ("POST", "/console/stuck/dismiss"): EMPLOYEE,
    ("POST", "/console/stuck/close"): EMPLOYEE,
    ("GET", "/console/hooks"): EMPLOYEE,
    ("POST", "/console/hooks/replay"): EMPLOYEE,
    ("GET", "/console/hooks/replay"): EMPLOYEE,
    ("GET", "/console/hooks/{inbox_id}"): EMPLOYEE,
    ("POST", "/console/hooks/{inbox_id}/replay"): EMPLOYEE,
    ("GET", "/console/outbox"): EMPLOYEE,
    ("POST", "/console/outbox/retry"): EMPLOYEE,
    ("POST", "/console/outbox/{row_id}/retry"): EMPLOYEE,
    ("POST", "/console/outbox/{row_id}/drop"): EMPLOYEE,
    ("POST", "/console/role"): EMPLOYEE,
    ("GET", "/console/sign-in"): OPEN,
    ("POST", "/console/sign-in"): OPEN,
    ("GET", "/console/sign-in/company"): OPEN,
    ("GET", "/console/sign-in/company/back"): OPEN,
    ("POST", "/console/sign-out"): EMPLOYEE,
    ("GET", "/console/changes"): STREAM,
    ("GET", "/console/static/{version}/{name}"): OPEN,
    **{
        ("POST", f"/jobs/{{job_id}}/{kind.name}/{command}"): COMMAND
        for kind in LIFECYCLES.values()
        for command in [*kind.commands, "{name}"]
    },
}


def routes(of: Any) -> Iterator[tuple[str, str]]:
    for route in of:
        if isinstance(route, _IncludedRouter):
            yield from routes(route.original_router.routes)
        else:
            for method in route.methods - {"HEAD"}:
                yield method, route.path


@dataclass
class House:
    """The API where tokens are asked for, and a token of each role."""

    desk: Desk
    tokens: dict[str, str]
    theirs: dict[str, str]
    """The job that each outsider may give commands on."""
    foreign: str

    async def asked(self, role: str | None, method: str, path: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[role]}"} if role else {}
        body = b"{}" if method == "POST" else b""
        headers |= {"content-type": "application/json"} if body else {}
        return await self.desk.http.request(method, path, content=body, headers=headers)


async def _held_by(desk: Desk, assignee: dict[str, Any]) -> Told:
    job = desk.job(assigned_to=assignee)
    await job.event("job.created")
    return job


@pytest.fixture(scope="module")
async def house_of_roles(desk: Desk) -> AsyncIterator[House]:
    store, tokens = TokenStore(desk.database), dict[str, str]()
    tulsa, rival = await _held_by(desk, TULSA), await _held_by(desk, RIVAL)
    plusone = await desk.searching()
    for role in ROLES:
        accounts = {"provider": TULSA["number"], "plusone": PLUSONE.number}
        made = await store.new(
            Actor(name=f"Robin of {role}", role=Role(role)),
            now(),
            account=accounts.get(role),
            jobs=(tulsa.id,) if role == "customer" else (),
        )
        tokens[role] = made.token
    theirs = {"provider": tulsa.id, "customer": tulsa.id, "plusone": plusone.id}
    async with api(desk, tokens=Tokens(store)) as guarded:
        yield House(guarded, tokens, theirs, rival.id)


def test_every_route_stands_in_the_table(desk: Desk) -> None:
    app: FastAPI = desk.app
    missing = set(routes(app.routes)) - set(TABLE)
    assert not missing, f"say in TABLE who reads {sorted(missing)}"


def existing(app: FastAPI) -> dict[tuple[str, str], str]:
    there = set(routes(app.routes))
    return {route: who for route, who in TABLE.items() if route in there}


def at(path: str, job_id: str) -> str:
    one = {"inbox_id": "999999", "task_id": "1", "row_id": "1", "mail_id": "1", "part": "notes"}
    one |= {"lifecycle": "apo", "command": "approve_apo", "message_id": "1"}
    filled = path.replace(f"{PREFIX}/{{version}}/{{name}}", file_address("desk.css"))
    filled = filled.replace("{job_id}", job_id).replace("{name}", "no_such_command")
    for name, value in one.items():
        filled = filled.replace(f"{{{name}}}", value)
    return filled


async def test_without_a_token_nothing_is_there_but_what_is_open(house_of_roles: House) -> None:
    for (method, path), who in existing(house_of_roles.desk.app).items():
        status = (
            await house_of_roles.asked(None, method, at(path, house_of_roles.foreign))
        ).status_code
        if who is OPEN and path in ("/hooks/jobs", "/hooks/mail"):
            assert status == 401  # of its own: it is not signed
        else:
            assert (status == 401) is (who is not OPEN), (method, path, status)


@pytest.mark.parametrize("role", OUTSIDERS)
async def test_what_an_outsider_may_not_read_is_as_if_it_were_not_there(
    house_of_roles: House, role: str
) -> None:
    may = {
        ANYBODY: True,
        EMPLOYEE: False,
        STREAM: False,
        SUPERVISOR: False,
        FIGURES: role == "system",
        LIST: role in PARTNERS,
        JOB: False,
        COMMAND: False,
    }
    nowhere = (await house_of_roles.asked(role, "GET", "/nowhere")).json()
    for (method, path), who in existing(house_of_roles.desk.app).items():
        if who is OPEN:
            continue
        response = await house_of_roles.asked(role, method, at(path, house_of_roles.foreign))
        assert (response.status_code != 404) is may[who], (method, path, response.text)
        if not may[who] and who in {JOB, COMMAND}:
            no_such = await house_of_roles.asked(role, method, at(path, "SJ-nobody-knows"))
            told, expected = response.text, no_such.text
            assert told == expected.replace("SJ-nobody-knows", house_of_roles.foreign)
        elif not may[who]:
            assert response.json() == nowhere


@pytest.mark.parametrize("role", ["plusone", "provider"])
async def test_a_partner_reads_and_commands_its_own(house_of_roles: House, role: str) -> None:
    own = house_of_roles.theirs[role]
    for (method, path), who in existing(house_of_roles.desk.app).items():
        if who is JOB:
            response = await house_of_roles.asked(role, method, at(path, own))
            assert response.status_code == 200, response.text
    command = f"/jobs/{own}/plus-one/report_cannot_locate"
    response = await house_of_roles.asked(role, "POST", command)
    assert "There is no job" not in response.text
    listed = (await house_of_roles.asked(role, "GET", "/jobs")).json()["items"]
    assert house_of_roles.foreign not in {item["job_id"] for item in listed}


async def test_a_customer_commands_on_the_jobs_of_the_token_and_reads_nothing(
    house_of_roles: House,
) -> None:
    own = house_of_roles.theirs["customer"]
    response = await house_of_roles.asked("customer", "POST", f"/jobs/{own}/apo/estimate_submitted")
    assert "There is no job" not in response.text
    assert (await house_of_roles.asked("customer", "GET", f"/jobs/{own}")).status_code == 404
    assert (await house_of_roles.asked("customer", "GET", "/jobs")).status_code == 404


@pytest.mark.parametrize("role", sorted(EMPLOYEES))
async def test_an_employee_reads_everything_but_who_has_read_what(
    house_of_roles: House, role: str
) -> None:
    for (method, path), who in existing(house_of_roles.desk.app).items():
        names_a_row = any(each in path for each in ("{mail_id}", "{message_id}", "{inbox_id}"))
        if who in {COMMAND, STREAM} or method == "POST" or names_a_row:
            continue
        response = await house_of_roles.asked(role, method, at(path, house_of_roles.foreign))
        may = {200, 303, 307} if who is not SUPERVISOR or role == "supervisor" else {404}
        assert response.status_code in may, (method, path, response.text)


async def test_a_refusal_on_a_stranger_s_job_leaves_nothing_on_it(house_of_roles: House) -> None:
    foreign = house_of_roles.foreign
    before = (await house_of_roles.asked("dispatch", "GET", f"/jobs/{foreign}")).json()
    for role in OUTSIDERS:
        await house_of_roles.asked(role, "POST", f"/jobs/{foreign}/apo/documents_received")
    assert (await house_of_roles.asked("dispatch", "GET", f"/jobs/{foreign}")).json() == before


# --- in time ----------------------------------------------------------------------------------


async def test_a_revoked_and_an_expired_token_let_nobody_in_at_once(desk: Desk) -> None:
    store = TokenStore(desk.database)
    dana = Actor(name="Dana", role=Role.DISPATCH)
    made = await store.new(dana, now())
    over = await store.new(dana, now(), expires_at=now())
    async with api(desk, tokens=Tokens(store)) as guarded:

        async def status(token: str) -> int:
            headers = {"authorization": f"Bearer {token}"}
            return (await guarded.http.get("/jobs", headers=headers)).status_code

        assert (await status(made.token), await status(over.token)) == (200, 401)
        assert await store.revoke(made.id, now())
        assert await status(made.token) == 401
        assert (await status(made.id), await status("stw_")) == (401, 401)


async def test_the_last_use_is_noted_once_a_minute(desk: Desk) -> None:
    store, at = TokenStore(desk.database), now()
    made = await store.new(Actor(name="Dana", role=Role.DISPATCH), at)
    tokens = Tokens(store, clock=lambda: at)
    for _ in range(3):
        await tokens.caller(f"Bearer {made.token}")
    await tokens.settle()
    (noted,) = [each.last_used_at for each in await store.all() if each.id == made.id]
    assert noted == at
    (token,) = [each for each in await store.all() if each.id == made.id]
    assert not store.is_worth_noting(token, at)


# --- what a partner reads of a job ------------------------------------------------------------


async def test_of_a_job_that_went_on_to_another_nothing_of_the_other_is_read(
    house_of_roles: House, desk: Desk
) -> None:
    """First it was Tulsa Plumbing's, then City Plumbers'."""
    job = desk.job(assigned_to=TULSA, assigned_at=ago("3h"))
    await job.event("job.created", occurred_at=job.assigned_at)
    job.desk = desk
    await job.note("Our van comes on Monday", "provider")
    await job.note("The customer is home all day", "dispatch")
    job.fields |= {"assigned_to": RIVAL, "assigned_at": iso(now()), "status": "New"}
    await job.event("job.assigned")
    job.fields["appointment_at"] = iso(now())
    await job.becomes("Accepted", actor={"name": "City Plumbers", "role": "provider"})
    await job.note("City Plumbers come on Tuesday", "provider")
    page = await house_of_roles.asked("provider", "GET", f"/jobs/{job.id}")
    assert page.status_code == 200
    shown = page.json()
    assert [note["text"] for note in shown["notes"]] == [
        *("Our van comes on Monday", "The customer is home all day")
    ]
    assert [each["to"]["name"] for each in shown["assignments"]] == ["Tulsa Plumbing"]
    for word in ("City Plumbers", "rival", "700004712", "918-555-0777", "Tuesday"):
        assert word not in page.text
    assert shown["job"]["assigned_to"]["name"] is None
    assert shown["job"]["appointment_at"] is None
    listed = await house_of_roles.asked("provider", "GET", f"/jobs?q={job.id}")
    assert "City Plumbers" not in listed.text
    why = await house_of_roles.asked("provider", "GET", f"/jobs/{job.id}/why")
    assert "City Plumbers" not in why.text
    whole = (await house_of_roles.asked("dispatch", "GET", f"/jobs/{job.id}")).json()
    assert set(whole) - set(shown) <= {"allowed", "next"}  # of a job that nobody follows


async def test_plusone_reads_its_search_and_no_refusal_and_no_other_s_mail(
    house_of_roles: House, desk: Desk
) -> None:
    job = await desk.searching()
    await job.refused("approve", "authorizations", amount="1.00")
    await job.note("ASSIGNMENT three called")
    page = (await house_of_roles.asked("plusone", "GET", f"/jobs/{job.id}")).json()
    (standing,) = page["lifecycles"]
    assert standing["stage"] == "searching"
    assert standing["next"]
    assert "report_cannot_locate" in standing["allowed"]
    assert "approve" not in standing["allowed"]
    assert "ASSIGNMENT three called" in [note["text"] for note in page["notes"]]
    assert not [entry for entry in page["journal"] if "refused" in entry["what"].casefold()]
    assert page["promises"]
    listed = (await house_of_roles.asked("plusone", "GET", f"/jobs?q={job.id}")).json()["items"]
    assert [item["job_id"] for item in listed] == [job.id]


# --- complaints -------------------------------------------------------------------------------


async def test_a_provider_never_learns_of_a_complaint_about_itself(
    house_of_roles: House, desk: Desk
) -> None:
    quiet = await _held_by(desk, TULSA)
    complained = await concerns.escalated(desk, assigned_to=TULSA)
    mail = await complained.ok("admin_reviewed", "admin_team")
    assert mail["stage"] == "area_manager_engaged"

    async def read(path: str, job: Told) -> httpx.Response:
        answer = await house_of_roles.asked("provider", "GET", path.format(job.id))
        assert answer.status_code == 200, answer.text
        return answer

    page = (await read("/jobs/{}", complained)).json()
    whole = (await house_of_roles.asked("dispatch", "GET", f"/jobs/{complained.id}")).json()
    assert [each["lifecycle"] for each in whole["lifecycles"]] == ["am-escalation"]
    for part in ("lifecycles", "exceptions", "tasks", "promises", "journal", "emails"):
        assert whole[part]
        assert page[part] == []
    assert (await read("/jobs/{}/why", complained)).json() == {"items": []}
    items = [
        (await read("/jobs?q={}", job)).text.replace(job.id, "SJ-1") for job in (quiet, complained)
    ]
    assert items[0] == items[1]
    assert (await read("/jobs?lifecycle=am-escalation&q={}", complained)).json()["items"] == []
    assert (await read("/jobs?waiting_on=area_manager&q={}", complained)).json()["items"] == []
    nowhere = await house_of_roles.asked("provider", "POST", "/nowhere")
    for job in (quiet, complained):
        for command in ("resolve", "provider_contacted", "no_such_command"):
            path = f"/jobs/{job.id}/am-escalation/{command}"
            answer = await house_of_roles.asked("provider", "POST", path)
            assert (answer.status_code, answer.json()) == (404, nowhere.json())


async def test_partners_read_no_ids_of_rules(house_of_roles: House, desk: Desk) -> None:
    job = await desk.searching()
    for path in (f"/jobs/{job.id}", f"/jobs/{job.id}/why", f"/jobs?q={job.id}"):
        ours = (await house_of_roles.asked("dispatch", "GET", path)).text
        theirs = json.loads((await house_of_roles.asked("plusone", "GET", path)).text)
        assert "(PO-17)" in ours
        assert re.search(r"\([A-Z]+-\d", json.dumps(theirs)) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Find a provider. Due at 9:05 AM ET (PO-17). Or not.",) * 2,
        ("Look (PO-18, PO-19 and G-60).", "Look."),
        ("Call City Plumbers (4712).",) * 2,
        ("Call (SPOC-22); then mail (APO-03 to APO-05)", "Call; then mail"),
    ],
)
def test_ids_of_rules_are_taken_out_and_nothing_else(text: str, shown: str) -> None:
    task = {"at": AT[4], "role": "provider", "kind": "k", "text": text}
    page = page_for(Partner("700004712", Role.PROVIDER), a_page(tasks=[task]))
    assert page["tasks"][0]["text"] == shown.replace(" (PO-17)", "")


AT = [datetime(2026, 11, 21, hour, tzinfo=UTC) for hour in range(6)]


def a_page(**more: Any) -> dict[str, Any]:
    """A job that was Tulsa's, and is City Plumbers' now."""
    parts = "lifecycles notes emails exceptions tasks service_jobs promises journal"
    empty = dict.fromkeys(parts.split(), ())
    assignments = [
        {"at": AT[0], "to": {"number": TULSA["number"], "name": "T"}, "by": "Dana", "reason": "x"},
        {"at": AT[3], "to": {"number": RIVAL["number"], "name": "R"}, "by": "Dana", "reason": "y"},
    ]
    job = {"job_id": "SJ-1", "assigned_to": RIVAL, "status": "Accepted"}
    return {"job": job, "assignments": assignments, **empty, **more}


def test_a_mail_is_read_by_whom_it_went_to() -> None:
    mails = [
        {"at": AT[1], "to": "desk@tulsa.example", "subject": "theirs"},
        {"at": AT[1], "to": "ada@example.com", "subject": "the customer's"},
        {"at": AT[4], "to": "desk@rival.example", "subject": "the other's"},
    ]
    tulsa = Partner("700004711", Role.PROVIDER, frozenset({"Desk@Tulsa.example"}))
    assert [mail["subject"] for mail in page_for(tulsa, a_page(emails=mails))["emails"]] == [
        "theirs"
    ]
    rival = Partner("700004712", Role.PROVIDER)
    assert [mail["subject"] for mail in page_for(rival, a_page(emails=mails))["emails"]] == [
        "the other's"
    ]


def test_what_is_internal_is_read_by_no_partner() -> None:
    page = a_page(
        notes=[
            {"at": AT[4], "visibility": "Private", "text": "internal", "author": {}},
            {"at": AT[4], "visibility": "Public", "text": "public", "author": {}},
        ],
        exceptions=[{"code": "X", "status": "Open", "comment": "internal"}],
        tasks=[{"at": AT[4], "role": "dispatch", "kind": "k", "text": "internal"}],
        promises=[{"opened_at": AT[4], "waiting_on": "authorizations", "duty": "internal"}],
        service_jobs=[{"account": {"number": "1", "name": "internal"}}],
        journal=[
            {"at": AT[4], "actor": {"name": "D", "role": "dispatch"}, "what": "internal"},
            {"at": AT[4], "actor": {"name": "R", "role": "provider"}, "what": "refused x: y"},
            {"at": AT[4], "actor": {"name": "R", "role": "provider"}, "what": "told us"},
        ],
        lifecycles=[
            {
                "lifecycle": "reassignment",
                "stage": "calling_provider",
                "waiting_on": "dispatch",
                "due_at": AT[5],
                "next": "Call internal",
                "guide": ["internal"],
                "attention": ["internal"],
                "attention_details": {"internal": "internal"},
                "outcome": None,
            }
        ],
    )
    shown = page_for(Partner("700004712", Role.PROVIDER), page)
    assert "internal" not in json.dumps(shown, default=str)
    assert [note["text"] for note in shown["notes"]] == ["public"]
    assert [entry["what"] for entry in shown["journal"]] == ["told us"]


def test_that_a_job_waits_for_the_job_system_concerns_no_partner() -> None:
    standing = {
        "lifecycle": "plus-one",
        "stage": "searching",
        "waiting_on": "plusone",
        "due_at": AT[5],
        "next": "Waiting for the Admin team: internal.",
        "attention": ["job_system_refuses"],
        "attention_details": [{"attention": "job_system_refuses", "why": "internal"}],
        "outcome": None,
    }
    page = a_page(lifecycles=[standing])
    holder = Partner(page["job"]["assigned_to"]["number"], Role.PROVIDER)
    (shown,) = page_for(holder, page)["lifecycles"]
    assert (shown["next"], shown["attention"]) == ("The company is updating this job.", [])
    assert "internal" not in json.dumps(shown, default=str)


def test_a_job_that_came_back_is_read_from_both_times() -> None:
    page = a_page(
        notes=[
            {"at": at, "visibility": "Public", "text": str(number), "author": {}}
            for number, at in enumerate(AT)
        ]
    )
    again = {"at": AT[5], "to": {"number": TULSA["number"], "name": "T"}, "by": "D", "reason": ""}
    page["assignments"].append(again)
    tulsa = page_for(Partner("700004711", Role.PROVIDER), page)
    assert [note["text"] for note in tulsa["notes"]] == ["0", "1", "2", "5"]
