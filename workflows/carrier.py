"""Carries a lifecycle's effects to the activities: whole batches, and mails on their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from domain.attention import Attention
from domain.effects import (
    Batch,
    BatchResult,
    CloseTask,
    Effect,
    MailFate,
    MailUndeliverable,
    OpenTask,
    Progress,
    ReassignJob,
    Step,
)
from domain.lifecycles import Case, LifecycleStart, job_of

_STORE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30)
)
_STORE_PATIENCE = timedelta(minutes=10)
"""How long the store may fail before the job is flagged; it is tried for as long as it takes."""
_SIGN_OF_LIFE = timedelta(seconds=20)
"""How soon a batch is tried elsewhere after its worker has died."""
_STORE_TIME = timedelta(seconds=30)
_MAIL_TIME = timedelta(seconds=45)
"""How long one attempt at a batch may take, and at each mail: the mail server is given less."""
_MAIL_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
)
_MAIL_PATIENCE = timedelta(hours=8)
"""How long a mail server may refuse for the moment before the mail counts as undeliverable."""


class Carrier:
    """Collects effects and has them carried out.

    Effects are named by the turn they belong to, what woke the lifecycle, and by their place in it:
    so their keys are the same in every replay, and after a reset.
    """

    def __init__(
        self,
        start: LifecycleStart,
        case: Case,
        on_trouble: Callable[[], None],
        on_undelivered: Callable[[str, MailFate], OpenTask],
    ) -> None:
        """Begin.

        Args:
            start: the workflow's argument.
            case: counts the batches, and asks for attention when they cannot be carried out.
            on_trouble: called when the store does not take a batch.
            on_undelivered: called with the template and the fate of a mail that did not arrive, as
                far as is known; returns what is asked of whom then.
        """
        self._case = case
        self._episode = start.episode
        self._known_version = start.job_version if start.cause.kind == "command" else None
        self._on_trouble = on_trouble
        self._on_undelivered = on_undelivered
        self._workflow_id = workflow.info().workflow_id
        self._steps: list[Step] = []
        self._turn = f"continued:{case.turns}" if case.turns else "start"
        self._steps_in_turn = 0
        self._mails: dict[str, tuple[str, asyncio.Task[None]]] = {}
        for key, template in start.unsent_mails.items():
            self._begin_sending(key, template)
        self.cancelled = False
        """Whether the lifecycle was cancelled in Temporal while a batch was carried out."""

    @property
    def is_loaded(self) -> bool:
        """Whether effects wait to be carried out."""
        return bool(self._steps)

    @property
    def mails_are_off(self) -> bool:
        """Whether every mail has found its end."""
        return not self.unsent_mails

    @property
    def unsent_mails(self) -> dict[str, str]:
        """The mails that wait for their server: the key of each, and its template."""
        return {key: name for key, (name, sending) in self._mails.items() if not sending.done()}

    def has_collected(self, task: str) -> bool:
        """Return whether a task of a kind is to be opened with the collected effects."""
        effects = (step.effect for step in self._steps)
        return any(isinstance(effect, OpenTask) and effect.task == task for effect in effects)

    def begin_turn(self, name: str) -> None:
        """Name the effects that follow for what woke the lifecycle."""
        self._turn, self._steps_in_turn = name, 0

    def begin_counted_turn(self, name: str) -> None:
        """Name the effects that follow for something that may happen many times."""
        self.begin_turn(f"{name}:{self._count(name)}")

    def add(self, effect: Effect) -> None:
        """Collect an effect of this turn."""
        self._steps_in_turn += 1
        self._add_step(f"{self._prefix}{self._steps_in_turn}", effect)

    def forget_turn(self) -> None:
        """Drop what this turn has collected: it was refused after all."""
        self._steps = [step for step in self._steps if not step.key.startswith(self._prefix)]

    @property
    def _prefix(self) -> str:
        """How the keys of this turn's steps begin."""
        return f"{self._workflow_id}#{self._episode}/{self._turn}/"

    async def carry_out(self, progress: Progress | None, summary: str) -> BatchResult:
        """Let the collected effects become true, all of them or none, however long it takes.

        Args:
            progress: where the lifecycle stands with them, None to leave that as it is.
            summary: what a person reads of it, if the effects say nothing themselves.

        Returns:
            What came of it. If it was refused, what this turn has collected is forgotten; what was
            collected beside it, of mails that did not arrive, is kept for the next batch.
        """
        steps, self._steps = tuple(self._steps), []
        self._case.turns += 1
        lifecycle, job_id = job_of(self._workflow_id)
        batch = Batch(
            workflow_id=self._workflow_id,
            job_id=job_id,
            lifecycle=lifecycle,
            episode=self._episode,
            sequence=self._case.turns,
            now=workflow.now(),
            calendar=self._case.policy.calendar,
            steps=steps,
            progress=progress,
            known_version=self._known_version if self._case.turns == 1 else None,
        )
        result = await self._try_until_done(batch, summary)
        if result.refusal is not None:
            of_others = [step for step in steps if not step.key.startswith(self._prefix)]
            self._steps = of_others + self._steps
        else:
            self._case.asked = _asked_after(self._case.asked, steps)
            # By their order: a story that gets an effect before them gives them other keys.
            mails = zip(batch.mails.items(), result.mails.values(), strict=True)
            for (key, mail), fate in mails:
                self._track_mail(key, mail.template, fate)
        return result

    async def _try_until_done(self, batch: Batch, summary: str) -> BatchResult:
        name = _principal(batch.steps)
        while True:
            carrying = workflow.execute_activity(
                name,
                batch,
                result_type=BatchResult,
                start_to_close_timeout=_STORE_TIME + len(batch.mails) * _MAIL_TIME,
                heartbeat_timeout=_SIGN_OF_LIFE,
                schedule_to_close_timeout=_STORE_PATIENCE,
                retry_policy=_STORE_RETRY,
                summary=_summary(batch.steps, summary),
            )
            try:
                result = await self._to_its_end(carrying)
            except ActivityError:
                workflow.logger.warning("the store does not take the effects of %s", name)
                self._case.flag(Attention.STORE_UNREACHABLE)
                self._on_trouble()
                continue
            self._case.unflag(Attention.STORE_UNREACHABLE)
            return result

    async def _to_its_end(self, carrying: Awaitable[BatchResult]) -> BatchResult:
        """Wait for a batch even when cancelled: the batch of the end must not overtake it."""
        batch = asyncio.ensure_future(carrying)
        try:
            return await asyncio.shield(batch)
        except asyncio.CancelledError:
            self.cancelled = True
            return await batch

    def _track_mail(self, key: str, template: str, fate: MailFate) -> None:
        """Follow a mail after its batch: where it waits for the server, it is sent on its own."""
        if fate is MailFate.WAITING:
            self._begin_sending(key, template)
        elif fate is not MailFate.SENT:
            self._hand_on(key, template, fate)

    def _begin_sending(self, key: str, template: str) -> None:
        self._mails[key] = template, asyncio.create_task(self._send(key, template))

    async def _send(self, key: str, template: str) -> None:
        """Bring one mail to the mail server, for as long as that takes within reason."""
        try:
            fate: MailFate = await workflow.execute_activity(
                "send_email_again",
                key,
                result_type=MailFate,
                start_to_close_timeout=_MAIL_TIME,
                schedule_to_close_timeout=_MAIL_PATIENCE,
                retry_policy=_MAIL_RETRY,
                summary=f"mail {template}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._add_step(f"given-up:{key}", MailUndeliverable(email_key=key))
            fate = MailFate.BOUNCED
        if fate is not MailFate.SENT:
            self._hand_on(key, template, fate)

    def _hand_on(self, key: str, template: str, fate: MailFate) -> None:
        """Have a person do what a mail could not."""
        self._case.flag(Attention.DELIVERY_FAILED)
        self._add_step(f"undelivered:{key}", self._on_undelivered(template, fate))

    def _add_step(self, key: str, effect: Effect) -> None:
        self._steps.append(Step(key=key, at=workflow.now(), effect=effect))

    def _count(self, name: str) -> int:
        ordinal = self._case.named[name] = self._case.named.get(name, 0) + 1
        return ordinal


def _asked_after(asked: tuple[str, ...], steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the kinds of open tasks after a batch has opened and closed some."""
    open_kinds = dict.fromkeys(asked)
    for step in steps:
        if isinstance(step.effect, OpenTask):
            open_kinds[step.effect.task] = None
        elif isinstance(step.effect, CloseTask):
            open_kinds.pop(step.effect.task, None)
    return tuple(open_kinds)


_BY_WEIGHT = (
    "reassign_job",
    "update_job",
    "add_service_job",
    "open_exception",
    "close_exception",
    "send_email",
    "add_note",
    "open_task",
    "close_task",
)
"""The kinds of effect that a batch may be named for, the weightiest first."""


def _principal(steps: Sequence[Step]) -> str:
    """Return the activity that a batch is named for: its weightiest effect, else the progress."""
    kinds = {step.effect.kind for step in steps}
    return next((kind for kind in _BY_WEIGHT if kind in kinds), "record_progress")


_IN_WORDS: Mapping[str, str] = {
    "update_job": "update job",
    "open_exception": "open exception {code}",
    "change_exception": "exception {code} is {status}",
    "close_exception": "close exception {code}",
    "add_note": "{visibility} note",
    "open_task": "task {task} for {role}",
    "send_email": "mail {template}",
    "give_order": "order {command} to {lifecycle}",
    "close_promise": "promise {outcome}",
}
"""What is said of each kind of effect, made of its own fields, none of which is personal."""


def _summary(steps: Sequence[Step], otherwise: str) -> str:
    """Return in a line what a batch does, without anything personal."""
    said = "; ".join(filter(None, (_in_words(step.effect) for step in steps)))
    return (said or otherwise)[:400]


def _in_words(effect: Effect) -> str:
    if isinstance(effect, ReassignJob):
        return f"reassign to {effect.to.number or effect.to.name}"
    return _IN_WORDS.get(effect.kind, "").format_map(vars(effect))
