"""The policy: every number and choice that the procedures leave to the company, typed and checked.

What the built-in policy says, and under which rule, stands in `policy.toml` beside this module.
Running jobs carry a snapshot of their policy. So a key that is added after a release has a Python
default, which is how jobs from before it behave, and a key is never renamed or taken away. A key
that a release does not know is ignored in a snapshot, and refused in an operator's file.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from json import dumps, loads
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
)

from domain.am_escalation.policy import AmEscalationPolicy
from domain.apo.policy import ApoPolicy
from domain.calendars import Calendar, TimeOfDay, Window
from domain.contact_hours import ContactLimits
from domain.durations import Elapsed
from domain.jobs import Visibility
from domain.operator_files import parse_toml, read_text, validated
from domain.plus_one.policy import PlusOnePolicy
from domain.policy_values import Mailbox, Section
from domain.reassignment.policy import ReassignmentPolicy
from domain.spoc.policy import SpocPolicy
from domain.values import Line

_BUILT_IN = "policy.toml"
_HOURS_AT_LEAST = timedelta(hours=6)
"""Of a day in which customers get mail: where a ZIP code touches two zones, it has to be in both.
"""
_NAMES_OF_BRANDS = {
    "Cinch": "Cinch Home Services",
    "Sears": "Sears Home Warranty Support Center",
}


def _before_midnight(shown: timedelta) -> timedelta:
    if shown >= timedelta(days=1):
        raise ValueError("at 24:00 the day is over: write 00:00 for its beginning")
    return shown


def _a_minute_at_least(every: timedelta) -> timedelta:
    if every < timedelta(minutes=1):
        raise ValueError("once a minute is often enough: write 1m or more")
    return every


def _long_enough(hours: Window) -> Window:
    if hours.opens > hours.closes or hours.closes - hours.opens < _HOURS_AT_LEAST:
        raise ValueError("e-mail needs at least 6 hours within one day, such as 08:00 to 21:00")
    if hours.weekend_all_day:
        raise ValueError("customers sleep at weekends, too: let the same hours hold on all days")
    return hours


def _a_day_at_least(kept: timedelta) -> timedelta:
    if kept < timedelta(days=1):
        raise ValueError("people look into yesterday's faults: write 1d or more")
    return kept


_Kept = Annotated[Elapsed, AfterValidator(_a_day_at_least)]


class DigestPolicy(Section):
    """The daily mail to each specialist; it follows the policy of the day, and not of a job."""

    at: Annotated[TimeOfDay, AfterValidator(_before_midnight)] = timedelta(hours=8)
    """When it is sent, on the calendar's clock."""


class BrandsPolicy(Section):
    """The names under which customers know us, by the brand of the job."""

    default: Line = "Cinch Home Services"
    """The name where a job's brand is none of those named."""
    names: dict[Line, Line] = _NAMES_OF_BRANDS
    """The name of each brand, as the job system writes it."""

    def name_of(self, brand: str | None) -> str:
        """Return the name that a brand's customers know."""
        wanted = (brand or "").casefold()
        known = (name for key, name in self.names.items() if key.casefold() == wanted)
        return next(known, self.default)


class NotesPolicy(Section):
    """What the procedures leave open about notes."""

    default_visibility: Visibility
    """The visibility of a note of which no rule says it (G-20)."""
    public_email_to_customer: StrictBool
    """Whether the customer gets a copy of what is mailed to the provider (G-19)."""
    public_email_to_national_accounts: StrictBool = False
    """Whether a national account is mailed a note that is Public with Email (G-21)."""


class MailPolicy(Section):
    """What our mails say of ourselves, and when customers get them."""

    sender: Mailbox
    """Who our mails are from, as the reader's program shows it."""
    holds: Literal["nothing", "reminders", "everything"] = "nothing"
    """Which mails to customers keep the hours and the limit: none, those that Steward sends because
    time has passed, or all (G-98)."""
    hours: Annotated[Window, AfterValidator(_long_enough)] = Window(
        opens=timedelta(hours=8), closes=timedelta(hours=21)
    )
    """When customers get such mails, on every clock that their ZIP code touches (G-98)."""
    per_day: Annotated[int, Field(strict=True, ge=1, le=100)] = 3
    """How many such mails one customer gets in a day; the others are held (G-99)."""

    def limits(self, *, timed: bool) -> ContactLimits | None:
        """Return what holds for a mail to a customer, None if nothing does.

        Args:
            timed: whether it is sent because time has passed, and not because somebody has acted.
        """
        if self.holds == "everything" or (timed and self.holds == "reminders"):
            return ContactLimits(hours=self.hours, per_day=self.per_day)
        return None


class ReconciliationPolicy(Section):
    """Looking for what the hooks missed; it follows the policy of the day, and not of a job."""

    every: Annotated[Elapsed, AfterValidator(_a_minute_at_least)] = timedelta(minutes=10)
    """How often the job system's list of changed jobs is read."""
    grace: Elapsed = timedelta(minutes=1)
    """How long after a change its hook may still come (G-97)."""


class RetentionPolicy(Section):
    """How long texts are kept; it follows the policy of the day, and not of a job (G-100)."""

    hook_bodies: _Kept = timedelta(days=90)
    """How long the body of an event is kept after it came, once everybody was told of it."""
    mails: _Kept = timedelta(days=730)
    """How long the text of a mail is kept after it went out or came back."""
    answers: _Kept = timedelta(days=90)
    """How long a command with a message id is answered as it was the first time."""
    ended_jobs: _Kept = timedelta(days=2557)
    """How long after its last change a job is erased that is over."""


class Policy(Section):
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
    reconciliation: ReconciliationPolicy = ReconciliationPolicy()
    retention: RetentionPolicy = RetentionPolicy()

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


class PolicyWarning(NamedTuple):
    """Something in a policy that can be worked with, and that hardly anybody wants."""

    setting: str
    """Its key with its sections, such as `plus_one.profile_address`."""
    problem: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem} {self.next_step}"


def policy_warnings(policy: Policy) -> tuple[PolicyWarning, ...]:
    """Return what a policy leaves as the built-in one has it although only the company knows it.

    PlusOne's own address is one: as long as it is a placeholder, PO-54 can't tell a shipment to it.
    """
    ours = policy.plus_one.profile_address.model_dump(exclude={"state"})
    placeholder = load_policy(None).plus_one.profile_address.model_dump()
    left = [part for part, said in ours.items() if said == placeholder[part]]
    if not left:
        return ()
    return (
        PolicyWarning(
            setting="plus_one.profile_address",
            problem=f"PlusOne's own address still has the placeholder's {', '.join(left)}, so a "
            "shipment to the real address isn't refused (PO-54).",
            next_step="Enter the real address in the file that STEWARD_POLICY names, then run "
            "`steward policy check FILE`.",
        ),
    )


def _built_in_text() -> str:
    return files("domain").joinpath(_BUILT_IN).read_text("utf-8")


def _merged(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    nested = {
        key: _merged(base[key], value)
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return base | given | nested
