"""The commands in the OpenAPI document, from the one declaration of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.commands import Answer, Command
from domain.lifecycles import LifecycleKind

_REF = "#/components/schemas/{model}"
_REFUSAL = {
    "type": "object",
    "required": ["error", "rule", "message"],
    "properties": {
        "error": {"type": "string"},
        "rule": {"type": ["string", "null"], "description": "Id of the rule that forbids it"},
        "message": {"type": "string"},
        "instead": {"type": "string", "description": "What to do instead"},
    },
}
_REFUSALS = {
    "403": "The role may not do this",
    "404": "No such procedure runs on this job",
    "409": "A rule or the stage forbids it now",
    "422": "A field is wrong",
    "503": "No worker answered in time",
}


def request_body(lifecycle: str, command: Command) -> dict[str, Any]:
    """Return what the operation of a lifecycle's command says of its body and its answers."""
    content = {
        "schema": {"$ref": _REF.format(model=_schema_of(lifecycle, command))},
        "example": command.example_payload(),
    }
    refusal = {"application/json": {"schema": {"$ref": _REF.format(model="Refusal")}}}
    answer = {"application/json": {"schema": {"$ref": _REF.format(model="Answer")}}}
    return {
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {"description": "Done", "content": answer},
            **{
                status: {"description": said, "content": refusal}
                for status, said in _REFUSALS.items()
            },
        },
    }


def proof_body() -> dict[str, Any]:
    """Return what the operation that makes a proof says of its body and its answers."""
    content = {
        "schema": {"type": "object", "description": "The command's payload, without a proof"},
        "example": {"actor": {"name": "Dana", "role": "dispatch"}, "reason": "Late"},
    }
    refusal = {"application/json": {"schema": {"$ref": _REF.format(model="Refusal")}}}
    made = {"application/json": {"schema": {"$ref": _REF.format(model="MadeProof")}}}
    said = {
        "403": "The role may not do this",
        "404": "No such procedure runs on this job",
        "413": "The body is too large",
        "422": "A field is wrong",
    }
    return {
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {"description": "The proof, and what to send with it", "content": made},
            **{status: {"description": why, "content": refusal} for status, why in said.items()},
        },
    }


OF_A_TASK = {
    "403": "The task is for another role",
    "404": "There is no such task",
    "409": "Already done, or only a command closes it",
    "413": "The body is too large",
    "422": "Bad fields",
}
"""Why a change of a task is refused, by HTTP status."""


def answers(
    model: type[BaseModel], example: Mapping[str, object], said: Mapping[str, str] = OF_A_TASK
) -> dict[str, Any]:
    """Return what an operation says of its body where it takes a model that refuses as commands do.

    Args:
        model: what the body is.
        example: a body to copy.
        said: why it is refused, by HTTP status.
    """
    content = {"schema": {"$ref": _REF.format(model=model.__name__)}, "example": dict(example)}
    refusal = {"application/json": {"schema": {"$ref": _REF.format(model="Refusal")}}}
    return {
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            status: {"description": why, "content": refusal} for status, why in said.items()
        },
    }


def describe_commands(
    app: FastAPI, lifecycles: Mapping[str, LifecycleKind], *others: type[BaseModel]
) -> None:
    """Add the schemas that the commands' operations refer to, and those of other bodies.

    They are made when the document is first asked for: an API that starts has no time for them.
    """
    generate = app.openapi

    def with_schemas() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = _described(lifecycles, others)
            document = generate()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas |= {**described, "Refusal": _REFUSAL}
        return app.openapi_schema or {}

    app.openapi = with_schemas  # type: ignore[method-assign]  # FastAPI's documented way


def _described(
    lifecycles: Mapping[str, LifecycleKind], others: Sequence[type[BaseModel]]
) -> dict[str, Any]:
    """Return the schemas of all payloads and other bodies, and of what they are made of."""
    _, defined = models_json_schema(
        [*((model, "validation") for model in others), (Answer, "serialization")],
        ref_template=_REF,
    )
    described: dict[str, Any] = dict(defined.get("$defs", {}))
    for kind in lifecycles.values():
        for command in kind.commands.values():
            schema = command.payload.model_json_schema(ref_template=_REF)
            described |= schema.pop("$defs", {})
            described[_schema_of(kind.name, command)] = schema
    return described


def _schema_of(lifecycle: str, command: Command) -> str:
    """Return the name of a payload's schema: two lifecycles may each have a command of a name."""
    return f"{lifecycle}.{command.payload.__name__}"
