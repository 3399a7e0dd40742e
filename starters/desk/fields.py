"""Fields of forms, made from what a command declares, and what they say made into its payload.

Between both stand flat values, as a browser sends them: `amount`, `ship_to.zip`,
`candidates.0.name`, each with its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from zoneinfo import ZoneInfo

from annotated_types import MaxLen
from pydantic import AwareDatetime, BaseModel, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from domain.commands import Command, Payload
from domain.field_problems import in_words
from domain.labels import choice_label, field_label
from domain.roles import Actor
from domain.values import LONGEST_PROSE
from domain.zones import host_zone

MOST_ROWS = 10
"""Rows that a form has of a list: more providers than are called while a customer waits."""
_FEW = 4
"""Choices that are shown beside each other; more are a list to open."""
_SMALL = re.compile(r"[0-9]{1,3}", re.ASCII)
_YES, _NO = "yes", "no"
_MISSING = "Fill this in."
_INSTANTS = (datetime, AwareDatetime)
_OF_THE_FORM = frozenset(Payload.model_fields)
"""What every command has and no form asks for: who gives it, and its id."""

Values = Mapping[str, str]
"""What a form says, by the names of its fields."""


class Shape(StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    LONG = "long"
    EMAIL = "email"
    PHONE = "phone"
    AMOUNT = "amount"
    INSTANT = "instant"
    DATE = "date"
    CHECK = "check"
    """A box to tick: left alone, it says no."""
    RADIO = "radio"
    SELECT = "select"
    GROUP = "group"
    """Fields of a field."""
    ROWS = "rows"
    """A list of groups."""


@dataclass(frozen=True, kw_only=True)
class When:
    """The answer to another field of the same form that a field belongs to."""

    field: str
    value: str
    said: str
    """The answer, as it stands in brackets beside the label."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form, with what stands in it."""

    name: str
    label: str
    shape: Shape
    help: str = ""
    required: bool = True
    value: str = ""
    choices: Sequence[tuple[str, str]] = ()
    """Value and label of each, where one is chosen."""
    longest: int | None = None
    """Characters."""
    zone: str = ""
    """The IANA zone on whose clock an instant is written."""
    zone_label: str = ""
    """What people call that zone."""
    fields: Sequence[Field] = ()
    """Those of a group."""
    rows: Sequence[Field] = ()
    """The groups of a list."""
    may_grow: bool = False
    """Whether one more row can be added to a list."""
    problem: str = ""
    """What is wrong with its value."""
    when: When | None = None
    """The answer that it belongs to; None: it is asked for always."""

    @property
    def id(self) -> str:
        """Its name, as the id of an element may have it."""
        return self.name.replace(".", "-")


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What a form of fields depends on beside the command."""

    zone: str
    """The company's IANA zone."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """The zone of each instant that is written on another clock, by the field's name."""
    choices: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """The choices of a field, where they are not those that its type has."""
    values: Values = field(default_factory=dict)
    """What stands in the fields."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with each, by its name."""
    lost: frozenset[str] = frozenset()
    """The instants that a provider names whose zone isn't known: they are on the company's clock.
    """
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """By which a zone's name is that of summer or winter."""


_BELONGS: Final[Mapping[tuple[str, str], When]] = {
    ("provider_answered", "reason"): When(field="available", value=_NO, said="if no"),
    ("provider_answered", "earliest_appointment"): When(
        field="available", value=_YES, said="if yes"
    ),
    ("provider_answered", "travel_fee"): When(
        field="available", value=_YES, said="if they ask for one"
    ),
    ("provider_conference", "will_contact_by"): When(field="agrees", value=_NO, said="if no"),
    ("customer_reached", "reason"): When(field="outcome", value="refused", said="if they refuse"),
    ("supervisor_decision", "in_network_exhausted"): When(
        field="option", value="apo", said="for APO"
    ),
    ("provider_contacted", "outcome"): When(field="reached", value=_YES, said="if yes"),
    ("second_contact_made", "exception_code"): When(
        field="resolved", value=_NO, said="if it isn't settled"
    ),
    ("second_contact_made", "comment"): When(
        field="resolved", value=_NO, said="if it isn't settled"
    ),
    ("documents_received", "amount"): When(field="paid_invoice", value=_YES, said="if yes"),
}
"""The fields that belong to one answer, by command and name; style hides them before it."""


def fields_of(command: Command, asking: Asking) -> tuple[Field, ...]:
    """Return the fields of a command's form, with what stands in them."""
    return tuple(
        _field(command.name, name, name, info, asking)
        for name, info in command.payload.model_fields.items()
        if name not in _OF_THE_FORM
    )


# --- what a type asks for -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Type:
    """What a declared type comes down to."""

    base: Any
    is_optional: bool
    longest: int | None


def _type_of(info: FieldInfo) -> _Type:
    base, metadata, is_optional = info.annotation, list(info.metadata), False
    while True:
        if get_origin(base) is Annotated:
            base, *more = get_args(base)
            metadata += [part for each in more for part in _parts_of(each)]
            continue
        inner = [each for each in get_args(base) if each is not type(None)]
        if len(inner) == 1 and type(None) in get_args(base):
            base, is_optional = inner[0], True
            continue
        break
    lengths = (_longest(each) for each in metadata)
    return _Type(base, is_optional, next((each for each in lengths if each), None))


def _parts_of(metadata: object) -> list[object]:
    return list(metadata.metadata) if isinstance(metadata, FieldInfo) else [metadata]


def _longest(metadata: object) -> int | None:
    if isinstance(metadata, MaxLen):
        return metadata.max_length
    return metadata.max_length if isinstance(metadata, StringConstraints) else None


def _is_model(base: object) -> bool:
    return isinstance(base, type) and issubclass(base, BaseModel)


def _row_model(base: object) -> type[BaseModel] | None:
    """Return the model of a list's entries, None where it is no list of models."""
    inner = get_args(base)
    is_list = get_origin(base) in (tuple, list) and bool(inner) and _is_model(inner[0])
    return inner[0] if is_list else None


def _choices_of(base: object) -> tuple[str, ...]:
    if get_origin(base) is Literal:
        return tuple(str(each) for each in get_args(base))
    if isinstance(base, type) and issubclass(base, Enum):
        return tuple(str(each.value) for each in base)
    return ()


def _field(command: str, name: str, path: str, info: FieldInfo, asking: Asking) -> Field:
    """Return a field as a form asks for it.

    Args:
        command: the command's name.
        name: the field's own.
        path: its name in the form: `ship_to.zip`.
        info: what its model declares.
        asking: what stands in the form.
    """
    declared = _type_of(info)
    base = declared.base
    label = field_label(command, name)
    said = " ".join((info.description or "").split())
    common: dict[str, Any] = {
        "name": path,
        "label": label,
        "help": "" if _repeats(label, said) else said,
        "when": _BELONGS.get((command, path)),
        "required": info.is_required() or bool(_default(info)),
        "value": asking.values.get(path, _default(info)),
        "problem": asking.problems.get(path, ""),
    }
    if row := _row_model(base):
        return _rows(command, path, row, asking, common)
    if _is_model(base):
        inner = _inner(command, path, base, asking)
        return Field(**common, shape=Shape.GROUP, fields=inner)
    if base is bool:
        return _truth(declared, info, common)
    if choices := asking.choices.get(name) or [
        (each, choice_label(each)) for each in _choices_of(base)
    ]:
        shape = Shape.RADIO if len(choices) <= _FEW else Shape.SELECT
        _have_them_choose(common)
        if not common["required"] and shape is Shape.RADIO:
            choices = [*choices, ("", "Not said")]
        return Field(**common, shape=shape, choices=tuple(choices))
    if base in _INSTANTS:
        zone = asking.zones.get(name, asking.zone)
        clock = zone_label(zone, asking.now)
        if name in asking.lost:
            clock = f"{clock}: the provider's own zone isn't known"
        return Field(**common, shape=Shape.INSTANT, zone=zone, zone_label=clock)
    return Field(**common, shape=_shape(name, declared), longest=declared.longest)


def _have_them_choose(common: dict[str, Any]) -> None:
    if common["problem"] == _MISSING:
        common["problem"] = "Choose one."


_OF_A_CLAUSE = re.compile(r" \([A-Z]+-[0-9]+[^)]*\)")
_WORD = re.compile(r"[a-z]+")
_SAY_NOTHING = frozenset(
    _WORD.findall(
        "a an are as at been call did do does escalations have has if in is it its of on out own "
        "the them they this to was were what when whether which who with you your"
    )
)
_PRESENT = {"left": "leave", "spoke": "speak", "told": "tell", "went": "go", "wants": "want"}


def _repeats(label: str, said: str) -> bool:
    """Return whether a help says nothing that the label beside it doesn't."""
    in_label, in_help = (
        {_PRESENT.get(word, word) for word in _WORD.findall(_OF_A_CLAUSE.sub("", text).lower())}
        for text in (label, said)
    )
    return in_help - in_label <= _SAY_NOTHING


def _default(info: FieldInfo) -> str:
    """Return what stands in a field that nobody has filled in."""
    default = info.default
    if isinstance(default, bool):
        return _YES if default else ""
    return str(default) if isinstance(default, str) and default else ""


def _truth(declared: _Type, info: FieldInfo, common: dict[str, Any]) -> Field:
    """Return how yes or no is asked for: a box to tick where left alone means no."""
    if info.default is False:
        return Field(**common, shape=Shape.CHECK)
    choices = [(_YES, "Yes"), (_NO, "No")]
    _have_them_choose(common)
    if declared.is_optional:
        choices.append(("", "Not said"))
    return Field(**common, shape=Shape.RADIO, choices=tuple(choices))


def _shape(name: str, declared: _Type) -> Shape:
    if declared.base is Decimal:
        return Shape.AMOUNT
    if declared.base is str and (declared.longest or 0) >= LONGEST_PROSE:
        return Shape.LONG
    if name.endswith("email"):
        return Shape.EMAIL
    if name.endswith("phone"):
        return Shape.PHONE
    return Shape.TEXT if declared.base is str else Shape.DATE


def _inner(command: str, path: str, model: type[BaseModel], asking: Asking) -> tuple[Field, ...]:
    return tuple(
        _field(command, name, f"{path}.{name}", info, asking)
        for name, info in model.model_fields.items()
    )


def _rows(
    command: str,
    path: str,
    model: type[BaseModel],
    asking: Asking,
    common: Mapping[str, Any],
) -> Field:
    count = max(rows_in(path, asking.values), 1)
    rows = tuple(
        Field(
            name=f"{path}.{place}",
            label=f"{place + 1}",
            shape=Shape.GROUP,
            fields=_inner(command, f"{path}.{place}", model, asking),
        )
        for place in range(count)
    )
    return Field(**common, shape=Shape.ROWS, rows=rows, may_grow=count < MOST_ROWS)


def rows_in(path: str, values: Values) -> int:
    """Return how many rows of a list a form has, blank ones as well: `NAME.rows` says so."""
    places = (name.removeprefix(f"{path}.").partition(".")[0] for name in values)
    filled = max((int(each) + 1 for each in places if _SMALL.fullmatch(each)), default=0)
    said = values.get(f"{path}.rows", "")
    return min(max(filled, int(said) if _SMALL.fullmatch(said) else 0), MOST_ROWS)


def one_more_row(path: str, values: Values) -> Values:
    """Return a form's values with another blank row of a list."""
    return {**values, f"{path}.rows": str(max(rows_in(path, values), 1) + 1)}


# --- from a form to a payload ---------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """A form as it was read."""

    fields: dict[str, Any]
    """The payload's fields, as the API takes them."""
    problems: dict[str, str]
    """What cannot be read at all, by the name of the form's field."""


def read_values(command: Command, values: Values, zone: str, now: datetime) -> Read:
    """Return the payload's fields that a form says; what is left empty is left out.

    Args:
        command: whose form it is.
        values: as they were sent. `NAME.zone` names the clock that an instant is written on.
        zone: the company's IANA zone, for an instant that names no other.
        now: the wall clock, aware UTC: dates far from it are mistyped.
    """
    problems: dict[str, str] = {}
    own = {
        name: info
        for name, info in command.payload.model_fields.items()
        if name not in _OF_THE_FORM
    }
    return Read(_read_fields(own, "", values, _Clock(zone, now), problems), problems)


@dataclass(frozen=True)
class _Clock:
    """What instants and dates are read by."""

    zone: str
    now: datetime


def _read_fields(
    declared: Mapping[str, FieldInfo],
    before: str,
    values: Values,
    clock: _Clock,
    problems: dict[str, str],
) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, info in declared.items():
        path = f"{before}{name}"
        kind = _type_of(info)
        if row := _row_model(kind.base):
            rows = (
                _read_fields(row.model_fields, f"{path}.{place}.", values, clock, problems)
                for place in range(rows_in(path, values))
            )
            read[name] = [each for each in rows if each]
        elif _is_model(kind.base):
            inner = _read_fields(kind.base.model_fields, f"{path}.", values, clock, problems)
            if inner:
                read[name] = inner
        elif kind.base is bool:
            if values.get(path) in (_YES, _NO):
                read[name] = values[path] == _YES
        elif said := values.get(path):
            try:
                zone = values.get(f"{path}.zone") or clock.zone
                read[name] = _read_value(kind.base, said, _Clock(zone, clock.now))
            except ValueError as error:
                problems[path] = str(error)
    return read


def _read_value(base: object, said: str, clock: _Clock) -> str:
    """Return a value as the API takes it.

    Raises:
        ValueError: it says no instant, date or amount; the message says what to write.
    """
    if base in _INSTANTS:
        return _instant(said, clock)
    if base is date:
        return _date(said, clock.now)
    if base is Decimal:
        return _amount(said)
    return said.replace("\r\n", "\n")


_AN_AMOUNT = re.compile(r"\$? ?([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(\.[0-9]{1,2})?", re.ASCII)
"""A comma parts thousands only: in `240,50` it may part cents."""
_WRITE_AMOUNT = "Enter an amount such as 240.00 or 1,240.00."


def _amount(said: str) -> str:
    """Return an amount as the API takes it.

    Raises:
        ValueError: it can't be read as one amount only.
    """
    if found := _AN_AMOUNT.fullmatch(said.strip()):
        return f"{found[1].replace(',', '')}{found[2] or ''}"
    raise ValueError(_WRITE_AMOUNT)


MOST_YEARS = 5
"""Years from now within which a date of a form lies: one further away is mistyped."""


def _require_near(year: int, now: datetime) -> None:
    if abs(year - now.year) > MOST_YEARS:
        raise ValueError(f"Enter a date within {MOST_YEARS} years of today.")


def _date(said: str, now: datetime) -> str:
    """Return a date as ISO 8601 text.

    Raises:
        ValueError: it is no date, or one far from now.
    """
    try:
        shown = date.fromisoformat(said)
    except ValueError:
        raise ValueError("Enter a date.") from None
    _require_near(shown.year, now)
    return shown.isoformat()


def _instant(said: str, clock: _Clock) -> str:
    """Return in UTC what a clock shows, as ISO 8601 text; of two such instants, the first.

    Raises:
        ValueError: it is no time, one that the zone's clock skips, or one far from now.
    """
    zone = clock.zone
    try:
        shown = datetime.fromisoformat(said)
    except ValueError:
        raise ValueError("Enter a date and a time.") from None
    if shown.tzinfo is not None:
        raise ValueError("Enter a date and a time.")
    _require_near(shown.year, clock.now)
    at = shown.replace(tzinfo=host_zone(zone)).astimezone(UTC)
    if at.astimezone(host_zone(zone)).replace(tzinfo=None) != shown:
        raise ValueError(
            "Clocks skip this time when summer time begins. Enter a time one hour later."
        )
    return at.isoformat().replace("+00:00", "Z")


def known_zone(name: str | None, otherwise: str) -> str:
    """Return a zone that a form names, or another where this host does not know it."""
    if not name:
        return otherwise
    try:
        host_zone(name)
    except ValueError:
        return otherwise
    return name


# --- from a payload to a form ---------------------------------------------------------------------


def values_of(command: Command, fields: Mapping[str, object], zone: str) -> dict[str, str]:
    """Return what the fields of a form say that makes a payload.

    Args:
        command: whose form it is.
        fields: the payload's fields, as the API takes them.
        zone: the IANA zone on whose clock instants are written.
    """
    return _values(command.payload.model_fields, "", fields, host_zone(zone))


def _values(
    declared: Mapping[str, FieldInfo], before: str, fields: Mapping[str, Any], zone: ZoneInfo
) -> dict[str, str]:
    said: dict[str, str] = {}
    for name, value in fields.items():
        kind, path = _type_of(declared[name]), f"{before}{name}"
        if row := _row_model(kind.base):
            for place, each in enumerate(value):
                said |= _values(row.model_fields, f"{path}.{place}.", each, zone)
        elif _is_model(kind.base):
            said |= _values(kind.base.model_fields, f"{path}.", value, zone)
        elif isinstance(value, bool):
            said[path] = _YES if value else _NO
        elif kind.base in _INSTANTS:
            local = datetime.fromisoformat(str(value)).astimezone(zone)
            said[path] = local.replace(tzinfo=None).isoformat(timespec="minutes")
        else:
            said[path] = str(value)
    return said


# --- what is wrong --------------------------------------------------------------------------------


def problems_with(command: Command, actor: Actor, fields: Mapping[str, object]) -> dict[str, str]:
    """Return what is wrong with the fields of a payload, by the names of the form's fields.

    What is wrong with several together stands under the empty name.
    """
    try:
        command.payload.model_validate({"actor": actor, **fields})
    except ValidationError as error:
        problems: dict[str, str] = {}
        for each in error.errors(include_url=False):
            path = ".".join(map(str, each["loc"]))
            problems.setdefault(path, _sentence(each))
        return problems
    return {}


_OF_AMOUNTS = "without $ or commas"


def _sentence(problem: Any) -> str:  # noqa: ANN401  pydantic's
    if problem["type"] in {"missing", "string_too_short", "too_short"}:
        return _MISSING
    if problem["type"] == "bool_type":
        return "Choose yes or no."
    said = in_words(problem)
    if said.endswith(_OF_AMOUNTS):  # the API takes less than the form does
        return _WRITE_AMOUNT
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('.', '?')) else '.'}"


# --- zones ----------------------------------------------------------------------------------------

_NAMES = {
    "America/New_York": "Eastern Time",
    "America/Chicago": "Central Time",
    "America/Denver": "Mountain Time",
    "America/Phoenix": "Mountain Time, no summer time",
    "America/Los_Angeles": "Pacific Time",
    "America/Anchorage": "Alaska Time",
    "Pacific/Honolulu": "Hawaii Time",
}


def zone_label(zone: str, now: datetime) -> str:
    """Return what people call a zone: `Central Time`, or what its clock calls its time now."""
    return _NAMES.get(zone) or now.astimezone(host_zone(zone)).tzname() or zone
