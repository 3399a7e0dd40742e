"""What is told twice in two spellings is one fact; what is another fact is seen as one."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PROCURE_VENDOR
from domain.facts import same_addresses, same_instant, same_text
from domain.jobs import Assignee, HeldJob, Job, JobUpdate, same_assignment, same_holder
from tests.domain.factories import ASSIGNED_AT, a_job

WITH_FRACTION = ASSIGNED_AT + timedelta(milliseconds=217)
IN_CENTRAL = "2026-11-21T08:05:30-06:00"
TULSA = {"number": "4711", "name": "Tulsa Plumbing"}


@pytest.mark.parametrize("other", [ASSIGNED_AT, WITH_FRACTION, datetime.fromisoformat(IN_CENTRAL)])
def test_an_instant_is_the_same_in_every_spelling(other: datetime) -> None:
    assert same_instant(ASSIGNED_AT, other)
    assert same_instant(other, ASSIGNED_AT)


@pytest.mark.parametrize("other", [None, ASSIGNED_AT + timedelta(seconds=1)])
def test_another_instant_is_another(other: datetime | None) -> None:
    assert not same_instant(ASSIGNED_AT, other)
    assert not same_instant(other, ASSIGNED_AT)
    assert same_instant(None, None)


def test_two_instants_that_both_have_a_fraction_are_as_exact_as_the_less_exact() -> None:
    milliseconds = ASSIGNED_AT.replace(microsecond=217_000)
    exact = ASSIGNED_AT.replace(microsecond=217_482)
    assert same_instant(milliseconds, exact)
    assert same_instant(exact, milliseconds)
    assert not same_instant(exact, exact.replace(microsecond=217_483))
    assert not same_instant(milliseconds, milliseconds.replace(microsecond=218_000))


def test_a_text_is_the_same_with_blanks_and_in_capitals() -> None:
    assert same_text(" Tulsa  Plumbing ", "TULSA PLUMBING")
    assert same_text(None, " ")
    assert not same_text("Tulsa Plumbing", "Tulsa Plumbers")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada@example.com", " Ada <ada@example.com>", True),
        ("ada@example.com", "ADA@Example.com", True),
        ("a@x.org; b@y.org", "b@y.org, a@x.org", True),
        ("jonh.smith@example.com", "john.smith@example.com", False),
        ("a@x.org", "a@x.org; b@y.org", False),
        ("ada@example.com", None, False),
        ("n/a", None, False),
        ("n/a", " N/A ", True),
        (None, "", True),
    ],
)
def test_addresses_are_compared_by_whom_they_reach(
    one: str | None,
    other: str | None,
    same: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert same_addresses(one, other) is same
    assert same_addresses(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (TULSA, TULSA | {"name": "Tulsa Plumbing LLC"}, True),
        (TULSA, TULSA | {"number": " 4711 "}, True),
        (TULSA, TULSA | {"number": "4712"}, False),
        (TULSA, {"name": " tulsa plumbing "}, True),
        ({"name": "Joe's"}, {"name": "Joe's "}, True),
        ({"name": "Joe's", "zip": "74101"}, {"name": "Joe's"}, True),
        ({"name": "Joe's", "zip": "74101"}, {"name": "Joe's", "zip": "33101"}, False),
        ({"name": "Joe's", "phone": "1"}, {"name": "Joe's", "phone": "2"}, False),
        (
            {"name": "Joe's", "zip": "74101", "phone": "1"},
            {"name": "Joe's", "zip": "74101", "phone": "2"},
            True,
        ),
        ({"name": "Procure Vendor", "zip": "1"}, {"name": "procure vendor", "zip": "2"}, True),
        ({"name": "Joe's"}, {"name": "Jane's"}, False),
        (PLUSONE.model_dump(), {"name": "PlusOne Solutions "}, True),
    ],
)
def test_firms_are_told_apart_by_number_else_name_else_contacts(
    one: dict[str, str],
    other: dict[str, str],
    same: bool,  # noqa: FBT001  a column of the table
) -> None:
    first, second = Assignee.model_validate(one), Assignee.model_validate(other)
    assert same_holder(first, second) is same
    assert same_holder(second, first) is same


# --- our copy of the job ------------------------------------------------------------------------


def spelled(job: Job) -> Job:
    """Return the same facts in another spelling."""
    told = job.model_dump()
    for name in ("assigned_at", "diagnostic_report_at", "appointment_at"):
        if told[name] is not None:
            told[name] = told[name].replace(microsecond=217_000)
    told["assigned_to"]["name"] = f" {told['assigned_to']['name'].upper()} "
    if told["sub_status"]:
        told["sub_status"] = f"{told['sub_status']} "
    return Job.model_validate(told)


ACCEPTED = a_job(
    status="Accepted",
    sub_status="Parts ordered",
    appointment_at=ASSIGNED_AT,
    diagnostic_report_at=ASSIGNED_AT,
)


@pytest.mark.parametrize("tells_assignment", [True, False])
def test_the_same_facts_in_another_spelling_change_nothing(*, tells_assignment: bool) -> None:
    for held in (
        HeldJob(job=ACCEPTED),
        HeldJob(job=spelled(ACCEPTED)),
        HeldJob(job=ACCEPTED).updated(
            JobUpdate(sub_status="Confirmed", appointment_at=ASSIGNED_AT + timedelta(days=1))
        ),
    ):
        for told in (ACCEPTED, spelled(ACCEPTED)):
            after = held.told(
                told, newly_assigned=tells_assignment, tells_assignment=tells_assignment
            )
            assert after.job == held.job


def test_an_assignment_that_we_replaced_is_known_in_another_spelling() -> None:
    ours = HeldJob(job=a_job()).reassigned(NO_PROVIDER_FOUND, ASSIGNED_AT + timedelta(hours=48))
    for newly in (True, False):
        after = ours.told(spelled(a_job()), newly_assigned=newly)
        assert after.job.assigned_to.is_(NO_PROVIDER_FOUND)
    assert ours.accepted_too_late(spelled(a_job(status="Accepted")))


@pytest.mark.rule("G-04")
def test_only_an_assignment_tells_of_an_assignment() -> None:
    again = a_job(assigned_at=ASSIGNED_AT + timedelta(minutes=5))
    held = HeldJob(job=ACCEPTED)
    assert held.told(again, newly_assigned=True).job.assigned_at == again.assigned_at
    shown = held.told(again.model_copy(update={"status": ACCEPTED.status}), tells_assignment=False)
    assert shown.job.assigned_at == ASSIGNED_AT
    assert shown.job.diagnostic_report_at == ASSIGNED_AT
    other = a_job(assigned_to=TULSA, assigned_at=ASSIGNED_AT + timedelta(minutes=5))
    assert held.told(other, tells_assignment=False).job == other


def test_two_firms_of_one_name_are_two_assignments() -> None:
    one = a_job(assigned_to={"name": "Joe's", "zip": "74101"})
    other = a_job(assigned_to={"name": "Joe's", "zip": "33101"})
    assert not same_assignment(one, other)
    assert HeldJob(job=one).told(other, tells_assignment=False).job == other


# --- two events of one second -------------------------------------------------------------------

NEW, ENDED = a_job(), a_job(status="Completed")


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("Accepted", "New", "Accepted"),
        ("Accepted", "Expired", "Accepted"),
        ("Completed", "Accepted", "Completed"),
        ("Cancelled", "New", "Cancelled"),
        ("New", "New", "New"),
    ],
)
def test_of_two_events_of_one_second_neither_undoes_the_other(
    one: str, other: str, status: str
) -> None:
    for first, second in ((one, other), (other, one)):
        held = HeldJob(job=NEW).told(a_job(status=first))
        after = held.told(
            a_job(status=second), tells_assignment=False, tells_status=False, in_one_second=True
        )
        assert after.job.status == status


def test_a_note_of_the_second_of_a_rejection_does_not_undo_it() -> None:
    held = HeldJob(job=a_job(status="Rejected"))
    note = held.told(a_job(), tells_assignment=False, tells_status=False, in_one_second=True)
    assert note.job.status == "Rejected"


def test_a_rejection_may_follow_an_acceptance_in_its_second() -> None:
    held = HeldJob(job=a_job(status="Accepted"))
    rejected = a_job(status="Rejected")
    assert held.told(rejected, tells_assignment=False, in_one_second=True).job == rejected
    shown = held.told(rejected, tells_assignment=False, tells_status=False, in_one_second=True)
    assert shown.job.status == "Accepted"


def test_the_echo_of_the_assignment_does_not_undo_the_acceptance_of_its_second() -> None:
    held = HeldJob(job=a_job(status="Accepted"))
    assert held.told(a_job(), newly_assigned=True, in_one_second=True).job.status == "Accepted"
    again = a_job(assigned_at=ASSIGNED_AT + timedelta(seconds=1))
    assert held.told(again, newly_assigned=True, in_one_second=True).job == again


def test_an_assignment_stands_beside_an_event_of_its_second_that_shows_an_older_one() -> None:
    vendor = a_job(
        assigned_to=Assignee.of(PROCURE_VENDOR), assigned_at=ASSIGNED_AT - timedelta(hours=1)
    )
    note = {"tells_assignment": False, "tells_status": False, "in_one_second": True}
    assert HeldJob(job=a_job()).told(vendor, **note).job == a_job()
    assert HeldJob(job=vendor).told(a_job(), newly_assigned=True, in_one_second=True).job == a_job()


@given(
    exact=st.integers(0, 999_999),
    unit=st.sampled_from([1, 1_000, 1_000_000]),
    told_first=st.booleans(),
)
def test_a_fraction_that_is_left_out_or_cut_makes_no_new_assignment(
    *, exact: int, unit: int, told_first: bool
) -> None:
    tellings = [exact, exact - exact % unit]
    kept, told = tellings if told_first else tellings[::-1]
    held = HeldJob(
        job=ACCEPTED.model_copy(update={"assigned_at": ASSIGNED_AT.replace(microsecond=kept)})
    )
    again = ACCEPTED.model_copy(update={"assigned_at": ASSIGNED_AT.replace(microsecond=told)})
    assert held.told(again, newly_assigned=True).job == held.job
