"""TOML files that an operator writes: read, checked, and every problem told with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

ModelT = TypeVar("ModelT", bound=BaseModel)

_MOST_IN_LOGS: Final = 10
"""Problems of a file that one log line tells."""


@dataclass(frozen=True, order=True)
class FileProblem:
    """One thing that is wrong with a file."""

    source: str
    line: int
    """Counted from 1; 0 where the file has no lines."""
    key: str
    """The key with its sections, such as `plus_one.search_window`; empty where there is none."""
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.key, self.reason) if part)

    @property
    def place(self) -> str:
        """The file, and the line if it has lines."""
        return f"{self.source}:{self.line}" if self.line else self.source


class OperatorFileError(ValueError):
    """A file that cannot be worked with, and everything that is wrong with it.

    Attributes:
        problems: what is wrong, each with its line.
        for_logs: where; reasons may quote what stands in the file.
    """

    def __init__(self, *problems: FileProblem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        self.for_logs = ", ".join(each.place for each in problems[:_MOST_IN_LOGS])

    def in_one_line(self) -> str:
        """Return the first problems with their reasons, which may quote what stands in the file."""
        return "; ".join(map(str, self.problems[:_MOST_IN_LOGS]))


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        OperatorFileError: the file cannot be read, or is no text.
    """
    source = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise OperatorFileError(FileProblem(source, 0, "", reason)) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OperatorFileError(FileProblem(source, line, "", "is not UTF-8 text")) from error


def parse_toml(text: str, source_name: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises:
        OperatorFileError: it is no TOML.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise OperatorFileError(_syntax_problem(error, text, source_name)) from error


BY_HAND: Final = object()
"""The validation context of what is written by hand."""


def is_written_by_hand(info: ValidationInfo) -> bool:
    """Return whether what is validated comes from an operator's file, where a slip is told."""
    return info.context is BY_HAND


def validated(model: type[ModelT], document: dict[str, Any], text: str, source_name: str) -> ModelT:
    """Return the model of a document.

    A key that the model does not know is a problem here, although the model ignores it elsewhere.

    Args:
        model: what the document has to be.
        document: what is to be checked.
        text: the TOML text that all or some of it was written in, for the lines of problems.
        source_name: what the text is called in problems.

    Raises:
        OperatorFileError: the document is no such model; every problem is told.
    """
    try:
        return model.model_validate(document, extra="forbid", context=BY_HAND)
    except ValidationError as error:
        lines = _lines_of_keys(text)
        problems = (_problem(model, each, lines, source_name) for each in error.errors())
        raise OperatorFileError(*sorted(problems)) from error


def _syntax_problem(error: ValueError, text: str, source: str) -> FileProblem:
    """Return what the parser has to say, and where; of what never ends, where it begins."""
    reason, _, place = str(error).partition(" (at ")
    line = re.match(r"line (\d+)", place)
    begins = 1 + max((statement.last for statement in _statements(text)), default=0)
    return FileProblem(source, int(line[1]) if line else begins, "", reason)


_Path = tuple[str | int, ...]


class _Statement(NamedTuple):
    first: int
    last: int
    said: dict[str, Any]
    """All that the text has said up to here."""


def _statements(text: str) -> Iterator[_Statement]:
    """Give the statements of a TOML text with their lines, as far as they can be read.

    The parser tells no lines of keys. But a statement is what lies between two beginnings of the
    text that both parse, the one without it and the one with it.
    """
    source = text.split("\n")
    first = 1
    for last in range(1, len(source) + 1):
        try:
            said = tomllib.loads("\n".join(source[:last]) + "\n")
        except ValueError:  # the statement goes on, on the next line
            continue
        yield _Statement(first, last, said)
        first = last + 1


def _lines_of_keys(text: str) -> dict[_Path, int]:
    lines: dict[_Path, int] = {(): 1}
    for statement in _statements(text):
        for path in _paths(statement.said):
            lines.setdefault(path, statement.first)
    return lines


def _paths(table: dict[str, Any], parents: _Path = ()) -> list[_Path]:
    paths: list[_Path] = []
    for key, value in table.items():
        paths.append((*parents, key))
        if isinstance(value, dict):
            paths += _paths(value, (*parents, key))
    return paths


def _problem(
    model: type[BaseModel], detail: ErrorDetails, lines: dict[_Path, int], source: str
) -> FileProblem:
    path = detail["loc"]
    said = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in lines)
    return FileProblem(source, lines[said], ".".join(map(str, path)), _reason(model, detail))


_REASONS = {
    "missing": "is missing",
    "model_type": "is a section with keys of its own",
    "tuple_type": "is a list: write it in [ ]",
}
"""Why a value is refused, where it is always for the same reason."""


def _reason(model: type[BaseModel], detail: ErrorDetails) -> str:
    match detail["type"]:
        case type_ if type_ in _REASONS:
            return _REASONS[type_]
        case "value_error":
            return str(detail["ctx"]["error"])
        case "extra_forbidden":
            return _unknown_key(model, detail["loc"])
        case "too_short":
            return f"list at least {detail['ctx']['min_length']}, not {len(detail['input'])}"
        case _:
            given = detail["input"]
            shown = repr(given) if isinstance(given, str) else str(given)
            return f"{detail['msg'].removeprefix('Input ')}, not {shown}"


def _unknown_key(section: Any, path: _Path) -> str:  # noqa: ANN401  a model, or a table of them
    for name in path[:-1]:
        if get_origin(section) is dict:
            section = get_args(section)[1]
        else:
            section = section.model_fields[str(name)].annotation
    known = list(section.model_fields)
    nearest = get_close_matches(str(path[-1]), known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known here: {', '.join(known)}"
    return f"unknown key; {hint}"
