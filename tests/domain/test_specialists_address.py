"""The specialist's address is read however the job system writes it."""

import pytest

from domain.directory import parse_directory
from domain.jobs import Assignee
from domain.spoc.rules import in_program
from tests.domain.factories import a_job

DIRECTORY = parse_directory("""
[specialists]
4711 = {name = "Lou Reyes", email = "lou@example.com"}
""")


def provider(spoc_email: str | None, number: str | None = "4711") -> Assignee:
    return Assignee(number=number, name="Tulsa Plumbing", spoc_email=spoc_email)


@pytest.mark.rule("SPOC-11")
@pytest.mark.parametrize(
    ("told", "name", "email"),
    [
        ("Sue Specialist <sue@example.com>", "Sue Specialist", "sue@example.com"),
        (" sue@example.com ", "SPoC specialist", "sue@example.com"),
        ("sue@example.com; sam@example.com", "SPoC specialist", "sue@example.com, sam@example.com"),
        ("Lou <lou@example.com>", "Lou Reyes", "lou@example.com"),
        ("noemail@example.com", "Lou Reyes", "lou@example.com"),
        (None, "Lou Reyes", "lou@example.com"),
    ],
)
def test_the_specialist_is_found(told: str | None, name: str, email: str) -> None:
    found = DIRECTORY.specialist_of(provider(told))
    assert found is not None
    assert (found.name, found.email) == (name, email)
    job = DIRECTORY.with_specialist(a_job(assigned_to=provider(told)))
    assert job.assigned_to.spoc_email == email


@pytest.mark.rule("SPOC-11")
def test_a_name_beside_the_address_takes_nobody_out_of_the_programme() -> None:
    assert in_program(a_job(assigned_to=provider("Sue Specialist <sue@example.com>")))
    assert not in_program(a_job(assigned_to=provider("Sue Specialist")))


def test_the_table_is_asked_by_a_number_with_blanks_too() -> None:
    assert DIRECTORY.specialist_of(provider(None, number=" 4711 ")) is not None
