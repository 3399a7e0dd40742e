"""The company's directory: who is responsible for which providers, and their e-mail addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from domain.addresses import Mailable, read_field
from domain.jobs import Assignee, Job
from domain.operator_files import parse_toml, read_text, validated
from domain.refusals import Refusal, RefusalKind
from domain.roles import Role
from domain.values import Line
from domain.zips import STATES, state_of


def _known_state(state: str) -> str:
    if state not in STATES:
        raise ValueError(f"{state!r} is not a US state: write it like OK")
    return state


State = Annotated[str, AfterValidator(_known_state)]
ProviderNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)


class Person(_Entry):
    """Somebody at the company who gets mail from Steward."""

    name: Line
    email: Mailable


class Addressee(BaseModel):
    """The person in a role for a provider; the directory names them when the mail is made."""

    model_config = ConfigDict(frozen=True)

    role: Role
    provider: Assignee
    required: bool = False
    """Whether the command is refused if the directory lists nobody."""


class Directory(_Entry):
    """Everybody in the directory. It is not part of the policy: people change while jobs run."""

    area_managers: dict[State, Person] = {}
    """By the state whose providers they manage."""
    specialists: dict[ProviderNumber, Person] = {}
    """SPoC specialists, by the number of the provider that is assigned to them."""

    def find(self, addressee: Addressee, job: Job) -> Person | None:
        """Return the person for a job, None if the directory lists nobody."""
        match addressee.role:
            case Role.AREA_MANAGER:
                return self.area_managers.get(state_of_provider(addressee.provider, job) or "")
            case Role.SPOC_SPECIALIST:
                told, now = addressee.provider, job.assigned_to
                return self.specialist_of(now if now.is_(told.account) else told)
            case other:
                raise ValueError(f"the directory lists nobody as {other.label}")

    def specialist_of(self, provider: Assignee) -> Person | None:
        """Return the specialist of a provider of the SPoC programme, None if it has none.

        The table is asked where the job system names none that mail can be sent to (SPOC-11).
        """
        listed = self.specialists.get((provider.number or "").strip())
        told = read_field(provider.spoc_email)
        if not told.recipients or (listed and listed.email == told.bare):
            return listed
        names = [each.name for each in told.recipients if each.name]
        return Person(name=", ".join(names) or "SPoC specialist", email=told.bare)

    def with_specialist(self, job: Job) -> Job:
        """Return a job that says where its provider's specialist is reached, if anybody is."""
        specialist = self.specialist_of(job.assigned_to)
        if specialist is None or specialist.email == job.assigned_to.spoc_email:
            return job
        known = job.assigned_to.model_copy(update={"spoc_email": specialist.email})
        return job.model_copy(update={"assigned_to": known})


def state_of_provider(provider: Assignee, job: Job) -> str | None:
    """Return the state that a provider belongs to, None if nothing tells.

    That of its own ZIP code; of a provider without one, that of the customer it works for.
    """
    own = state_of(provider.zip)
    if own is not None or job.customer is None:
        return own
    told = (job.customer.state or "").strip().upper()
    return told if told in STATES else state_of(job.customer.zip)


def nobody_known(addressee: Addressee) -> Refusal:
    """Return the refusal of a mail to somebody whom the directory does not list."""
    who, provider = addressee.role.label, addressee.provider.name
    rule, field = _NAMED_BY_HAND[addressee.role]
    return Refusal(
        kind=RefusalKind.CONFLICT,
        rule=rule,
        message=f"The directory lists no {who} for {provider}.",
        instead=f"Enter the address yourself ({field}).",
    )


_NAMED_BY_HAND = {Role.AREA_MANAGER: ("AM-34", "`area_manager_email`")}
"""The rule that the mail follows, and the field in which a person enters the address."""


def load_directory(path: Path | None) -> Directory:
    """Return the directory of a TOML file, or an empty one.

    Raises:
        OperatorFileError: the file cannot be read or is not valid; the error names every problem.
    """
    return Directory() if path is None else parse_directory(read_text(path), str(path))


def parse_directory(text: str, source_name: str = "directory.toml") -> Directory:
    """Return the directory of a TOML text; errors name the source.

    Raises:
        OperatorFileError: the text is not valid; the error names every problem.
    """
    return validated(Directory, parse_toml(text, source_name), text, source_name)
