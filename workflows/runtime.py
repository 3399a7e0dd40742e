"""What the engine needs of whoever runs it: a clock, waiting, a store, a place to show itself.

In production that is Temporal (`workflows.temporal`); in the engine's unit tests it is a clock and
a store in memory. The engine and the stories know nothing else of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from domain.attention import Attention
from domain.effects import Batch, BatchResult, MailFate
from domain.jobs import Job
from domain.lifecycles import LifecycleStart
from domain.proofs import Unproven, Verdict
from domain.refusals import Refusal
from domain.roles import Actor, Role
from workflows.messages import Mark


class Clock:
    """The time of a lifecycle: once a timer has fired, it is as late as the timer says.

    A server may wake a workflow some milliseconds before the instant that it was asked for.
    """

    def __init__(self, read: Callable[[], datetime], is_in_force: Callable[[str], bool]) -> None:
        """Begin.

        Args:
            read: tells the server's time.
            is_in_force: whether a change is in force for this job; see `Runtime.patched`.
        """
        self._read = read
        self._is_in_force = is_in_force
        self._at_least: datetime | None = None

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        now = self._read()
        return now if self._at_least is None else max(now, self._at_least)

    def has_fired(self, at: datetime) -> None:
        """Believe a timer that it is the instant for which it was set."""
        if self.now() < at and self._is_in_force("timers-are-believed"):
            self._at_least = at


class StoreNotReachedError(Exception):
    """A batch did not come true for so long that a person should know; it may be tried on.

    Attributes:
        attention: whose fault it is: the store's, or the job system's that is asked first.
    """

    def __init__(self, attention: Attention = Attention.STORE_UNREACHABLE) -> None:
        super().__init__()
        self.attention = attention


class MailGivenUpError(Exception):
    """The mail server has not taken a mail for hours.

    Attributes:
        waits_for_us: whether that says nothing about the mail: our server or our store fails.
        fate: what the mail counts as if it is not tried any more.
    """

    def __init__(self, *, waits_for_us: bool = False, fate: MailFate = MailFate.BOUNCED) -> None:
        super().__init__()
        self.waits_for_us = waits_for_us
        self.fate = fate


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a lifecycle stands, as lists show it."""

    lifecycle: str
    job: Job
    stage: str
    waiting_on: Role | None
    due_at: datetime | None
    attention: tuple[str, ...] = ()


class Runtime(Protocol):
    """Runs one lifecycle."""

    @property
    def workflow_id(self) -> str:
        """The lifecycle's workflow id."""

    @property
    def started_at(self) -> datetime:
        """When this run was started, aware UTC."""

    @property
    def start_mark(self) -> Mark | None:
        """What the start says of itself that Steward has sealed, None if it has not.

        None, too, where the server has begun a run with it by itself, after another run of it.
        """

    @property
    def start_request_id(self) -> str | None:
        """The request that had the lifecycle start, for log lines; None where it is not known."""

    @property
    def continues(self) -> str | None:
        """The run id of the run that is said to have continued as this one, None if none is."""

    def asks_of_whom_it_continues(self) -> bool:
        """Return whether a run that is said to continue another has to be proven.

        It says the same in every replay.
        """

    @property
    def can_ask_for_proofs(self) -> bool:
        """Whether a message that came now would have to be proven; it changes nothing."""

    def asks_for_proof(self) -> bool:
        """Return whether the message that has just come has to be proven.

        It is asked of each that Steward did not seal, and says the same in every replay.
        """

    def now(self) -> datetime:
        """Return the lifecycle's time, aware UTC; the same again when a history is replayed.

        It never is before an instant that a timer has come to.
        """

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return once a condition holds; it is asked after everything that happens."""

    async def sleep(self, duration: timedelta, summary: str) -> None:
        """Return after a time; the summary says to a person what is waited for."""

    async def carry_out(self, activity: str, batch: Batch, summary: str) -> BatchResult:
        """Have a batch of effects come true, all of them or none.

        Args:
            activity: the name that it goes under.
            batch: the effects.
            summary: what a person reads of it; nothing personal.

        Raises:
            StoreNotReachedError: the store has not taken it for ten minutes.
        """

    async def check_proofs(self, asked: Sequence[Unproven]) -> Sequence[Verdict]:
        """Have messages checked that did not come through Steward; return a verdict of each.

        Raises:
            StoreNotReachedError: the store has not answered for ten minutes.
        """

    async def send_mail_again(self, key: str, template: str) -> MailFate:
        """Bring a queued mail to the mail server, for as long as that takes within reason.

        Where it is cancelled, an attempt that is under way is brought to its end.

        Raises:
            MailGivenUpError: the server has not taken it for eight hours.
            asyncio.CancelledError: it was cancelled between two attempts.
        """

    def show(self, standing: Standing, details: str) -> None:
        """Show where the lifecycle stands: in lists, and in words for whoever opens it."""

    def record_refusal(self, update_id: str, actor: Actor, name: str, refusal: Refusal) -> None:
        """Journal the refusal of an update, which leaves nothing in the history."""

    def age(self) -> timedelta:
        """Return how long this run goes on: since it began, or since it continued as new."""

    def history_is_long(self) -> bool:
        """Return whether the lifecycle should go on in a fresh history."""

    def history_is_full(self) -> bool:
        """Return whether the history has hardly any room left before it is ended by the server."""

    def handlers_are_finished(self) -> bool:
        """Return whether everybody who sent an update has their answer."""

    def patched(self, change: str) -> bool:
        """Return whether a change of a story's mechanics is in force for this job.

        It is not for a job that had come past this place before the change.
        """

    def continue_as_new(self, start: LifecycleStart) -> NoReturn:
        """End this run, and begin another one with an argument."""
