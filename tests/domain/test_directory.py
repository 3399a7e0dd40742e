"""The directory: who answers for a provider, by its ZIP code or its number."""

from pathlib import Path

import pytest

from domain.directory import (
    Addressee,
    Directory,
    load_directory,
    nobody_known,
    parse_directory,
    state_of_provider,
)
from domain.jobs import Assignee, Customer
from domain.operator_files import OperatorFileError
from domain.roles import Role
from domain.zips import STATES, state_of
from tests.domain.factories import a_job

PEOPLE = """
[area_managers.OK]
name = "Pat Osei"
email = "pat@example.com"

[area_managers]
TX = {name = "Tess Lind", email = "tess@example.com"}

[specialists]
4711 = {name = "Lou Reyes", email = "lou@example.com"}
"""
TULSA = Assignee(number="4711", name="Tulsa Plumbing", zip="74101")


@pytest.mark.parametrize(
    ("zip_code", "state"),
    [
        ("74101", "OK"),
        (" 74101 ", "OK"),
        ("74101-1234", "OK"),
        ("741011234", "OK"),
        ("10001", "NY"),
        ("00601", "PR"),
        ("99501", "AK"),
        ("09001", None),
        ("00000", None),
        ("7410", None),
        ("74101-12", None),
        ("٧٤١٠١", None),
        ("Tulsa", None),
        ("", None),
        (None, None),
    ],
)
def test_a_zip_code_tells_its_state(zip_code: str | None, state: str | None) -> None:
    assert state_of(zip_code) == state


def test_the_states_are_those_with_zip_codes() -> None:
    assert len(STATES) == 56
    assert {state_of(f"{prefix:03}01") for prefix in range(1000)} - {None} <= STATES


@pytest.mark.rule("AM-34")
@pytest.mark.parametrize(
    ("zip_code", "customer", "state"),
    [
        ("74101", {"state": "TX", "zip": "75001"}, "OK"),
        (None, {"state": "tx ", "zip": "74101"}, "TX"),
        (None, {"state": "Texas", "zip": "75001"}, "TX"),
        ("00000", {"zip": "75001"}, "TX"),
        (None, {}, None),
        (None, None, None),
    ],
)
def test_a_provider_belongs_to_the_state_of_its_zip_code_or_of_its_customer(
    zip_code: str | None, customer: dict[str, str] | None, state: str | None
) -> None:
    job = a_job(customer=None if customer is None else Customer(**customer))
    provider = Assignee(name="Somebody", zip=zip_code)
    assert state_of_provider(provider, job) == state


@pytest.mark.rule("AM-34")
def test_whoever_answers_for_a_provider_is_found() -> None:
    directory = parse_directory(PEOPLE)
    manager = directory.find(Addressee(role=Role.AREA_MANAGER, provider=TULSA), a_job())
    assert manager is not None
    assert (manager.name, manager.email) == ("Pat Osei", "pat@example.com")
    specialist = directory.find(Addressee(role=Role.SPOC_SPECIALIST, provider=TULSA), a_job())
    assert specialist is not None
    assert specialist.name == "Lou Reyes"


@pytest.mark.parametrize("role", [Role.AREA_MANAGER, Role.SPOC_SPECIALIST])
def test_nobody_is_found_for_a_provider_of_whom_nothing_is_known(role: Role) -> None:
    stranger = Addressee(role=role, provider=Assignee(name="Somebody"))
    assert parse_directory(PEOPLE).find(stranger, a_job(customer=None)) is None
    assert Directory().find(Addressee(role=role, provider=TULSA), a_job()) is None


def test_the_directory_lists_no_other_roles() -> None:
    with pytest.raises(ValueError, match="nobody as Dispatch"):
        Directory().find(Addressee(role=Role.DISPATCH, provider=TULSA), a_job())


@pytest.mark.rule("AM-34")
def test_an_area_manager_whom_nobody_knows_can_be_named() -> None:
    refusal = nobody_known(Addressee(role=Role.AREA_MANAGER, provider=TULSA))
    assert (refusal.rule, refusal.instead) == (
        "AM-34",
        "Enter the address yourself (`area_manager_email`).",
    )
    assert refusal.message == "The directory lists no Area Manager for Tulsa Plumbing."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[area_managers.OKL]\nname = 'P'\nemail = 'p@e.example'", "1: area_managers.OKL.[key]: "),
        ("[area_managers.OK]\nname = 'P'", "1: area_managers.OK.email: is missing"),
        (
            "[area_managers.OK]\nname = 'P'\nemail = 'pat'",
            "3: area_managers.OK.email: write an e-mail address, such as ada@example.com",
        ),
        (
            "[area_managers.OK]\nname = ''\nemail = 'p@e.example'",
            "2: area_managers.OK.name: String should have at least 1 character",
        ),
        (
            "[specialists.4711]\nname = 'P'\nemail = 'p@e.example'\nphone = 1",
            "4: specialists.4711.phone: unknown key; known here: name, email",
        ),
        ("[specialists.x]\nname = 'P'\nemail = 'p@e.example'", "1: specialists.x.[key]: "),
        ("[area_manager]", "1: area_manager: unknown key; did you mean area_managers?"),
        ("area_managers = 1", "1: area_managers: "),
        ("[", "1: "),
    ],
)
def test_nonsense_is_told_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(OperatorFileError) as raised:
        parse_directory(text, "people.toml")
    (told,) = raised.value.problems
    assert str(told).startswith(f"people.toml:{problem}")


def test_the_sample_can_be_begun_with() -> None:
    sample = load_directory(Path(__file__).parents[2] / "samples" / "directory.toml")
    assert (set(sample.area_managers), set(sample.specialists)) == ({"OK", "TX"}, {"700030011"})
    assert load_directory(None) == Directory()
