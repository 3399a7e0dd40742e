"""Writes docs/api.md from the OpenAPI document: every request, who answers what, offline.

What hooks say is not in that document. It is written by hand between two marks, and stays.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.policy import load_policy
from domain.signatures import HookSecrets, generate_secret
from starters.app import Parts, make_app
from starters.docs import FOLDER
from store.database import Database
from workers.temporal import connect

PAGE = FOLDER / "api.md"

_INTRODUCTION = """\
# The API

Every request that Steward answers. `GET /openapi.json` says the same for programs, with every field
and every answer. `python -m starters.api_page` writes this page from it.

A command's body is `{"actor": {"name", "role"}, …}` with the fields below, and may have a
`message_id`: sent again with the same one, it is done once. In `tokens` mode each request but
hooks, `/healthz` and `/readyz` carries `Authorization: Bearer …`. Every refusal has the same shape:
`{"error", "rule", "message", "instead"?}`.
"""
_BY_HAND = re.compile(r"<!-- by hand:begin -->\n.*?<!-- by hand:end -->\n", re.DOTALL)
_SECTION_BY_HAND = "hooks"
_HEAD = "| Request | What it does | Fields | Answers |\n|---|---|---|---|\n"


async def document() -> Mapping[str, Any]:
    """Return the OpenAPI document, without a database or Temporal that answers."""
    parts = Parts(
        database=Database("sqlite://"),
        client=await connect(lazy=True),
        policy=load_policy(None),
        secrets=HookSecrets.parse(generate_secret()),
    )
    said: Mapping[str, Any] = make_app(parts).openapi()
    return said


def api_page(openapi: Mapping[str, Any], before: str) -> str:
    """Return the page of an OpenAPI document.

    Args:
        openapi: the document.
        before: the page as it is, of which the part written by hand stays.

    Raises:
        ValueError: it has no such part, or more than one.
    """
    kept = _BY_HAND.findall(before)
    if len(kept) != 1:
        raise ValueError(f"the page has its part by hand once, not {len(kept)} times")
    sections: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            (section, *_) = operation.get("tags", ["other"])
            sections.setdefault(section, []).append(_row(openapi, method, path, operation))
    said = [_INTRODUCTION]
    for title, rows in sections.items():
        said.append(f"\n## {title}\n\n{_HEAD}{''.join(rows)}")
        if title == _SECTION_BY_HAND:
            said.append(f"\n{kept[0]}")
    return "".join(said)


def _row(openapi: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    asked = [parameter["name"] for parameter in operation.get("parameters", ())]
    fields = [f"`{name}`" for name in asked if f"{{{name}}}" not in path]
    fields += [f"`{field}`" for field in _fields(openapi, operation)]
    answers = ", ".join(sorted(operation["responses"]))
    summary = operation.get("summary", "").replace("|", "\\|")
    return f"| `{method.upper()} {path}` | {summary} | {', '.join(fields) or '–'} | {answers} |\n"


def _fields(openapi: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", ())
    for name in schema.get("properties", ()):
        yield name if name in required else f"{name}?"


def main() -> None:
    """Bring the page up to date."""
    before = PAGE.read_text("utf-8")
    PAGE.write_text(api_page(asyncio.run(document()), before), "utf-8")


if __name__ == "__main__":
    main()
