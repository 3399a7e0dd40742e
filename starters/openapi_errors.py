"""The errors in the OpenAPI document: every status that an operation can be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from starters.doorkeeper import HEALTH, HOOKS

_REFUSAL: Mapping[str, Any] = {
    "application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}
}
_SAID = {
    "401": "The bearer token is missing or unknown",
    "403": "The role may not do this, or the page is from another origin",
    "404": "Not there, or you may not see it",
    "409": "A rule or the stage forbids it now",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "421": "The host name is unknown",
    "422": "A field is wrong",
    "429": "Too many requests within a minute, or the worker is behind; `Retry-After` says when",
    "500": "Steward failed",
    "503": "The database, Temporal or a worker did not answer in time, or too many came at once",
}
_AT_THE_DOOR = ("421", "500", "503")
_READING = ("401", "404", "422", "429")
_CHANGING = ("401", "403", "404", "409", "413", "415", "422", "429")
_EVENTS = ("401", "413")


def describe_errors(app: FastAPI) -> None:
    """Have the document name every status of every operation, with the one shape of errors."""
    generate = app.openapi

    def with_errors() -> dict[str, Any]:
        is_new = app.openapi_schema is None
        document = generate()
        if is_new:
            _describe(document)
        return document

    app.openapi = with_errors  # type: ignore[method-assign]  # FastAPI's documented way


def _describe(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        responses: dict[str, Any] = operation.setdefault("responses", {})
        if "HTTPValidationError" in str(responses.get("422")):
            del responses["422"]  # FastAPI's own shape, which nobody is answered
        for status in _statuses(path, method):
            responses.setdefault(status, {"description": _SAID[status], "content": dict(_REFUSAL)})
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _statuses(path: str, method: str) -> tuple[str, ...]:
    if path in HOOKS:
        return (*_EVENTS, *_AT_THE_DOOR)
    if path in HEALTH:
        return _AT_THE_DOOR
    return (*(_READING if method == "get" else _CHANGING), *_AT_THE_DOOR)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation
