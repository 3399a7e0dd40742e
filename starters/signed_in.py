"""Who comes in by a company account, and why somebody does not: `starters.oidc` finds it out.

Apart from it, since what speaks OpenID Connect is loaded only where a company has accounts.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.roles import Role


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who has signed in at the provider."""

    name: str
    roles: tuple[Role, ...]
    back: str
    """The address that they wanted to, as it was given to `begin`."""


class NotSignedInError(Exception):
    """Somebody does not come in by a company account.

    Attributes:
        said: why, and what they can do, for them.
        status: of HTTP.
        is_failure: whether it counts as an attempt that failed.
    """

    def __init__(self, said: str, status: int, *, is_failure: bool = True) -> None:
        super().__init__(said)
        self.said = said
        self.status = status
        self.is_failure = is_failure
