"""Which roles somebody has by the groups of their company account."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.operator_files import OperatorFileError
from domain.roles import EMPLOYEES, Role
from domain.sign_in_roles import load_sign_in_roles, parse_sign_in_roles

ROLES = parse_sign_in_roles("""
[groups]
"Desk leads" = ["supervisor", "dispatch"]
Dispatchers = "dispatch"
Callers = ["customer_service"]
""")


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["Dispatchers"], ["dispatch"]),
        ("Dispatchers", ["dispatch"]),
        (["Callers", "Dispatchers", "Desk leads"], ["supervisor", "dispatch", "customer_service"]),
        (["dispatchers", "Drivers", 7, None, ["Callers"]], []),
        ([], []),
        (7, []),
        ({"Dispatchers": True}, []),
        (None, []),
    ],
)
def test_roles_are_those_of_the_groups_in_the_order_of_the_file(
    groups: object, roles: list[str]
) -> None:
    assert list(ROLES.roles({"groups": groups})) == roles


def test_a_claim_is_found_by_its_name_or_by_its_path() -> None:
    roles = parse_sign_in_roles("""
    groups_claim = "realm_access.roles"
    name_claim = "https://steward.example/name"
    [groups]
    x = "supervisor"
    """)
    claims = {"realm_access": {"roles": ["x"]}, "https://steward.example/name": "Dana"}
    assert roles.roles(claims) == (Role.SUPERVISOR,)
    assert roles.name(claims) == "Dana"
    assert roles.roles({"realm_access.roles": ["x"]}) == (Role.SUPERVISOR,)
    assert not roles.has_groups({"realm_access": {}})
    assert not roles.has_groups({"realm_access": "roles"})


@pytest.mark.parametrize("said", [None, "", "  ", 7, ["Dana"]])
def test_what_is_no_name_is_none(said: object) -> None:
    assert ROLES.name({"name": said}) is None


def test_every_role_of_employees_can_be_given() -> None:
    listed = ", ".join(f'"{role.value}"' for role in sorted(EMPLOYEES))
    roles = parse_sign_in_roles(f"[groups]\nall = [{listed}]")
    assert set(roles.roles({"groups": ["all"]})) == EMPLOYEES


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "roles.toml:1: groups: is missing"),
        ("[groups]", "roles.toml:1: groups: "),
        ('[groups]\nx = "provider"', 'roles.toml:2: groups.x.0: "provider" is not an employee\'s'),
        ('[groups]\nx = ["dispach"]', 'Did you mean "dispatch"?'),
        ("[groups]\nx = []", "roles.toml:2: groups.x: "),
        ('scopes = ["profile"]\n[groups]\nx = "dispatch"', '"openid" has to be among them'),
        ('group = "x"\n[groups]\nx = "dispatch"', "roles.toml:1: group: "),
        ("[groups", "roles.toml:1: "),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_line_and_key(text: str, problem: str) -> None:
    with pytest.raises(OperatorFileError) as refused:
        parse_sign_in_roles(text)
    assert problem in str(refused.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OperatorFileError, match="cannot be read"):
        load_sign_in_roles(tmp_path / "roles.toml")
