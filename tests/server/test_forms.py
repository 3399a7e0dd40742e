"""Forms of commands: each kind of field, each refusal, and nothing that is done twice."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.commands import Command
from domain.lifecycles import LifecycleKind
from domain.roles import Actor, Role
from service.routing import Router
from service.startable import Startable
from starters.desk.fields import MOST_ROWS, Asking, Field, fields_of, read_values, values_of
from starters.desk.forms import Offered, forms_for
from starters.desk.people import Person
from store.lifecycles import Lifecycles
from store.reading import Reading
from tests.conferences import unserved
from tests.desk import Desk, Told, now
from tests.desk_forms import Page, Sitter
from workflows.registry import LIFECYCLES

ZONE = "America/New_York"
FOR_PEOPLE = [
    pytest.param(kind, command, id=f"{kind.name}-{name}")
    for kind in LIFECYCLES.values()
    for name, command in kind.commands.items()
    if command.is_for_people
]

OF_EXAMPLES = datetime(2031, 11, 1, tzinfo=UTC)
"""Near the dates of the examples of all commands."""


def all_names(fields: tuple[Field, ...]) -> set[str]:
    inner = [name for each in fields for name in all_names((*each.fields, *each.rows))]
    return {each.name for each in fields}.union(inner)


@pytest.mark.parametrize(("kind", "command"), FOR_PEOPLE)
def test_every_command_goes_through_its_form_and_back(
    kind: LifecycleKind, command: Command
) -> None:
    del kind
    actor = Actor(name="Dana", role=min(command.roles))
    values = values_of(command, command.example, ZONE)
    assert set(values) <= all_names(fields_of(command, Asking(zone=ZONE, values=values)))
    read = read_values(command, values, ZONE, OF_EXAMPLES)
    assert read.problems == {}
    meant, made = (
        command.payload.model_validate({"actor": actor, **fields})
        for fields in (command.example, read.fields)
    )
    assert made == meant


@pytest.mark.parametrize(
    ("said", "zone", "at"),
    [
        ("2026-11-24T10:00", "America/New_York", "2026-11-24T15:00:00Z"),
        ("2026-11-24T10:00", "America/Chicago", "2026-11-24T16:00:00Z"),
        ("2026-07-01T10:00", "America/Phoenix", "2026-07-01T17:00:00Z"),
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00Z"),  # twice: the first
    ],
)
def test_an_instant_is_read_on_the_clock_beside_its_field(said: str, zone: str, at: str) -> None:
    command = LIFECYCLES["reassignment"].commands["appointment_captured"]
    assert read_values(command, {"at": said, "at.zone": zone}, ZONE, now()).fields == {"at": at}


@pytest.mark.parametrize(
    "said",
    ["2027-03-14T02:30", "tomorrow", "2026-11-24T10:00Z", "9999-12-31T23:30", "0001-01-01T00:00"],
)
def test_a_time_that_no_clock_shows_is_refused_beside_its_field(said: str) -> None:
    command = LIFECYCLES["reassignment"].commands["appointment_captured"]
    read = read_values(command, {"at": said}, ZONE, now())
    assert read.fields == {}
    assert list(read.problems) == ["at"]


@pytest.mark.parametrize(
    ("said", "amount"),
    [("240", "240"), (" $1,240.50 ", "1240.50"), ("1,000,000", "1000000"), ("0.5", "0.5")],
)
def test_an_amount_is_read_with_its_thousands(said: str, amount: str) -> None:
    command = LIFECYCLES["apo"].commands["estimate_submitted"]
    read = read_values(command, {"amount": said}, ZONE, now())
    assert (read.fields, read.problems) == ({"amount": amount}, {})


@pytest.mark.parametrize("said", ["240,50", "1,00", "1,2345", ",100", "1.234", "1.000,00", "-5"])
def test_an_amount_that_may_mean_two_things_is_refused_beside_its_field(said: str) -> None:
    command = LIFECYCLES["apo"].commands["estimate_submitted"]
    read = read_values(command, {"amount": said}, ZONE, now())
    assert read.fields == {}
    assert read.problems == {"amount": "Enter an amount such as 240.00 or 1,240.00."}


@pytest.mark.parametrize("said", ["1999-01-01", "9999-12-31", "0001-01-01", "soon"])
def test_a_date_far_from_today_is_refused_beside_its_field(said: str) -> None:
    command = LIFECYCLES["plus-one"].commands["update_parts"]
    assert list(read_values(command, {"eta": said}, ZONE, now()).problems) == ["eta"]


async def test_a_command_is_given_once_however_often_its_form_is_sent(desk: Desk) -> None:
    job = await desk.accepted()
    robin = await Sitter.of(desk, "authorizations")
    address = f"/console/jobs/{job.id}/plus-one/approve"
    page = await robin.opens(address)
    for _ in range(2):
        answer = await robin.sends(page, address, amount="$1,240.00", text="Two\r\nlines")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/console/jobs/{job.id}")
    shown = await job.show()
    notes = [note["text"] for note in shown["notes"] if "JOB APPROVAL" in note["text"]]
    assert len(notes) == 1
    assert "$1,240.00" in notes[0]
    assert "Two\nlines" in notes[0]
    said = await robin.opens(f"/console/jobs/{job.id}")
    assert f"Done: Approve the repair ({job.id})." in said.words


async def test_a_refusal_stands_above_what_was_typed_with_the_way_out(desk: Desk) -> None:
    job = await desk.accepted()
    agent = await Sitter.of(desk, "authorizations")
    answer = await agent.acts(
        job.id, "plus-one", "request_reassignment", to="Procure Vendor", reason="Too <b>slow</b>"
    )
    page = Page(answer.text)
    assert answer.status_code == 409
    assert "Don't reassign this job. PlusOne accepted it" in page.words
    address = f"/console/jobs/{job.id}/plus-one/request_reassignment"
    assert ("reason", "Too <b>slow</b>") in page.forms[address]
    assert f'href="/console/jobs/{job.id}/plus-one/add_service_job' in answer.text
    assert "`" not in page.words
    again = await agent.sends(page, address)
    assert again.status_code == 409  # asked anew: the answer to the first is not repeated
    assert (
        dict(page.forms[address])["message_id"]
        != dict(Page(again.text).forms[address])["message_id"]
    )


async def test_a_way_out_that_is_not_theirs_says_whom_to_ask(desk: Desk) -> None:
    job = await desk.accepted()
    agent = await Sitter.of(desk, "customer_service")
    answer = await agent.acts(
        job.id, "plus-one", "request_reassignment", to="Procure Vendor", reason="Too slow"
    )
    assert (
        "Dispatch, Authorizations or Parts Sourcing can add a service job"
        in Page(answer.text).words
    )
    assert "add_service_job" not in answer.text


async def test_what_a_role_may_not_do_is_said_before_and_after(desk: Desk) -> None:
    job = await desk.accepted()
    robin = await Sitter.of(desk, "authorizations")
    address = f"/console/jobs/{job.id}/plus-one/approve"
    page = await robin.opens(address)
    await robin.sends(page, "/console/role", role="customer_service", name="Robin")
    said = "Customer Service can't approve the repair. Authorizations can (PO-41)."
    barred = await robin.opens(address)
    assert said in barred.words
    assert address not in barred.forms
    page.forms[address] = [each for each in page.forms[address] if each[0] != "acts_as"]
    answer = await robin.sends(page, address, amount="1.00")
    assert answer.status_code == 403
    assert said in Page(answer.text).words


async def test_what_a_rule_forbids_now_is_said_before_it_is_filled_in(desk: Desk) -> None:
    job = await desk.accepted()
    agent = await Sitter.of(desk, "customer_service")
    address = f"/console/jobs/{job.id}/reassignment/start_reassignment"
    page = await agent.opens(address)
    assert "Don't reassign this job. PlusOne accepted it" in page.words
    assert address not in page.forms


async def test_what_does_not_run_is_refused_in_place(desk: Desk) -> None:
    job = await unserved(desk)
    agent = await Sitter.of(desk, "customer_service")
    answer = await agent.acts(job.id, "reassignment", "provider_no_answer")
    assert answer.status_code == 404
    assert 'role="alert"' in answer.text
    assert (await agent.http.get("/console/jobs/SJ-0/apo/approve_apo")).status_code == 404
    for nowhere in ("apo/no_such", "no-such/approve", "am-escalation/take_over", "call/spoc"):
        path = f"/console/jobs/{job.id}/{nowhere}"
        assert (await agent.http.get(path)).status_code == 404


async def test_what_nobody_answered_is_sent_again_as_the_same(desk: Desk) -> None:
    job = await desk.accepted()
    cut_off = await desk.cut_off_from_temporal()
    robin = await Sitter.of(cut_off, "authorizations")
    address = f"/console/jobs/{job.id}/plus-one/deny"
    page = await robin.opens(address)
    answer = await robin.sends(page, address, reason="Frost")
    again = Page(answer.text)
    assert answer.status_code == 503
    assert "Temporal doesn't answer. The command may still be carried out." in again.words
    assert "Check the job, or send the form again. It counts once." in again.words
    assert "Send again" in again.words
    sent, kept = dict(page.forms[address]), dict(again.forms[address])
    assert (kept["message_id"], kept["reason"]) == (sent["message_id"], "Frost")
    changed = await robin.sends(again, address, reason="No frost")
    assert changed.status_code == 409
    assert "You changed the form after you sent it." in Page(changed.text).words
    assert "No frost" in changed.text
    assert dict(Page(changed.text).forms[address])["message_id"] != sent["message_id"]


async def test_a_form_that_was_done_is_not_done_with_other_entries(desk: Desk) -> None:
    job = await desk.accepted()
    robin = await Sitter.of(desk, "authorizations")
    address = f"/console/jobs/{job.id}/plus-one/add_service_job"
    page = await robin.opens(address)
    known = dict(page.forms[address])
    first = await robin.sends(page, address, reason="First")
    assert first.status_code == 303, Page(first.text).words
    assert (await robin.sends(page, address, reason="First")).status_code == 303  # counts once
    refused = await robin.sends(page, address, reason="Other")
    assert refused.status_code == 409
    assert "This form was already sent, with other entries." in Page(refused.text).words
    assert "Other" in refused.text
    again = Page(refused.text)
    assert dict(again.forms[address])["message_id"] != known["message_id"]
    assert (await robin.sends(again, address)).status_code == 303


async def test_forms_are_offered_by_role_with_those_that_settle_a_task_first(desk: Desk) -> None:
    job = await desk.accepted()
    await job.reported()
    await job.rests()
    authorizations = await offered_to(desk, job, "authorizations")
    names = [form.name for form in authorizations.forms]
    assert {"approve", "deny", "request_info", "add_service_job", "route_question"} <= set(names)
    assert names[-1] == "risk_reported"
    whom = {other.name: other for other in authorizations.others}
    called = whom["customer_called"]
    assert called.told.startswith("Customer Service can "), "said once"
    assert "Customer Service can." in called.reason
    assert called.instead == ""
    blocked = (await offered_to(desk, job, "supervisor")).other("apo", "offer_apo")
    assert blocked is not None
    assert "PlusOne keeps the job" in blocked.reason


async def test_the_command_that_settles_a_task_of_theirs_comes_first(desk: Desk) -> None:
    job = (await unserved(desk)).of("apo")
    said = {"reason": "Nobody within 60 miles", "in_network_exhausted": True}
    await job.ok("offer_apo", "dispatch", **said)
    first = (await offered_to(desk, job, "dispatch")).forms[0]
    assert (first.name, first.is_settling) == ("customer_reached", True)


async def offered_to(desk: Desk, job: Told, role: str) -> Offered:
    """Return what a role can do on a job now."""
    found = await Reading(desk.database).job(job.id)
    assert found is not None
    router = Router(tuple(LIFECYCLES.values()), desk.policy)
    startable = Startable(Lifecycles(desk.database), router, LIFECYCLES, now)
    starts = await startable.on(job.id, Role(role))
    who = Person(actor=Actor(name="Robin", role=Role(role)), roles=(Role(role),), form_token="")
    return forms_for(found, starts, who, desk.policy, now())


async def test_wrong_fields_are_told_beside_them(desk: Desk) -> None:
    job = await desk.accepted()
    robin = await Sitter.of(desk, "authorizations")
    answer = await robin.acts(job.id, "plus-one", "approve", amount="a lot", non_covered="1.234")
    page = Page(answer.text)
    assert answer.status_code == 422
    assert answer.text.count('class="problem"') == 2
    assert "Enter an amount such as 240.00 or 1,240.00." in page.words
    assert 'aria-invalid="true"' in answer.text
    parts = await Sitter.of(desk, "parts_sourcing")
    answer = await parts.acts(
        job.id, "plus-one", "supply_parts", company="Tulsa", what="Valve", ship_to__line="1 Elm St"
    )
    for name in ("city", "state", "zip"):
        assert f'-supply-parts-ship_to-{name}-problem"' in answer.text
    answer = await parts.acts(job.id, "plus-one", "supply_parts", company="Tulsa", what="Valve")
    assert '-supply-parts-ship_to-problem"' in answer.text


async def test_a_script_gets_the_form_alone_and_the_address_to_go_to(desk: Desk) -> None:
    job = await desk.accepted()
    robin = await Sitter.of(desk, "authorizations")
    address = f"/console/jobs/{job.id}/plus-one/deny"
    page, by_script = await robin.opens(address), {"hx-request": "true"}
    answer = await robin.sends(page, address, by_script)
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith("<form")
    assert answer.headers["x-form-alone"] == "1"
    answer = await robin.sends(Page(answer.text), address, by_script, reason="Frost")
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, f"/console/jobs/{job.id}")


async def test_a_refused_form_keeps_the_id_that_it_was_sent_from(desk: Desk) -> None:
    job = await desk.accepted()
    robin = await Sitter.of(desk, "authorizations")
    address, by_script = f"/console/jobs/{job.id}/plus-one/deny", {"hx-request": "true"}
    page = await robin.opens(address)
    answer = await robin.sends(page, address, by_script, element="task-7-form")
    assert '<form class="fields command" id="task-7-form"' in answer.text
    answer = await robin.sends(page, address, by_script, element='x" onclick="')
    assert "onclick" not in answer.text


async def test_a_form_of_another_role_s_page_is_not_carried_out(desk: Desk) -> None:
    job = await desk.accepted()
    robin = await Sitter.of(desk, "authorizations")
    address = f"/console/jobs/{job.id}/plus-one/deny"
    page = await robin.opens(address)
    assert 'data-acts-as="Authorizations"' in page.html
    await robin.sends(page, "/console/role", role="supervisor")
    browser = {"accept": "text/html"}
    answer = await robin.sends(page, address, browser, reason="Frost")
    assert answer.status_code == 409
    assert "You now act as Supervisor. Nothing was sent. Reload this page first." in (
        Page(answer.text).words
    )
    back = dict(Page(answer.text).forms["/console/role"])["back"]
    assert back == "/console", "only forms are sent to its own address"
    answer = await robin.sends(page, "/console/role", role="dispatch")
    assert answer.status_code == 303, "the role itself can be switched from any page"


async def test_rows_are_added_without_a_script(desk: Desk) -> None:
    job = await unserved(desk)
    robin = await Sitter.of(desk, "dispatch")
    address = f"/console/jobs/{job.id}/reassignment/start_reassignment"
    page = await robin.opens(address)
    filled: dict[str, Any] = {"candidates__0__name": "Tulsa Plumbing", "reason": "Late"}
    for rows in range(2, MOST_ROWS + 1):
        page = Page((await robin.sends(page, address, more="candidates", **filled)).text)
        names = [name for name, _ in page.forms[address] if name.endswith(".name")]
        assert len(names) == rows
    assert dict(page.forms[address])["candidates.0.name"] == "Tulsa Plumbing"
    assert "Add a row" not in page.html


async def test_what_to_tell_the_customer_stays_until_it_is_dismissed(desk: Desk) -> None:
    job = await desk.searching()
    agent = await Sitter.of(desk, "customer_service")
    answer = await agent.acts(job.id, "plus-one", "customer_called", about="Asks when")
    page = await agent.opens(answer.headers["location"])
    assert "Tell the customer" in page.words
    assert "PlusOne is looking for a provider." in page.words
    assert f'href="/console/jobs/{job.id}"' in page.html
    others = await Sitter.of(desk, "supervisor")
    elsewhere = await others.http.get(answer.headers["location"])
    assert elsewhere.status_code == 404


SCRIPT = '"><script>alert(1)</script>'


@pytest.mark.parametrize(("kind", "command"), FOR_PEOPLE)
async def test_a_planted_script_stays_text_in_every_field(
    desk: Desk, scripted: str, kind: LifecycleKind, command: Command
) -> None:
    sitter = Sitter(desk, desk.http)
    names = all_names(fields_of(command, Asking(zone=ZONE, values={"candidates.0.name": ""})))
    address = f"/console/jobs/{scripted}/{kind.name}/{command.name}"
    page = await sitter.opens("/console")
    page.forms[address] = [("form_token", dict(page.forms["/console/role"])["form_token"])]
    filled: dict[str, Any] = dict.fromkeys(names, SCRIPT) | {"more": "candidates"}
    answer = await sitter.sends(page, address, **filled)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.fixture(scope="module")
async def scripted(desk: Desk) -> str:
    """Return a job whose forms are filled with scripts, and never carried out."""
    return (await desk.accepted()).id


async def test_only_escalations_is_asked_for_its_own_three_conditions(desk: Desk) -> None:
    job = await unserved(desk)
    address = f"/console/jobs/{job.id}/apo/offer_apo"
    for role, is_asked in (("dispatch", False), ("supervisor", False), ("escalations", True)):
        page = await (await Sitter.of(desk, role)).opens(address)
        assert ("Your Service Locator is completed" in page.words) is is_asked, role
        assert ('name="locator_completed"' in page.html) is is_asked, role
        assert "Escalations: whether" not in page.words


async def test_a_choice_that_nobody_made_is_asked_for_as_one(desk: Desk) -> None:
    job = await unserved(desk)
    dispatch = await Sitter.of(desk, "dispatch")
    answer = await dispatch.acts(job.id, "apo", "offer_apo", reason="Nobody near")
    assert answer.status_code == 422
    assert "Were all in-network providers tried? : Choose one." in Page(answer.text).words
    assert "Fill this in." not in Page(answer.text).words


def help_of(lifecycle: str, command: str, name: str) -> str:
    fields = fields_of(LIFECYCLES[lifecycle].commands[command], Asking(zone="America/New_York"))
    return next(each.help for each in fields if each.name == name)


def test_a_help_that_only_repeats_its_label_is_left_out() -> None:
    assert help_of("reassignment", "start_reassignment", "urgent") == ""
    assert help_of("apo", "customer_not_reached", "voicemail_left") == ""
    assert help_of("apo", "customer_accepted", "instructions_relayed") == ""
    assert help_of("reassignment", "start_reassignment", "reason") == "Why the job is reassigned."
    assert help_of("apo", "estimate_submitted", "amount") == "In USD, including tax (G-37)."


STYLE = Path("starters/desk/static/acting.css").read_text("utf-8")


def test_a_field_of_one_answer_says_so_and_style_shows_it_after_that_answer() -> None:
    found = []
    for kind in LIFECYCLES.values():
        for command in kind.commands.values():
            fields = fields_of(command, Asking(zone="America/New_York"))
            by_name = {each.name: each for each in fields}
            for each in fields:
                if each.when is None:
                    continue
                values = [value for value, _ in by_name[each.when.field].choices]
                assert each.when.value in values
                assert not each.required
                assert f'[data-when="{each.when.field}={each.when.value}"]' in STYLE
                found.append((command.name, each.name))
    assert ("provider_answered", "reason") in found
