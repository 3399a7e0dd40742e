"""What docs/api.md says of hooks is what is taken: every type, every field, every example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from domain.events import Event
from domain.jobs import Job
from domain.roles import Actor, Role
from domain.signatures import HookSecrets, generate_secret, verify
from domain.told import read_event
from starters.api_page import PAGE
from store.inbox import Outcome
from tests.pages import blocks

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
OURS = {"customer_mail", "customer_zip", "customer_state", "customer_mail_version"}
"""Fields of a job that only Steward fills in."""

_TEXT = PAGE.read_text().partition("<!-- by hand:begin -->\n")[2]
TEXT = _TEXT.partition("<!-- by hand:end -->")[0]
MODELS: dict[str, type[BaseModel]] = {
    type_: model.model_fields["data"].annotation
    for model in get_args(get_args(Event)[0])
    for type_ in get_args(model.model_fields["type"].annotation)
}
"""The data of each type of event."""


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose head begins so."""
    (table,) = re.findall(rf"^\| {re.escape(head)}.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def fields(model: type[BaseModel], below: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a model as the page names them, with their types."""
    for name, field in model.model_fields.items():
        inner = [each for each in models_in(field.annotation) if each is not Actor]
        if inner and name not in OURS:
            yield from fields(inner[0], f"{below}{name}.")
        elif name not in OURS:
            optional = "" if field.is_required() else "?"
            yield f"`{below}{name}{optional}`", field.annotation


def models_in(annotation: Any) -> list[type[BaseModel]]:
    found = [annotation, *get_args(annotation)]
    return [each for each in found if isinstance(each, type) and issubclass(each, BaseModel)]


def values_in(annotation: Any) -> Iterator[str]:
    """The values that a field may have, where they are listed."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (each.value for each in annotation)
    else:
        for each in get_args(annotation):
            yield from values_in(each)


def the_example() -> dict[str, Any]:
    (example,) = (block for block in blocks("docs/api.md", TEXT) if block.language == "json")
    said: dict[str, Any] = json.loads(example.text)
    return said


# --- types and fields -----------------------------------------------------------------------------


def test_every_type_is_described_once() -> None:
    described = [row[0].strip("`") for row in rows("Type | Send it when")]
    assert sorted(described) == sorted(MODELS)


def test_every_field_of_data_is_described_with_its_values() -> None:
    described = {(row[0], row[1]): row[2] for row in rows("Type | Field of `data`")}
    taken = {
        (f"`{type_}`", name): annotation
        for type_, model in MODELS.items()
        for name, annotation in fields(model)
    }
    assert described.keys() == taken.keys()
    for place, annotation in taken.items():
        assert [each for each in values_in(annotation) if f"`{each}`" not in described[place]] == []


def test_every_field_of_a_job_is_described_with_its_values() -> None:
    described = {row[0]: row[1] for row in rows("Field of `job`")}
    taken = dict(fields(Job))
    assert [*described] == [*taken]
    for name, annotation in taken.items():
        assert [each for each in values_in(annotation) if f"`{each}`" not in described[name]] == []


def test_every_role_is_named() -> None:
    (actor,) = (row[1] for row in rows("Field | Value") if row[0] == "`actor`")
    assert [role for role in Role if f"`{role.value}`" not in actor] == []


def test_every_outcome_is_described() -> None:
    assert [row[0].strip("`") for row in rows("Outcome")] == [each.value for each in Outcome]


# --- examples -------------------------------------------------------------------------------------


def test_the_example_is_taken_as_it_stands_and_has_every_field() -> None:
    example = the_example()
    read = read_event(json.dumps(example).encode(), NOW)
    assert read.left_out is None
    assert read.event.job.order_id == "SO-500"
    assert [*example["job"]] == [name for name in Job.model_fields if name not in OURS]
    for name in ("item", "assigned_to", "customer"):
        (model,) = models_in(Job.model_fields[name].annotation)
        assert [*example["job"][name]] == [*model.model_fields]


@pytest.mark.parametrize("type_", MODELS)
def test_an_example_of_data_is_taken_as_it_stands_and_has_every_field(type_: str) -> None:
    (data,) = (
        json.loads(row[3].strip("`"))
        for row in rows("Type | Send it when")
        if row[0] == f"`{type_}`"
    )
    read = read_event(json.dumps({**the_example(), "type": type_, "data": data}).encode(), NOW)
    assert read.left_out is None
    assert [*data] == [*MODELS[type_].model_fields]
    kept = read.event.data.model_dump(mode="json")
    assert {**kept, **data} == kept


def test_the_example_of_a_signature_is_believed() -> None:
    (code,) = (block for block in blocks("docs/api.md", TEXT) if block.language == "python")
    defined: dict[str, Any] = {}
    exec(code.text, defined)  # noqa: S102  what stands on our own page
    secret, body = generate_secret(), b"{}"
    headers = defined["headers"](body, secret)
    webhook_id = verify(HookSecrets.parse(secret), headers, body, datetime.now(UTC))
    assert webhook_id == headers["webhook-id"]
