"""Which groups of the company's accounts have which roles at the desk: an operator's file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from domain.operator_files import parse_toml, read_text, validated
from domain.roles import EMPLOYEES, Role
from domain.suggestions import did_you_mean
from domain.values import Line

_NAMES = sorted(role.value for role in EMPLOYEES)


def _listed(said: object) -> object:
    return (said,) if isinstance(said, str) else said


def _employee(name: str) -> Role:
    if name not in _NAMES:
        raise ValueError(
            f'"{name}" is not an employee\'s role.{did_you_mean(name, _NAMES)} '
            f"Use one of: {', '.join(_NAMES)}"
        )
    return Role(name)


def _has_openid(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in scopes:
        raise ValueError('"openid" has to be among them')
    return scopes


_EmployeeRole = Annotated[Any, AfterValidator(_employee)]
_Roles = Annotated[tuple[_EmployeeRole, ...], BeforeValidator(_listed), Field(min_length=1)]


class SignInRoles(BaseModel):
    """What the company's accounts say of somebody, and what they may do for it."""

    model_config = ConfigDict(frozen=True)

    groups_claim: Line = "groups"
    """The claim with the names of somebody's groups; a dot leads into it: `realm_access.roles`."""
    name_claim: Line = "name"
    """The claim with somebody's name, as the journal shows it."""
    scopes: Annotated[tuple[Line, ...], AfterValidator(_has_openid)] = ("openid", "profile")
    """What the provider is asked for."""
    groups: Annotated[dict[Line, _Roles], Field(min_length=1)]
    """The roles of each group's members."""

    def name(self, claims: Mapping[str, Any]) -> str | None:
        """Return somebody's name, None if the claims say none."""
        said = _claim(claims, self.name_claim)
        return said if isinstance(said, str) and said.strip() else None

    def has_groups(self, claims: Mapping[str, Any]) -> bool:
        """Return whether the claims say anything about groups."""
        return _claim(claims, self.groups_claim) is not None

    def roles(self, claims: Mapping[str, Any]) -> tuple[Role, ...]:
        """Return the roles of somebody's groups, each once, in the order of the file."""
        said = _claim(claims, self.groups_claim)
        theirs = {said} if isinstance(said, str) else set(_texts(said))
        return tuple(
            dict.fromkeys(
                role for group, roles in self.groups.items() if group in theirs for role in roles
            )
        )


def _texts(said: object) -> Iterable[str]:
    return (each for each in said if isinstance(each, str)) if isinstance(said, list) else ()


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """Return a claim by its name, or by its path."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def load_sign_in_roles(path: Path) -> SignInRoles:
    """Return what a TOML file says.

    Raises:
        OperatorFileError: the file cannot be read or is not valid; the error names every problem.
    """
    return parse_sign_in_roles(read_text(path), str(path))


def parse_sign_in_roles(text: str, source_name: str = "roles.toml") -> SignInRoles:
    """Return what a TOML text says; errors name the source.

    Raises:
        OperatorFileError: the text is not valid; the error names every problem.
    """
    return validated(SignInRoles, parse_toml(text, source_name), text, source_name)
