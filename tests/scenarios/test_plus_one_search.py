"""The search: from the assignment to PlusOne until somebody is found, or nobody."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.moments import spoken
from tests.desk import PLUSONE, Desk, account, acting, ago, iso, now

EASTERN = "America/New_York"
PRESCRIBED = (
    "This job has been assigned to PlusOne Solutions to help us locate a vendor that can complete "
    "the work. Please allow 24 hours for them to attempt to locate a service provider. If the "
    "customer calls back more than once during this period, please advise the customer we are "
    "still in the process of locating a service provider in their area, unless there are new "
    "updates reflected in the NOTES of the service job. If the job is an Emergency/Medical "
    "Emergency job please follow the normal business process."
)


# --- the job comes to PlusOne -----------------------------------------------------------------


@pytest.mark.rule("PO-02")
@pytest.mark.rule("PO-07")
@pytest.mark.rule("PO-30")
async def test_a_search_begins_with_the_prescribed_note_and_nothing_else(desk: Desk) -> None:
    job = desk.job()
    assert (await job.assigned())["outcome"] == "started"

    page = await job.page()
    assert page.notes == [PRESCRIBED]
    assert page.note(PRESCRIBED)["visibility"] == "Private"
    assert (page.stage, page.waiting_on) == ("searching", "plusone")
    assert page.due_at == job.assigned_at + timedelta(hours=48)
    assert (page.assignments, page.attention) == (["PlusOne Solutions"], [])
    assert (page.shown["tasks"], page.mails) == ([], [])
    assert page.promises == [("PO-17", None)]


@pytest.mark.rule("PO-30")
async def test_the_note_is_written_once_however_often_the_assignment_is_told(desk: Desk) -> None:
    job = desk.job()
    occurred_at = now()
    told = [
        (await job.assigned(webhook_id=webhook_id, occurred_at=occurred_at))["outcome"]
        for webhook_id in (f"{job.id}-first", f"{job.id}-first", f"{job.id}-other")
    ]

    assert told == ["started", "duplicate", "delivered"]
    assert (await job.page()).notes == [PRESCRIBED]


@pytest.mark.rule("PO-04")
@pytest.mark.rule("PO-33")
@pytest.mark.parametrize("severity", ["Emergency", "Medical Emergency"])
@pytest.mark.parametrize("recall_of", [None, "PlusOne"])
async def test_an_emergency_goes_back_at_once(
    desk: Desk, severity: str, recall_of: str | None
) -> None:
    job = desk.job(
        severity=severity, is_recall=recall_of is not None, original_provider_network=recall_of
    )
    await job.assigned()

    page = await job.ends_as("not_eligible")
    assert page.assigned_to == "Procure Vendor"
    assert page.note("PO-04") == page.shown["notes"][0]
    assert PRESCRIBED not in page.notes
    assert page.tasks("dispatch") == ["not_for_plusone"]
    assert page.mails == []


@pytest.mark.rule("PO-01")
async def test_a_trade_that_plusone_does_not_serve_goes_back_at_once(desk: Desk) -> None:
    job = desk.job(trade="Roofing")
    await job.assigned()

    page = await job.ends_as("not_eligible")
    assert page.assigned_to == "Procure Vendor"
    assert "Roofing" in page.note("PO-01")["text"]
    assert PRESCRIBED not in page.notes
    assert page.tasks("dispatch") == ["not_for_plusone"]


@pytest.mark.rule("PO-05")
@pytest.mark.parametrize("role", ["customer_service", "supervisor", "authorizations"])
async def test_an_assignment_from_outside_dispatch_goes_on_and_is_questioned(
    desk: Desk, role: str
) -> None:
    job = desk.job()
    await job.assigned(actor=acting(role))

    page = await job.page()
    assert (page.stage, page.notes) == ("searching", [PRESCRIBED])
    assert page.attention == ["rule_conflict"]
    assert page.tasks("supervisor") == ["assigned_out_of_turn"]
    assert (acting(role)["name"], "PO-05") in [(who, rule) for who, _, rule in page.journal]


@pytest.mark.rule("PO-06")
async def test_anybody_may_give_plusone_the_recall_of_its_own_work(desk: Desk) -> None:
    job = desk.job(is_recall=True, original_provider_network="PlusOne")
    await job.assigned(actor=acting("customer_service"))

    page = await job.page()
    assert (page.stage, page.attention, page.tasks("supervisor")) == ("searching", [], [])


@pytest.mark.rule("PO-05")
@pytest.mark.rule("PO-06")
async def test_the_recall_of_somebody_elses_work_is_no_exception(desk: Desk) -> None:
    job = desk.job(is_recall=True, original_provider_network=None)
    await job.assigned(actor=acting("customer_service"))

    assert (await job.page()).attention == ["rule_conflict"]


@pytest.mark.rule("PO-15")
@pytest.mark.rule("PO-16")
async def test_a_search_that_was_skipped_before_plusone_is_dispatchs_to_make_up(desk: Desk) -> None:
    job = desk.job()
    said = {"calendar_searched": False, "manual_search_done": "perhaps"}
    assert (await job.event("job.assigned", said))["outcome"] == "started"

    page = await job.page()
    assert page.note("without a calendar search")["visibility"] == "Private"
    assert page.tasks("dispatch") == ["search_network"]
    assert "Do the calendar search now" in page.task("search_network")["text"]
    assert (page.stage, page.attention) == ("searching", [])

    await job.accepted()
    assert (await job.page()).tasks("dispatch") == []


@pytest.mark.rule("PO-07")
async def test_an_assignment_to_another_account_starts_no_search(desk: Desk) -> None:
    job = desk.job(assigned_to=account("PlusOne Part Procurement", "700010640"))
    assert (await job.assigned())["outcome"] == "ignored"
    assert (await job.show())["lifecycles"] == []


@pytest.mark.parametrize(
    ("status", "stage"), [("Cancelled", "cancelled"), ("Completed", "completed")]
)
async def test_an_assignment_told_after_the_jobs_end_starts_no_clock(
    desk: Desk, status: str, stage: str
) -> None:
    job = desk.job(status=status)
    assigned_at = now() - timedelta(minutes=5)
    await job.event("job.status_changed")
    job.fields["status"] = "New"
    await job.assigned(occurred_at=assigned_at)

    page = await job.ends_as(stage)
    assert (page.status, page.notes, page.assigned_to) == (status, [], "PlusOne Solutions")


# --- its 24 and its 48 hours ------------------------------------------------------------------


@pytest.mark.rule("PO-31")
async def test_after_24_hours_dispatch_is_reminded_once_and_nothing_else_happens(
    desk: Desk,
) -> None:
    job = await desk.searching()
    await job.fast_forward("23h59m")
    assert (await job.page()).shown["tasks"] == []

    await job.fast_forward("2m")
    page = await job.page()
    assert page.tasks("dispatch") == ["search_running"]
    assert (page.stage, page.notes, page.mails) == ("searching", [PRESCRIBED], [])
    assert (page.assignments, page.promises) == (["PlusOne Solutions"], [("PO-17", None)])
    status, body = await job.refused("request_reassignment", "dispatch", to="X", reason="24 h")
    assert (status, body["rule"]) == (409, "PO-18")

    await job.fast_forward("23h")
    assert (await job.page()).tasks("dispatch") == ["search_running"]


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-60")
@pytest.mark.rule("PO-67")
@pytest.mark.rule("PO-68")
@pytest.mark.rule("PO-69")
async def test_after_48_hours_the_job_goes_to_no_provider_found(desk: Desk) -> None:
    job = await desk.searching()
    await job.fast_forward("48h")

    page = await job.ends_as("no_provider_found")
    assert page.assignments == ["PlusOne Solutions", "No Provider Found"]
    assert page.status == "New"
    assert page.notes == [PRESCRIBED, page.note("No Provider Found", "PO-67")["text"]]
    assert page.mails == [("dispatch@plusone.example", "plusone_send_instructions", "sent")]
    assert page.promises == [("PO-17", "broken")]
    assert page.tasks("dispatch") == ["complete_claim"]
    assert page.task("search_running")["status"] == "done"

    (mail,) = desk.letterbox.about(job.id)
    assert job.id in mail.subject
    assert "No Provider Found instructions" in mail.text


@pytest.mark.rule("PO-68")
async def test_plusone_is_mailed_where_its_account_says(desk: Desk) -> None:
    at_plusone = {**account(**PLUSONE), "email": "search@plusone.example"}
    job = await desk.searching(assigned_to=at_plusone)
    await job.fast_forward("48h")

    page = await job.ends_as("no_provider_found")
    assert page.mails == [("search@plusone.example", "plusone_send_instructions", "sent")]


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-31")
async def test_the_hours_count_from_the_assignment_not_from_the_news_of_it(desk: Desk) -> None:
    job = await desk.searching(assigned_at=ago("20h"))
    assert (await job.page()).due_at == job.assigned_at + timedelta(hours=48)

    await job.fast_forward("4h1m")
    assert (await job.page()).tasks("dispatch") == ["search_running"]
    await job.fast_forward("24h")
    await job.ends_as("no_provider_found")


@pytest.mark.rule("PO-31")
async def test_news_that_comes_after_24_hours_reminds_dispatch_at_once(desk: Desk) -> None:
    job = await desk.searching(assigned_at=ago("30h"))

    page = await job.page()
    assert (page.stage, page.tasks("dispatch")) == ("searching", ["search_running"])


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-67")
async def test_news_that_comes_after_48_hours_finds_the_search_over(desk: Desk) -> None:
    job = await desk.searching(assigned_at=ago("49h"))

    page = await job.ends_as("no_provider_found")
    assert page.assignments == ["PlusOne Solutions", "No Provider Found"]
    assert page.notes == [PRESCRIBED, page.note("PO-67")["text"]]
    assert page.promises == [("PO-17", "broken")]
    assert len(page.mails) == 1


@pytest.mark.rule("PO-19")
async def test_news_that_comes_after_48_hours_still_respects_an_acceptance(desk: Desk) -> None:
    job = desk.job(assigned_at=ago("49h"), status="Accepted")
    accepted_at = now() - timedelta(hours=2)
    await job.assigned(occurred_at=accepted_at)

    page = await job.page()
    assert (page.stage, page.assigned_to) == ("accepted", "PlusOne Solutions")
    assert datetime.fromisoformat(page.standing["since"]) == accepted_at


@pytest.mark.rule("PO-60")
@pytest.mark.rule("PO-61")
async def test_an_acceptance_ends_the_search_and_the_job_stays(desk: Desk) -> None:
    job = await desk.searching()
    await job.fast_forward("25h")
    await job.accepted()

    page = await job.page()
    assert (page.stage, page.status) == ("accepted", "Accepted")
    assert (page.waiting_on, page.assigned_to) == ("plusone", "PlusOne Solutions")
    duties = [("PO-63", None), ("PO-62", None), ("PO-65", None)]
    assert page.promises == [("PO-17", "kept"), *duties, ("PO-25", None)]
    assert page.task("search_running")["status"] == "done"

    await job.fast_forward("24h")
    assert (await job.page()).assigned_to == "PlusOne Solutions"


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-61")
async def test_an_acceptance_counts_until_the_last_second(desk: Desk) -> None:
    job = await desk.searching()
    job.desk = await desk.cut_off_from_temporal()
    await job.accepted()
    await job.fast_forward("48h1m")

    page = await job.page()
    assert (page.stage, page.assignments) == ("accepted", ["PlusOne Solutions"])
    assert (page.notes, page.mails) == ([PRESCRIBED], [])
    assert page.promises[0] == ("PO-17", "kept")


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-67")
async def test_from_48_hours_on_an_acceptance_is_too_late(desk: Desk) -> None:
    job = await desk.searching()
    await job.fast_forward("48h")
    await job.ends_as("no_provider_found")
    assert (await job.accepted())["outcome"] == "ignored"

    page = await job.ends_as("no_provider_found")
    assert (page.status, page.assigned_to) == ("New", "No Provider Found")
    assert page.promises == [("PO-17", "broken")]
    assert page.tasks("supervisor") == ["accepted_too_late"]


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-18")
async def test_an_expired_job_is_held_like_a_new_one(desk: Desk) -> None:
    job = await desk.searching()
    await job.fast_forward("24h1m")
    await job.becomes("Expired", actor=acting("system"))
    page = await job.page()
    assert (page.stage, page.status) == ("searching", "Expired")
    assert page.promises == [("PO-17", None)]
    _, body = await job.refused("request_reassignment", "dispatch", to="X", reason="expired")
    assert body["rule"] == "PO-18"

    await job.fast_forward("24h")
    await job.ends_as("no_provider_found")


async def test_plusone_may_accept_an_expired_job(desk: Desk) -> None:
    job = await desk.searching()
    await job.becomes("Expired", actor=acting("system"))
    await job.accepted()

    assert (await job.page()).stage == "accepted"


# --- PlusOne says that it finds nobody --------------------------------------------------------


@pytest.mark.rule("PO-67")
@pytest.mark.rule("PO-68")
@pytest.mark.rule("PO-69")
@pytest.mark.parametrize("role", ["plusone", "dispatch"])
async def test_cannot_locate_ends_the_search_at_once(desk: Desk, role: str) -> None:
    job = await desk.searching()
    answer = await job.ok("report_cannot_locate", role, text="Nobody within 60 miles")
    assert (answer["stage"], answer["waiting_on"], answer["due_at"]) == (
        "no_provider_found",
        None,
        None,
    )

    page = await job.ends_as("no_provider_found")
    assert page.shown["assignments"][-1]["to"]["name"] == "No Provider Found"
    assert page.shown["assignments"][-1]["by"] == "Sam"
    assert page.note("Nobody within 60 miles", "No Provider Found")
    assert page.promises == [("PO-17", "kept")]
    assert page.tasks("dispatch") == ["complete_claim"]
    assert [template for _, template, _ in page.mails] == ["plusone_send_instructions"]
    assert ("Sam", "report_cannot_locate", None) in page.journal


@pytest.mark.parametrize("role", ["customer_service", "supervisor", "provider", "customer"])
async def test_nobody_else_may_say_cannot_locate(desk: Desk, role: str) -> None:
    job = await desk.searching()
    status, body = await job.refused("report_cannot_locate", role)

    assert (status, body["error"]) == (403, "role")
    assert (await job.page()).stage == "searching"


@pytest.mark.rule("PO-19")
async def test_cannot_locate_is_refused_once_plusone_has_accepted(desk: Desk) -> None:
    job = await desk.accepted()
    status, body = await job.refused("report_cannot_locate", "plusone")

    assert (status, body["rule"]) == (409, "PO-19")
    assert body["instead"] == "add_service_job"
    assert (await job.page()).assigned_to == "PlusOne Solutions"


# --- somebody wants the job back --------------------------------------------------------------


@pytest.mark.rule("PO-09")
@pytest.mark.rule("PO-18")
@pytest.mark.parametrize(
    ("assigned", "role"),
    [("1s", "dispatch"), ("24h", "leadership_desk"), ("47h59m", "supervisor")],
)
async def test_a_new_job_is_not_reassigned_before_48_hours(
    desk: Desk, assigned: str, role: str
) -> None:
    job = await desk.searching(assigned_at=ago(assigned))
    wish = {"to": "Procure Vendor", "reason": "a provider is free"}
    status, body = await job.refused("request_reassignment", role, **wish)

    assert (status, body["error"], body["rule"]) == (409, "conflict", "PO-18")
    assert body["instead"] == "add_service_job"
    page = await job.page()
    assert (page.stage, page.assignments) == ("searching", ["PlusOne Solutions"])
    assert ("Sam", f"refused request_reassignment: {body['message']}", "PO-18") in page.journal


@pytest.mark.rule("PO-08")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-36")
async def test_an_accepted_job_is_never_reassigned(desk: Desk) -> None:
    job = await desk.accepted()
    await job.fast_forward("72h")
    status, body = await job.refused("request_reassignment", "supervisor", to="X", reason="late")

    assert (status, body["rule"], body["instead"]) == (409, "PO-19", "add_service_job")
    assert (await job.page()).assigned_to == "PlusOne Solutions"


@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("status", ["New", "Rejected", "Accepted"])
async def test_a_job_with_a_diagnosis_on_file_is_never_reassigned(desk: Desk, status: str) -> None:
    job = await desk.accepted()
    await job.event("job.report_submitted", {"complete": True})
    if status != "Accepted":
        await job.becomes(status)
    await job.page()
    answered, body = await job.refused("request_reassignment", "dispatch", to="X", reason="denied")

    assert (answered, body["rule"], body["instead"]) == (409, "PO-20", "add_service_job")
    assert (await job.page()).assigned_to == "PlusOne Solutions"


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("Procure Vendor", account("Procure Vendor")),
        ("procure vendor", account("Procure Vendor")),
        ("Tulsa Plumbing", account("Tulsa Plumbing")),
        ("4711", account("4711", "4711")),
    ],
)
async def test_a_job_that_plusone_rejected_may_be_given_to_somebody_else(
    desk: Desk, wanted: str, given: dict[str, object]
) -> None:
    job = await desk.searching()
    await job.becomes("Rejected", actor=acting("plusone"))
    assert (await job.page()).tasks("dispatch") == ["no_longer_accepted"]
    answer = await job.ok("request_reassignment", "dispatch", to=wanted, reason="PlusOne declined")
    assert answer["stage"] == "released"

    page = await job.ends_as("released")
    last = page.shown["assignments"][-1]
    assert last["to"] == {"number": given["number"], "name": given["name"]}
    assert (last["by"], last["reason"]) == ("Sam", "PlusOne declined")
    assert page.promises == [("PO-17", "superseded")]
    assert page.shown["notes"][-1]["author"]["name"] == "Sam"
    assert page.tasks("dispatch") == []


# --- the job changes while PlusOne searches ---------------------------------------------------


@pytest.mark.rule("PO-04")
@pytest.mark.rule("PO-33")
@pytest.mark.parametrize("severity", ["Emergency", "Medical Emergency"])
async def test_a_search_that_becomes_urgent_is_released(desk: Desk, severity: str) -> None:
    job = await desk.searching()
    job.fields["severity"] = severity
    await job.event("job.severity_changed")

    page = await job.ends_as("released")
    assert page.assignments == ["PlusOne Solutions", "Procure Vendor"]
    assert page.note("PO-04", severity)
    assert page.tasks("dispatch") == ["became_urgent"]
    assert page.promises == [("PO-17", "superseded")]
    assert page.mails == []


@pytest.mark.rule("PO-20")
async def test_a_search_with_a_diagnosis_on_file_stays_even_when_it_becomes_urgent(
    desk: Desk,
) -> None:
    job = await desk.searching()
    await job.event("job.report_submitted", {"complete": True})
    job.fields["severity"] = "Emergency"
    await job.event("job.severity_changed")

    page = await job.page()
    assert (page.stage, page.assigned_to) == ("searching", "PlusOne Solutions")
    assert page.tasks("supervisor") == ["became_urgent"]


@pytest.mark.rule("PO-20")
async def test_a_diagnosis_on_file_keeps_the_job_even_when_its_48_hours_are_over(
    desk: Desk,
) -> None:
    job = await desk.searching()
    await job.event("job.report_submitted", {"complete": True})
    await job.fast_forward("48h1m")

    page = await job.page()
    assert (page.assignments, page.mails) == (["PlusOne Solutions"], [])
    assert page.tasks("dispatch") == ["decide_after_search"]
    assert (page.attention, page.promises) == (["overdue"], [("PO-17", "broken")])
    for command, wish in (
        ("request_reassignment", {"to": "X", "reason": "over"}),
        ("report_cannot_locate", {}),
    ):
        status, body = await job.refused(command, "dispatch", **wish)
        assert (status, body["rule"], body["instead"]) == (409, "PO-20", "add_service_job")


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-30")
async def test_a_job_assigned_to_plusone_again_gets_its_48_hours_again(desk: Desk) -> None:
    job = await desk.searching(assigned_at=ago("40h"))
    job.fields["assigned_at"] = iso(now())
    assert (await job.assigned())["outcome"] == "delivered"

    page = await job.page()
    assert page.due_at == job.assigned_at + timedelta(hours=48)
    assert page.promises == [("PO-17", "superseded"), ("PO-17", None)]
    assert page.notes == [PRESCRIBED, PRESCRIBED]
    assert page.tasks("dispatch") == []

    await job.fast_forward("24h1m")
    assert (await job.page()).tasks("dispatch") == ["search_running"]
    await job.fast_forward("24h")
    page = await job.ends_as("no_provider_found")
    assert page.promises == [("PO-17", "superseded"), ("PO-17", "broken")]


@pytest.mark.rule("PO-17")
async def test_an_accepted_job_assigned_to_plusone_again_is_searched_for_again(desk: Desk) -> None:
    job = await desk.accepted()
    job.fields |= {"assigned_at": iso(now()), "status": "New"}
    await job.assigned()

    page = await job.page()
    assert (page.stage, page.promises[-1]) == ("searching", ("PO-17", None))
    await job.fast_forward("48h")
    await job.ends_as("no_provider_found")


@pytest.mark.rule("PO-04")
async def test_a_job_assigned_again_as_an_emergency_goes_back(desk: Desk) -> None:
    job = await desk.accepted()
    job.fields |= {"assigned_at": iso(now()), "status": "New", "severity": "Emergency"}
    await job.assigned()

    page = await job.ends_as("not_eligible")
    assert page.assigned_to == "Procure Vendor"


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-30")
async def test_a_job_may_come_to_plusone_again_after_the_first_search_has_ended(
    desk: Desk,
) -> None:
    job = await desk.searching()
    await job.ok("report_cannot_locate", "plusone")
    await job.ends_as("no_provider_found")
    job.fields["assigned_at"] = iso(now())
    assert (await job.assigned())["outcome"] == "started"

    page = await job.page()
    assert (page.stage, page.assigned_to) == ("searching", "PlusOne Solutions")
    assert page.notes.count(PRESCRIBED) == 2
    assert page.promises == [("PO-17", "kept"), ("PO-17", None)]

    await job.fast_forward("48h")
    page = await job.ends_as("no_provider_found")
    assert page.promises == [("PO-17", "kept"), ("PO-17", "broken")]
    assert page.assignments == ["PlusOne Solutions", "No Provider Found"] * 2
    assert len(page.mails) == 2


# --- the job is taken away in the job system --------------------------------------------------


@pytest.mark.rule("PO-67")
async def test_a_job_that_somebody_has_already_is_not_taken_from_them(desk: Desk) -> None:
    job = await desk.searching()
    await job.becomes("Rejected", actor=acting("plusone"))
    job.desk = await desk.cut_off_from_temporal()
    job.fields |= {"assigned_to": account("Tulsa Plumbing", "4711"), "assigned_at": iso(now())}
    await job.assigned()
    await job.fast_forward("48h")

    page = await job.ends_as("superseded")
    assert page.assignments == ["PlusOne Solutions", "Tulsa Plumbing"]
    assert (page.tasks("dispatch"), page.mails) == ([], [])


async def test_a_rejected_job_given_to_somebody_else_ends_the_search_quietly(desk: Desk) -> None:
    job = await desk.searching()
    await job.becomes("Rejected", actor=acting("plusone"))
    job.fields |= {"assigned_to": account("Tulsa Plumbing", "4711"), "assigned_at": iso(now())}
    job.fields["status"] = "New"
    await job.assigned()

    page = await job.ends_as("superseded")
    assert (page.assigned_to, page.attention) == ("Tulsa Plumbing", [])
    assert page.notes == [PRESCRIBED]
    assert page.tasks("supervisor") == page.tasks("dispatch") == []
    assert page.promises == [("PO-17", "superseded")]


@pytest.mark.rule("PO-67")
async def test_plusone_may_send_the_job_to_no_provider_found_in_the_job_system(desk: Desk) -> None:
    job = await desk.searching()
    job.fields |= {"assigned_to": account("No Provider Found"), "assigned_at": iso(now())}
    await job.assigned(actor=acting("plusone"))

    page = await job.ends_as("superseded")
    assert (page.attention, page.tasks("supervisor")) == ([], [])


@pytest.mark.rule("PO-04")
async def test_an_urgent_search_may_be_taken_over_in_the_job_system(desk: Desk) -> None:
    job = await desk.searching()
    job.fields |= {"assigned_to": account("Tulsa Plumbing", "4711"), "assigned_at": iso(now())}
    job.fields["severity"] = "Emergency"
    await job.assigned()

    page = await job.ends_as("superseded")
    assert (page.attention, page.tasks("supervisor")) == ([], [])


@pytest.mark.rule("PO-11")
@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-20")
@pytest.mark.rule("PO-21")
@pytest.mark.parametrize("rule", ["PO-18", "PO-19", "PO-20"])
async def test_a_job_taken_against_a_rule_raises_the_alarm(desk: Desk, rule: str) -> None:
    job = await (desk.searching() if rule == "PO-18" else desk.accepted())
    if rule == "PO-20":
        await job.event("job.report_submitted", {"complete": True})
    job.fields |= {"assigned_to": account("Tulsa Plumbing", "4711"), "assigned_at": iso(now())}
    job.fields["status"] = "New"
    await job.assigned(actor=acting("customer_service"))

    page = await job.ends_as("superseded")
    assert (page.assigned_to, page.attention) == ("Tulsa Plumbing", ["rule_conflict"])
    assert page.note(rule, "no longer bill", "diagnosis", "PO-11")
    assert page.tasks("supervisor") == ["reassigned_against_rule"]
    assert (acting("customer_service")["name"], rule) in [(w, r) for w, _, r in page.journal]


@pytest.mark.parametrize("stage", ["searching", "accepted"])
async def test_a_cancelled_job_ends_the_search(desk: Desk, stage: str) -> None:
    job = await (desk.accepted() if stage == "accepted" else desk.searching())
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")

    page = await job.ends_as("cancelled")
    assert page.promises[-1][1] == "waived"
    assert (page.assigned_to, page.mails) == ("PlusOne Solutions", [])


# --- the customer calls -----------------------------------------------------------------------


@pytest.mark.rule("PO-32")
@pytest.mark.rule("PO-34")
@pytest.mark.rule("PO-35")
async def test_a_customer_who_calls_hears_that_the_search_goes_on_or_what_is_new(
    desk: Desk,
) -> None:
    job = await desk.searching()

    async def advice() -> tuple[str, int]:
        result = (await job.ok("customer_called", "customer_service"))["result"]
        return result["advice"], result["calls"]

    first, calls = await advice()
    assert "allow 24 hours" in first
    assert calls == 1

    second, calls = await advice()
    assert "still looking" in second
    assert "24 hours" not in second
    assert calls == 2

    await job.note("ASSIGNMENT: called Tulsa Plumbing, no answer")
    await job.note("ASSIGNMENT: Acme Pipes takes it, service call fee 75 USD")
    news, _ = await advice()
    assert "Acme Pipes takes it" in news

    nothing_new, _ = await advice()
    assert "still looking" in nothing_new

    await job.accepted()
    found, calls = await advice()
    assert "PlusOne has found a provider" in found
    assert calls == 5


@pytest.mark.rule("PO-32")
@pytest.mark.rule("PO-35")
async def test_a_call_that_the_job_system_tells_of_counts_and_uses_up_no_news(desk: Desk) -> None:
    job = await desk.searching()
    await job.note("ASSIGNMENT: Acme Pipes takes it")
    await job.event("customer.called", {"about": "when?"}, actor=acting("customer_service"))
    result = (await job.ok("customer_called", "customer_service"))["result"]

    assert (await job.page()).note("The customer called: when?")
    assert result["calls"] == 2
    assert 'New note from PlusOne: "ASSIGNMENT: Acme Pipes takes it".' in result["advice"]


@pytest.mark.rule("PO-32")
@pytest.mark.rule("PO-38")
async def test_a_note_is_news_whoever_wrote_it(desk: Desk) -> None:
    job = await desk.searching()
    await job.note("The customer has a dog", role="customer_service")
    result = (await job.ok("customer_called", "customer_service"))["result"]

    assert 'New note from Customer Service: "The customer has a dog".' in result["advice"]
    assert result["notes"][0].endswith(" ET, Customer Service: The customer has a dog")


async def test_what_a_caller_asked_is_noted_and_moves_nothing(desk: Desk) -> None:
    job = await desk.searching()
    answer = await job.ok("customer_called", "customer_service", about="Asks for the name")

    page = await job.page()
    assert page.note("Asks for the name")["author"]["role"] == "customer_service"
    assert (answer["stage"], page.promises) == ("searching", [("PO-17", None)])


@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-23")
@pytest.mark.rule("PO-24")
async def test_a_note_of_an_assignment_is_no_acceptance(desk: Desk) -> None:
    job = await desk.searching()
    await job.note("ASSIGNMENT: Acme Pipes accepted, fee 75 USD")
    page = await job.page()
    assert (page.stage, page.promises) == ("searching", [("PO-17", None)])

    await job.fast_forward("48h")
    await job.ends_as("no_provider_found")


# --- who is waited for, in one sentence -------------------------------------------------------


@pytest.mark.rule("PO-17")
async def test_the_sentence_says_who_since_when_by_which_rule_what_then_and_who_can_help(
    desk: Desk,
) -> None:
    job = await desk.searching()
    until = job.assigned_at + timedelta(hours=48)

    said = (await job.page()).next
    assert said == (
        f"Waiting since {spoken(job.assigned_at, EASTERN)} for PlusOne to find a provider. Due "
        f"{spoken(until, EASTERN)} (PO-17). If nobody is found by then, the job moves to No "
        "Provider Found. PlusOne can accept the job. Dispatch or PlusOne can report that no "
        "provider was found."
    )

    answer = await job.ok("customer_called", "customer_service")
    assert answer["next"] == said
    why = (await desk.http.get(f"/jobs/{job.id}/why")).json()
    assert why["items"] == [{"lifecycle": "plus-one", "why": said}]
