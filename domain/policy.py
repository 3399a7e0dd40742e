"""The policy: every number and choice that the procedures leave to the company, typed and checked.

What the built-in policy says, and under which rule, stands in `policy.toml` beside this module.
Running jobs carry a snapshot of their policy. So a key that is added after a release has a Python
default, which is how jobs from before it behave, and a key is never renamed or taken away.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from hashlib import sha256
from importlib.resources import files
from json import dumps
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, NamedTuple, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from domain.calendars import Calendar, TimeOfDay, Window
from domain.commands import Line, Usd
from domain.durations import BusinessDays, Elapsed, Spacing, format_elapsed
from domain.jobs import Visibility
from domain.roles import Role

_BUILT_IN = "policy.toml"
_LEAST_SEARCH = timedelta(hours=48)
_ADDRESS = r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+"


def _address(text: str) -> str:
    if not re.fullmatch(_ADDRESS, text):
        raise ValueError(f"{text!r} is no e-mail address")
    return text


def _mailbox(text: str) -> str:
    if not re.fullmatch(rf"{_ADDRESS}|[^\x00-\x1f<>@\",;:]+ <{_ADDRESS}>", text):
        raise ValueError(f"{text!r} is no sender: write it like Steward <steward@example.com>")
    return text


def _with_unit(value: object) -> object:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} has no unit: write business days like 3bd")


def _some_trade(trades: tuple[str, ...]) -> tuple[str, ...]:
    if not trades:
        raise ValueError("PlusOne serves no trade at all")
    return trades


EmailAddress = Annotated[str, AfterValidator(_address)]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True
    )


class ProfileAddress(_Section):
    """The postal address in PlusOne's profile."""

    line: Line
    city: Line
    state: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    zip: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}(-[0-9]{4})?$")]


class PlusOnePolicy(_Section):
    """What the PlusOne procedure leaves open."""

    search_window: Elapsed
    """How long PlusOne may search, counted from the assignment (PO-17, G-01)."""
    customer_expectation: Elapsed
    """What the customer is told to wait, counted from the assignment (PO-31, G-01)."""
    on_window_end: Literal["no_provider_found", "dispatch_task"]
    """What happens to a job that is not accepted in time (PO-67, G-02)."""
    release_on_cannot_locate: StrictBool
    """Whether PlusOne may give a job back before the window ends (G-07)."""
    npf_starts_apo: StrictBool
    """Whether No Provider Found starts the apo lifecycle (PO-69, G-08)."""
    expired_counts_as_new: StrictBool
    """Whether an Expired job is held like a New one (G-03)."""
    on_severity_raise: Literal["release_if_new", "hold"]
    """What happens when the severity is raised during the search (PO-04, G-05)."""
    silence_reminder: Annotated[BusinessDays, BeforeValidator(_with_unit)]
    """How long PlusOne may be silent once it has accepted."""
    served_trades: Annotated[
        tuple[Literal["Plumbing", "Electrical", "Appliances", "HVAC"], ...],
        AfterValidator(_some_trade),
    ]
    """The trades that PlusOne serves (PO-01)."""
    approval_threshold: Usd | None = None
    """Up to this amount PlusOne repairs without approval (PO-27); None: never (G-09)."""
    call_above: Usd
    """Above this amount a customer is called about non-covered charges, else mailed (G-65)."""
    email: EmailAddress
    """Where PlusOne is asked to send its instructions when the job carries no address (PO-68)."""
    profile_address: ProfileAddress
    """PlusOne's own address, to which nothing is shipped (PO-54)."""

    @field_validator("search_window")
    @classmethod
    def _long_enough(cls, window: Elapsed) -> Elapsed:
        if window < _LEAST_SEARCH:
            raise ValueError(
                f"{format_elapsed(window)} is too short: PO-17 gives PlusOne at least 48h"
            )
        return window

    @field_validator("customer_expectation")
    @classmethod
    def _within_the_window(cls, expectation: Elapsed, info: ValidationInfo) -> Elapsed:
        window = info.data.get("search_window")
        if window is not None and expectation >= window:
            raise ValueError(f"{format_elapsed(expectation)} is not before search_window ends")
        return expectation


class Reminders(_Section):
    """How often and how far apart somebody is reminded."""

    attempts: Annotated[int, Field(strict=True, ge=0, le=20)]
    """Reminders before something else happens."""
    every: Spacing
    """The time before each of them, and once more before what happens in the end."""


def _rounds(every: str) -> Reminders:
    return Reminders.model_validate({"attempts": 3, "every": every})


class ApoPolicy(_Section):
    """What the procedure of the Alternate Provider Option leaves open."""

    supervisors: Window = Window(
        opens=timedelta(hours=17), closes=timedelta(hours=7), weekend_all_day=True
    )
    """When supervisors may authorise the option, on the calendar's clock (APO-20, G-36)."""
    max_refusals: Annotated[int, Field(strict=True, ge=1, le=20)] = 2
    """Refusals of a customer after which only a supervisor may have it offered again (G-35)."""
    limit_hvac: Usd = Decimal("500.00")
    """Up to this estimate, in USD, heating and A/C is repaired before documents (APO-24, G-37)."""
    limit_other: Usd = Decimal("300.00")
    """The same for every other item, water heaters among them (APO-25, G-38)."""
    documents_mailbox: EmailAddress = "supportingdocuments@cinchhs.com"
    """Where customers send their documents (APO-36, G-43)."""
    refund_deductible: StrictBool = True
    """Whether the deductible is refunded once the job is the option's (G-45)."""
    review: Annotated[BusinessDays, BeforeValidator(_with_unit)] = 2
    """How long a decision or a review may take before a supervisor is told."""
    contact: Reminders = _rounds("4h")
    """Dispatch reaches the customer (APO-02)."""
    instructions: Reminders = _rounds("2bd")
    """The customer answers the instructions (APO-09)."""
    documents: Reminders = _rounds("5bd")
    """The customer sends estimate or invoice (G-70)."""
    offer: Reminders = _rounds("2bd")
    """The customer chooses how to be paid (APO-28, G-32)."""
    invoice: Reminders = _rounds("2bd")
    """The customer sends the paid invoice (APO-33, G-33)."""


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("at least one is needed")
    return values


class SpocPolicy(_Section):
    """What the procedure of the Single Point of Contact leaves open."""

    report_due: Annotated[BusinessDays, BeforeValidator(_with_unit)] = 1
    """How long after the confirmed diagnosis appointment the report may come (SPOC-13, G-22)."""
    overdue: Reminders = Reminders(attempts=2, every=1)
    """The provider is reminded of a report that is overdue (SPOC-27)."""
    missing: Reminders = Reminders(attempts=2, every=1)
    """The Leadership Desk is reminded of what a partial report lacks (SPOC-28)."""
    reply: Reminders = Reminders(attempts=1, every=timedelta(hours=24))
    """The specialist answers the Leadership Desk (G-30)."""
    min_sp_attempts: Annotated[int, Field(strict=True, ge=1, le=20)] = 1
    """How often the provider is asked before the specialist may be (SPOC-22, G-29)."""
    part_update_age: Annotated[BusinessDays, BeforeValidator(_with_unit)] = 5
    """A report has to be older before the specialist is asked for a part (SPOC-31, G-25)."""
    confirm_grace: Annotated[BusinessDays, BeforeValidator(_with_unit)] = 1
    """How long the provider may take to confirm an order (SPOC-34, G-26)."""
    quiet: Elapsed = timedelta(days=30)
    """After a full report, how long nothing has to be heard before the follow-up closes."""
    medical_immediate: StrictBool = True
    """Whether Authorizations reviews a Medical Emergency at once (SPOC-20, G-31)."""
    pr_tracking_conditions: Annotated[
        tuple[Literal["no_eta", "eta_passed"], ...], AfterValidator(_some)
    ] = ("no_eta", "eta_passed")
    """What a PR-Tracking Exception may be opened for (SPOC-37, G-27)."""
    purchasing_form_roles: Annotated[tuple[Role, ...], AfterValidator(_some)] = (Role.ESCALATIONS,)
    """Who may use the Purchasing Escalation Form; the others open the Exception (G-28)."""


class DigestPolicy(_Section):
    """The daily mail to each specialist; it follows the policy of the day, and not of a job."""

    at: TimeOfDay = timedelta(hours=8)
    """When it is sent, on the calendar's clock."""


class BrandsPolicy(_Section):
    """The names under which customers know us, by the brand of the job."""

    default: Line = "Cinch Home Services"
    """The name where a job's brand is none of those named."""
    names: dict[Line, Line] = {
        "Cinch": "Cinch Home Services",
        "Sears": "Sears Home Warranty Support Center",
    }
    """The name of each brand, as the job system writes it."""

    def name_of(self, brand: str | None) -> str:
        """Return the name that a brand's customers know."""
        wanted = (brand or "").casefold()
        known = (name for key, name in self.names.items() if key.casefold() == wanted)
        return next(known, self.default)


class NotesPolicy(_Section):
    """What the procedures leave open about notes."""

    default_visibility: Visibility
    """The visibility of a note of which no rule says it (G-20)."""
    public_email_to_customer: StrictBool
    """Whether the customer gets a copy of what is mailed to the provider (G-19)."""


class MailPolicy(_Section):
    """What our mails say of ourselves."""

    sender: Annotated[str, AfterValidator(_mailbox)]


class Policy(_Section):
    """Everything that the company may set; frozen, and snapshotted into every job."""

    name: Line
    calendar: Calendar
    plus_one: PlusOnePolicy
    notes: NotesPolicy
    mail: MailPolicy
    apo: ApoPolicy = ApoPolicy()
    brands: BrandsPolicy = BrandsPolicy()
    spoc: SpocPolicy = SpocPolicy()
    digest: DigestPolicy = DigestPolicy()

    @property
    def fingerprint(self) -> str:
        """Return twelve hex digits by which this policy is told from others."""
        canonical = dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return sha256(canonical.encode()).hexdigest()[:12]


@dataclass(frozen=True, order=True)
class PolicyProblem:
    """One thing that is wrong with a policy file."""

    source: str
    line: int
    """Counted from 1; 0 where the file has no lines."""
    key: str
    """The key with its sections, such as `plus_one.search_window`; empty where there is none."""
    reason: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return ": ".join(part for part in (place, self.key, self.reason) if part)


class PolicyError(ValueError):
    """A policy that cannot be worked with, and everything that is wrong with it."""

    def __init__(self, *problems: PolicyProblem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load_policy(path: Path | None) -> Policy:
    """Return the policy of a TOML file, or the built-in one.

    Raises:
        PolicyError: the file cannot be read, or is nonsense; every problem is told.
    """
    if path is None:
        return parse_policy(_built_in_text(), _BUILT_IN)
    source = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise PolicyError(PolicyProblem(source, 0, "", reason)) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyError(PolicyProblem(source, line, "", "is not UTF-8 text")) from error
    return parse_policy(text, source)


def parse_policy(text: str, source_name: str) -> Policy:
    """Return the policy that a TOML text makes of the built-in one.

    The source's name is told in problems, and names a policy that does not name itself.

    Raises:
        PolicyError: the text is no TOML, or no policy; every problem is told.
    """
    try:
        given = tomllib.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise PolicyError(_syntax_problem(error, text, source_name)) from error
    built_in = tomllib.loads(_built_in_text()) | {"name": PurePath(source_name).stem}
    try:
        return Policy.model_validate(_merged(built_in, given))
    except ValidationError as error:
        lines = _lines_of_keys(text)
        problems = (_problem(detail, lines, source_name) for detail in error.errors())
        raise PolicyError(*sorted(problems)) from error


def _built_in_text() -> str:
    return files("domain").joinpath(_BUILT_IN).read_text("utf-8")


def _merged(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    nested = {
        key: _merged(base[key], value)
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return base | given | nested


def _syntax_problem(error: ValueError, text: str, source: str) -> PolicyProblem:
    """Return what the parser has to say, and where; of what never ends, where it begins."""
    reason, _, place = str(error).partition(" (at ")
    line = re.match(r"line (\d+)", place)
    begins = 1 + max((statement.last for statement in _statements(text)), default=0)
    return PolicyProblem(source, int(line[1]) if line else begins, "", reason)


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


def _problem(detail: ErrorDetails, lines: dict[_Path, int], source: str) -> PolicyProblem:
    path = detail["loc"]
    said = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in lines)
    return PolicyProblem(source, lines[said], ".".join(map(str, path)), _reason(detail))


def _reason(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "extra_forbidden":
            return _unknown_key(detail["loc"])
        case "model_type":
            return "is a section with keys of its own"
        case "tuple_type":
            return "is a list: write it in [ ]"
        case _:
            given = detail["input"]
            shown = repr(given) if isinstance(given, str) else str(given)
            return f"{detail['msg'].removeprefix('Input ')}, not {shown}"


def _unknown_key(path: _Path) -> str:
    section: type[BaseModel] = Policy
    for name in path[:-1]:
        section = cast("type[BaseModel]", section.model_fields[str(name)].annotation)
    known = list(section.model_fields)
    nearest = get_close_matches(str(path[-1]), known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known here: {', '.join(known)}"
    return f"unknown key; {hint}"
