"""The policy: every number and choice that the procedures leave to the company, typed and checked.

What the built-in policy says, and under which rule, stands in `policy.toml` beside this module.
Running jobs carry a snapshot of their policy. So a key that is added after a release has a Python
default, which is how jobs from before it behave, and a key is never renamed or taken away.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from json import dumps, loads
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from domain.calendars import Calendar, TimeOfDay, Window
from domain.durations import BusinessDays, Elapsed, Spacing, format_elapsed
from domain.exceptions import ExceptionCode
from domain.guides import Guide, must_be_fillable
from domain.jobs import Visibility
from domain.operator_files import parse_toml, read_text, validated
from domain.roles import Role
from domain.values import Line, Usd

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


def _rounds(every: str, attempts: int = 3) -> Reminders:
    return Reminders.model_validate({"attempts": attempts, "every": every})


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


_CODE_HELP = {
    ExceptionCode.COACH: "could do better with some coaching",
    ExceptionCode.GREAT_SVC: "a compliment",
    ExceptionCode.HI_COST: "charged too much",
    ExceptionCode.MISDIAG: "the diagnosis was wrong",
    ExceptionCode.MISSED_APPT: "told the customer, but did not come at the time agreed",
    ExceptionCode.NCNS: "no call, no show: did not come, and did not say so",
    ExceptionCode.NO_RESPONSE: "one request or message was never answered",
    ExceptionCode.NO_WORK: "came and did not do the work, or refuses it",
    ExceptionCode.PROCESS: "did not keep to our process",
    ExceptionCode.PROFILE_UPDATE: "what we have on file of the provider has to be changed",
    ExceptionCode.SP_UNRESPONSIVE: "cannot be reached at all",
    ExceptionCode.UNPROFESSIONAL: "behaved badly",
    ExceptionCode.WORKMANSHIP: "the work was done badly",
}


class AmEscalationPolicy(_Section):
    """What the procedure of the Area Manager's escalation leaves open."""

    callback_after: Elapsed = timedelta(hours=24)
    """How long after the first attempt at the provider a call-back makes a second one due, this
    instant included (AM-13, G-12, G-14)."""
    quiet_close: Elapsed = timedelta(days=14)
    """After how long without a call-back the matter counts as settled."""
    exception_if_resolved: StrictBool = False
    """Whether an Exception is opened although the second contact resolved the matter (G-13)."""
    feedback_codes: Annotated[tuple[ExceptionCode, ...], Field(min_length=1)] = (
        ExceptionCode.GREAT_SVC,
        ExceptionCode.PROFILE_UPDATE,
    )
    """Codes that are no complaint, and need no call to the provider (G-17)."""
    code_help: dict[ExceptionCode, Line] = _CODE_HELP
    """What each code is for, as an agent is told (G-18)."""
    contact: Reminders = _rounds("1bd")
    """Customer service calls the provider (AM-07)."""
    second_contact: Reminders = _rounds("1bd")
    """Customer service calls the provider again (AM-14)."""
    review: Reminders = _rounds("1bd")
    """The Admin team reviews the Exception (AM-33, G-15)."""
    area_manager: Reminders = _rounds("1bd")
    """The Area Manager acts (AM-34, G-15)."""


class SpocPolicy(_Section):
    """What the procedure of the Single Point of Contact leaves open."""

    report_due: Annotated[BusinessDays, BeforeValidator(_with_unit)] = 1
    """How long after the confirmed diagnosis appointment the report may come (SPOC-13, G-22)."""
    overdue: Reminders = _rounds("1bd", attempts=2)
    """The provider is reminded of a report that is overdue (SPOC-27)."""
    missing: Reminders = _rounds("1bd", attempts=2)
    """The Leadership Desk is reminded of what a partial report lacks (SPOC-28)."""
    reply: Reminders = _rounds("24h", attempts=1)
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
        tuple[Literal["no_eta", "eta_passed"], ...], Field(min_length=1)
    ] = ("no_eta", "eta_passed")
    """What a PR-Tracking Exception may be opened for (SPOC-37, G-27)."""
    purchasing_form_roles: Annotated[tuple[Role, ...], Field(min_length=1)] = (Role.ESCALATIONS,)
    """Who may use the Purchasing Escalation Form; the others open the Exception (G-28)."""


def _before_midnight(shown: timedelta) -> timedelta:
    if shown >= timedelta(days=1):
        raise ValueError("at 24:00 the day is over: write 00:00 for its beginning")
    return shown


class DigestPolicy(_Section):
    """The daily mail to each specialist; it follows the policy of the day, and not of a job."""

    at: Annotated[TimeOfDay, AfterValidator(_before_midnight)] = timedelta(hours=8)
    """When it is sent, on the calendar's clock."""


class ReassignmentPolicy(_Section):
    """What the procedure of the conference leaves open."""

    calling: Window = Window(opens=timedelta(hours=9), closes=timedelta(hours=18))
    """When providers are called, on every clock that their ZIP code touches (CONF-05, G-49)."""
    max_calls_standard: Annotated[int, Field(strict=True, ge=1, le=50)] = 3
    """Providers called at most for a standard job (G-52)."""
    max_calls_emergency: Annotated[int, Field(strict=True, ge=1, le=50)] = 4
    """The same for an emergency; for a medical emergency all are called (G-52)."""
    days_for_priority_items: Annotated[int, Field(strict=True, ge=1, le=30)] = 2
    """Days, Sundays not counted, in which heating and A/C, refrigerators and water heaters have to
    be seen to (CONF-45, G-47)."""
    days_for_others: Annotated[int, Field(strict=True, ge=1, le=30)] = 3
    """The same for every other item (G-48)."""
    within_for_urgent: Elapsed = timedelta(hours=48)
    """The same for an emergency, of whatever item (CONF-45, G-48)."""
    travel_from_miles: Annotated[int, Field(strict=True, ge=0, le=1000)] = 25
    """From this distance on a travel fee is suggested (G-56)."""
    travel_rate: Usd = Decimal("1.00")
    """What is suggested for a mile, in USD (G-56)."""
    no_answer_fallback: StrictBool = False
    """Whether the first provider of the calendar who did not answer gets a job for which nobody
    said yes (G-53)."""
    drop_retry: Annotated[int, Field(strict=True, ge=0, le=5)] = 1
    """How often a provider is called again whose line broke off (G-57)."""
    idle: Elapsed = timedelta(minutes=30)
    """After how long without a word from whoever is waited for a supervisor is told."""
    give_up: Elapsed = timedelta(hours=2)
    """After how long the job goes to Procure Vendor."""
    unscheduled_after: Elapsed = timedelta(hours=36)
    """How long a provider has who calls the customer by itself (G-58)."""
    guide: dict[Guide, Annotated[str, AfterValidator(must_be_fillable)]] = {}
    """What the agent does and says at a step, where it is not what `guide.toml` has (CONF-40)."""

    @field_validator("give_up")
    @classmethod
    def _after_idle(cls, give_up: Elapsed, info: ValidationInfo) -> Elapsed:
        idle = info.data.get("idle")
        if idle is not None and give_up <= idle:
            raise ValueError(f"{format_elapsed(give_up)} is not after idle")
        return give_up


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
    am_escalation: AmEscalationPolicy = AmEscalationPolicy()
    reassignment: ReassignmentPolicy = ReassignmentPolicy()
    brands: BrandsPolicy = BrandsPolicy()
    spoc: SpocPolicy = SpocPolicy()
    digest: DigestPolicy = DigestPolicy()

    @property
    def fingerprint(self) -> str:
        """Return twelve hex digits by which this policy is told from others."""
        return _fingerprint_of(self.model_dump_json())


@lru_cache(maxsize=16)
def _fingerprint_of(written: str) -> str:
    canonical = dumps(loads(written), sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:12]


def load_policy(path: Path | None) -> Policy:
    """Return the policy of a TOML file, or the built-in one.

    Raises:
        OperatorFileError: the file cannot be read, or is nonsense; every problem is told.
    """
    if path is None:
        return parse_policy(_built_in_text(), _BUILT_IN)
    return parse_policy(read_text(path), str(path))


def parse_policy(text: str, source_name: str) -> Policy:
    """Return the policy that a TOML text makes of the built-in one.

    The source's name is told in problems, and names a policy that does not name itself.

    Raises:
        OperatorFileError: the text is no TOML, or no policy; every problem is told.
    """
    built_in = parse_toml(_built_in_text(), _BUILT_IN) | {"name": PurePath(source_name).stem}
    given = parse_toml(text, source_name)
    return validated(Policy, _merged(built_in, given), text, source_name)


def _built_in_text() -> str:
    return files("domain").joinpath(_BUILT_IN).read_text("utf-8")


def _merged(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    nested = {
        key: _merged(base[key], value)
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return base | given | nested
