"""The policy in force, value by value: what each says, where it is from, which decision it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from domain.catalogue import DECISIONS, Decision
from domain.policy import Policy, load_policy


@dataclass(frozen=True)
class Setting:
    """One value of a policy."""

    name: str
    """Its key with its sections, such as `plus_one.search_window`."""
    value: str
    help: str
    """What it decides."""
    is_built_in: bool
    """Whether the built-in policy has the same."""
    built_in: str
    """What the built-in policy has."""
    decisions: tuple[Decision, ...]
    """Our decisions that it can decide otherwise."""


def settings(policy: Policy, section: str) -> tuple[Setting, ...]:
    """Return the values of a section of a policy, those of its parts included, in their order."""
    ours, built_in = getattr(policy, section), getattr(load_policy(None), section)
    return tuple(_settings(section, ours, built_in))


def _settings(
    section: str, ours: BaseModel, built_in: BaseModel, about: str = ""
) -> Iterator[Setting]:
    """Return the values of a section; what says nothing of itself is told by what it is part of."""
    values, theirs = ours.model_dump(mode="json"), built_in.model_dump(mode="json")
    for key, field in type(ours).model_fields.items():
        name, inside = f"{section}.{key}", getattr(ours, key)
        said = " ".join((field.description or about).split())
        if isinstance(inside, BaseModel):
            yield from _settings(name, inside, getattr(built_in, key), said)
            continue
        yield Setting(
            name=name,
            value=_shown(values[key]),
            help=said,
            is_built_in=values[key] == theirs[key],
            built_in=_shown(theirs[key]),
            decisions=tuple(
                each
                for each in DECISIONS.values()
                if each.setting and f"{name}.".startswith(f"{each.setting}.")
            ),
        )


def _shown(value: JsonValue) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_shown, value)) or "none"
        case dict():
            return "; ".join(f"{key}: {_shown(said)}" for key, said in value.items()) or "none"
        case _:
            return str(value)
