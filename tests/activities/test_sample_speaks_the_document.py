"""The sample job system has the paths, methods and fields of the OpenAPI file."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from samples.job_system.book import Book
from samples.job_system.server import JobSystem
from tests.activities.job_system_document import Operation, operations, resolved

OPERATIONS = operations()


def by_position(path: str) -> str:
    """Return a path whatever its parameters are called."""
    return re.sub(r"{\w+}", "{}", path)


@pytest.fixture(scope="module")
async def sample() -> dict[str, Any]:
    """What the sample says of itself."""
    app = JobSystem(Book(None), "http://127.0.0.1:9", "whsec_", "token").app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        said: dict[str, Any] = (await client.get("http://sample/openapi.json")).json()
    return said


def described(sample: dict[str, Any], operation: Operation) -> dict[str, Any]:
    (item,) = (
        item
        for path, item in sample["paths"].items()
        if by_position(path) == by_position(operation.path)
    )
    said: dict[str, Any] = item[operation.method]
    return said


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_each_request_is_there(sample: dict[str, Any], operation: Operation) -> None:
    theirs = described(sample, operation)
    headers = {each["name"] for each in theirs.get("parameters", ()) if each["in"] == "header"}
    queries = {each["name"] for each in theirs.get("parameters", ()) if each["in"] == "query"}
    assert {name.lower() for name in headers} - {"authorization"} == {
        name.lower() for name in operation.headers
    }
    assert queries == {each["name"] for each in operation.parameters if each["in"] == "query"}


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.body], ids=lambda each: each.name
)
def test_each_body_has_the_same_fields(sample: dict[str, Any], operation: Operation) -> None:
    content = described(sample, operation)["requestBody"]["content"]
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    theirs = sample["components"]["schemas"][name]
    assert operation.body is not None
    ours = resolved(operation.body)
    assert set(theirs["properties"]) == set(ours["properties"])
    assert set(theirs["required"]) <= set(ours["required"]), "it needs nothing that is not sent"
