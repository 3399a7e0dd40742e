"""What else falls due on a job beside what its procedures wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.commands import cited
from domain.roles import Role
from starters.company_time import company_time


def also_due(found: Mapping[str, Any], *, cites_rules: bool = True) -> list[str]:
    """Return a sentence for each duty that is open beside what a procedure waits for.

    Args:
        found: a job's page, with its lifecycles and promises.
        cites_rules: whether the reader is a colleague, who reads under which rule a duty stands.
    """
    waits = {(each["waiting_on"], each["due_at"]) for each in found["lifecycles"]}
    return [
        f"Also due {company_time(each['due_at'])}: {Role(each['waiting_on']).people} has to "
        f"{each['duty']}{cited(each['rule'] if cites_rules else None)}."
        for each in found["promises"]
        if each["outcome"] is None
        and each["due_at"] is not None
        and (each["waiting_on"], each["due_at"]) not in waits
    ]
