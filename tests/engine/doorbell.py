"""A toy lifecycle, the engine's second user: somebody rings, and waits an hour for the door."""

from __future__ import annotations

from datetime import timedelta

from domain.accounts import PROCURE_VENDOR
from domain.commands import Command, CommandTable, Payload
from domain.effects import SendEmail
from domain.events import Event
from domain.jobs import Job
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.moves import Move
from domain.promises import DueAt, Promise, PromiseOutcome
from domain.refusals import Refusal, conflict, conflicting
from domain.roles import Role
from domain.stages import END, LifecycleStage
from domain.tasks import Lasts, TaskKind
from workflows.lifecycle import Lifecycle


class Stage(LifecycleStage):
    """Where a visitor stands."""

    RINGING = "ringing"
    ON_THE_DOORSTEP = "on_the_doorstep"

    LET_IN = "let_in", END
    GONE = "gone", END
    CANCELLED = "cancelled", END


class Task(TaskKind):
    """What a visit asks people to do."""

    LOOK_OUT = "look_out", Lasts.WAIT
    LAY_THE_TABLE = "lay_the_table", Lasts.LIFECYCLE
    SWEEP = "sweep"


class DoorbellCase(Case):
    """A visit, as far as it has come."""

    stage: str = Stage.RINGING
    rings: int = 0


class DoorbellStart(LifecycleStart):
    """The argument of the workflow `Doorbell`."""

    case: DoorbellCase | None = None

    def opened(self) -> DoorbellCase:
        """Return the case as this run takes it up."""
        return self.case or DoorbellCase(**self.beginning())


class Ring(Payload):
    """Ring, once more or for the first time."""


class Open(Payload):
    """Open the door."""


class SlamTheDoor(Payload):
    """Write a note to the visitor, and think better of it."""


class SendAway(Payload):
    """Send the visitor to the office, if the job may leave."""


def _nobody_at_home(case: DoorbellCase, _: Ring, __: object) -> Refusal | None:
    return conflict(None, "Nobody is at home.") if case.job.status.final else None


def promise(case: DoorbellCase) -> Promise:
    """Return what is waited for."""
    since = case.counts_from or case.job.assigned_at
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.CUSTOMER,
        duty="open the door",
        rule="G-01",
        since=since,
        due=DueAt(at=since + timedelta(hours=1)),
        then="then the visitor goes",
        changed_by="the customer can open it",
    )


_ANYBODY = frozenset(Role)

DOORBELL = LifecycleKind(
    name="doorbell",
    workflow_type="Doorbell",
    title="Doorbell",
    purpose="Somebody rings. The door opens, or they go.",
    clauses="G",
    stage=Stage,
    moves=(
        Move.begin(Stage.RINGING, commands=("ring",)),
        Move.of(Stage.RINGING, Stage.ON_THE_DOORSTEP, when=("The job changes",)),
        Move.of(Stage.running(), Stage.LET_IN, commands=("open",)),
        Move.of(Stage.running(), Stage.GONE, commands=("send_away",), when=("Nobody opens",)),
        Move.of(Stage.running(), Stage.CANCELLED, when=("The job or its workflow is cancelled",)),
    ),
    tasks=Task,
    commands=CommandTable(
        "doorbell",
        Stage,
        Command(payload=Ring, roles=_ANYBODY, starts=True, guard=_nobody_at_home, example={}),
        Command(payload=Open, roles=frozenset({Role.CUSTOMER}), example={}),
        Command(payload=SlamTheDoor, roles=frozenset({Role.CUSTOMER}), example={}),
        Command(payload=SendAway, roles=frozenset({Role.CUSTOMER}), example={}),
    ),
    starts_on=lambda event: event.type == "customer.called",
    start=DoorbellStart,
    begin=DoorbellStart,
    promise=promise,
    bound_to_assignment=False,
)


class Doorbell(Lifecycle[DoorbellCase]):
    """Somebody rings, and waits an hour for the door."""

    kind = DOORBELL

    async def run(self) -> None:
        """Wait for the door to open."""
        await self.take_opening_command()
        while not self.ended:
            await self.wait_and_handle(promise(self.case), self.give_up)

    def give_up(self) -> None:
        """Nobody opened within the hour."""
        self.end(Stage.GONE, PromiseOutcome.BROKEN)

    async def hear(self, event: Event, before: Job, at: object) -> None:
        """A customer who calls out has the visitor wait on the doorstep."""
        self.note(f"heard {event.type}")
        self.advance(Stage.ON_THE_DOORSTEP, closing=PromiseOutcome.SUPERSEDED)

    def ring(self, _: Ring) -> dict[str, int]:
        """Ring; the hour does not begin again."""
        self.case.rings += 1
        self.case.begun = True
        for task in Task:
            self.task(Role.CUSTOMER, task, "Somebody rings.")
        return {"rings": self.case.rings}

    def open(self, _: Open) -> None:
        """Let the visitor in, with a mail to say so."""
        self.add(SendEmail(to="visitor@example.com", template="public_note", context={}))
        self.end(Stage.LET_IN, PromiseOutcome.KEPT)

    def slam_the_door(self, command: SlamTheDoor) -> None:
        """Refuse, after half of it was done."""
        self.note_by(command.actor, "Go away!")
        self.enter(Stage.ON_THE_DOORSTEP)
        raise conflicting(None, "That would not be kind.")

    async def send_away(self, command: SendAway) -> None:
        """Have the job moved, which the store may refuse."""
        self.note_by(command.actor, "Ask at the office.")
        await self.give_to(
            PROCURE_VENDOR,
            "sent to the office",
            command.actor,
            ending=Stage.GONE,
            closing=PromiseOutcome.KEPT,
        )
