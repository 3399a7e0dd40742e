"""`docs/job-system.openapi.yaml`, read: its operations, and its schemas as a checker takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import yaml

PATH: Final = Path(__file__).parents[2] / "docs" / "job-system.openapi.yaml"
DOCUMENT: Final[dict[str, Any]] = yaml.safe_load(PATH.read_text("utf-8"))
METHODS: Final = frozenset({"get", "patch", "post"})


@dataclass(frozen=True)
class Operation:
    """One request of the document."""

    method: str
    path: str
    said: dict[str, Any]
    parameters: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return str(self.said["operationId"])

    @property
    def headers(self) -> set[str]:
        return {each["name"] for each in self.parameters if each["in"] == "header"}

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of what is sent."""
        content = self.said.get("requestBody", {}).get("content")
        return None if content is None else content["application/json"]["schema"]

    def answers(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for status, response in self.said["responses"].items():
            yield int(status), resolved(response)


def operations() -> list[Operation]:
    return [
        Operation(
            method,
            path,
            said,
            [resolved(each) for each in (*item.get("parameters", ()), *said.get("parameters", ()))],
        )
        for path, item in DOCUMENT["paths"].items()
        for method, said in item.items()
        if method in METHODS
    ]


def resolved(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference means."""
    while "$ref" in said:
        meant: Any = DOCUMENT
        for step in said["$ref"].removeprefix("#/").split("/"):
            meant = meant[step]
        said = meant
    return said


def checker(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return what checks values against a schema of the document."""
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, validate_formats=True
    )
