"""Who asks, and what they may read: every employee all, others the jobs that concern them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from domain.lifecycles import LifecycleKind
from domain.refusals import quoted
from domain.roles import EMPLOYEES, Actor, Role
from starters.http_errors import NotFoundError
from store.holders import Holders

PARTNERS = frozenset({Role.PLUSONE, Role.PROVIDER})
"""Roles that read the jobs that are or were assigned to the account of their token."""


UNSEEN_BY_PARTNERS = frozenset({"am-escalation"})
"""Lifecycles that are about the partner itself, which it never learns of: complaints."""


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request."""

    actor: Actor | None = None
    """Who they are by their token; None where the actor of a body is believed."""
    account: str | None = None
    """Number of the account whose jobs a partner reads."""
    jobs: frozenset[str] = frozenset()
    """The jobs that a customer, or another system, may give commands on."""

    @property
    def reads_all(self) -> bool:
        """Whether they read everything."""
        return self.actor is None or self.actor.role in EMPLOYEES

    @property
    def reads_figures(self) -> bool:
        """Whether they read the figures, which tell of no single job."""
        return self.actor is None or self.actor.role in EMPLOYEES | {Role.SYSTEM}

    @property
    def is_partner(self) -> bool:
        """Whether they read the jobs of an account, and of these what concerns it."""
        return self.actor is not None and self.actor.role in PARTNERS and self.account is not None

    @property
    def unseen(self) -> frozenset[str]:
        """The lifecycles that are not there for them, nor anything that these do."""
        return frozenset() if self.reads_all else UNSEEN_BY_PARTNERS

    async def may_read(self, job_id: str, holders: Holders) -> bool:
        """Return whether they may read a job.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        if self.reads_all:
            return True
        if not self.is_partner or self.account is None:
            return False
        return await holders.has_held(job_id, self.account)

    async def may_command(self, job_id: str, holders: Holders) -> bool:
        """Return whether they may give commands on a job; raises what `may_read` raises."""
        return job_id in self.jobs or await self.may_read(job_id, holders)


EVERYBODY = Caller()
"""Whoever comes in where no token is asked for."""


def reader(request: Request) -> Caller:
    """Return who asks; a route that depends on it decides for itself what they see."""
    caller: Caller = request.state.caller
    return caller


def employee(request: Request) -> Caller:
    """Return who asks where only employees may; to all others the route is not there.

    Raises:
        HTTPException: they are none (404).
    """
    caller = reader(request)
    if not caller.reads_all:
        raise HTTPException(404)
    return caller


def supervisor(request: Request) -> Caller:
    """Return who asks where only supervisors may; to all others the route is not there.

    Raises:
        HTTPException: they are none (404).
    """
    caller = reader(request)
    if caller.actor is not None and caller.actor.role is not Role.SUPERVISOR:
        raise HTTPException(404)
    return caller


def employee_or_partner(request: Request) -> Caller:
    """Return who asks where a list shows each their own; to those who read nothing it is not there.

    Raises:
        HTTPException: they read nothing (404).
    """
    caller = reader(request)
    if not (caller.reads_all or caller.is_partner):
        raise HTTPException(404)
    return caller


def figures_reader(request: Request) -> Caller:
    """Return who asks for figures.

    Raises:
        HTTPException: they may not read them (404).
    """
    caller = reader(request)
    if not caller.reads_figures:
        raise HTTPException(404)
    return caller


Reader = Annotated[Caller, Depends(reader)]
Employee = Annotated[Caller, Depends(employee)]
Supervisor = Annotated[Caller, Depends(supervisor)]
EmployeeOrPartner = Annotated[Caller, Depends(employee_or_partner)]
FiguresReader = Annotated[Caller, Depends(figures_reader)]


async def require_command(
    caller: Caller, kind: LifecycleKind, job_id: str, holders: Holders
) -> None:
    """Return if somebody may give commands of a lifecycle to a job, to others they are not there.

    Raises:
        NotFoundError: the job is none of theirs.
        HTTPException: the lifecycle is none that they may know of (404).
        StoreUnavailableError: the store does not answer.
    """
    if not (caller.reads_all or await caller.may_command(job_id, holders)):
        raise no_job(job_id)
    if caller.is_partner and kind.name in caller.unseen:
        raise HTTPException(404)


def no_job(job_id: str, meant: str | None = None) -> NotFoundError:
    """Return the refusal of a job that is not there, or that whoever asks may not read.

    Args:
        job_id: its number, as it was typed.
        meant: the job that was probably meant, if whoever asks may know of it.
    """
    way_out = (
        f"Did you mean {meant}?" if meant else "See the list of jobs: GET /jobs, or `steward jobs`."
    )
    return NotFoundError(f"There is no job {quoted(job_id)}.", way_out)
