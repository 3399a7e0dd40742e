"""What the desk works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.directory import Directory
from domain.policy import Policy
from service.events import EventDispatcher
from service.outbox import OutboxDesk
from service.proofs import ProofDesk
from service.rehearsal import Rehearsal
from service.startable import Startable
from service.stuck import StuckList
from service.tasks import TaskDesk
from starters.attempts import Attempts
from starters.command_endpoint import CommandEndpoint
from starters.desk.changes import Changes
from starters.reads import Reads
from starters.sessions import Sessions
from store.board import Board
from store.database import Database
from store.inbox import Inbox
from store.job_story import JobStories
from store.mails import MailList
from store.reading import Reading
from store.reconciliations import Reconciliations
from store.task_list import TaskList

if TYPE_CHECKING:
    from starters.oidc import CompanyAccounts


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """How people sign in."""

    sessions: Sessions
    company: CompanyAccounts | None = None
    """The company's own accounts, if they open the desk."""
    attempts: Attempts = field(default_factory=Attempts)


@dataclass(frozen=True, kw_only=True)
class DeskParts:
    """What the pages read, and what their forms are handed to."""

    database: Database
    reading: Reading
    mails: MailList
    inbox: Inbox
    events: EventDispatcher
    """Takes a dead letter that is replayed."""
    look: StuckList
    startable: Startable
    commands: CommandEndpoint
    proofs: ProofDesk
    tasks: TaskDesk
    task_list: TaskList
    outbox: OutboxDesk
    reconciliations: Reconciliations | None
    """How the job system's list is read, None where there is no other job system."""
    board: Board
    changes: Changes
    stories: JobStories
    directory: Callable[[], Directory]
    """Who is responsible for which providers."""
    policy: Callable[[], Policy]
    """The policy in force."""
    reads: Reads
    """Notes who reads which job's data, and tells."""
    sign_in: SignIn | None
    """By which people sign in, None where nobody is asked who they are."""
    rehearsal: Rehearsal | None
    """Moves jobs' clocks ahead; None everywhere but on the embedded stack."""
    is_open: bool
    """Whether nobody is asked who they are (`STEWARD_AUTH=none`)."""
    temporal_ui: str | None = None
    """Where Temporal UI lists the workflows of our namespace, if it is known."""
