"""Fields of a command, as they are written on a command line.

`name=text` is text, `name:=json` is any JSON, and a dotted name such as `ship_to.zip=74103` is a
field of a field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from domain.commands import Payload
from starters.failures import Failure

_ASSIGNMENT = re.compile(
    r"(?P<path>\w+(?:\.\w+)*)(?P<operator>:?=)(?P<value>.*)", re.ASCII | re.DOTALL
)
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def read_fields(assignments: Sequence[str], payload: type[Payload]) -> dict[str, Any]:
    """Return the fields that assignments make; a boolean is written true, false, yes or no.

    Args:
        assignments: as written, such as `amount=240.00`.
        payload: the model of the command's payload; it is not held against it here.

    Raises:
        Failure: something is no assignment, is not JSON, or is given twice.
    """
    fields: dict[str, Any] = {}
    for assignment in assignments:
        written = _ASSIGNMENT.fullmatch(assignment)
        if written is None:
            raise Failure(f'"{assignment}" is not a field. Write it like amount=240.00')
        *parents, name = written["path"].split(".")
        within = _within(fields, parents)
        if name in within:
            raise Failure(f"{written['path']} is given twice. Give it once")
        within[name] = _value(written, payload)
    return fields


def _within(fields: dict[str, Any], parents: Sequence[str]) -> dict[str, Any]:
    for parent in parents:
        inner = fields.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise Failure(f"{parent} is given twice, whole and in parts. Give it once")
        fields = inner
    return fields


def _value(written: re.Match[str], payload: type[Payload]) -> Any:  # noqa: ANN401  any JSON
    path, value = written["path"], written["value"]
    if written["operator"] == ":=":
        try:
            return json.loads(value)
        except ValueError as error:
            raise Failure(
                f'"{value}" is not JSON. For text, write {path}={value} without the colon'
            ) from error
    field = payload.model_fields.get(path)
    if field is not None and field.annotation in (bool, bool | None):
        return _TRUTH.get(value.casefold(), value)
    return value
