"""Who may offer the option, who decides on it, and when (APO-18 to APO-23, APO-41 to APO-45)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from domain.roles import Role
from service import starting
from service.routing import Router
from store.lifecycles import Lifecycles
from tests.desk import Desk, Told, acting, now
from tests.domain.calendar_oracle import THU, clock_changes, nth
from tests.options import (
    EASTERN,
    FRIDGE,
    KIM,
    OPTION,
    WANTED,
    asked_for,
    business_days_after,
    instructed,
    next_time,
    offered,
    on_a_clock,
    since,
    supervisors,
    unserved,
)
from workflows.registry import LIFECYCLES

MINUTE = timedelta(minutes=1)
EXHAUSTED = {"locator_completed": True, "all_providers_called": True, "customer_escalated": True}


async def has_begun(job: Told) -> bool:
    return bool((await job.show())["lifecycles"])


# --- offering ---------------------------------------------------------------------------------


@pytest.mark.rule("APO-19")
@pytest.mark.rule("APO-41")
@pytest.mark.rule("APO-42")
@pytest.mark.rule("APO-45")
@pytest.mark.parametrize(
    ("brand", "name"),
    [("Cinch", "Cinch Home Services"), ("Sears", "Sears Home Warranty Support Center")],
)
async def test_dispatch_offers_it_at_its_discretion_and_calls_the_customer(
    desk: Desk, brand: str, name: str
) -> None:
    job = await unserved(desk, brand=brand, item={"name": "Faucet", "category": "other"})
    answer = await job.ok("offer_apo", "dispatch", reason="Nobody near", in_network_exhausted=False)

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("contacting_customer", "dispatch")
    assert page.due_at == since(page) + timedelta(hours=4)
    assert page.note("APO offered: Nobody near")["author"] == {
        "name": "Sam",
        "role": "dispatch",
    }
    assert page.note("The in-network search is not exhausted (APO-41).")
    assert page.tasks("dispatch") == ["reach_customer"]
    asked = page.task("reach_customer")["text"]
    assert name in asked
    assert "the line is recorded" in asked
    assert (page.assigned_to, page.mails, page.attention) == ("Procure Vendor", [], [])
    assert page.promises == [("APO-02", None)]
    assert answer == {
        "stage": page.stage,
        "waiting_on": page.waiting_on,
        "due_at": page.standing["due_at"],
        "next": page.next,
        "result": None,
    }


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-23")
@pytest.mark.parametrize(("command", "rule"), [("offer_apo", "APO-18"), ("request_apo", "APO-23")])
async def test_customer_service_neither_offers_it_nor_has_others_offer_it(
    desk: Desk, command: str, rule: str
) -> None:
    job = await unserved(desk)
    status, body = await job.refused(command, "customer_service", **WANTED)

    assert (status, body["error"], body["rule"]) == (403, "role", rule)
    assert "Dispatch" in body["instead"]
    shown = await job.show()
    assert (shown["lifecycles"], shown["notes"], shown["tasks"]) == ([], [], [])
    (entry,) = shown["journal"]
    assert (entry["actor"]["name"], entry["rule"]) == ("Sam", rule)
    assert entry["what"] == f"refused {command}: {body['message'].removeprefix(f'{command}: ')}"


@pytest.mark.rule("APO-43")
@pytest.mark.rule("APO-44")
async def test_escalations_offers_it_for_an_escalated_delay_once_everybody_was_called(
    desk: Desk,
) -> None:
    job = await unserved(desk)
    answer = await job.ok("offer_apo", "escalations", **WANTED, **EXHAUSTED)

    assert (answer["stage"], answer["waiting_on"]) == ("contacting_customer", "dispatch")
    assert (await job.page()).tasks("dispatch") == ["reach_customer"]


@pytest.mark.rule("APO-43")
@pytest.mark.rule("APO-44")
@pytest.mark.parametrize(
    ("lacking", "assigned_to", "rule"),
    [
        ("locator_completed", "Procure Vendor", "APO-43"),
        ("all_providers_called", "Procure Vendor", "APO-43"),
        ("customer_escalated", "Procure Vendor", "APO-44"),
        (None, "Tulsa Plumbing", "APO-44"),
    ],
)
async def test_escalations_does_not_offer_it_otherwise(
    desk: Desk, lacking: str | None, assigned_to: str, rule: str
) -> None:
    job = await unserved(desk, assigned_to={"number": None, "name": assigned_to})
    said = {name: name != lacking for name in EXHAUSTED}
    status, body = await job.refused("offer_apo", "escalations", **WANTED, **said)

    assert (status, body["rule"]) == (409, rule)
    assert "request_apo" in body["instead"]
    assert not await has_begun(job)


@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-21")
@pytest.mark.rule("APO-22")
@pytest.mark.parametrize("category", ["hvac", "water_heater", "refrigerator"])
async def test_a_supervisor_offers_it_after_hours_for_what_cannot_wait(
    desk: Desk, category: str
) -> None:
    here = desk.under(supervisors(at_hand=True))
    job = await unserved(here, item={"name": "It", "category": category})
    answer = await job.ok("offer_apo", "supervisor", **WANTED)

    assert (answer["stage"], answer["waiting_on"]) == ("contacting_customer", "dispatch")


@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-21")
@pytest.mark.rule("APO-22")
@pytest.mark.parametrize(
    ("at_hand", "category", "exhausted", "rule"),
    [
        (False, "refrigerator", True, "APO-20"),
        (True, "other", True, "APO-21"),
        (True, "refrigerator", False, "APO-22"),
    ],
)
async def test_a_supervisor_does_not_offer_it_otherwise(
    desk: Desk, *, at_hand: bool, category: str, exhausted: bool, rule: str
) -> None:
    here = desk.under(supervisors(at_hand=at_hand))
    job = await unserved(here, item={"name": "It", "category": category})
    fields = {"reason": "Nobody near", "in_network_exhausted": exhausted}
    status, body = await job.refused("offer_apo", "supervisor", **fields)

    assert (status, body["error"], body["rule"]) == (409, "conflict", rule)
    assert body["instead"]
    assert not await has_begun(job)


@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("command", ["offer_apo", "request_apo"])
@pytest.mark.parametrize("role", ["dispatch", "supervisor"])
async def test_what_plusone_holds_is_never_offered(desk: Desk, command: str, role: str) -> None:
    """The hold wins, after hours too (G-60)."""
    here = desk.under(supervisors(at_hand=True))
    role = role if command == "offer_apo" else "escalations"
    searched = await here.searching(item=FRIDGE, trade="Appliances")
    job = searched.of("apo")
    rules = []
    for happens in (None, searched.accepted, searched.reported):
        if happens:
            await happens()
        status, body = await job.refused(command, role, **WANTED)
        rules.append((status, body["rule"]))

    assert rules == [(409, "PO-18"), (409, "PO-19"), (409, "PO-20")]
    assert [each["lifecycle"] for each in (await job.show())["lifecycles"]] == ["plus-one"]


@pytest.mark.parametrize("command", ["offer_apo", "request_apo"])
@pytest.mark.parametrize("status", ["Cancelled", "Completed"])
async def test_a_job_that_is_over_is_not_offered_it(desk: Desk, command: str, status: str) -> None:
    job = await unserved(desk, status=status)
    refused, body = await job.refused(command, "dispatch", **WANTED)

    assert (refused, body["error"]) == (409, "conflict")
    assert status.lower() in body["message"]
    assert not await has_begun(job)


# --- asking for it ----------------------------------------------------------------------------


@pytest.mark.rule("APO-19")
@pytest.mark.rule("APO-20")
@pytest.mark.parametrize("role", ["dispatch", "escalations", "system"])
@pytest.mark.parametrize(
    ("at_hand", "decides", "rule"), [(True, "supervisor", "APO-20"), (False, "dispatch", "APO-19")]
)
async def test_who_asks_waits_for_a_supervisor_in_their_hours_and_else_for_dispatch(
    desk: Desk, *, role: str, at_hand: bool, decides: str, rule: str
) -> None:
    job = await unserved(desk.under(supervisors(at_hand=at_hand)))
    answer = await job.ok("request_apo", role, **WANTED)
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_approval", decides)

    page = await job.page()
    assert page.tasks(decides) == ["decide_apo"]
    assert page.promises == [(rule, None)]
    assert page.note("APO requested: Nobody within 60 miles")["author"]["role"] == role
    assert page.assigned_to == "Procure Vendor"
    assert answer["next"] == page.next


@pytest.mark.rule("APO-20")
async def test_a_supervisor_approves_what_somebody_else_asked_for(desk: Desk) -> None:
    job = await asked_for(desk.under(supervisors(at_hand=True)))
    answer = await job.ok("approve_apo", "supervisor", actor=KIM)
    assert (answer["stage"], answer["waiting_on"]) == ("contacting_customer", "dispatch")

    page = await job.page()
    assert page.note("APO approved.")["author"] == KIM
    assert (page.tasks("supervisor"), page.tasks("dispatch")) == ([], ["reach_customer"])
    assert page.promises == [("APO-20", "kept"), ("APO-02", None)]


@pytest.mark.rule("APO-19")
@pytest.mark.rule("APO-20")
@pytest.mark.parametrize("at_hand", [True, False])
async def test_dispatch_may_approve_at_any_hour(desk: Desk, *, at_hand: bool) -> None:
    here = desk.under(supervisors(at_hand=at_hand))
    job = await asked_for(here, item={"name": "Faucet", "category": "other"})
    note = "Nobody near"
    answer = await job.ok("approve_apo", "dispatch", actor=acting("dispatch"), note=note)

    assert answer["stage"] == "contacting_customer"
    assert (await job.page()).note("APO approved: Nobody near")


@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-21")
@pytest.mark.rule("APO-22")
@pytest.mark.parametrize(
    ("at_hand", "category", "exhausted", "rule"),
    [
        (False, "refrigerator", True, "APO-20"),
        (True, "other", True, "APO-21"),
        (True, "refrigerator", False, "APO-22"),
    ],
)
async def test_a_supervisor_does_not_approve_otherwise(
    desk: Desk, *, at_hand: bool, category: str, exhausted: bool, rule: str
) -> None:
    here = desk.under(supervisors(at_hand=at_hand))
    job = await unserved(here, item={"name": "It", "category": category})
    fields = {"reason": "Nobody near", "in_network_exhausted": exhausted}
    await job.ok("request_apo", "escalations", **fields)
    before = await job.page()
    status, body = await job.refused("approve_apo", "supervisor", actor=KIM)

    assert (status, body["rule"]) == (409, rule)
    after = await job.page()
    assert (after.standing, after.notes) == (before.standing, before.notes)
    assert ("Kim", f"refused approve_apo: {body['message']}", rule) in after.journal


@pytest.mark.rule("G-74")
@pytest.mark.parametrize("role", ["dispatch", "supervisor"])
@pytest.mark.parametrize("name", ["Sam", "sam", "SAM", "\uff33am"])
async def test_nobody_approves_a_request_of_their_own(desk: Desk, role: str, name: str) -> None:
    job = await asked_for(desk.under(supervisors(at_hand=True)))
    status, body = await job.refused("approve_apo", role, actor={"name": name, "role": role})

    assert (status, body["rule"]) == (409, "G-74")
    assert (await job.page()).stage == "awaiting_approval"


@pytest.mark.parametrize("role", ["dispatch", "supervisor"])
@pytest.mark.parametrize("assigned_to", ["Procure Vendor", "No Provider Found"])
async def test_what_is_declined_is_procure_vendors(desk: Desk, role: str, assigned_to: str) -> None:
    job = await asked_for(desk, assigned_to={"number": None, "name": assigned_to})
    actor = acting(role)
    await job.ok("decline_apo", role, actor=actor, reason="A provider is free tomorrow")

    page = await job.ends_as("declined")
    assert (page.assigned_to, page.status) == ("Procure Vendor", "New")
    assert page.note("APO declined: A provider is free tomorrow")["author"] == actor
    assert page.task("decide_apo")["status"] == "done"
    assert [outcome for _, outcome in page.promises] == ["kept"]
    assert (page.mails, page.attention) == ([], [])


# --- the supervisors' hours -------------------------------------------------------------------


def turns(start: datetime) -> Iterator[tuple[datetime, str]]:
    """Give when, from an instant on, the wait goes to whom, by the days of the week alone."""
    day = start.astimezone(EASTERN).date()
    while True:
        if day.weekday() < 5:
            for hour, decides in ((7, "dispatch"), (17, "supervisor")):
                at = datetime(day.year, day.month, day.day, hour, tzinfo=EASTERN)
                if at > start:
                    yield at, decides
        day += timedelta(days=1)


@pytest.mark.rule("APO-20")
async def test_the_decision_changes_hands_at_the_minute_of_the_turn(desk: Desk) -> None:
    job, noon = await asked_for(desk), next_time("Thu 12:00", after=now() + timedelta(hours=1))
    await job.fast_forward_to(noon)
    for at, decides in islice(turns(noon), 11):
        other = "dispatch" if decides == "supervisor" else "supervisor"
        await job.fast_forward_to(at - MINUTE)
        page = await job.page()
        assert (page.due_at, page.waiting_on, page.tasks(other)) == (at, other, ["decide_apo"])

        await job.fast_forward_to(at + MINUTE)
        page = await job.page()
        assert (page.stage, page.waiting_on) == ("awaiting_approval", decides)
        assert (page.tasks(decides), page.tasks(other)) == (["decide_apo"], [])
        assert page.attention == ["overdue"]
        assert {outcome for _, outcome in page.promises[:-1]} == {"broken"}
        assert page.promises[-1] == ("APO-20" if decides == "supervisor" else "APO-19", None)


@pytest.mark.rule("APO-20")
async def test_a_supervisor_is_too_late_once_their_window_has_closed(desk: Desk) -> None:
    job = await asked_for(desk)
    monday = next_time("Mon 07:00", after=now() + timedelta(hours=1))
    await job.fast_forward_to(monday + MINUTE)
    status, body = await job.refused("approve_apo", "supervisor", actor=KIM)
    assert (status, body["rule"]) == (409, "APO-20")

    await job.fast_forward_to(next_time("Mon 17:00", after=monday) + MINUTE)
    answer = await job.ok("approve_apo", "supervisor", actor=KIM)
    assert answer["stage"] == "contacting_customer"
    assert (await job.page()).attention == []


@pytest.mark.rule("APO-20")
@pytest.mark.parametrize("change", [0, 1], ids=["spring", "autumn"])
async def test_the_hours_follow_the_clock_when_it_is_changed(desk: Desk, change: int) -> None:
    sunday = clock_changes(now().year + 1)[change]
    friday = at_four(sunday - timedelta(days=2))
    job = await asked_for_at(desk, friday)
    await job.fast_forward_to(friday + timedelta(days=4))

    promises = (await job.page()).shown["promises"]
    due = [datetime.fromisoformat(each["due_at"]) for each in promises]
    assert [on_a_clock(at) for at in due] == [
        "Fri 17:00",
        "Mon 07:00",
        "Mon 17:00",
        "Tue 07:00",
        "Tue 17:00",
    ]
    assert due[2] - due[0] == timedelta(hours=71 if change == 0 else 73)
    opened = [datetime.fromisoformat(each["opened_at"]) for each in promises]
    assert opened == [friday, *due[:-1]]


@pytest.mark.rule("APO-20")
async def test_a_holiday_is_no_weekend(desk: Desk) -> None:
    """On Thanksgiving Dispatch decides from 07:00 on, as on any other Thursday (G-36)."""
    thanksgiving = nth(now().year + 1, 11, THU, 4)
    job = await asked_for_at(desk, at_four(thanksgiving - timedelta(days=1)))
    await job.fast_forward_to(at_four(thanksgiving))

    page = await job.page()
    assert [
        on_a_clock(datetime.fromisoformat(each["due_at"])) for each in page.shown["promises"]
    ] == [
        "Wed 17:00",
        "Thu 07:00",
        "Thu 17:00",
    ]
    assert page.waiting_on == "dispatch"
    status, body = await job.refused("approve_apo", "supervisor", actor=KIM)
    assert (status, body["rule"]) == (409, "APO-20")


def at_four(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 16, tzinfo=EASTERN)


async def asked_for_at(desk: Desk, at: datetime) -> Told:
    """Return a job for which the option is asked for at an instant that is still to come.

    Its lifecycle is started with that instant, and the job's own time moved to it.
    """
    job, apo = await unserved(desk), LIFECYCLES["apo"]
    fields = {"actor": acting("escalations"), "message_id": f"request-{job.id}", **WANTED}
    router = Router(tuple(LIFECYCLES.values()), desk.policy)
    known = await Lifecycles(desk.database).known(apo.workflow_id(job.id))
    request = apo.commands.read("request_apo", fields)
    argument = router.start_for_command(apo, job.id, known, request, fields, at)
    assert argument is not None
    await starting.start(desk.client, apo, argument, timedelta(seconds=10))
    await job.fast_forward_to(at)
    return job


# --- offered again ----------------------------------------------------------------------------


async def refused_twice(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer has refused the option as often as the policy lets them."""
    job = await instructed(desk, **fields)
    await job.ok("customer_refused", "customer_service", reason="No")
    await job.ends_as("refused")
    await job.ok("offer_apo", "dispatch", **WANTED)
    await job.ok("customer_reached", "dispatch", outcome="refused", reason="No again")
    await job.ends_as("refused")
    return job


async def test_after_two_refusals_it_is_not_offered_again(desk: Desk) -> None:
    job = await refused_twice(desk)
    for role in ("dispatch", "escalations"):
        status, body = await job.refused("offer_apo", role, **WANTED, **EXHAUSTED)
        assert (status, body["rule"]) == (409, "G-35")
        assert "`request_apo`" in body["instead"]

    page = await job.page()
    assert (page.stage, page.assigned_to) == ("refused", "Procure Vendor")
    assert page.tasks("dispatch") == ["find_provider"]


@pytest.mark.rule("APO-22")
async def test_after_two_refusals_a_supervisor_decides_at_any_hour_and_for_any_item(
    desk: Desk,
) -> None:
    here = desk.under(supervisors(at_hand=False))
    job = await refused_twice(here, item={"name": "Faucet", "category": "other"})
    answer = await job.ok("request_apo", "dispatch", **WANTED)
    assert (answer["stage"], answer["waiting_on"]) == ("awaiting_approval", "supervisor")
    assert "G-35" in answer["next"]
    for command, fields in (("approve_apo", {}), ("decline_apo", {"reason": "No"})):
        status, body = await job.refused(command, "dispatch", actor=acting("dispatch"), **fields)
        assert (status, body["rule"]) == (409, "G-35")

    answer = await job.ok("approve_apo", "supervisor", actor=KIM)
    assert answer["stage"] == "contacting_customer"


@pytest.mark.rule("APO-22")
async def test_after_two_refusals_the_network_still_has_to_be_exhausted(desk: Desk) -> None:
    job = await refused_twice(desk)
    await job.ok("request_apo", "dispatch", reason="She asks for it", in_network_exhausted=False)
    status, body = await job.refused("approve_apo", "supervisor", actor=KIM)

    assert (status, body["rule"]) == (409, "APO-22")


async def test_a_decision_that_only_a_supervisor_makes_stays_theirs_when_it_takes_long(
    desk: Desk,
) -> None:
    job = await refused_twice(desk)
    await job.ok("request_apo", "dispatch", **WANTED)
    await job.fast_forward("8d")

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_approval", "supervisor")
    assert (page.tasks("supervisor"), page.attention) == (["decide_apo"], ["overdue"])
    assert {outcome for _, outcome in page.promises[-2:]} == {"broken", None}


async def test_how_often_a_customer_may_refuse_is_policy(desk: Desk) -> None:
    job = await instructed(desk.under("[apo]\nmax_refusals = 1"))
    await job.ok("customer_refused", "customer_service", reason="No")
    status, body = await job.refused("offer_apo", "dispatch", **WANTED)

    assert (status, body["rule"]) == (409, "G-35")


# --- in the job system ------------------------------------------------------------------------


@pytest.mark.rule("APO-04")
@pytest.mark.rule("APO-19")
async def test_dispatch_may_simply_assign_the_options_account(desk: Desk) -> None:
    job = desk.job(assigned_to={"number": None, "name": OPTION}).of("apo")
    answer = await job.assigned()
    assert (answer["outcome"], answer["workflow_id"]) == ("started", f"apo/{job.id}")

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_customer", "customer")
    assert [template for _, template, _ in page.mails] == ["apo_instructions"]
    assert (page.attention, page.tasks("supervisor")) == ([], [])
    assert page.tasks("support_services") == ["refund_deductible"]
    assert page.assignments == [OPTION]


@pytest.mark.rule("APO-09")
async def test_an_assignment_that_is_told_late_brings_one_reminder(desk: Desk) -> None:
    """The reminders of all the days since then are not made up for at once."""
    job = desk.job(assigned_to={"number": None, "name": OPTION}).of("apo")
    await job.assigned(occurred_at=now() - timedelta(days=60))

    page = await job.page()
    assert [template for _, template, _ in page.mails] == [
        "apo_instructions",
        "apo_instructions_reminder",
    ]
    assert page.promises == [("APO-09", "broken"), ("APO-09", None)]
    assert page.due_at == business_days_after(since(page), 2)
    assert now() - since(page) < timedelta(days=1)


@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-19")
@pytest.mark.parametrize("role", ["customer_service", "supervisor", "escalations"])
async def test_who_else_assigns_the_options_account_is_questioned(desk: Desk, role: str) -> None:
    job = desk.job(assigned_to={"number": None, "name": OPTION}).of("apo")
    await job.assigned(actor=acting(role))

    page = await job.page()
    assert (page.stage, page.attention) == ("awaiting_customer", ["rule_conflict"])
    assert page.tasks("supervisor") == ["assigned_out_of_turn"]
    assert Role(role).people in page.task("assigned_out_of_turn")["text"]
    assert (f"Robin of {role}", "APO-19") not in [(who, rule) for who, _, rule in page.journal]
    assert "APO-19" in [rule for _, _, rule in page.journal]


@pytest.mark.rule("APO-04")
async def test_a_customer_who_has_the_instructions_does_not_get_them_twice(desk: Desk) -> None:
    job = await instructed(desk)
    await job.ok("customer_refused", "customer_service", reason="Not now")
    await job.ends_as("refused")
    job.fields.update(assigned_to={"number": None, "name": OPTION}, assigned_at=now().isoformat())
    assert (await job.assigned())["outcome"] == "started"

    page = await job.page()
    assert page.stage == "awaiting_customer"
    assert [template for _, template, _ in page.mails] == ["apo_instructions"]
    assert page.tasks("support_services") == ["refund_deductible"], "asked again, after a refusal"


@pytest.mark.rule("APO-19")
@pytest.mark.parametrize("way", [asked_for, offered])
@pytest.mark.parametrize(
    ("role", "attention"), [("dispatch", []), ("customer_service", ["rule_conflict"])]
)
async def test_an_assignment_in_the_job_system_overtakes_decision_and_call(
    desk: Desk, way: Any, role: str, attention: list[str]
) -> None:
    job = await way(desk)
    await job.fast_forward("5d")
    assert (await job.page()).attention == ["overdue"]
    job.fields.update(assigned_to={"number": None, "name": OPTION}, assigned_at=now().isoformat())
    await job.assigned(actor=acting(role))

    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_customer", "customer")
    assert [template for _, template, _ in page.mails] == ["apo_instructions"]
    assert page.attention == attention
    assert page.tasks("dispatch") == []
    assert page.tasks("supervisor") == (["assigned_out_of_turn"] if attention else [])
    assert page.tasks("support_services") == ["refund_deductible"]
    assert page.promises[-1] == ("APO-09", None)
