"""What is wrong with the fields of a message, as the person who sent it reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pydantic import BaseModel, ValidationError

from domain.suggestions import closest, did_you_mean
from domain.values import JOB_ID, LONGEST_QUOTE, MESSAGE_ID, STORABLE, shortened

_MOST_PROBLEMS = 10
"""Wrong fields that are named one by one; the others are counted."""

_LONGEST_PROBLEM = 600
"""Characters of what is said of one field: room for a list of choices."""

Problem = Mapping[str, Any]
"""What pydantic says of one field."""


def field_problems(
    error: ValidationError, command: str, model: type[BaseModel], common: Sequence[str] = ()
) -> str:
    """Return what is wrong with a message, in sentences: the first ten, and how many more.

    `Missing: amount.`, `Unknown field "colour"; approve takes amount, text.`, `eta: write
    2026-11-23.`

    Args:
        error: what the model says of the message.
        command: the command's name.
        model: the fields that it takes.
        common: names of fields that every command takes, which are not listed.
    """
    problems: list[Any] = error.errors(include_url=False)
    missing = [_place(each) for each in problems if each["type"] == "missing"]
    unknown = [each for each in problems if each["type"] == "extra_forbidden"]
    wrong = [each for each in problems if each["type"] not in {"missing", "extra_forbidden"}]
    return _sentences(
        chain(
            [f"Missing: {', '.join(missing[:_MOST_PROBLEMS])}"] if missing else [],
            unknown_fields([_place(each) for each in unknown], command, model, common),
            (f"{_place(each)}: {in_words(each)}" for each in wrong if each["loc"]),
            (_whole(each) for each in wrong if not each["loc"]),
        ),
        at_most=_MOST_PROBLEMS,
    )


def problems_in(error: ValidationError) -> str:
    """Return what is wrong with a value that no person typed, field by field, in one line."""
    problems: list[Any] = error.errors(include_url=False, include_input=False)
    return listed(f"{_place(each) or 'payload'}: {in_words(each)}" for each in problems)


def listed(problems: Iterable[str]) -> str:
    """Return the first ten problems of a list, and how many more there are."""
    said = list(problems)
    named = "; ".join(shortened(each, 3 * LONGEST_QUOTE) for each in said[:_MOST_PROBLEMS])
    left_out = len(said) - _MOST_PROBLEMS
    return f"{named}; and {left_out:,} more" if left_out > 0 else named


def unknown_fields(
    unknown: Sequence[str], command: str, model: type[BaseModel], common: Sequence[str]
) -> Iterator[str]:
    """Return what a command takes instead of fields that it does not know, in sentences."""
    if not unknown:
        return
    takes = [name for name in model.model_fields if name not in common]
    named = unknown[:_MOST_PROBLEMS]
    quoted = ", ".join(f'"{shortened(name, LONGEST_QUOTE)}"' for name in named)
    more = f" and {len(unknown) - len(named):,} more" if len(unknown) > len(named) else ""
    fields = "field" if len(unknown) == 1 else "fields"
    yield f"Unknown {fields} {quoted}{more}; {command} takes {', '.join(takes) or 'none'}"
    for name in named:
        if meant := closest(name, takes):
            yield f'Did you mean "{meant}" instead of "{shortened(name, LONGEST_QUOTE)}"?'


def in_words(problem: Problem) -> str:
    """Return what to write in a field, as it reads behind the field's name."""
    kind, context = problem["type"], problem.get("ctx") or {}
    if kind in _WRITE:
        return _WRITE[kind]
    if kind in {"enum", "literal_error", "union_tag_invalid"}:
        return _no_choice(problem, context)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], "this is not in the right form")
    if kind in _LIMITS:
        limit = _LIMITS[kind]
        return limit.format(**{name: _counted(value) for name, value in context.items()})
    return str(problem["msg"]).removeprefix("Value error, ")


def _place(problem: Problem) -> str:
    return shortened(".".join(map(str, problem["loc"])), LONGEST_QUOTE)


def _whole(problem: Problem) -> str:
    said = in_words(problem)
    return f"{said[:1].upper()}{said[1:]}"


def _no_choice(problem: Problem, context: Mapping[str, Any]) -> str:
    if problem["type"] != "union_tag_invalid":
        choices = _choices(str(context["expected"]))
        return f"choose one of {choices}{_meant(problem.get('input'), choices)}"
    of = str(context["discriminator"]).strip("'")
    asked = _meant(context["tag"], _choices(str(context["expected_tags"])))
    return f"this {of} is unknown{asked or f'. The documentation lists each {of}'}"


def _choices(expected: str) -> str:
    """Return pydantic's `'a', 'b' or 'c'` as a list to choose from."""
    return expected.replace("'", "").replace(" or ", ", ")


def _meant(typed: object, choices: str) -> str:
    """Return the question about the choice that was probably meant, or nothing."""
    if not isinstance(typed, str):
        return ""
    asked = did_you_mean(typed, choices.split(", "))
    return f".{asked}" if asked else ""


def _counted(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _sentences(problems: Iterator[str] | chain[str], *, at_most: int) -> str:
    said = [shortened(each, _LONGEST_PROBLEM) for each in problems]
    named = [each if each.endswith(("?", ".")) else f"{each}." for each in said[:at_most]]
    left_out = len(said) - at_most
    return " ".join([*named, f"{left_out:,} more fields are wrong."] if left_out > 0 else named)


_INSTANT, _DATE, _TRUTH = "write 2026-11-23T14:05:00Z", "write 2026-11-23", "write true or false"
_WRITE: Mapping[str, str] = {
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "timezone_aware": f"{_INSTANT}, with the offset",
    "datetime_parsing": _INSTANT,
    "datetime_type": _INSTANT,
    "datetime_object_invalid": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "date_parsing": _DATE,
    "date_type": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a smaller number",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "string_type": "write text",
    "string_unicode": "write text that is valid Unicode",
    "list_type": "send a list",
    "tuple_type": "send a list",
    "dict_type": "send an object with fields",
    "model_type": "send an object with fields",
    "model_attributes_type": "send an object with fields",
    "none_required": "leave it out",
    "extra_forbidden": "this field is unknown",
    "missing": "this field is missing",
}
"""What to write, by the kind of problem that pydantic has with a field."""

_LIMITS: Mapping[str, str] = {
    "json_invalid": "this is not JSON: {error}",
    "union_tag_not_found": "the field {discriminator} is missing",
    "string_too_short": "this can't be empty",
    "string_too_long": "write at most {max_length} characters",
    "too_short": "list at least {min_length}",
    "too_long": "list at most {max_length}",
    "greater_than_equal": "write {ge} or more",
    "greater_than": "write more than {gt}",
    "less_than_equal": "write {le} or less",
    "less_than": "write less than {lt}",
}
"""The same where a limit is named."""

_JOB_ID = (
    "use letters A to Z, digits, dots, dashes and underscores, 64 at most; "
    "begin with a letter or digit"
)
_PATTERNS: Mapping[str, str] = {
    STORABLE: "remove the NUL character",
    JOB_ID: _JOB_ID,
    rf"^({JOB_ID[1:-1]})?$": _JOB_ID,
    MESSAGE_ID: "use visible ASCII characters only, without spaces",
    r"^[A-Za-z]{2}$": "write two letters, such as OK",
    r"^[0-9]{5}(-[0-9]{4})?$": "write a ZIP Code, such as 74103",
    r"^[0-9]{1,20}$": "write digits only",
    r"^[0-9a-f]{64}$": "write a SHA-256 digest: 64 digits and letters a to f, in lower case",
}
"""What to write, by the pattern that a text has to match."""
