"""What the desk works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.directory import Directory
from domain.policy import Policy
from service.events import EventDispatcher
from service.outbox import OutboxDesk
from service.startable import Startable
from service.stuck import StuckList
from service.tasks import TaskDesk
from starters.command_endpoint import CommandEndpoint
from store.database import Database
from store.inbox import Inbox
from store.mails import MailList
from store.reading import Reading
from store.task_list import TaskList


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
    tasks: TaskDesk
    task_list: TaskList
    outbox: OutboxDesk
    directory: Callable[[], Directory]
    """Who is responsible for which providers."""
    policy: Callable[[], Policy]
    """The policy in force."""
    is_open: bool
    """Whether nobody is asked who they are (`STEWARD_AUTH=none`)."""
