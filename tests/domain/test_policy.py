"""A policy file says what differs; nonsense in it is told with its file, line, key and reason."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendars import business_days_after
from domain.durations import format_elapsed
from domain.jobs import Visibility
from domain.policy import Policy, PolicyError, PolicyProblem, load_policy, parse_policy

BUILT_IN = files("domain").joinpath("policy.toml").read_text("utf-8")

FIRST_RELEASE = {
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


def problems(text: str, source: str = "house.toml") -> list[str]:
    with pytest.raises(PolicyError) as raised:
        parse_policy(text, source)
    assert str(raised.value) == "\n".join(map(str, raised.value.problems))
    return [str(problem) for problem in raised.value.problems]


def policy_or_error(text: str) -> Policy | PolicyError:
    try:
        return parse_policy(text, "house.toml")
    except PolicyError as error:
        return error


@pytest.mark.rule("PO-01")
@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-54")
@pytest.mark.rule("G-24")
def test_the_built_in_policy_is_what_the_procedures_and_decisions_say() -> None:
    policy = load_policy(None)
    assert policy.name == "built-in"
    assert policy.model_dump(mode="json") == FIRST_RELEASE | {
        "calendar": policy.calendar.model_dump(mode="json") | {"closed": []}
    }
    plus_one = policy.plus_one
    assert plus_one.search_window == timedelta(hours=48)
    assert plus_one.customer_expectation == timedelta(hours=24)
    assert plus_one.silence_reminder == 3
    assert plus_one.approval_threshold is None
    assert plus_one.call_above == Decimal("250.00")
    assert policy.notes.default_visibility is Visibility.PRIVATE


def test_the_built_in_policy_is_read_like_any_other_file() -> None:
    assert parse_policy(BUILT_IN, "copy.toml") == load_policy(None)


def test_what_the_built_in_policy_leaves_open_can_be_set_where_it_says_so() -> None:
    opened = BUILT_IN.replace('# approval_threshold = "150.00"', 'approval_threshold = "150.00"')
    assert parse_policy(opened, "copy.toml").plus_one.approval_threshold == Decimal("150.00")


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
    assert policy.model_dump(mode="json") == FIRST_RELEASE


@given(
    hours=st.integers(49, 1000),
    days=st.integers(1, 100),
    closed=st.lists(st.dates(date(2026, 1, 1), date(2030, 1, 1)), max_size=3),
    threshold=st.none() | st.decimals(0, 5000, places=2),
)
def test_a_snapshot_is_the_policy(
    hours: int, days: int, closed: list[date], threshold: Decimal | None
) -> None:
    said = [
        f"calendar.closed = [{', '.join(map(str, closed))}]",
        f'plus_one.search_window = "{format_elapsed(timedelta(hours=hours))}"',
        f'plus_one.silence_reminder = "{days}bd"',
        "" if threshold is None else f"plus_one.approval_threshold = {threshold}",
    ]
    policy = parse_policy("\n".join(said), "house.toml")
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
    ("[calendar]\nday_ends = 17", "2: calendar.day_ends: '17' is no time of day"),
    ('[calendar]\nzone = "Eastern"', "2: calendar.zone: 'Eastern' is no IANA time zone"),
    ('[calendar]\nholidays = "Texas"', "2: calendar.holidays: the holidays of 'Texas'"),
    ("[calendar]\nclosed = [1]", "2: calendar.closed.0: 1 is no date"),
    (
        "[calendar]\nclosed = [2026-12-24]\nopened = [2026-12-24]",
        "1: calendar: 2026-12-24 is both closed and opened",
    ),
    ("calendar = 5", "1: calendar: is a section with keys of its own"),
    (
        '[plus_one]\nsearch_window = "-48h"',
        "2: plus_one.search_window: '-48h' is no duration: write it like 48h, 90m, 1h30m or 3d",
    ),
    ('[plus_one]\nsearch_window = "0h"', "2: plus_one.search_window: 0h is no time to wait"),
    ("[plus_one]\nsearch_window = 48", "2: plus_one.search_window: 48 has no unit"),
    (
        '[plus_one]\nsearch_window = "2880m"\ncustomer_expectation = "48h"',
        "3: plus_one.customer_expectation: 48h is not before search_window ends",
    ),
    (
        '[plus_one]\nsilence_reminder = "0bd"',
        "2: plus_one.silence_reminder: 0 business days: at least 1",
    ),
    ('[plus_one]\nsilence_reminder = "3d"', "2: plus_one.silence_reminder: '3d' is no number of"),
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
    ("[plus_one]\nserved_trades = []", "2: plus_one.served_trades: PlusOne serves no trade at all"),
    (
        '[plus_one]\nserved_trades = ["HVAC", "Pluming"]',
        "2: plus_one.served_trades.1: should be 'Plumbing', 'Electrical'",
    ),
    ('[plus_one]\ncall_above = "250.005"', "2: plus_one.call_above: an amount in USD is a text"),
    ("[plus_one]\ncall_above = -1", "2: plus_one.call_above: an amount in USD is a text"),
    ("[plus_one]\ncall_above = nan", "2: plus_one.call_above: should be a finite number, not NaN"),
    ("[plus_one]\napproval_threshold = true", "2: plus_one.approval_threshold: an amount in USD"),
    ('[plus_one]\nemail = "plusone"', "2: plus_one.email: 'plusone' is no e-mail address"),
    (
        '[plus_one]\nemail = "a@b.example\\nBcc: c@d.example"',
        "2: plus_one.email: 'a@b.example\\nBcc: c@d.example' is no e-mail address",
    ),
    ('[plus_one.profile_address]\nzip = "1"', "2: plus_one.profile_address.zip: String should"),
    ('[plus_one.profile_address]\nline = " "', "2: plus_one.profile_address.line: String should"),
    (
        '[notes]\ndefault_visibility = "private"',
        "2: notes.default_visibility: should be 'Private', 'Public' or 'Public with Email'",
    ),
    ('[mail]\nsender = "Steward"', "2: mail.sender: 'Steward' is no sender: write it like"),
    (
        '[mail]\nsender = "A\\nB <a@b.example>"',
        "2: mail.sender: 'A\\nB <a@b.example>' is no sender",
    ),
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
def test_no_provider_found_cannot_start_a_lifecycle_that_does_not_exist() -> None:
    (told,) = problems("plus_one.npf_starts_apo = true")
    assert told == (
        "house.toml:1: plus_one.npf_starts_apo: the apo lifecycle does not exist in this release "
        "(G-08): only false is possible"
    )


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
            "2: notes.xyz: unknown key; known here: default_visibility, public_email_to_customer",
        ),
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
    with pytest.raises(PolicyError) as raised:
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
        with pytest.raises(PolicyError) as raised:
            load_policy(path)
        assert str(raised.value) == told


def test_a_file_names_a_policy_that_does_not_name_itself(tmp_path: Path) -> None:
    file = tmp_path / "winter.toml"
    file.write_text('[plus_one]\nsearch_window = "72h"\n')
    assert load_policy(file).name == "winter"


@given(st.text() | st.builds(lambda a, b: BUILT_IN[:a] + BUILT_IN[b:], *[st.integers(0, 3000)] * 2))
def test_no_text_is_worse_than_a_policy_error(text: str) -> None:
    outcome = policy_or_error(text)
    if isinstance(outcome, PolicyError):
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
    assert str(PolicyProblem("house.toml", 0, "", "cannot be read")) == "house.toml: cannot be read"
