"""Who acts on a job, and in which role."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from domain.role import EMPLOYEES, OUTSIDERS, Role, may_act_as
from domain.values import STORABLE

__all__ = [
    "EMPLOYEES",
    "FOUND_IN_LIST",
    "OUTSIDERS",
    "SHOWN_WHEN_ASKED",
    "STEWARD",
    "Actor",
    "Name",
    "Role",
    "may_act_as",
]


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=STORABLE),
]


class Actor(BaseModel):
    """A person or system that acts, in the role in which it acts."""

    model_config = ConfigDict(frozen=True)

    name: Name
    role: Role

    @property
    def fingerprint(self) -> str:
        """What tells this actor from all others, without saying the name."""
        return sha256(f"{self.role.value}/{self.name}".encode()).hexdigest()[:16]


STEWARD = Actor(name="Steward", role=Role.SYSTEM)

FOUND_IN_LIST = Actor(name="Job system's list", role=Role.SYSTEM)
"""Who did what no hook told of and the job system's list shows: that isn't known."""

SHOWN_WHEN_ASKED = Actor(name="Job system", role=Role.SYSTEM)
"""Who did what no hook has told of yet and the job system shows when it is asked: not known."""
