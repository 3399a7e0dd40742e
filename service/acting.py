"""Who acts where the body of a request names an actor, and a token may name another."""

from __future__ import annotations

from domain.refusals import forbidden, unreadable
from domain.roles import Actor


def who_acts(named: Actor | None, by: Actor | None, missing: str) -> Actor:
    """Return who acts.

    Args:
        named: whom the body names, if anybody.
        by: who sent it by their token, None where the body's actor is believed.
        missing: what to say where nobody is named: `Say who closes the task.`

    Raises:
        Refused: nobody is named, or another than the token's owner.
    """
    if by is None:
        if named is None:
            raise unreadable(f"actor: {missing}")
        return named
    if named is not None and named != by:
        raise forbidden(
            None,
            f"This token belongs to {by.name} ({by.role.label}). The body names somebody else.",
            instead="Leave out the actor, or name yourself.",
        )
    return by
