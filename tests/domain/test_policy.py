"""A policy file says what differs; nonsense in it is told with its file, line, key and reason."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.apo.policy import ApoPolicy
from domain.calendars import business_days_after
from domain.durations import format_elapsed
from domain.jobs import Visibility
from domain.operator_files import FileProblem, OperatorFileError
from domain.policy import BrandsPolicy, Policy, load_policy, parse_policy, policy_warnings

BUILT_IN = files("domain").joinpath("policy.toml").read_text("utf-8")

FIRST_RELEASE: dict[str, Any] = {
    "name": "built-in",
    "calendar": {
        "zone": "America/New_York",
        "day_ends": "17:00",
        "workdays": ["mon", "tue", "wed", "thu", "fri"],
        "holidays": "US",
        "closed": ["2026-12-24"],
        "opened": [],
    },
    "plus_one": {
        "search_window": "48h",
        "customer_expectation": "24h",
        "on_window_end": "no_provider_found",
        "release_on_cannot_locate": True,
        "npf_starts_apo": False,
        "expired_counts_as_new": True,
        "on_severity_raise": "release_if_new",
        "silence_reminder": "3bd",
        "served_trades": ["Plumbing", "Electrical", "Appliances", "HVAC"],
        "approval_threshold": None,
        "call_above": "250.00",
        "email": "dispatch@plusone.example",
        "profile_address": {
            "line": "1 Nowhere Lane",
            "city": "Fictionville",
            "state": "FL",
            "zip": "00000",
        },
    },
    "notes": {"default_visibility": "Private", "public_email_to_customer": False},
    "mail": {"sender": "Steward <steward@home-warranty.example>"},
}

ADDED_SINCE: dict[str, Any] = {
    "plus_one": {
        **FIRST_RELEASE["plus_one"],
        "search_not_said": "assumed",
        "oracle_update": "when_asked",
        "recall_event_types": ["Recall"],
        "inform_within": "1bd",
    },
    "notes": {
        "default_visibility": "Private",
        "public_email_to_customer": False,
        "public_email_to_national_accounts": False,
    },
    "apo": {
        "supervisors": {"opens": "17:00", "closes": "07:00", "weekend_all_day": True},
        "max_refusals": 2,
        "offer_only_when_exhausted": False,
        "voicemail_required": True,
        "limit_hvac": "500.00",
        "limit_other": "300.00",
        "trade_map": {"HVAC": "hvac"},
        "documents_mailbox": "supportingdocuments@cinchhs.com",
        "refund_deductible": True,
        "review": "2bd",
        "contact": {"attempts": 3, "every": "4h"},
        "instructions": {"attempts": 3, "every": "2bd"},
        "documents": {"attempts": 3, "every": "5bd"},
        "offer": {"attempts": 3, "every": "2bd"},
        "invoice": {"attempts": 3, "every": "2bd"},
    },
    "am_escalation": {
        "callback_after": "24h",
        "callback_boundary": "inclusive",
        "quiet_close": "14d",
        "exception_if_resolved": False,
        "feedback_codes": ["GREAT SVC", "PROFILE UPDATE"],
        "code_help": {
            "COACH": "needs coaching",
            "GREAT SVC": "great service",
            "HI COST": "charged too much",
            "MISDIAG": "wrong diagnosis",
            "MISSED APPT": "missed the appointment, but let the customer know",
            "NCNS": "no call, no show",
            "NO RESPONSE": "didn't answer a request or message",
            "NO WORK": "came but did no work, or refuses the work",
            "PROCESS": "didn't follow our process",
            "PROFILE UPDATE": "our records about the provider need a change",
            "SP UNRESPONSIVE": "can't be reached at all",
            "UNPROFESSIONAL": "behaved unprofessionally",
            "WORKMANSHIP": "poor workmanship",
        },
        "contact": {"attempts": 3, "every": "1bd"},
        "second_contact": {"attempts": 3, "every": "1bd"},
        "review": {"attempts": 3, "every": "1bd"},
        "area_manager": {"attempts": 3, "every": "1bd"},
    },
    "spoc": {
        "report_due": "1bd",
        "overdue": {"attempts": 2, "every": "1bd"},
        "missing": {"attempts": 2, "every": "1bd"},
        "reply": {"attempts": 1, "every": "24h"},
        "min_sp_attempts": 1,
        "attempts_per_reason": True,
        "part_update_age": "5bd",
        "confirm_grace": "1bd",
        "quiet": "30d",
        "medical_immediate": True,
        "review_cases": [
            "over_approval_limit",
            "replacement_recommended",
            "non_covered_charges",
            "possible_denial",
            "potential_recall",
        ],
        "pr_tracking_conditions": ["no_eta", "eta_passed"],
        "purchasing_form_roles": ["leadership_desk", "supervisor", "escalations"],
    },
    "mail": {
        **FIRST_RELEASE["mail"],
        "holds": "nothing",
        "hours": {"opens": "08:00", "closes": "21:00", "weekend_all_day": False},
        "per_day": 3,
    },
    "digest": {"at": "08:00"},
    "reconciliation": {"every": "10m", "grace": "1m"},
    "retention": {"hook_bodies": "90d", "mails": "730d", "answers": "90d", "ended_jobs": "2557d"},
    "brands": {
        "default": "Cinch Home Services",
        "names": {
            "Cinch": "Cinch Home Services",
            "Sears": "Sears Home Warranty Support Center",
        },
    },
    "reassignment": {
        "calling": {"opens": "09:00", "closes": "18:00", "weekend_all_day": False},
        "unknown_zip": "closed",
        "max_calls_standard": 3,
        "max_calls_emergency": 4,
        "days_for_priority_items": 2,
        "days_for_others": 3,
        "within_for_urgent": "48h",
        "late_offer": "next_provider",
        "late_appointment": "customer_agrees",
        "note_offers": False,
        "travel_from_miles": 25,
        "travel_rate": "1.00",
        "no_answer_fallback": False,
        "drop_retry": 1,
        "idle": "30m",
        "give_up": "2h",
        "unscheduled_after": "36h",
        "unscheduled_after_urgent": "24h",
        "guide": {},
    },
}
"""What later releases added, as a job behaves that was started before them."""


def problems(text: str, source: str = "house.toml") -> list[str]:
    with pytest.raises(OperatorFileError) as raised:
        parse_policy(text, source)
    assert str(raised.value) == "\n".join(map(str, raised.value.problems))
    return [str(problem) for problem in raised.value.problems]


def policy_or_error(text: str) -> Policy | OperatorFileError:
    try:
        return parse_policy(text, "house.toml")
    except OperatorFileError as error:
        return error


@pytest.mark.rule("PO-01")
@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-54")
@pytest.mark.rule("G-24")
def test_the_built_in_policy_is_what_the_procedures_and_decisions_say() -> None:
    policy = load_policy(None)
    assert policy.name == "built-in"
    assert policy.model_dump(mode="json") == FIRST_RELEASE | ADDED_SINCE | {
        "calendar": policy.calendar.model_dump(mode="json") | {"closed": []},
        "mail": ADDED_SINCE["mail"] | {"holds": "reminders"},
    }
    plus_one = policy.plus_one
    assert plus_one.search_window == timedelta(hours=48)
    assert plus_one.customer_expectation == timedelta(hours=24)
    assert plus_one.silence_reminder == 3
    assert plus_one.approval_threshold is None
    assert plus_one.call_above == Decimal("250.00")
    assert policy.notes.default_visibility is Visibility.PRIVATE


@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-33")
@pytest.mark.rule("APO-36")
@pytest.mark.rule("G-32")
@pytest.mark.rule("G-33")
@pytest.mark.rule("G-35")
@pytest.mark.rule("G-36")
@pytest.mark.rule("G-43")
@pytest.mark.rule("G-45")
@pytest.mark.rule("G-70")
def test_the_built_in_policy_of_the_option_is_what_the_procedure_and_decisions_say() -> None:
    apo = load_policy(None).apo
    assert (apo.supervisors.opens, apo.supervisors.closes) == (
        timedelta(hours=17),
        timedelta(hours=7),
    )
    assert apo.supervisors.weekend_all_day
    assert (apo.limit_hvac, apo.limit_other) == (Decimal(500), Decimal(300))
    assert (apo.max_refusals, apo.refund_deductible) == (2, True)
    assert apo.documents_mailbox == "supportingdocuments@cinchhs.com"
    chased = [apo.contact, apo.instructions, apo.documents, apo.offer, apo.invoice]
    assert [each.attempts for each in chased] == [3, 3, 3, 3, 3]
    assert [each.every for each in chased] == [timedelta(hours=4), 2, 5, 2, 2]


def test_a_job_from_before_the_option_is_offered_it_as_the_built_in_policy_says() -> None:
    built_in = load_policy(None)
    assert built_in.apo == ApoPolicy()
    assert built_in.brands == BrandsPolicy()


def test_the_built_in_policy_is_read_like_any_other_file() -> None:
    assert parse_policy(BUILT_IN, "copy.toml") == load_policy(None)


def test_what_the_built_in_policy_leaves_open_can_be_set_where_it_says_so() -> None:
    opened = BUILT_IN.replace('# approval_threshold = "150.00"', 'approval_threshold = "150.00"')
    assert parse_policy(opened, "copy.toml").plus_one.approval_threshold == Decimal("150.00")


@pytest.mark.rule("PO-54")
@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("", "line, city, zip"),
        ('line = "100 Harbor Way"', "city, zip"),
        ('line = "100 Harbor Way"\ncity = "Harborville"', "zip"),
        ('line = "100 Harbor Way"\ncity = "Harborville"\nzip = "33999"', None),
    ],
)
def test_a_placeholder_of_plusones_address_is_warned_of(address: str, left: str | None) -> None:
    policy = parse_policy(f"[plus_one.profile_address]\n{address}", "house.toml")
    warned = [str(warning) for warning in policy_warnings(policy)]
    if left is None:
        assert warned == []
    else:
        (warning,) = warned
        assert f"still has the placeholder's {left}, so a shipment" in warning
        assert warning.startswith("plus_one.profile_address: ")
        assert warning.endswith("then run `steward policy check FILE`.")


def test_a_file_only_says_what_differs() -> None:
    policy = parse_policy(
        """
        [calendar]
        closed = [2026-12-24]
        [plus_one]
        search_window = "3d"
        profile_address.zip = "32000-0001"
        """,
        "/etc/steward/night shift.toml",
    )
    built_in = load_policy(None)
    assert policy.name == "night shift"
    assert policy.calendar.closed == (date(2026, 12, 24),)
    assert policy.calendar.workdays == built_in.calendar.workdays
    assert policy.plus_one.search_window == timedelta(hours=72)
    assert policy.plus_one.customer_expectation == timedelta(hours=24)
    assert policy.plus_one.profile_address.zip == "32000-0001"
    assert policy.plus_one.profile_address.state == "FL"
    assert (policy.notes, policy.mail) == (built_in.notes, built_in.mail)
    assert parse_policy("", "house.toml") == built_in.model_copy(update={"name": "house"})
    assert parse_policy('name = "West"', "house.toml").name == "West"


@pytest.mark.parametrize("written", ["99.5", '"99.50"', '"99.5"'])
def test_amounts_are_exact_however_they_are_written(written: str) -> None:
    call_above = parse_policy(f"plus_one.call_above = {written}", "house.toml").plus_one.call_above
    assert str(call_above) == "99.50"


def test_a_running_job_still_reads_the_policy_of_the_release_that_started_it() -> None:
    policy = Policy.model_validate(FIRST_RELEASE)
    assert policy.model_dump(mode="json") == FIRST_RELEASE | ADDED_SINCE
    assert Policy.model_validate(policy.model_dump(mode="json")) == policy


def test_a_file_may_change_a_part_of_a_chase_or_of_the_supervisors_window() -> None:
    apo = parse_policy(
        """
        [apo]
        offer.attempts = 5
        invoice.every = "36h"
        supervisors.opens = "18:00"
        [apo.contact]
        attempts = 0
        """,
        "house.toml",
    ).apo
    built_in = load_policy(None).apo
    assert (apo.offer.attempts, apo.offer.every) == (5, 2)
    assert (apo.invoice.attempts, apo.invoice.every) == (3, timedelta(hours=36))
    assert (apo.contact.attempts, apo.contact.every) == (0, timedelta(hours=4))
    assert apo.supervisors.opens == timedelta(hours=18)
    assert apo.supervisors.closes == built_in.supervisors.closes
    assert apo.supervisors.weekend_all_day
    assert (apo.instructions, apo.documents) == (built_in.instructions, built_in.documents)


@pytest.mark.parametrize(
    ("brand", "name"),
    [
        ("Cinch", "Cinch Home Services"),
        ("Sears", "Sears Home Warranty Support Center"),
        ("SEARS", "Sears Home Warranty Support Center"),
        ("Acme", "Acme Care"),
        ("Nobody's", "The House"),
        ("", "The House"),
        (None, "The House"),
    ],
)
def test_customers_know_us_by_the_name_of_their_brand(brand: str | None, name: str) -> None:
    said = '[brands]\ndefault = "The House"\n[brands.names]\nAcme = "Acme Care"'
    assert parse_policy(said, "house.toml").brands.name_of(brand) == name


@given(
    hours=st.integers(49, 1000),
    days=st.integers(1, 100),
    closed=st.lists(st.dates(date(2026, 1, 1), date(2030, 1, 1)), max_size=3),
    threshold=st.none() | st.decimals(0, 5000, places=2),
    limit=st.decimals(0, 5000, places=2),
    attempts=st.integers(0, 20),
    every=st.builds("{}bd".format, st.integers(1, 100))
    | st.builds("{}h".format, st.integers(1, 1000)),
)
def test_a_snapshot_is_the_policy(
    hours: int,
    days: int,
    closed: list[date],
    threshold: Decimal | None,
    limit: Decimal,
    attempts: int,
    every: str,
) -> None:
    said = [
        f"calendar.closed = [{', '.join(map(str, closed))}]",
        f'plus_one.search_window = "{format_elapsed(timedelta(hours=hours))}"',
        f'plus_one.silence_reminder = "{days}bd"',
        "" if threshold is None else f"plus_one.approval_threshold = {threshold}",
        f"apo.limit_hvac = {limit}",
        f'apo.offer = {{attempts = {attempts}, every = "{every}"}}',
        f'brands.names.Acme = "{hours} Acme"',
    ]
    policy = parse_policy("\n".join(said), "house.toml")
    assert (policy.apo.limit_hvac, policy.apo.offer.attempts) == (limit, attempts)
    assert Policy.model_validate(policy.model_dump(mode="json")) == policy
    assert Policy.model_validate_json(policy.model_dump_json()).fingerprint == policy.fingerprint


def test_the_fingerprint_tells_policies_apart_and_not_their_spelling() -> None:
    said = [
        parse_policy(text, "house.toml").fingerprint
        for text in (
            "calendar = {closed = [2026-12-24, 2026-01-02], day_ends = 17:00:00}",
            '[calendar]\nday_ends = "17:00"\nclosed = ["2026-01-02", 2026-12-24, 2026-12-24]',
            "calendar.closed = [2026-12-24]",
        )
    ]
    assert said[0] == said[1] != said[2]
    assert all(len(each) == 12 and set(each) <= set("0123456789abcdef") for each in said)


def test_a_policy_cannot_be_changed() -> None:
    policy = load_policy(None)
    with pytest.raises(ValidationError, match="frozen"):
        policy.plus_one.search_window = timedelta(hours=1)  # type: ignore[misc]


NONSENSE = [
    ("[calendar]\nworkdays = []", "2: calendar.workdays: every day of the week is closed"),
    ('[calendar]\nworkdays = ["mo"]', "2: calendar.workdays.0: should be 'mon', 'tue'"),
    ('[calendar]\nworkdays = "mon"', "2: calendar.workdays: is a list: write it in [ ]"),
    ("[calendar]\nday_ends = 17", "2: calendar.day_ends: '17' is not a time of day"),
    ('[calendar]\nzone = "Eastern"', "2: calendar.zone: 'Eastern' is not an IANA time zone"),
    ('[calendar]\nholidays = "Texas"', "2: calendar.holidays: no holidays are known for 'Texas'"),
    ("[calendar]\nclosed = [1]", "2: calendar.closed.0: 1 is not a date"),
    (
        "[calendar]\nclosed = [2026-12-24]\nopened = [2026-12-24]",
        "1: calendar: 2026-12-24 is both closed and opened",
    ),
    ('[digest]\nat = "24:00"', "2: digest.at: at 24:00 the day is over: write 00:00 for its"),
    (
        '[retention]\nmails = "23h"',
        "2: retention.mails: people look into yesterday's faults",
    ),
    (
        '[reconciliation]\nevery = "59s"',
        "2: reconciliation.every: once a minute is often enough",
    ),
    ('[reassignment]\nidle = "3h"', "1: reassignment.give_up: 2h is not after idle"),
    ("calendar = 5", "1: calendar: is a section with keys of its own"),
    (
        '[plus_one]\nsearch_window = "-48h"',
        "2: plus_one.search_window: '-48h' is not a duration: write it like 48h, 90m, 1h30m, 3d",
    ),
    ('[plus_one]\nsearch_window = "0h"', "2: plus_one.search_window: 0h is too short"),
    ("[plus_one]\nsearch_window = 48", "2: plus_one.search_window: 48 has no unit"),
    (
        '[plus_one]\nsearch_window = "2880m"\ncustomer_expectation = "48h"',
        "3: plus_one.customer_expectation: 48h must be shorter than the search window, 48h",
    ),
    (
        '[plus_one]\nsilence_reminder = "0bd"',
        "2: plus_one.silence_reminder: 0 business days: write 1",
    ),
    (
        '[plus_one]\nsilence_reminder = "3d"',
        "2: plus_one.silence_reminder: '3d' is not a number of",
    ),
    ("[plus_one]\nsilence_reminder = 3", "2: plus_one.silence_reminder: 3 has no unit"),
    (
        '[plus_one]\non_window_end = "npf"',
        "2: plus_one.on_window_end: should be 'no_provider_found' or 'dispatch_task', not 'npf'",
    ),
    (
        '[plus_one]\non_severity_raise = "release"',
        "2: plus_one.on_severity_raise: should be 'release_if_new' or 'hold', not 'release'",
    ),
    (
        '[plus_one]\nrelease_on_cannot_locate = "yes"',
        "2: plus_one.release_on_cannot_locate: should be a valid boolean, not 'yes'",
    ),
    ("[plus_one]\nexpired_counts_as_new = 1", "2: plus_one.expired_counts_as_new: should be a"),
    ("[plus_one]\nserved_trades = []", "2: plus_one.served_trades: list at least one trade"),
    (
        "[spoc]\npurchasing_form_roles = []",
        "2: spoc.purchasing_form_roles: list at least 1, not 0",
    ),
    (
        "[spoc]\npr_tracking_conditions = []",
        "2: spoc.pr_tracking_conditions: list at least 1, not 0",
    ),
    (
        "[am_escalation]\nfeedback_codes = []",
        "2: am_escalation.feedback_codes: list at least 1, not 0",
    ),
    (
        '[plus_one]\nserved_trades = ["HVAC", "Pluming"]',
        "2: plus_one.served_trades.1: should be 'Plumbing', 'Electrical'",
    ),
    ('[plus_one]\ncall_above = "250.005"', "2: plus_one.call_above: write 240.00"),
    ("[plus_one]\ncall_above = -1", "2: plus_one.call_above: write 240.00"),
    ("[plus_one]\ncall_above = nan", "2: plus_one.call_above: should be a finite number, not NaN"),
    ("[plus_one]\napproval_threshold = true", "2: plus_one.approval_threshold: write 240.00"),
    (
        '[plus_one]\nsearch_not_said = "never"',
        "2: plus_one.search_not_said: should be 'assumed' or 'ask', not 'never'",
    ),
    (
        '[plus_one]\noracle_update = "never"',
        "2: plus_one.oracle_update: should be 'when_asked' or 'always', not 'never'",
    ),
    ("[plus_one]\nrecall_event_types = []", "2: plus_one.recall_event_types: name at least one"),
    ('[plus_one]\nemail = "plusone"', "2: plus_one.email: 'plusone' is not an e-mail address"),
    (
        '[plus_one]\nemail = "a@b.example\\nBcc: c@d.example"',
        "2: plus_one.email: 'a@b.example\\nBcc: c@d.example' is not an e-mail address",
    ),
    ('[plus_one.profile_address]\nzip = "1"', "2: plus_one.profile_address.zip: String should"),
    ('[plus_one.profile_address]\nline = " "', "2: plus_one.profile_address.line: String should"),
    (
        '[notes]\ndefault_visibility = "private"',
        "2: notes.default_visibility: should be 'Private', 'Public' or 'Public with Email'",
    ),
    ('[mail]\nsender = "Steward"', "2: mail.sender: 'Steward' is not a sender: write it like"),
    (
        '[mail]\nsender = "A\\nB <a@b.example>"',
        "2: mail.sender: 'A\\nB <a@b.example>' is not a sender",
    ),
    ("apo = 5", "1: apo: is a section with keys of its own"),
    (
        "[apo]\nmax_refusals = 0",
        "2: apo.max_refusals: should be greater than or equal to 1, not 0",
    ),
    ("[apo]\nmax_refusals = 21", "2: apo.max_refusals: should be less than or equal to 20"),
    ("[apo]\nmax_refusals = true", "2: apo.max_refusals: should be a valid integer, not True"),
    ('[apo]\nmax_refusals = "2"', "2: apo.max_refusals: should be a valid integer, not '2'"),
    ('[apo]\nlimit_hvac = "500.005"', "2: apo.limit_hvac: write 240.00"),
    ("[apo]\nlimit_hvac = nan", "2: apo.limit_hvac: should be a finite number, not NaN"),
    ('[apo]\nlimit_other = "300 USD"', "2: apo.limit_other: write 240.00"),
    ("[apo]\nlimit_other = -300", "2: apo.limit_other: write 240.00"),
    (
        '[apo]\ndocuments_mailbox = "supportingdocuments"',
        "2: apo.documents_mailbox: 'supportingdocuments' is not an e-mail address",
    ),
    (
        '[apo]\nrefund_deductible = "yes"',
        "2: apo.refund_deductible: should be a valid boolean, not 'yes'",
    ),
    ("[apo]\nreview = 2", "2: apo.review: 2 has no unit: write business days like 3bd"),
    ('[apo]\nreview = "48h"', "2: apo.review: '48h' is not a number of business days"),
    (
        '[apo]\nsupervisors = "17:00-07:00"',
        "2: apo.supervisors: is a section with keys of its own",
    ),
    (
        '[apo.supervisors]\nopens = "07:00"',
        "1: apo.supervisors: opens is 24:00, or the same as closes",
    ),
    ('[apo.supervisors]\nopens = "5PM"', "2: apo.supervisors.opens: '5PM' is not a time of day"),
    ("[apo.supervisors]\ncloses = 7", "2: apo.supervisors.closes: '7' is not a time of day"),
    (
        '[apo.supervisors]\nweekend_all_day = "perhaps"',
        "2: apo.supervisors.weekend_all_day: should be a valid boolean",
    ),
    ("[apo]\ncontact = 3", "2: apo.contact: is a section with keys of its own"),
    (
        "[apo.contact]\nattempts = -1",
        "2: apo.contact.attempts: should be greater than or equal to 0, not -1",
    ),
    (
        "[apo.instructions]\nattempts = 21",
        "2: apo.instructions.attempts: should be less than or equal to 20, not 21",
    ),
    ("[apo.offer]\nattempts = true", "2: apo.offer.attempts: should be a valid integer, not True"),
    ("[apo.offer]\nattempts = 1.5", "2: apo.offer.attempts: should be a valid integer, not 1.5"),
    (
        "[apo.offer]\nevery = 2",
        "2: apo.offer.every: 2 has no unit: write business days like 2bd, or hours like 4h",
    ),
    ('[apo.offer]\nevery = "2 days"', "2: apo.offer.every: '2 days' is not a duration"),
    ('[apo.invoice]\nevery = "0h"', "2: apo.invoice.every: 0h is too short"),
    ('[apo.documents]\nevery = "0bd"', "2: apo.documents.every: 0 business days: write 1"),
    ('[brands]\ndefault = " "', "2: brands.default: String should have at least 1 character"),
    ("[brands]\nnames = 5", "2: brands.names: should be a valid dictionary, not 5"),
    ("[brands.names]\nCinch = 5", "2: brands.names.Cinch: should be a valid string, not 5"),
    ('[brands.names]\n" " = "x"', "2: brands.names. .[key]: String should have at least 1"),
    ('name = ""', "1: name: String should have at least 1 character, not ''"),
]


@pytest.mark.parametrize(("text", "problem"), NONSENSE)
def test_nonsense_is_told_with_file_line_key_and_reason(text: str, problem: str) -> None:
    (told,) = problems(text)
    assert told.startswith(f"house.toml:{problem}")


@pytest.mark.rule("PO-17")
def test_plusone_cannot_be_given_less_than_48_hours() -> None:
    (told,) = problems('plus_one.search_window = "47h59m"')
    assert told.endswith("47h59m is too short: PO-17 gives PlusOne at least 48h")


@pytest.mark.rule("G-08")
def test_no_provider_found_starts_the_option_only_where_the_policy_says_so() -> None:
    assert not load_policy(None).plus_one.npf_starts_apo
    assert parse_policy("plus_one.npf_starts_apo = true", "house.toml").plus_one.npf_starts_apo


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[plusone]", "1: plusone: unknown key; did you mean plus_one?"),
        (
            '[plus_one]\n\nserch_window = "48h"',
            "3: plus_one.serch_window: unknown key; did you mean search_window?",
        ),
        (
            '[plus_one.profile_address]\nzipcode = "x"',
            "2: plus_one.profile_address.zipcode: unknown key; did you mean zip?",
        ),
        (
            "[notes]\nxyz = 1",
            (
                "2: notes.xyz: unknown key; known here: default_visibility, "
                "public_email_to_customer, public_email_to_national_accounts"
            ),
        ),
        ("[apo]\nmax_refusal = 2", "2: apo.max_refusal: unknown key; did you mean max_refusals?"),
        ("[apo.ofer]\nattempts = 3", "1: apo.ofer: unknown key; did you mean offer?"),
        ('[apo.offer]\nevry = "2bd"', "2: apo.offer.evry: unknown key; did you mean every?"),
        ("[apo.invoice]\nxyz = 1", "2: apo.invoice.xyz: unknown key; known here: attempts, every"),
        (
            '[apo.supervisors]\n\nopen = "17:00"',
            "3: apo.supervisors.open: unknown key; did you mean opens?",
        ),
        ('[brands]\nname.Acme = "x"', "2: brands.name: unknown key; did you mean names?"),
        ('[calendar]\n"day ends" = 1', "2: calendar.day ends: unknown key; did you mean day_ends?"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_known_one(text: str, problem: str) -> None:
    assert problems(text) == [f"house.toml:{problem}"]


ALL_AT_ONCE = """\
# zone = "in a comment"


naem = "x"

[calendar]   # closed = 1
closed = [
  # zone = "in a list"
  2026-12-24, "] not the end",
  "zone",
]

  "zone" = 'x # = "'

[plus_one]
profile_address . 'zip' = "x"
email = \"\"\"
[mail]
sender = "in a text"
\"\"\"
[mail]
sender = '''
zone = 1'''
[notes]
default_visibility = 1
"""


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    assert [problem.split(": ")[:2] for problem in problems(ALL_AT_ONCE)] == [
        ["house.toml:4", "naem"],
        ["house.toml:7", "calendar.closed.1"],
        ["house.toml:7", "calendar.closed.2"],
        ["house.toml:13", "calendar.zone"],
        ["house.toml:16", "plus_one.profile_address.zip"],
        ["house.toml:17", "plus_one.email"],
        ["house.toml:22", "mail.sender"],
        ["house.toml:25", "notes.default_visibility"],
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n\n[calendar\n", "3: Expected ']' at the end of a table declaration"),
        ("x = 1\nx = 2\n", "2: Cannot overwrite a value"),
        (
            f"[plus_one]\ncall_above = 1{4300 * '0'}",
            "2: Exceeds the limit (4300 digits) for integer string conversion",
        ),
        ("x = 1\n\ny = [\n1\n\n", "3: Unclosed array"),
        ("\nx = 1\n'y", '3: Expected "\'"'),
        ("search window = 1", "1: Expected '=' after a key in a key/value pair"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, problem: str) -> None:
    (told,) = problems(text)
    assert told.startswith(f"house.toml:{problem}")


def test_lines_are_counted_alike_whatever_ends_them(tmp_path: Path) -> None:
    file = tmp_path / "house.toml"
    file.write_bytes(b"\xef\xbb\xbf[notes]\r\n\r\nxyz = 1\r\n")
    with pytest.raises(OperatorFileError) as raised:
        load_policy(file)
    (problem,) = raised.value.problems
    assert (problem.source, problem.line, problem.key) == (str(file), 3, "notes.xyz")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing, latin = tmp_path / "none.toml", tmp_path / "latin.toml"
    latin.write_bytes('# fine\nname = "Señora"\n'.encode("latin-1"))
    for path, told in (
        (missing, f"{missing}: cannot be read: No such file or directory"),
        (tmp_path, f"{tmp_path}: cannot be read: Is a directory"),
        (latin, f"{latin}:2: is not UTF-8 text"),
    ):
        with pytest.raises(OperatorFileError) as raised:
            load_policy(path)
        assert str(raised.value) == told


def test_a_file_names_a_policy_that_does_not_name_itself(tmp_path: Path) -> None:
    file = tmp_path / "winter.toml"
    file.write_text('[plus_one]\nsearch_window = "72h"\n')
    assert load_policy(file).name == "winter"


@given(
    st.text()
    | st.builds(lambda a, b: BUILT_IN[:a] + BUILT_IN[b:], *[st.integers(0, len(BUILT_IN))] * 2)
)
def test_no_text_is_worse_than_a_policy_error(text: str) -> None:
    outcome = policy_or_error(text)
    if isinstance(outcome, OperatorFileError):
        assert outcome.problems
        assert all(problem.reason and problem.line for problem in outcome.problems)
    else:
        assert Policy.model_validate(outcome.model_dump(mode="json")) == outcome


@pytest.mark.rule("G-24")
def test_the_calendar_of_the_policy_counts_its_days() -> None:
    policy = parse_policy("calendar.closed = [2026-11-27]", "house.toml")
    wednesday = datetime(2026, 11, 25, 15, tzinfo=UTC)
    assert business_days_after(policy.calendar, wednesday, 1).date() == date(2026, 11, 30)


def test_a_problem_without_a_line_or_key_leaves_them_out() -> None:
    assert str(FileProblem("house.toml", 0, "", "cannot be read")) == "house.toml: cannot be read"
