"""What a command was answered, as whoever gave it reads it: what to tell the customer above all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.commands import cited
from domain.texts import usd
from starters.desk.forms import plain


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of an answer."""

    heading: str
    lines: Sequence[str]
    are_steps: bool = False
    """Whether they are ticked one after the other."""
    tone: str = ""
    """`green` or `amber`, where the answer is yes or no."""


def parts_of(result: Mapping[str, Any] | None, moment: Callable[[str], str]) -> tuple[Part, ...]:
    """Return what an answer tells people, nothing where it tells only programs something.

    Args:
        result: what the command was answered.
        moment: says an instant on the company's clock.
    """
    said = result or {}
    return tuple(
        part for key, make in _PARTS.items() if key in said and (part := make(said, moment))
    )


def _lines(heading: str, key: str, *, are_steps: bool = False) -> _Maker:
    def made(said: Mapping[str, Any], _: Callable[[str], str]) -> Part | None:
        lines = [plain(line) for line in said[key]]
        return Part(heading=heading, lines=lines, are_steps=are_steps) if lines else None

    return made


_Maker = Callable[[Mapping[str, Any], Callable[[str], str]], Part | None]


def _advice(said: Mapping[str, Any], _: Callable[[str], str]) -> Part:
    return Part(heading="Tell the customer", lines=[said["advice"]])


def _may_repair(said: Mapping[str, Any], _: Callable[[str], str]) -> Part:
    limit = usd(Decimal(said["limit"]))
    if said["may_repair_now"]:
        line = f"Tell the customer that the repair can go ahead now. The limit is {limit}."
        return Part(heading="The repair can go ahead", lines=[line], tone="green")
    line = f"Tell the customer to wait for our approval. The estimate is above {limit}."
    return Part(heading="The repair has to wait", lines=[line], tone="amber")


def _escalate(said: Mapping[str, Any], moment: Callable[[str], str]) -> Part:
    if said["escalate"]:
        line = "The customer called back. Call the provider a second time now, then log it."
        return Part(heading="Call the provider again", lines=[line], tone="amber")
    at = said.get("eligible_at")
    line = (
        f"The second call to the provider is due if the customer calls back from {moment(at)} on."
        if at
        else "Call the provider first, then log the call."
    )
    return Part(heading="No second call yet", lines=[line])


def _route(said: Mapping[str, Any], _: Callable[[str], str]) -> Part:
    return Part(
        heading="Where the question goes", lines=[f"{plain(said['route'])}{cited(said['rule'])}"]
    )


_PARTS: Mapping[str, _Maker] = {
    "ask": _lines("Ask now", "ask"),
    "notes": _lines("Read first", "notes"),
    "advice": _advice,
    "checklist": _lines("Go through this with the customer", "checklist", are_steps=True),
    "may_repair_now": _may_repair,
    "escalate": _escalate,
    "route": _route,
    "guide": _lines("Do and say now", "guide"),
}
"""What is told of each entry of a result, in the order in which it is read."""
