"""The search by PlusOne in memory: the whole story, from the assignment to each of its ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import JsonValue

from domain.accounts import NO_PROVIDER_FOUND, PROCURE_VENDOR, Account
from domain.attention import Attention
from domain.durations import parse_elapsed
from domain.editions import Edition
from domain.effects import AddNote, AddServiceJob, OpenTask, SendCommand, SendEmail
from domain.jobs import Assignee, JobStatus, Severity, Visibility
from domain.lifecycles import Cause
from domain.plus_one.case import Duty, PlusOneStart
from domain.policy import Policy
from domain.roles import Actor, Role
from domain.texts import CLAIM_AFTER_COMPLETION, SEARCH_NOTE
from domain.values import LONGEST_PROSE
from tests.domain.factories import ASSIGNED_AT, POLICY, PROVIDER, a_job
from tests.engine.memory import Life
from workflows.plus_one import PlusOneSearch

DANA = Actor(name="Dana", role=Role.DISPATCH)
_NOTHING_SAID: Mapping[str, JsonValue] = {}
SOMEBODY_ELSE = Assignee.of(PROVIDER)


def with_setting(**settings: object) -> Policy:
    return POLICY.model_copy(update={"plus_one": POLICY.plus_one.model_copy(update=settings)})


def a_search(
    policy: Policy = POLICY,
    by: Actor = DANA,
    tried: Mapping[str, JsonValue] = _NOTHING_SAID,
    **changes: Any,
) -> Life:
    """A job that was just assigned to PlusOne; the changes are the job's."""
    start = PlusOneStart(
        job=a_job(**changes),
        job_version=1,
        policy=policy,
        episode=1,
        event_id="assigned",
        cause=Cause(kind="event", name="job.assigned", fields={**tried}),
        occurred_at=ASSIGNED_AT,
        started_by=by,
    )
    return Life(PlusOneSearch, start).settle()


def accepts(life: Life) -> Life:
    return life.hears("job.status_changed", status=JobStatus.ACCEPTED).settle()


def a_repair(**changes: Any) -> Life:
    """A job that PlusOne accepted at once; the changes are the job's."""
    return accepts(a_search(**changes))


def plusone_notes(life: Life, text: str) -> Life:
    return life.hears("job.note_added", a_note(text)).settle()


def a_note(text: str) -> dict[str, Any]:
    return {"note": {"author": {"name": "Paula", "role": "plusone"}, "text": text}}


def assignment_note() -> dict[str, Any]:
    return a_note("ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199, fees $75 and $20")


def informs(life: Life) -> Life:
    """PlusOne does what it owes once it has accepted."""
    plusone_notes(life, "ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199, fees $75 and $20")
    life.does("customer_informed", "plusone", called=True, emailed=True)
    return life


def behind_its_back(life: Life, **changes: object) -> Life:
    """Change the job in the store alone: its event has not reached the lifecycle yet."""
    life.store.job = life.store.job.model_copy(update=changes)
    life.store.version += 1
    return life


def outcomes(life: Life) -> list[str | None]:
    """Return how the promises of each wait closed, in the order in which they were opened."""
    owed = duties(life)
    return [outcome for key, outcome in life.store.promises.items() if key not in owed]


def duties(life: Life) -> dict[str, str | None]:
    """Return how the duties of each acceptance closed, in the order in which they were opened."""
    kinds, promises = tuple(Duty), life.store.promises
    return {key: outcome for key, outcome in promises.items() if key.startswith(kinds)}


def nothing_is_open(life: Life, *tasks: str) -> bool:
    """Return whether nothing is left of an ended lifecycle but some tasks."""
    progress = life.store.progress
    assert progress is not None
    return (
        life.store.tasks == [*tasks]
        and None not in life.store.promises.values()
        and progress.outcome == life.outcome
        and Attention.OVERDUE not in progress.attention
    )


# --- the golden path --------------------------------------------------------------------------


@pytest.mark.rule("PO-30")
def test_a_search_begins_with_the_prescribed_comment_word_for_word() -> None:
    (comment,) = a_search().store.effects(AddNote)

    assert comment.visibility == "Private"
    assert comment.text == (
        "This job has been assigned to PlusOne Solutions to help us locate a vendor that can "
        "complete the work. Please allow 24 hours for them to attempt to locate a service "
        "provider. If the customer calls back more than once during this period, please advise "
        "the customer we are still in the process of locating a service provider in their area, "
        "unless there are new updates reflected in the NOTES of the service job. If the job is an "
        "Emergency/Medical Emergency job please follow the normal business process."
    )


@pytest.mark.rule("PO-28")
@pytest.mark.rule("PO-29")
def test_a_job_is_accepted_diagnosed_approved_and_repaired() -> None:
    life = a_search()
    assert (life.stage, life.store.notes) == ("searching", [SEARCH_NOTE])

    accepts(life.passes("3h"))
    assert life.stage == "accepted"
    plusone_notes(life, "DIAGNOSIS SUBMITTED/AWAITING APPROVAL: worn cartridge")
    report = "Cartridge $90, labor $150"
    life.does("approve", "authorizations", amount="240.00", non_covered="35.00", text=report)
    plusone_notes(life, "PARTS ORDERED")
    assert life.stage == "parts_ordered"
    plusone_notes(life, "JOB COMPLETE")

    assert life.outcome == "completed"
    assert outcomes(life) == ["kept"] * 5
    assert life.activities == [
        "add_note",
        "record_progress",
        "record_progress",
        "send_email",
        "record_progress",
        "close_task",
    ]
    assert nothing_is_open(life)
    assert life.attention == []


@pytest.mark.rule("PO-25")
def test_a_job_that_came_accepted_goes_to_the_stage_that_its_note_foretold() -> None:
    life = a_search()

    plusone_notes(life, "DIAGNOSIS SUBMITTED/AWAITING APPROVAL")
    assert life.stage == "searching"
    accepts(life)

    assert life.stage == "diagnosis_submitted"
    assert a_search(status=JobStatus.ACCEPTED).stage == "accepted"


# --- ends that are reached by time -----------------------------------------------------------


@pytest.mark.rule("PO-31")
@pytest.mark.rule("PO-67")
@pytest.mark.rule("PO-68")
@pytest.mark.rule("PO-69")
def test_a_search_that_finds_nobody_goes_to_no_provider_found() -> None:
    life = a_search()

    life.passes("24h")
    assert life.store.tasks == ["search_running"]
    assert life.passes("23h").outcome is None
    life.passes("1h")

    assert life.outcome == "no_provider_found"
    assert life.store.job.assigned_to.is_(NO_PROVIDER_FOUND)
    assert [mail.template for mail in life.store.effects(SendEmail)] == [
        "plusone_send_instructions"
    ]
    assert life.activities == ["add_note", "open_task", "reassign_job"]
    assert outcomes(life) == ["broken"]
    claim = life.store.effects(OpenTask)[-1]
    assert (claim.role, claim.task) == (Role.DISPATCH, "complete_claim")
    assert claim.text.startswith("Complete the claim under the current procedure")
    assert nothing_is_open(life, "complete_claim")


def test_no_provider_found_may_lead_to_the_alternate_provider_option() -> None:
    life = a_search(with_setting(npf_starts_apo=True)).passes("48h")

    (sent,) = life.store.effects(SendCommand)
    assert (sent.lifecycle, sent.command) == ("apo", "request_apo")
    assert nothing_is_open(life)


def test_dispatch_decides_about_a_search_that_found_nobody_if_the_policy_says_so() -> None:
    life = a_search(with_setting(on_window_end="dispatch_task")).passes("48h")
    assert (life.stage, life.attention) == ("searching", ["overdue"])
    assert life.store.tasks == ["decide_after_search"]
    assert outcomes(life) == ["broken"]

    life.does("request_reassignment", "dispatch", to="Tulsa Plumbing", reason="is free")

    assert life.outcome == "released"
    assert life.activities[-1] == "reassign_job"
    assert nothing_is_open(life)


def test_a_late_acceptance_settles_what_dispatch_was_to_decide() -> None:
    life = a_search(with_setting(on_window_end="dispatch_task")).passes("48h")

    accepts(life)

    assert (life.stage, life.attention, life.store.tasks) == ("accepted", [], [])


# --- the repair ---------------------------------------------------------------------------------


def test_a_silent_repair_is_followed_up_until_it_is_heard_of() -> None:
    life = informs(a_repair()).passes("7d")
    assert (life.attention, life.store.tasks) == (["overdue"], ["follow_up"])
    assert outcomes(life) == ["kept", "broken", None]

    (asked,) = (each.text for each in life.store.effects(OpenTask) if each.task == "follow_up")
    assert asked == "Ask PlusOne to submit its diagnosis. No update for 3 business days."

    life.does("update_parts", "parts_sourcing", text="Shipped")

    assert (life.stage, life.attention, life.store.tasks) == ("accepted", [], [])
    assert outcomes(life) == ["kept", "broken", "superseded", None]


def test_old_news_lifts_the_reminder_of_a_silence_but_does_not_move_its_deadline() -> None:
    life = informs(a_repair()).passes("7d")
    due_at = life.lifecycle.case.due_at

    told = {"complete": True}
    envelope = told_late("job.report_submitted", told, life, seconds=100 * 3600)
    life.signals("job_event", envelope).settle()

    assert (life.attention, life.store.tasks) == ([], [])
    assert life.lifecycle.case.due_at == due_at
    assert outcomes(life) == ["kept", "broken", None]


def told_late(type_: str, data: dict[str, Any], life: Life, seconds: float) -> dict[str, Any]:
    event = {
        "type": type_,
        "occurred_at": life.loop.now().isoformat(),
        "actor": DANA.model_dump(mode="json"),
        "job": life.store.job.model_dump(mode="json"),
        "data": data,
    }
    version = life.store.version
    return {"event_id": "late", "job_version": version, "event": event, "age": seconds}


def test_a_job_that_plusone_gave_up_stays_a_task_while_the_repair_goes_on() -> None:
    life = a_repair()
    life.hears("job.status_changed", status=JobStatus.REJECTED).settle()

    plusone_notes(life, "PARTS ORDERED")
    assert life.stage == "parts_ordered"
    assert life.store.tasks == ["no_longer_accepted", "check_order"]
    accepts(life)

    assert life.store.tasks == ["check_order"]


SHOP = {"line": "12 Elm St", "city": "Tulsa", "state": "OK", "zip": "74103"}


def supplies(life: Life, **fields: Any) -> AddServiceJob:
    """Parts Sourcing supplies something; return the job that is added for it."""
    said = {"company": "Tulsa Plumbing", "what": "Valve", **fields}
    life.does("supply_parts", "parts_sourcing", **said)
    return life.store.effects(AddServiceJob)[-1]


@pytest.mark.rule("PO-09")
@pytest.mark.rule("PO-10")
@pytest.mark.parametrize("event_type", [None, "Recall"])
def test_a_job_is_added_to_the_order_with_its_own_event_type(event_type: str | None) -> None:
    life = a_repair()
    wanted = {} if event_type is None else {"event_type": event_type}

    life.does("add_service_job", "dispatch", reason="Second opinion", **wanted)

    (added,) = life.store.effects(AddServiceJob)
    assert (added.account.name, added.event_type) == ("Procure Vendor", event_type)
    assert (life.stage, life.store.job.assigned_to.name) == ("accepted", "PlusOne Solutions")


@pytest.mark.rule("PO-12")
@pytest.mark.rule("PO-49")
@pytest.mark.rule("PO-50")
@pytest.mark.rule("PO-53")
def test_parts_are_supplied_in_a_job_of_their_own() -> None:
    life = a_repair()

    added = supplies(life, ship_to=SHOP)

    assert added.account.name == "PlusOne Part Procurement"
    where = "Company: Tulsa Plumbing. Ship to: 12 Elm St, Tulsa, OK 74103."
    assert (added.reason, added.comments) == ("Valve", (f"Parts. {where}",))
    assert life.store.notes[-1] == f"Parts from Cinch: Valve. {where}"
    assert (life.stage, life.activities[-1]) == ("accepted", "add_service_job")


@pytest.mark.rule("PO-13")
@pytest.mark.rule("PO-14")
@pytest.mark.parametrize(
    ("fields", "comment"),
    [
        (
            {"kind": "replacement_equipment", "ship_to": SHOP},
            "Replacement equipment. Company: Tulsa Plumbing. Ship to: 12 Elm St, Tulsa, OK 74103.",
        ),
        (
            {"kind": "replacement_equipment", "pickup_at": SHOP},
            (
                "Replacement equipment. Company: Tulsa Plumbing. "
                "Pickup at: 12 Elm St, Tulsa, OK 74103."
            ),
        ),
        ({"kind": "claim_credit"}, "Claim credit buyout. Company: Tulsa Plumbing."),
    ],
)
def test_equipment_and_credits_go_through_the_procurement_account_too(
    fields: dict[str, Any], comment: str
) -> None:
    added = supplies(a_repair(), **fields)

    assert added.account.number == "700010640"
    assert added.comments == (comment,)


@pytest.mark.rule("PO-56")
def test_parts_sourcing_is_asked_for_the_claim_and_the_equipment_liability() -> None:
    life = a_repair()

    supplies(life, ship_to=SHOP)

    (task,) = life.store.effects(OpenTask)
    assert (task.role, task.task) == (Role.PARTS_SOURCING, "procurement_claim")
    assert task.text.startswith("Create the claim on the PlusOne Part Procurement job")
    plusone_notes(life, "JOB COMPLETE")
    assert nothing_is_open(life, "procurement_claim")


@pytest.mark.rule("PO-55")
@pytest.mark.rule("G-76")
@pytest.mark.parametrize(
    ("setting", "fields", "asked"),
    [
        ("when_asked", {"ship_to": SHOP}, False),
        ("when_asked", {"ship_to": SHOP, "oracle_update": True}, True),
        ("always", {"ship_to": SHOP}, True),
        ("always", {"pickup_at": SHOP}, False),
        ("always", {"kind": "claim_credit"}, False),
    ],
)
def test_a_supervisor_sets_the_address_that_oracle_does_not_show(
    *, setting: str, fields: dict[str, Any], asked: bool
) -> None:
    life = accepts(a_search(with_setting(oracle_update=setting)))

    supplies(life, **fields)

    tasks = [task for task in life.store.effects(OpenTask) if task.task == "shipping_address"]
    assert [(task.role, task.text) for task in tasks] == (
        [
            (
                Role.SUPERVISOR,
                (
                    "Set the shipping address in Oracle to Tulsa Plumbing, 12 Elm St, Tulsa, OK "
                    "74103 (PO-55). Nothing may ship to PlusOne's own address (PO-54)."
                ),
            )
        ]
        if asked
        else []
    )


@pytest.mark.rule("PO-52")
def test_the_date_of_the_parts_is_noted_as_people_read_it() -> None:
    life = a_repair()

    life.does("update_parts", "parts_sourcing", text="Shipped.", eta="2026-12-01")

    assert life.store.notes[-1] == "Parts: Shipped. ETA Tue, Dec 1, 2026."
    assert life.store.effects(AddNote)[-1].author.role == "parts_sourcing"
    assert life.store.effects(AddServiceJob) == []


@pytest.mark.rule("PO-57")
@pytest.mark.rule("PO-58")
def test_plusone_is_told_with_the_approval_when_to_claim() -> None:
    life = a_repair()

    life.does("approve", "authorizations", amount="240.00")

    (note,) = [note for note in life.store.effects(AddNote) if "JOB APPROVAL" in note.text]
    assert note.visibility is Visibility.PUBLIC_WITH_EMAIL
    assert CLAIM_AFTER_COMPLETION in note.text


# --- what comes before PlusOne ---------------------------------------------------------------


@pytest.mark.rule("PO-15")
@pytest.mark.rule("PO-16")
def test_a_search_that_was_skipped_is_noted_and_left_to_dispatch() -> None:
    life = a_search(tried={"calendar_searched": True, "manual_search_done": False})

    assert life.store.notes == [
        "PlusOne got this job without a manual search (PO-15, PO-16).",
        SEARCH_NOTE,
    ]
    (task,) = life.store.effects(OpenTask)
    assert (task.role, task.task) == (Role.DISPATCH, "search_network")
    assert (life.stage, life.attention) == ("searching", [])
    accepts(life)
    assert life.store.tasks == [], "somebody was found"


@pytest.mark.rule("PO-15")
@pytest.mark.rule("PO-16")
@pytest.mark.rule("G-75")
@pytest.mark.parametrize(("setting", "tasks"), [("assumed", []), ("ask", ["search_network"])])
def test_an_assignment_that_says_nothing_is_believed_or_asked(
    setting: str, tasks: list[str]
) -> None:
    life = a_search(with_setting(search_not_said=setting))

    assert life.store.tasks == tasks
    assert life.activities == ["add_note"]


@pytest.mark.rule("PO-15")
def test_another_assignment_says_anew_what_was_tried() -> None:
    life = a_search(tried={"calendar_searched": False}).passes("30h")
    assert life.store.tasks == ["search_network", "search_running"]

    again = behind_its_back(life, assigned_at=life.loop.now())
    said = {"calendar_searched": True, "manual_search_done": True}
    life.signals("job_event", told_late("job.assigned", said, again, 0)).settle()

    assert life.store.tasks == []
    assert life.store.notes[-1] == SEARCH_NOTE
    assert life.lifecycle.case.tried.calendar_searched is True


@pytest.mark.rule("PO-05")
def test_a_supervisor_talks_to_whoever_assigned_plusone_out_of_turn() -> None:
    life = a_search(by=Actor(name="Sue", role=Role.CUSTOMER_SERVICE))

    assert life.attention == ["rule_conflict"]
    (task,) = life.store.effects(OpenTask)
    assert (task.role, task.text) == (
        Role.SUPERVISOR,
        (
            "Talk to Customer Service, who assigned this job to PlusOne. Only Dispatch may assign "
            "jobs to PlusOne, except recalls of PlusOne's own work (PO-05, PO-06)."
        ),
    )
    assert "PlusOne assigned by Customer Service, not by Dispatch" in life.store.journal


@pytest.mark.rule("PO-06")
def test_nobody_is_talked_to_about_a_recall_of_plusones_own_work() -> None:
    sue = Actor(name="Sue", role=Role.CUSTOMER_SERVICE)
    life = a_search(by=sue, is_recall=True, original_provider_network="PlusOne")

    assert (life.attention, life.store.tasks) == ([], [])


# --- what PlusOne owes once it has accepted -----------------------------------------------------


@pytest.mark.rule("PO-37")
@pytest.mark.rule("PO-63")
@pytest.mark.rule("PO-24")
def test_an_assignment_note_after_the_acceptance_keeps_the_first_duty() -> None:
    life = a_search()
    plusone_notes(life, "ASSIGNMENT: called Acme Pipes, no answer")
    accepts(life.passes("5h"))
    assert duties(life) == {"assignment_note/1": None, "call/1": None, "email/1": None}

    plusone_notes(life, "Acme Pipes has it")
    assert duties(life)["assignment_note/1"] is None, "it has not the heading that was agreed"
    plusone_notes(life, "ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199, fees $75 and $20")

    assert duties(life) == {"assignment_note/1": "kept", "call/1": None, "email/1": None}


@pytest.mark.rule("PO-37")
def test_a_note_that_comes_with_the_acceptance_counts_whichever_is_told_first() -> None:
    life = a_search().passes("5h")
    plusone_notes(life, "ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199")

    accepts(life)

    assert duties(life) == {"assignment_note/1": "kept", "call/1": None, "email/1": None}


@pytest.mark.rule("PO-37")
@pytest.mark.rule("PO-63")
@pytest.mark.parametrize("is_first", ["the note", "the acceptance"])
def test_a_note_counts_for_an_acceptance_that_a_later_event_has_told_first(is_first: str) -> None:
    life = a_search().passes("9h")
    life.hears("customer.called", status=JobStatus.ACCEPTED).settle()
    assert duties(life)["assignment_note/1"] is None

    if is_first == "the acceptance":
        life.hears("job.status_changed", late=timedelta(hours=4)).settle()
    assert duties(life)["assignment_note/1"] is None
    life.hears("job.note_added", assignment_note(), late=timedelta(hours=3)).settle()

    assert duties(life) == {"assignment_note/1": "kept", "call/1": None, "email/1": None}


@pytest.mark.rule("PO-63")
def test_a_note_told_before_its_acceptance_counts_once_that_is_told_late() -> None:
    life = a_search().passes("9h")
    life.hears("customer.called", status=JobStatus.ACCEPTED).settle()
    note = told_late("job.note_added", assignment_note(), life, seconds=3 * 3600)
    life.signals("job_event", note).settle()
    assert duties(life)["assignment_note/1"] is None, "it shows no acceptance itself"

    life.hears("job.status_changed", late=timedelta(hours=4)).settle()

    assert duties(life) == {"assignment_note/1": "kept", "call/1": None, "email/1": None}


@pytest.mark.rule("PO-63")
def test_a_late_note_of_an_acceptance_that_was_given_up_does_not_count_for_the_next() -> None:
    life = a_repair().passes("5h")
    life.hears("job.status_changed", status=JobStatus.REJECTED).settle()
    accepts(life.passes("1h"))

    life.hears("job.note_added", assignment_note(), late=timedelta(hours=2)).settle()

    assert duties(life)["assignment_note/2"] is None


@pytest.mark.rule("PO-62")
@pytest.mark.rule("PO-64")
@pytest.mark.rule("PO-65")
def test_what_plusone_reports_of_the_customer_is_noted_and_keeps_the_other_duties() -> None:
    life = a_repair()

    answer = life.does("customer_informed", "plusone", called=True, text="Left the number.")
    assert answer.result == {"still_owed": ["assignment_note", "email"]}
    said = "PlusOne called the customer about the provider. Left the number."
    assert said in life.store.notes
    assert duties(life) == {"assignment_note/1": None, "call/1": "kept", "email/1": None}
    life.does("customer_informed", "dispatch", emailed=True)

    assert duties(life) == {"assignment_note/1": None, "call/1": "kept", "email/1": "kept"}
    refusal = life.refuses("customer_informed", "plusone")
    assert "whether PlusOne called, e-mailed or both" in refusal.message


@pytest.mark.rule("PO-62")
def test_a_confirmed_appointment_shows_that_the_customer_was_reached() -> None:
    life = a_repair()

    told = {"kind": "diagnosis", "at": "2026-11-24T15:00:00Z"}
    life.hears("job.appointment_confirmed", told).settle()

    assert duties(life) == {"assignment_note/1": None, "call/1": "kept", "email/1": None}


@pytest.mark.rule("PO-62")
@pytest.mark.rule("PO-63")
@pytest.mark.rule("PO-65")
@pytest.mark.rule("PO-66")
def test_plusone_is_reminded_once_of_what_it_owes_and_dispatch_asks_for_it() -> None:
    life = a_repair()
    plusone_notes(life, "ASSIGNMENT: Acme Pipes, Tulsa, 918-555-0199, fees $75 and $20")
    before = len(life.activities)

    life.passes("81h")

    assert duties(life) == {"assignment_note/1": "kept", "call/1": "broken", "email/1": "broken"}
    assert (life.attention, life.store.tasks) == (["overdue"], ["plusone_owes"])
    (mail,) = life.store.effects(SendEmail)
    assert (mail.to, mail.template) == ("dispatch@plusone.example", "plusone_reminder")
    assert mail.context["needed"] == (
        "- Call the customer with the Service Professional's information.\n"
        "- E-mail the customer the Service Professional's information, from PlusOne."
    )
    assert len(life.activities) == before + 1
    (asked,) = life.store.effects(OpenTask)
    assert asked.text.startswith(
        "Call PlusOne and ask for its call to the customer and its e-mail to the customer "
        "(PO-62, PO-65)."
    )

    plusone_notes(life, "DIAGNOSIS SUBMITTED/AWAITING APPROVAL")
    assert (life.attention, life.store.tasks) == (["overdue"], ["plusone_owes"])
    life.does("customer_informed", "dispatch", called=True)
    assert life.store.tasks == ["plusone_owes"]
    asked = life.store.effects(OpenTask)[-1]
    assert asked.text.startswith("Call PlusOne and ask for its e-mail to the customer (PO-65).")
    life.does("customer_informed", "dispatch", emailed=True)

    assert (life.attention, life.store.tasks) == ([], [])


@pytest.mark.rule("PO-62")
def test_the_duties_share_one_timer_with_what_is_waited_for() -> None:
    life = a_repair()
    assert len(life.timers) == len(a_search().timers) + 1
    informs(life)

    assert life.passes("81h").store.effects(SendEmail) == []
    assert life.passes("5d").store.tasks == ["follow_up"]


@pytest.mark.rule("PO-61")
@pytest.mark.rule("PO-62")
def test_who_is_found_anew_owes_anew_and_who_gave_up_owes_nothing() -> None:
    life = a_repair()

    life.hears("job.status_changed", status=JobStatus.REJECTED).settle()
    assert {*duties(life).values()} == {"superseded"}
    accepts(life)
    assert [*duties(life)][3:] == ["assignment_note/2", "call/2", "email/2"]
    plusone_notes(life, "JOB COMPLETE")

    assert life.outcome == "completed"
    assert nothing_is_open(life)


def test_a_cancelled_job_waives_what_plusone_owes() -> None:
    life = a_repair()

    life.hears("job.status_changed", status=JobStatus.CANCELLED).settle()

    assert {*duties(life).values()} == {"waived"}
    assert nothing_is_open(life)


def test_a_job_of_an_earlier_edition_owes_only_what_it_did() -> None:
    start = a_search().starts[0].model_copy(update={"edition": Edition.FACTS_BY_MEANING})
    life = Life(PlusOneSearch, start, edition=Edition.FACTS_BY_MEANING).settle()

    accepts(life)
    plusone_notes(life, "PARTS ORDERED")

    assert (duties(life), life.store.tasks) == ({}, [])


# --- what Authorizations decides -----------------------------------------------------------------


@pytest.mark.rule("PO-26")
@pytest.mark.parametrize(
    ("command", "fields", "said"),
    [
        ("request_info", {"what": "A photo"}, "Information needed: A photo."),
        ("deny", {"reason": "Frost"}, "Repair denied: Frost."),
        ("deny", {"reason": "Frost.", "partial": True}, "Part of the repair denied: Frost."),
    ],
)
def test_what_is_asked_or_denied_reaches_plusone(
    command: str, fields: dict[str, object], said: str
) -> None:
    life = a_repair()

    life.does(command, "decision_desk", **fields)

    (mail,) = life.store.effects(SendEmail)
    assert (mail.to, mail.template) == ("dispatch@plusone.example", "public_note")
    assert mail.context["text"].startswith(said)
    assert "PO-" not in mail.context["text"]
    note = life.store.effects(AddNote)[-1]
    assert (note.text, note.visibility) == (mail.context["text"], "Public with Email")


@pytest.mark.rule("PO-20")
@pytest.mark.rule("PO-21")
@pytest.mark.parametrize("partial", [False, True])
def test_a_denied_job_stays_accepted_so_that_plusone_bills_its_diagnosis(*, partial: bool) -> None:
    life = a_repair()
    before = life.store.job

    life.does("deny", "decision_desk", reason="Frost", partial=partial)

    assert (life.stage, life.store.job) == ("denied", before)
    assert (before.status, before.assigned_to.name) == ("Accepted", "PlusOne Solutions")
    assert life.refuses("request_reassignment", "dispatch", to="4711", reason="No").rule == "PO-19"


@pytest.mark.rule("PO-42")
@pytest.mark.rule("PO-43")
@pytest.mark.rule("PO-44")
@pytest.mark.rule("PO-45")
def test_an_approval_states_the_amount_and_what_is_not_covered_in_a_note_to_plusone() -> None:
    life = a_repair()

    life.does("approve", "authorizations", amount="240.00", non_covered="35.00", text="Report")

    note = life.store.effects(AddNote)[-1]
    assert (note.author.role, note.visibility) == ("authorizations", "Public with Email")
    assert note.text.startswith("JOB APPROVAL. Approved: $240.00.")
    assert "We will contact the customer about it by phone or e-mail." in note.text
    assert "Please also tell the customer on the day of the repair visit." in note.text
    (mail,) = life.store.effects(SendEmail)
    assert (mail.template, mail.context["text"]) == ("public_note", note.text)
    assert life.store.tasks == ["disclose_charges"]


@pytest.mark.rule("PO-46")
@pytest.mark.parametrize("role", ["decision_desk", "dispatch", "plusone", "supervisor"])
def test_only_authorizations_approves_a_replacement(role: str) -> None:
    refusal = a_repair().refuses("approve_replacement", role)
    assert (refusal.rule, refusal.instead) == ("PO-46", "Ask Authorizations.")


@pytest.mark.rule("PO-46")
@pytest.mark.rule("PO-47")
@pytest.mark.rule("PO-48")
@pytest.mark.rule("PO-59")
def test_a_replacement_is_recorded_in_full_and_told_without_its_cost() -> None:
    life = a_repair()
    details = {"attributes": "Frigidaire FFTR1835VS, 18 cu ft", "failed_parts": "Compressor"}

    life.does(
        "approve_replacement",
        "authorizations",
        **details,
        part_cost="612.00",
        non_covered="300.00",
        text="Diagnosis $85, compressor $612.",
    )

    recorded, told = life.store.effects(AddNote)[-2:]
    assert (recorded.visibility, told.visibility) == ("Private", "Public with Email")
    assert recorded.text == (
        "Replacement details. Failed unit: Frigidaire FFTR1835VS, 18 cu ft. Failed parts: "
        "Compressor. Part cost: $612.00. Service report: Diagnosis $85, compressor $612."
    )
    assert "We will give the customer the replacement options." in told.text
    assert "Not covered: $300.00." in told.text
    assert "612" not in told.text
    assert life.stage == "approved"
    assert life.store.tasks == ["replacement_options", "disclose_charges"]
    assert "Call the customer. Explain that $300.00" in life.store.effects(OpenTask)[-1].text
    plusone_notes(life, "PARTS ORDERED")
    assert "check_order" not in life.store.tasks


@pytest.mark.rule("PO-40")
def test_an_approval_without_a_report_asks_for_it_until_there_is_one() -> None:
    life = a_repair()
    life.does("approve", "authorizations", amount="240.00")
    assert life.store.tasks == ["capture_report"]

    at = life.loop.now()
    life.hears("job.report_submitted", {"complete": True}, diagnostic_report_at=at).settle()
    assert life.store.tasks == []
    life.does("approve", "authorizations", amount="250.00")

    assert life.store.tasks == []


@pytest.mark.rule("PO-40")
def test_a_report_that_was_written_down_once_is_not_asked_for_again() -> None:
    life = a_repair()
    life.does("approve", "authorizations", amount="240.00", text="The full report")
    life.does("approve", "authorizations", amount="250.00")

    assert life.store.tasks == []


def test_what_cannot_be_decided_any_more_says_what_to_do() -> None:
    life = a_repair()
    plusone_notes(life, "PARTS ORDERED: $120.00")

    for command, fields in (("approve", {"amount": "9.00"}), ("deny", {"reason": "Frost"})):
        refusal = life.refuses(command, "authorizations", **fields)
        assert refusal.instead == "PlusOne already ordered the parts. Call PlusOne about the order."


@pytest.mark.rule("PO-27")
@pytest.mark.parametrize(
    ("limit", "note", "checked"),
    [
        (None, "PARTS ORDERED: $45.00", "for $45.00 without an approval. Tell"),
        (Decimal(150), "PARTS ORDERED: $150.00", None),
        (Decimal(150), "PARTS ORDERED - $150.01", "PlusOne's own limit is $150.00."),
        (Decimal(150), "PARTS ORDERED: compressor, $45.00", "The amount isn't known."),
    ],
)
def test_an_order_without_approval_counts_and_is_checked_unless_it_is_known_to_be_small(
    limit: Decimal | None, note: str, checked: str | None
) -> None:
    life = accepts(a_search(with_setting(approval_threshold=limit)))

    plusone_notes(life, note)

    assert life.stage == "parts_ordered"
    asked = [each.text for each in life.store.effects(OpenTask) if each.task == "check_order"]
    assert len(asked) == (checked is not None)
    assert checked is None or checked in asked[0]


@pytest.mark.rule("PO-27")
def test_an_approved_order_is_not_checked_unless_it_was_diagnosed_or_denied_since() -> None:
    for since, tasks in (
        (None, []),
        ("DIAGNOSIS SUBMITTED/AWAITING APPROVAL", ["check_order"]),
        ("deny", ["call_about_denial", "check_order"]),
    ):
        life = a_repair()
        life.does("approve", "authorizations", amount="240.00", text="Report")
        if since == "deny":
            life.does("deny", "authorizations", reason="Not covered")
        elif since:
            plusone_notes(life, since)

        plusone_notes(life, "PARTS ORDERED")

        assert life.store.tasks == tasks, since


# --- the customer calls --------------------------------------------------------------------------


def advice(life: Life) -> str:
    result = life.does("customer_called", "customer_service").result
    assert result is not None
    return str(result["advice"])


@pytest.mark.rule("PO-32")
@pytest.mark.rule("PO-35")
def test_a_call_that_the_job_system_tells_of_leaves_the_news_to_the_agent_who_asks() -> None:
    life = a_search()
    plusone_notes(life, "ASSIGNMENT: Acme Pipes takes it")

    life.hears("customer.called", {"about": "When?"}).settle()

    assert "Acme Pipes takes it" in advice(life)
    assert "no new notes" in advice(life)


@pytest.mark.rule("PO-32")
def test_the_newest_note_is_news_whoever_wrote_it_but_steward() -> None:
    life = a_search()
    plusone_notes(life, "ASSIGNMENT: Acme Pipes takes it")
    author = {"name": "Ravi", "role": "parts_sourcing"}
    life.hears("job.note_added", {"note": {"author": author, "text": "Part ships."}}).settle()

    said = advice(life)
    assert said == (
        'New note from Parts Sourcing: "Part ships". Tell the customer in your own words. Don\'t '
        "share costs or internal details. Also read the other new note on the job first."
    )
    ours = {"name": "Steward", "role": "system"}
    life.hears("job.note_added", {"note": {"author": ours, "text": "Told"}}).settle()
    life.does("add_service_job", "dispatch", reason="Second opinion")
    assert "no new notes" in advice(life)
    accepts(life)
    life.does("request_info", "authorizations", what="A photo")
    assert "Information needed: A photo" in advice(life)


@pytest.mark.rule("PO-38")
def test_an_agent_gets_the_newest_notes_to_read_with_every_answer() -> None:
    life = a_search()
    for nth in range(7):
        plusone_notes(life, f"Note {nth}: " + 400 * "x")

    result = life.does("customer_called", "customer_service").result

    assert result is not None
    assert next(iter(result)) == "notes"
    assert len(result["notes"]) == 5
    assert result["notes"][-1].startswith("Sat, Nov 21, 9:05 AM ET, PlusOne: Note 6: xxx")
    assert all(len(note) < 350 for note in result["notes"])
    assert "Also read the 6 other new notes on the job first." in result["advice"]
    again = life.does("customer_called", "customer_service").result
    assert again is not None
    assert again["notes"] == result["notes"], "they are still to be read before acting"


@pytest.mark.rule("PO-34")
def test_the_first_agent_who_asks_says_what_the_comment_says_while_it_holds() -> None:
    life = a_search()
    life.hears("customer.called", {"about": "When?"}).settle()
    assert "allow 24 hours" in advice(life)
    assert "still looking for a provider in their area" in advice(life)

    assert "still looking" in advice(a_search().passes("25h"))


# --- ends that others bring about ------------------------------------------------------------


def test_a_cancelled_job_leaves_nothing_open() -> None:
    life = a_search().passes("24h")

    life.hears("job.status_changed", status=JobStatus.CANCELLED).settle()

    assert life.outcome == "cancelled"
    assert life.activities[-1] == "close_task"
    assert outcomes(life) == ["waived"]
    assert nothing_is_open(life)


def test_a_search_that_is_cancelled_in_temporal_leaves_nothing_open() -> None:
    life = informs(a_repair()).passes("7d")
    assert life.store.tasks == ["follow_up"]

    life.is_cancelled().settle()

    assert life.outcome == "cancelled"
    assert outcomes(life)[-1] == "waived"
    assert nothing_is_open(life, "workflow_ended")


def test_a_job_that_is_taken_against_the_rules_is_a_matter_for_a_supervisor() -> None:
    life = a_search()

    life.hears("job.assigned", assigned_to=SOMEBODY_ELSE).settle()

    assert life.outcome == "superseded"
    assert life.attention == ["rule_conflict"]
    assert outcomes(life) == ["superseded"]
    assert nothing_is_open(life, "reassigned_against_rule")


@pytest.mark.rule("PO-01")
@pytest.mark.rule("PO-04")
@pytest.mark.parametrize(
    ("changes", "rule"), [({"trade": "Roofing"}, "PO-01"), ({"severity": "Emergency"}, "PO-04")]
)
def test_a_job_that_is_not_for_plusone_is_sent_back(changes: dict[str, Any], rule: str) -> None:
    life = a_search(**changes)

    assert life.outcome == "not_eligible"
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)
    assert rule in life.store.notes[0]
    assert "The job goes back to Procure Vendor." in life.store.notes[0]
    (task,) = life.store.effects(OpenTask)
    assert task.role is Role.DISPATCH
    assert task.text.startswith("Find a provider ")
    assert f"({rule})" in task.text
    assert life.activities == ["reassign_job"]
    assert nothing_is_open(life, "not_for_plusone")


def test_a_job_that_becomes_urgent_is_taken_from_a_search() -> None:
    life = a_search()

    life.hears("job.severity_changed", severity=Severity.EMERGENCY).settle()

    assert life.outcome == "released"
    assert outcomes(life) == ["superseded"]
    assert nothing_is_open(life, "became_urgent")


# --- the search begins again -----------------------------------------------------------------


def test_a_new_assignment_gives_plusone_another_48_hours() -> None:
    life = a_search().passes("30h")
    assert life.store.tasks == ["search_running"]
    support = {"name": "Sue", "role": "support_services"}

    again = life.loop.now()
    envelope = told_late("job.assigned", {}, behind_its_back(life, assigned_at=again), 0)
    envelope["event"]["actor"] = support
    life.signals("job_event", envelope).settle()

    assert life.store.notes == [SEARCH_NOTE] * 2
    assert life.store.tasks == ["assigned_out_of_turn"], "support services may not assign PlusOne"
    assert outcomes(life) == ["superseded", None]
    assert life.passes("47h").outcome is None
    assert life.passes("1h").outcome == "no_provider_found"


# --- the store refuses -----------------------------------------------------------------------


def test_a_job_that_was_accepted_unheard_is_not_given_up() -> None:
    life = a_search().passes("47h")
    behind_its_back(life, status=JobStatus.ACCEPTED)

    life.passes("1h")

    assert (life.stage, life.outcome) == ("accepted", None)
    assert life.store.effects(SendEmail) == []
    assert outcomes(life) == ["kept", None]
    assert (life.attention, life.store.tasks) == ([], [])


@pytest.mark.rule("PO-17")
@pytest.mark.parametrize("status", [JobStatus.ACCEPTED, JobStatus.COMPLETED])
def test_what_is_found_after_the_48_hours_keeps_no_promise(status: JobStatus) -> None:
    life = a_search().is_away("50h")
    behind_its_back(life, status=status)

    life.passes("1s")

    assert life.stage == status.lower()
    assert outcomes(life)[0] == "broken"
    assert (life.attention, life.store.tasks) == ([], [])


def test_a_reassignment_of_a_job_that_was_accepted_unheard_is_refused() -> None:
    life = a_search()
    life.hears("job.status_changed", status=JobStatus.REJECTED).settle()
    behind_its_back(life, status=JobStatus.ACCEPTED)

    refusal = life.refuses("request_reassignment", "dispatch", to="Tulsa Plumbing", reason="free")

    assert refusal.rule == "PO-19"
    assert life.stage == "accepted"
    assert life.store.notes == [SEARCH_NOTE]
    assert (outcomes(life), life.store.tasks) == (["kept", None], [])


def test_a_reassignment_of_a_job_that_is_elsewhere_ends_with_nothing_open() -> None:
    life = a_search()
    life.hears("job.status_changed", status=JobStatus.REJECTED).settle()
    elsewhere = Assignee.of(Account(number="4712", name="City Plumbers"))
    behind_its_back(life, assigned_to=elsewhere)

    refusal = life.refuses("request_reassignment", "dispatch", to="Tulsa Plumbing", reason="free")

    assert refusal.rule is None
    assert life.outcome == "superseded"
    assert "The job is already assigned to City Plumbers." in life.store.journal
    assert outcomes(life) == ["superseded"]
    assert nothing_is_open(life)


# --- a long history --------------------------------------------------------------------------


def test_a_search_goes_on_in_a_fresh_history() -> None:
    life = a_search(by=Actor(name="Sue", role=Role.SUPPORT_SERVICES)).passes("25h")
    life.history_is_long = True

    plusone_notes(life, "PARTS ORDERED")
    assert len(life.starts) == 2
    assert life.store.tasks == ["assigned_out_of_turn", "search_running"]
    accepts(life)

    assert (life.stage, life.attention) == ("parts_ordered", ["rule_conflict"])
    assert life.store.notes == [SEARCH_NOTE], "it was announced once"
    assert life.store.tasks == ["assigned_out_of_turn", "check_order"]
    assert outcomes(life) == ["kept", None]


def test_the_longest_report_still_asks_for_the_alternate_provider_option() -> None:
    life = a_search(policy=with_setting(npf_starts_apo=True))

    life.does("report_cannot_locate", "plusone", text="x" * LONGEST_PROSE)

    (asked,) = life.store.effects(SendCommand)
    assert len(str(asked.fields["reason"])) == LONGEST_PROSE
    assert life.outcome == "no_provider_found"


@pytest.mark.rule("PO-17")
@pytest.mark.parametrize(("late", "outcome"), [("30m", "broken"), ("2h", "kept")])
def test_an_acceptance_after_the_48_hours_keeps_no_promise_though_no_worker_ran(
    late: str, outcome: str
) -> None:
    life = a_search().is_away("49h")
    life.hears("job.status_changed", late=parse_elapsed(late), status=JobStatus.ACCEPTED).settle()

    assert outcomes(life) == [outcome, None]
    assert (life.stage, life.attention, life.store.tasks) == ("accepted", [], [])


@pytest.mark.rule("PO-62")
def test_what_plusone_does_late_while_no_worker_runs_keeps_no_duty() -> None:
    life = a_repair().is_away("5d")
    informs(life)

    assert [*duties(life).values()] == ["broken"] * 3
    assert life.attention == []

    life.hears("job.status_changed", status=JobStatus.REJECTED).settle()
    informs(accepts(life))
    assert [*duties(life).values()] == ["broken"] * 3 + ["kept"] * 3


@pytest.mark.rule("PO-62")
def test_two_deadlines_that_pass_while_no_worker_runs_break_what_each_was_for() -> None:
    life = a_repair().is_away("10d").passes("1s")

    assert [*duties(life).values()] == ["broken"] * 3
    assert outcomes(life) == ["kept", "broken", None]
    assert (life.attention, life.store.tasks) == (["overdue"], ["follow_up", "plusone_owes"])
