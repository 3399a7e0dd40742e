"""The repair: from PlusOne's acceptance to its last note."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.desk import PLUSONE, Desk, Page, Told, account, acting, ago
from tests.production import IN_PRODUCTION

DIAGNOSIS = "DIAGNOSIS SUBMITTED/AWAITING APPROVAL"
MORE_INFO = "ADDITIONAL INFO PROVIDED/AWAITING APPROVAL"
REPLACEMENT = {"attributes": "18 cu ft", "failed_parts": "Compressor", "part_cost": "612.00"}
SHOP = {"line": "12 Elm St", "city": "Tulsa", "state": "OK", "zip": "74103"}


async def diagnosed(desk: Desk, **fields: Any) -> Told:
    job = await desk.accepted(**fields)
    await job.note(f"{DIAGNOSIS}: compressor, 240 USD")
    await job.rests()
    return job


async def informed(desk: Desk) -> Told:
    """A job that PlusOne accepted, and whose customer it told so."""
    job = await desk.accepted()
    await job.note("ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199, fees $75 and $20")
    await job.ok("customer_informed", "plusone", called=True, emailed=True)
    return job


def waits(page: Page) -> list[tuple[str, str | None]]:
    """The promises of a job without the duties that stand beside what is waited for."""
    return [each for each in page.promises if each[0] not in {"PO-62", "PO-63", "PO-65"}]


def due(page: Page) -> datetime:
    assert page.due_at is not None
    return page.due_at


# --- the way of a repair ----------------------------------------------------------------------


@pytest.mark.rule("PO-22")
@pytest.mark.rule("PO-25")
@pytest.mark.rule("PO-26")
@pytest.mark.rule("PO-28")
@pytest.mark.rule("PO-29")
@pytest.mark.rule("PO-41")
async def test_a_repair_from_acceptance_to_its_last_note(desk: Desk) -> None:
    job = await desk.accepted()
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("accepted", "plusone")

    await job.note(f"{DIAGNOSIS}: compressor, 240 USD")
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("diagnosis_submitted", "authorizations")

    answer = await job.ok("request_info", "authorizations", what="A photo of the plate")
    assert (answer["stage"], answer["waiting_on"]) == ("info_requested", "plusone")

    await job.note(f"{MORE_INFO} photo attached")
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("diagnosis_submitted", "authorizations")

    answer = await job.ok("approve", "authorizations", amount="240.00")
    assert (answer["stage"], answer["waiting_on"]) == ("approved", "plusone")

    await job.note("PARTS ORDERED - compressor")
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("parts_ordered", "plusone")

    await job.note("JOB COMPLETE")
    page = await job.ends_as("completed")
    assert page.assignments == ["PlusOne Solutions"]
    assert waits(page) == [
        ("PO-17", "kept"),
        ("PO-25", "kept"),
        ("PO-41", "kept"),
        ("PO-26", "kept"),
        ("PO-41", "kept"),
        ("PO-28", "kept"),
        ("PO-28", "kept"),
    ]
    asked = page.note("A photo of the plate")
    assert asked["author"]["role"] == "authorizations"
    assert asked["visibility"] == "Public with Email"
    assert [template for _, template, _ in page.mails] == ["public_note"] * 2
    assert page.notes[-1] == "JOB COMPLETE"


async def test_a_job_that_the_job_system_calls_completed_is(desk: Desk) -> None:
    job = await diagnosed(desk)
    await job.becomes("Completed")

    page = await job.ends_as("completed")
    assert page.promises[-1] == ("PO-41", "kept")


@pytest.mark.rule("PO-27")
async def test_parts_may_be_ordered_without_an_approval(desk: Desk) -> None:
    job = await desk.accepted()
    await job.note("PARTS ORDERED: cartridge, 45 USD")
    page = await job.page()
    assert (page.stage, page.tasks("authorizations")) == ("parts_ordered", ["check_order"])
    assert "The amount isn't known." in page.task("check_order")["text"]

    await job.note("JOB COMPLETE: repaired")
    page = await job.ends_as("completed")
    assert page.mails == []


# --- PlusOne's headings -----------------------------------------------------------------------


@pytest.mark.rule("PO-22")
@pytest.mark.parametrize(
    ("text", "stage"),
    [
        (DIAGNOSIS, "diagnosis_submitted"),
        (f"{DIAGNOSIS} compressor", "diagnosis_submitted"),
        (f"{DIAGNOSIS}: compressor", "diagnosis_submitted"),
        (f"{DIAGNOSIS}-compressor", "diagnosis_submitted"),
        (f"{DIAGNOSIS}\u2013compressor", "diagnosis_submitted"),
        (f"{DIAGNOSIS}\ncompressor", "diagnosis_submitted"),
        (MORE_INFO, "diagnosis_submitted"),
        ("PARTS ORDERED", "parts_ordered"),
        ("ASSIGNMENT: Acme Pipes, fee 75 USD", "accepted"),
        ("PARTS ORDERED, all of them", "accepted"),
        ("PARTS ORDEREDS", "accepted"),
        ("Parts ordered", "accepted"),
        ("We have PARTS ORDERED", "accepted"),
        ("DIAGNOSIS SUBMITED/AWAITING APPROVAL", "accepted"),
        ("JOB COMPLETED", "accepted"),
    ],
)
async def test_only_a_heading_as_agreed_moves_the_stage(desk: Desk, text: str, stage: str) -> None:
    job = await desk.accepted()
    await job.note(text)

    page = await job.page()
    assert (page.stage, page.notes[-1]) == (stage, text)


@pytest.mark.rule("PO-22")
@pytest.mark.parametrize("role", ["dispatch", "provider", "authorizations"])
async def test_a_heading_in_anybody_elses_note_moves_nothing(desk: Desk, role: str) -> None:
    job = await desk.accepted()
    await job.note("JOB COMPLETE", role=role)

    page = await job.page()
    assert (page.stage, page.notes[-1]) == ("accepted", "JOB COMPLETE")


@pytest.mark.rule("PO-22")
async def test_an_older_note_that_is_told_later_does_not_turn_the_repair_back(desk: Desk) -> None:
    job = await desk.accepted()
    an_hour_ago = job.assigned_at - timedelta(hours=1)
    await job.note("PARTS ORDERED: compressor")
    await job.note(f"{DIAGNOSIS}: compressor", occurred_at=an_hour_ago)

    page = await job.page()
    assert (page.stage, len(page.notes)) == ("parts_ordered", 3)


@pytest.mark.rule("PO-22")
@pytest.mark.rule("PO-25")
async def test_a_diagnosis_told_before_its_acceptance_counts_once_that_is_told(desk: Desk) -> None:
    job = await desk.searching()
    await job.note(f"{DIAGNOSIS}: compressor")
    page = await job.page()
    assert (page.stage, page.promises) == ("searching", [("PO-17", None)])

    await job.accepted()
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("diagnosis_submitted", "authorizations")


async def test_a_completion_told_before_its_acceptance_ends_the_job_once_that_is_told(
    desk: Desk,
) -> None:
    job = await desk.searching()
    await job.note("JOB COMPLETE")
    await job.accepted()

    await job.ends_as("completed")


@pytest.mark.rule("PO-17")
async def test_notes_of_a_repair_that_was_never_accepted_do_not_keep_the_job(desk: Desk) -> None:
    job = await desk.searching()
    await job.note(f"{DIAGNOSIS}: compressor")
    await job.fast_forward("48h")

    await job.ends_as("no_provider_found")


# --- the authorization ------------------------------------------------------------------------


@pytest.mark.rule("PO-40")
@pytest.mark.rule("PO-42")
@pytest.mark.rule("PO-43")
async def test_an_approval_is_a_public_note_mailed_to_the_provider(desk: Desk) -> None:
    job = await diagnosed(desk)
    await job.ok("approve", "authorizations", amount="1240.5", text="Compressor, model XL")

    page = await job.page()
    note = page.note("JOB APPROVAL", "$1,240.50", "Compressor, model XL")
    assert note["visibility"] == "Public with Email"
    assert note["author"] == {"name": "Sam", "role": "authorizations"}
    assert page.mails == [("dispatch@plusone.example", "public_note", "sent")]
    assert page.shown["tasks"] == []
    (mail,) = desk.letterbox.about(job.id)
    assert note["text"] in mail.text


@pytest.mark.rule("PO-43")
async def test_an_approval_is_mailed_where_the_account_says(desk: Desk) -> None:
    at_plusone = {**account(**PLUSONE), "email": "repairs@plusone.example"}
    job = await diagnosed(desk, assigned_to=at_plusone)
    await job.ok("approve", "authorizations", amount="240.00")

    assert (await job.page()).mails == [("repairs@plusone.example", "public_note", "sent")]


async def test_a_national_account_gets_the_note_but_no_mail(desk: Desk) -> None:
    national = {**account(**PLUSONE), "national_account": True}
    job = await diagnosed(desk, assigned_to=national)
    await job.ok("approve", "authorizations", amount="240.00")

    page = await job.page()
    assert page.note("JOB APPROVAL")["visibility"] == "Public with Email"
    assert page.mails == []


@pytest.mark.rule("PO-44")
@pytest.mark.rule("PO-45")
@pytest.mark.rule("PO-59")
@pytest.mark.parametrize(
    ("non_covered", "contact"),
    [("35.00", "Call or e-mail"), ("250.00", "Call or e-mail"), ("250.01", "Call")],
)
async def test_charges_that_are_not_covered_are_told_to_provider_and_customer(
    desk: Desk, non_covered: str, contact: str
) -> None:
    job = await diagnosed(desk)
    charges = {"amount": "400.00", "non_covered": non_covered}
    await job.ok("approve", "authorizations", **charges, text="Compressor $315, labor $85")

    page = await job.page()
    assert page.note("JOB APPROVAL", f"${non_covered}", "day of the repair", "contact the customer")
    assert page.tasks("authorizations") == ["disclose_charges"]
    task = page.task("disclose_charges")["text"]
    assert task == (f"{contact} the customer. Explain that ${non_covered} is not covered (PO-44).")


@pytest.mark.rule("PO-46")
async def test_an_approval_may_be_given_anew(desk: Desk) -> None:
    job = await diagnosed(desk)
    await job.ok("approve", "authorizations", amount="100.00")
    answer = await job.ok("approve", "authorizations", amount="150.00", text="With the cartridge")

    assert answer["stage"] == "approved"
    page = await job.page()
    assert page.note("$100.00")
    assert page.note("$150.00", "With the cartridge")
    assert len(page.mails) == 2


@pytest.mark.rule("PO-20")
@pytest.mark.rule("PO-21")
@pytest.mark.parametrize(
    ("role", "which", "words"),
    [
        ("authorizations", {}, "Repair denied"),
        ("decision_desk", {"partial": True}, "Part of the repair denied"),
    ],
)
async def test_a_denied_job_stays_with_plusone_in_accepted(
    desk: Desk, role: str, which: dict[str, bool], words: str
) -> None:
    job = await diagnosed(desk)
    answer = await job.ok("deny", role, reason="Frost is not covered.", **which)
    assert (answer["stage"], answer["waiting_on"]) == ("denied", "plusone")

    page = await job.page()
    note = page.note(words, "Frost is not covered.", "stays with PlusOne")
    assert note["visibility"] == "Public with Email"
    assert page.mails == [("dispatch@plusone.example", "public_note", "sent")]
    assert (page.assigned_to, page.status) == ("PlusOne Solutions", "Accepted")
    status, _ = await job.refused("request_reassignment", "dispatch", to="X", reason="denied")
    assert status == 409

    await job.note("JOB COMPLETE: diagnosis billed")
    await job.ends_as("completed")


async def test_a_denial_may_be_followed_by_another_diagnosis_and_an_approval(desk: Desk) -> None:
    job = await diagnosed(desk)
    await job.ok("deny", "decision_desk", reason="Second opinion wanted")
    await job.note(f"{DIAGNOSIS}: second opinion")
    assert (await job.page()).stage == "diagnosis_submitted"

    assert (await job.ok("approve", "authorizations", amount="10.00"))["stage"] == "approved"
    assert (await job.ok("deny", "authorizations", reason="Withdrawn"))["stage"] == "denied"
    assert (await job.ok("approve", "authorizations", amount="9.00"))["stage"] == "approved"


# --- parts and further jobs -------------------------------------------------------------------


@pytest.mark.rule("PO-09")
@pytest.mark.rule("PO-10")
@pytest.mark.parametrize(
    ("stage", "asked", "given"),
    [
        ("searching", None, {"number": None, "name": "Procure Vendor"}),
        ("accepted", "PlusOne Solutions", {"number": "700010237", "name": "PlusOne Solutions"}),
        ("searching", "4711", {"number": "4711", "name": "4711"}),
        ("accepted", "Tulsa Plumbing", {"number": None, "name": "Tulsa Plumbing"}),
    ],
)
async def test_a_job_is_added_to_the_order_instead_of_reassigning_this_one(
    desk: Desk, stage: str, asked: str | None, given: dict[str, str | None]
) -> None:
    job = await (desk.searching() if stage == "searching" else desk.accepted())
    wanted = {"account": asked} if asked else {}
    answer = await job.ok(
        "add_service_job", "dispatch", reason="Second opinion", event_type="Recall", **wanted
    )
    assert (answer["stage"], answer["result"]["account"]) == (stage, given)

    page = await job.page()
    (added,) = page.service_jobs
    assert (added["account"], added["event_type"]) == (given, "Recall")
    assert added["reason"] == "Second opinion"
    assert page.assignments == ["PlusOne Solutions"]


@pytest.mark.rule("PO-12")
@pytest.mark.rule("PO-49")
@pytest.mark.rule("PO-50")
@pytest.mark.rule("PO-53")
@pytest.mark.parametrize("role", ["authorizations", "parts_sourcing"])
async def test_parts_of_ours_go_through_the_procurement_account(desk: Desk, role: str) -> None:
    job = await diagnosed(desk)
    answer = await job.ok(
        "supply_parts", role, company="Tulsa Plumbing", ship_to=SHOP, what="Cartridge 4711"
    )

    page = await job.page()
    (added,) = page.service_jobs
    assert added["account"] == {"number": "700010640", "name": "PlusOne Part Procurement"}
    assert answer["result"]["account"] == added["account"]
    (comment,) = added["comments"]
    assert "Tulsa Plumbing" in comment
    assert "12 Elm St, Tulsa, OK 74103" in comment
    assert added["reason"] == "Cartridge 4711"
    assert page.note("Cartridge 4711", "12 Elm St, Tulsa, OK 74103")["author"]["role"] == role
    assert page.tasks("parts_sourcing") == ["procurement_claim"]
    assert (page.stage, page.assigned_to) == ("diagnosis_submitted", "PlusOne Solutions")


@pytest.mark.rule("PO-54")
@pytest.mark.rule("PO-55")
@pytest.mark.parametrize(
    ("company", "ship_to"),
    [
        ("PlusOne Solutions", {"state": "FL", "zip": "33101", "city": "Miami"}),
        ("plus one", {"state": "fl", "zip": "33101", "city": "Miami"}),
        (
            "Tulsa Plumbing",
            {"line": "1 NOWHERE Lane.", "city": "Fictionville", "state": "FL", "zip": "00000"},
        ),
    ],
)
async def test_nothing_is_shipped_to_plusone_itself(
    desk: Desk, company: str, ship_to: dict[str, str]
) -> None:
    job = await diagnosed(desk)
    wanted = {"company": company, "ship_to": {**SHOP, **ship_to}, "what": "Cartridge"}
    status, body = await job.refused("supply_parts", "parts_sourcing", **wanted)

    assert (status, body["rule"]) == (409, "PO-54")
    assert "supervisor" in body["instead"]
    page = await job.page()
    assert (page.service_jobs, page.stage) == ([], "diagnosis_submitted")


@pytest.mark.rule("PO-14")
@pytest.mark.rule("PO-55")
async def test_a_credit_ships_nothing_and_a_supervisor_corrects_an_address(desk: Desk) -> None:
    job = await diagnosed(desk)
    await job.ok(
        "supply_parts",
        "parts_sourcing",
        company="Tulsa Plumbing",
        what="Buyout of the dishwasher",
        kind="claim_credit",
    )
    assert (await job.page()).tasks("supervisor") == []
    await job.ok(
        "supply_parts",
        "parts_sourcing",
        company="Tulsa Plumbing",
        what="Dishwasher, 24 in",
        kind="replacement_equipment",
        ship_to=SHOP,
        oracle_update=True,
    )

    page = await job.page()
    assert {added["account"]["number"] for added in page.service_jobs} == {"700010640"}
    assert page.tasks("supervisor") == ["shipping_address"]
    assert page.tasks("parts_sourcing") == ["procurement_claim"] * 2


@pytest.mark.rule("PO-04")
@pytest.mark.rule("PO-05")
@pytest.mark.rule("PO-54")
@pytest.mark.parametrize(
    ("severity", "role", "account", "rule"),
    [
        ("Standard", "authorizations", "PlusOne Solutions", "PO-05"),
        ("Emergency", "dispatch", "PlusOne Solutions", "PO-04"),
        ("Standard", "parts_sourcing", "700010640", "PO-54"),
        ("Standard", "authorizations", "Alternate Provider Option", "APO-18"),
    ],
)
async def test_no_service_job_is_added_on_an_account_that_it_may_not_go_to(
    desk: Desk, severity: str, role: str, account: str, rule: str
) -> None:
    job = await desk.accepted()
    if severity != "Standard":
        job.fields["severity"] = severity
        await job.event("job.severity_changed")
        await job.rests()
    status, body = await job.refused("add_service_job", role, account=account, reason="More work")

    assert (status, body["rule"]) == (409, rule)
    assert body["instead"]
    assert (await job.page()).service_jobs == []


@pytest.mark.rule("PO-54")
@pytest.mark.parametrize(
    ("company", "ship_to"),
    [
        ("PlusOne Solutions", {}),
        ("Miami Plumbing", {"state": "FL", "zip": "33101", "city": "Miami"}),
    ],
)
async def test_a_shop_elsewhere_or_of_another_company_gets_its_parts(
    desk: Desk, company: str, ship_to: dict[str, str]
) -> None:
    job = await diagnosed(desk)
    wanted = {"company": company, "ship_to": {**SHOP, **ship_to}, "what": "Cartridge"}
    await job.ok("supply_parts", "parts_sourcing", **wanted)

    assert len((await job.page()).service_jobs) == 1


@pytest.mark.rule("PO-52")
async def test_how_the_parts_are_doing_is_noted_on_the_original_job(desk: Desk) -> None:
    job = await diagnosed(desk)
    await job.ok("update_parts", "parts_sourcing", text="Left the warehouse", eta="2026-12-01")

    page = await job.page()
    assert (
        page.note("Left the warehouse", "ETA Tue, Dec 1, 2026")["author"]["role"]
        == "parts_sourcing"
    )
    assert (page.service_jobs, page.stage) == ([], "diagnosis_submitted")


# --- silence ----------------------------------------------------------------------------------


async def test_each_long_silence_is_followed_up_until_something_is_heard(desk: Desk) -> None:
    job = await informed(desk)
    first = due(await job.page())
    assert timedelta(days=3) <= first - job.assigned_at <= timedelta(days=8)
    await job.fast_forward_to(first - timedelta(minutes=1))
    assert (await job.page()).shown["tasks"] == []

    await job.fast_forward_to(first + timedelta(minutes=1))
    page = await job.page()
    assert page.tasks("dispatch") == ["follow_up"]
    assert (page.stage, page.attention) == ("accepted", ["overdue"])
    kept_on = [("PO-25", "superseded"), ("PO-25", "superseded")]
    assert waits(page) == [("PO-17", "kept"), *kept_on, ("PO-25", "broken"), ("PO-25", None)]
    second = due(page)
    assert second > first

    await job.fast_forward_to(second + timedelta(minutes=1))
    page = await job.page()
    assert page.tasks("dispatch") == ["follow_up", "follow_up"]
    assert [outcome for _, outcome in waits(page)[3:]] == ["broken", "broken", None]

    await job.note("The technician is on the way")
    page = await job.page()
    assert (page.attention, page.tasks("dispatch")) == ([], [])
    assert due(page) > second
    assert page.promises[-1] == ("PO-25", None)


async def test_silence_counts_in_business_days_from_the_last_that_was_heard(desk: Desk) -> None:
    job = await informed(desk)
    began = due(await job.page())
    await job.fast_forward_to(began - timedelta(hours=1))
    await job.note("The technician is on the way")

    page = await job.page()
    assert due(page) - began >= timedelta(days=3)
    assert due(page).weekday() < 5
    await job.fast_forward_to(began + timedelta(hours=1))
    assert (await job.page()).shown["tasks"] == []


@pytest.mark.parametrize(
    ("command", "role", "fields"),
    [
        ("request_info", "authorizations", {"what": "A photo"}),
        ("approve", "authorizations", {"amount": "5.00", "text": "Cartridge $5"}),
        ("update_parts", "parts_sourcing", {"text": "Shipped"}),
    ],
)
async def test_whatever_is_done_for_the_repair_takes_the_alarm_back(
    desk: Desk, command: str, role: str, fields: dict[str, str]
) -> None:
    job = await informed(desk)
    await job.fast_forward_to(due(await job.page()) + timedelta(minutes=1))
    assert (await job.page()).attention == ["overdue"]
    await job.ok(command, role, **fields)

    page = await job.page()
    assert (page.attention, page.tasks("dispatch")) == ([], [])


async def test_a_customer_who_calls_does_not_break_the_silence(desk: Desk) -> None:
    job = await desk.accepted()
    before = due(await job.page())
    await job.fast_forward("24h")
    await job.ok("customer_called", "customer_service", about="Nobody came")

    assert due(await job.page()) == before


# --- what PlusOne owes once it has accepted -----------------------------------------------------


@pytest.mark.rule("PO-62")
@pytest.mark.rule("PO-63")
@pytest.mark.rule("PO-65")
@pytest.mark.rule("PO-66")
async def test_plusone_is_asked_for_what_it_owes_until_it_has_done_it(desk: Desk) -> None:
    job = await desk.accepted()
    page = await job.page()
    owed = [each for each in page.promises if each not in waits(page)]
    assert owed == [("PO-63", None), ("PO-62", None), ("PO-65", None)]
    await job.fast_forward_to(due(page) - timedelta(minutes=1))

    page = await job.page()
    assert (page.tasks("dispatch"), page.attention) == (["plusone_owes"], ["overdue"])
    assert page.mails == [("dispatch@plusone.example", "plusone_reminder", "sent")]
    (mail,) = desk.letterbox.about(job.id)
    assert mail.subject == f"Please inform the customer about their provider: job {job.id}"
    assert "E-mail the customer the Service Professional's information, from PlusOne." in mail.text
    await job.note("ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199, fees $75 and $20")
    await job.ok("customer_informed", "dispatch", called=True, emailed=True)

    page = await job.page()
    assert (page.tasks("dispatch"), page.attention) == ([], [])
    assert page.note("PlusOne called the customer", "and e-mailed the customer")
    assert [each[1] for each in page.promises if each not in waits(page)] == ["broken"] * 3


@pytest.mark.rule("PO-63")
@pytest.mark.parametrize(("status", "outcome"), [("Accepted", "kept"), ("New", None)])
async def test_an_assignment_note_that_was_passed_by_later_news_counts_from_the_acceptance(
    desk: Desk, status: str, outcome: str | None
) -> None:
    job = await desk.searching(assigned_at=ago("10h"))
    job.fields["status"] = "Accepted"
    await job.note("The technician comes tomorrow")
    job.fields["status"] = status
    written_at = job.assigned_at + timedelta(hours=8)
    await job.note("ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199", occurred_at=written_at)

    page = await job.page()
    assert page.stage == "accepted"
    assert ("PO-63", outcome) in page.promises


# --- what happens to the job meanwhile --------------------------------------------------------


@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-33")
async def test_an_accepted_job_that_becomes_urgent_stays_and_a_supervisor_is_told(
    desk: Desk,
) -> None:
    job = await diagnosed(desk)
    job.fields["severity"] = "Medical Emergency"
    await job.event("job.severity_changed")

    page = await job.page()
    assert (page.stage, page.assigned_to) == ("diagnosis_submitted", "PlusOne Solutions")
    assert page.tasks("supervisor") == ["became_urgent"]

    await job.event("job.severity_changed")
    assert (await job.page()).tasks("supervisor") == ["became_urgent"]


async def test_a_job_that_plusone_gives_up_again_is_handed_to_dispatch(desk: Desk) -> None:
    job = await desk.accepted(assigned_at=ago("20h"))
    await job.becomes("Rejected", actor=acting("plusone"))

    page = await job.page()
    assert (page.stage, page.tasks("dispatch")) == ("accepted", ["no_longer_accepted"])
    answer = await job.ok(
        "request_reassignment", "dispatch", to="Procure Vendor", reason="given up"
    )
    assert answer["stage"] == "released"
    page = await job.ends_as("released")
    assert page.tasks("dispatch") == []


@pytest.mark.parametrize("stage", ["searching", "accepted"])
async def test_a_job_that_plusone_takes_back_leaves_dispatch_nothing_to_decide(
    desk: Desk, stage: str
) -> None:
    job = await (desk.accepted() if stage == "accepted" else desk.searching())
    await job.becomes("Rejected", actor=acting("plusone"))
    assert (await job.page()).tasks("dispatch") == ["no_longer_accepted"]
    await job.accepted()

    page = await job.page()
    assert (page.stage, page.tasks("dispatch")) == ("accepted", [])


@pytest.mark.rule("PO-67")
async def test_a_job_that_plusone_gives_up_again_may_go_to_no_provider_found(desk: Desk) -> None:
    job = await desk.accepted()
    await job.becomes("Rejected", actor=acting("plusone"))
    await job.rests()
    answer = await job.ok("report_cannot_locate", "plusone", text="The technician withdrew")

    assert answer["stage"] == "no_provider_found"
    page = await job.ends_as("no_provider_found")
    assert page.tasks("dispatch") == ["complete_claim"]
    assert len(page.mails) == 1


@pytest.mark.rule("PO-37")
@pytest.mark.rule("PO-38")
@pytest.mark.rule("PO-63")
@pytest.mark.rule("PO-64")
async def test_every_note_stands_on_the_jobs_page_in_order(desk: Desk) -> None:
    job = await desk.accepted()
    said = ["Called the customer", "Technician: Acme Pipes, Tulsa, 918-555-0199", "Mailed them"]
    for text in said:
        await job.note(text)

    assert (await job.page()).notes[1:] == said


# --- who may do what, and when ----------------------------------------------------------------


@pytest.fixture(scope="module")
async def untouched(desk: Desk) -> Told:
    """Return a job with a diagnosis, which no refused command may change."""
    return await diagnosed(desk)


@pytest.mark.rule("PO-46")
@pytest.mark.rule("PO-41")
@pytest.mark.parametrize(
    ("command", "role", "fields"),
    [
        ("request_reassignment", "plusone", {"to": "X", "reason": "y"}),
        ("report_cannot_locate", "authorizations", {}),
        ("customer_called", "dispatch", {}),
        ("approve", "supervisor", {"amount": "1.00"}),
        ("approve", "decision_desk", {"amount": "1.00"}),
        ("request_info", "dispatch", {"what": "a photo"}),
        ("deny", "customer_service", {"reason": "no"}),
        ("add_service_job", "customer_service", {"reason": "more"}),
        ("supply_parts", "dispatch", {"company": "X", "ship_to": SHOP, "what": "y"}),
        ("update_parts", "plusone", {"text": "soon"}),
        ("approve_replacement", "decision_desk", {}),
        ("customer_informed", "customer_service", {}),
    ],
)
async def test_who_may_not_is_told_who_may_and_nothing_changes(
    untouched: Told, command: str, role: str, fields: dict[str, Any]
) -> None:
    before = await untouched.page()
    status, body = await untouched.refused(command, role, **fields)
    assert (status, body["error"]) == (403, "role")
    named = {"approve": "PO-41", "approve_replacement": "PO-46"}
    assert body["rule"] == named.get(command)
    assert body["instead"].startswith("Ask ")

    after = await untouched.page()
    assert after.journal[-1] == (
        "Sam",
        f"refused {command}: {body['message'].removeprefix(f'{command}: ')}",
        body["rule"],
    )
    assert {**after.shown, "journal": before.shown["journal"]} == before.shown


async def test_a_supervisor_may_do_what_customer_service_may(desk: Desk) -> None:
    job = await desk.accepted()
    answer = await job.ok("customer_called", "supervisor")
    assert answer["result"]["calls"] == 1


@pytest.mark.parametrize(
    ("command", "role", "fields"),
    [
        ("approve", "authorizations", {"amount": "1.00"}),
        ("request_info", "authorizations", {"what": "a photo"}),
        ("deny", "authorizations", {"reason": "no"}),
        ("customer_informed", "plusone", {"called": True}),
        ("approve_replacement", "authorizations", REPLACEMENT),
        ("supply_parts", "authorizations", {"company": "X", "ship_to": SHOP, "what": "y"}),
        ("update_parts", "parts_sourcing", {"text": "soon"}),
    ],
)
async def test_nothing_is_decided_about_a_repair_before_the_acceptance(
    desk: Desk, command: str, role: str, fields: dict[str, Any]
) -> None:
    job = await desk.searching()
    status, body = await job.refused(command, role, **fields)

    assert (status, body["error"]) == (409, "conflict")
    assert body["instead"]
    assert (await job.page()).stage == "searching"


@pytest.mark.parametrize(
    ("command", "role", "fields", "named"),
    [
        ("approve", "authorizations", {}, "amount"),
        ("approve", "authorizations", {"amount": "-1"}, "amount"),
        ("approve", "authorizations", {"amount": "1.001"}, "amount"),
        ("approve", "authorizations", {"amount": "NaN"}, "amount"),
        ("approve", "authorizations", {"amount": "1.00", "amounts": "1.00"}, "amounts"),
        ("deny", "authorizations", {"reason": ""}, "reason"),
        ("deny", "authorizations", {"reason": "x", "partial": "perhaps"}, "partial"),
        ("request_info", "authorizations", {"what": None}, "what"),
        ("update_parts", "parts_sourcing", {"text": "x", "eta": "soon"}, "eta"),
        (
            "supply_parts",
            "parts_sourcing",
            {"company": "X", "ship_to": {**SHOP, "zip": "9"}, "what": "y"},
            "ship_to.zip",
        ),
        ("approve_replacement", "authorizations", {"attributes": "18 cu ft"}, "failed_parts"),
        ("customer_informed", "plusone", {"called": "perhaps"}, "called"),
        ("customer_called", "customer_service", {"message_id": "two words"}, "message_id"),
        # In production a token says who acts, whatever stands there.
        *([] if IN_PRODUCTION else [("customer_called", "nobody", {}, "actor.role")]),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_changes(
    untouched: Told, command: str, role: str, fields: dict[str, Any], named: str
) -> None:
    before = await untouched.page()
    status, body = await untouched.refused(command, role, **fields)

    assert (status, body["error"], body["rule"]) == (422, "fields", None)
    assert named in body["message"]
    after = await untouched.page()
    assert (
        after.journal[-1][1] == f"refused {command}: {body['message'].removeprefix(f'{command}: ')}"
    )
    assert {**after.shown, "journal": before.shown["journal"]} == before.shown
