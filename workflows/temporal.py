"""Temporal, as far as the lifecycles need it: the one place where the SDK's workflow API is used.

`durable` makes the workflow that carries a story out. The stories and the engine import nothing of
Temporal; what they need of it is a `Runtime`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from inspect import Parameter, Signature
from typing import Any, ClassVar, NoReturn, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    RetryState,
    is_cancelled_exception,
)

from domain.attention import Attention
from domain.commands import Answer, Command
from domain.editions import NEWEST
from domain.effects import (
    JOB_SYSTEM_REFUSES,
    JOB_SYSTEM_SILENT,
    MESSAGE_NOT_TAKEN_YET,
    NOT_TAKEN_YET,
    Batch,
    BatchResult,
    MailFate,
)
from domain.lifecycles import Answered, LifecycleKind, LifecycleStart, job_of
from domain.proofs import Claim, Unproven, Verdict, unproven
from domain.refusals import Refusal, Refused, unreadable
from domain.roles import STEWARD, Actor
from domain.values import REQUEST_ID
from workflows import search_attributes
from workflows.engine import Engine
from workflows.lifecycle import Lifecycle
from workflows.messages import (
    ANSWER_TO,
    ASKS_FOR_PROOFS,
    BEGIN_ANEW,
    BY_STEWARD,
    CONTINUING,
    JOB_EVENT,
    LARGEST_COMMAND,
    LARGEST_MESSAGE,
    MAIL_CAME_BACK,
    MEANT_FOR,
    RECORD_REFUSAL,
    REFUSED,
    REQUESTED_BY,
    SEAL,
    SEALED_BY,
    START,
    STARTED_WITH,
    ContinuingError,
    Mark,
    Read,
    continued_from,
    meant_for,
)
from workflows.runtime import Clock, MailGivenUpError, Standing, StoreNotReachedError

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


_IS_REQUEST_ID = re.compile(REQUEST_ID.encode()).fullmatch

_MANY_EVENTS = 25_000
_MANY_BYTES = 25 * 1024 * 1024
"""Half of what a history may have before the server ends its workflow."""


class _TaskFailureError(RuntimeError):
    """What fails a workflow task, and not the workflow; its text names nobody."""

    @property
    def for_logs(self) -> str:
        """What may be logged of it, and shown in Temporal UI: all that it says."""
        return str(self)


class UnknownEditionError(_TaskFailureError):
    """A job follows rules that this worker does not have; no failure of the workflow."""


class StoryFaultError(_TaskFailureError):
    """A fault of ours: it fails the workflow task, until a worker without it takes the job up."""


class TemporalRuntime:
    """Runs a lifecycle as a Temporal workflow; see `Runtime`."""

    def __init__(self) -> None:
        self._info = workflow.info()
        self._attributes = self._info.typed_search_attributes
        self._clock = Clock(workflow.now, self.patched)
        self._asks_for_proofs = False
        self._not_sealed = 0

    @property
    def workflow_id(self) -> str:
        """The workflow id."""
        return self._info.workflow_id

    @property
    def started_at(self) -> datetime:
        """When this run was started, aware UTC."""
        return self._info.workflow_start_time

    @property
    def start_mark(self) -> Mark | None:
        """What the start says of itself that Steward has sealed, None if it has not.

        None, too, where the server has begun this run by itself with what it had begun another: by
        a cron schedule, or because that one failed or took too long. Steward asks for neither.
        """
        started_with = workflow.extern_functions().get(STARTED_WITH)
        if started_with is None or self._is_begun_by_server:
            return None
        return _mark_of([RawValue(each) for each in started_with()])

    @property
    def start_request_id(self) -> str | None:
        """The request that had the lifecycle start, for log lines; None where it is not known."""
        started_with = workflow.extern_functions().get(STARTED_WITH)
        return started_with and _request_id_of([RawValue(each) for each in started_with()])

    @property
    def continues(self) -> str | None:
        """The run id of the run that is said to have continued as this one, None if none is.

        Any workflow of anybody may say so: it may continue as whatever it likes, with any input.
        """
        return None if self._is_begun_by_server else self._info.continued_run_id

    @property
    def _is_begun_by_server(self) -> bool:
        return self._info.cron_schedule is not None or self._info.attempt > 1

    def asks_of_whom_it_continues(self) -> bool:
        """Return whether a run that is said to continue another has to be proven.

        A run that began under a release before has not asked, and must not in a replay.
        """
        asks = workflow.unsafe.is_replaying() or self.can_ask_for_proofs
        return asks and self.patched("continued-runs-are-proven")

    @property
    def can_ask_for_proofs(self) -> bool:
        """Whether a message that came now would have to be proven."""
        return self._asks_for_proofs or ASKS_FOR_PROOFS in workflow.extern_functions()

    def asks_for_proof(self) -> bool:
        """Return whether the message that has just come has to be proven.

        A run that began under a release before has heard messages without asking. A replay must not
        ask about those, and what `patched` has answered once holds for the run: so each message is
        a change of its own, until the first that is asked about.
        """
        if self._asks_for_proofs:
            return True
        self._not_sealed += 1
        if workflow.unsafe.is_replaying() or self.can_ask_for_proofs:
            self._asks_for_proofs = self.patched(f"proofs-from-message-{self._not_sealed}")
        return self._asks_for_proofs

    def now(self) -> datetime:
        """Return the workflow's time, aware UTC."""
        return self._clock.now()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return once a condition holds."""
        await workflow.wait_condition(condition)

    async def sleep(self, duration: timedelta, summary: str) -> None:
        """Return after a time, by a durable timer."""
        until = self.now() + duration
        await workflow.sleep(duration, summary=summary)
        self._clock.has_fired(until)

    async def carry_out(self, activity: str, batch: Batch, summary: str) -> BatchResult:
        """Have a batch carried out by an activity.

        Raises:
            StoreNotReachedError: the activity has failed for ten minutes.
        """
        try:
            result: BatchResult = await workflow.execute_activity(
                activity,
                batch,
                result_type=BatchResult,
                start_to_close_timeout=_STORE_TIME + len(batch.mails) * _MAIL_TIME,
                heartbeat_timeout=_SIGN_OF_LIFE,
                schedule_to_close_timeout=_STORE_PATIENCE,
                retry_policy=_STORE_RETRY,
                summary=summary,
            )
        except ActivityError as error:
            attention = _trouble(error)
            request = {"request_id": batch.request_id} if batch.request_ids else {}
            workflow.logger.warning(
                "%s: the effects of %s wait", attention, activity, extra=request
            )
            raise StoreNotReachedError(attention) from error
        return result

    async def check_proofs(self, asked: Sequence[Unproven]) -> Sequence[Verdict]:
        """Have messages checked by an activity.

        Raises:
            StoreNotReachedError: the activity has failed for ten minutes.
        """
        try:
            verdicts: list[Verdict] = await workflow.execute_activity(
                "check_proofs",
                list(asked),
                result_type=list[Verdict],
                start_to_close_timeout=_STORE_TIME,
                schedule_to_close_timeout=_STORE_PATIENCE,
                retry_policy=_STORE_RETRY,
                summary=f"Check who sent {len(asked)} message{'s'[: len(asked) > 1]}",
            )
        except ActivityError as error:
            workflow.logger.warning("%s: messages wait unproven", Attention.STORE_UNREACHABLE)
            raise StoreNotReachedError from error
        return verdicts

    async def send_mail_again(self, key: str, template: str) -> MailFate:
        """Have a mail sent by an activity of its own.

        Raises:
            MailGivenUpError: the activity has failed for eight hours.
            asyncio.CancelledError: it was cancelled between two attempts, or in one that failed.
        """
        try:
            fate: MailFate = await workflow.execute_activity(
                "send_email_again",
                key,
                result_type=MailFate,
                start_to_close_timeout=_MAIL_TIME,
                schedule_to_close_timeout=_MAIL_PATIENCE,
                retry_policy=_MAIL_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=f"E-mail `{template}`",
            )
        except ActivityError as error:
            if is_cancelled_exception(error) or self._is_let_go(error):
                raise asyncio.CancelledError from error
            raise _given_up(error) from error
        return fate

    def _is_let_go(self, error: ActivityError) -> bool:
        """Return whether an activity would have been tried again, had it not been cancelled."""
        is_cancelled = error.retry_state is RetryState.CANCEL_REQUESTED
        return is_cancelled and self.patched("mails-let-go-in-an-attempt")

    def show(self, standing: Standing, details: str) -> None:
        """Set the search attributes that changed, and the details that Temporal UI shows."""
        now = search_attributes.describing(standing)
        if changes := search_attributes.changes(self._attributes, now):
            workflow.upsert_search_attributes(changes)
            self._attributes = now
        workflow.set_current_details(details)

    def record_refusal(self, update_id: str, actor: Actor, name: str, refusal: Refusal) -> None:
        """Have the worker journal a refusal, once."""
        if not workflow.unsafe.is_replaying():
            workflow.extern_functions()[RECORD_REFUSAL](
                self.workflow_id, update_id, workflow.now(), actor, name, refusal
            )

    def age(self) -> timedelta:
        """Return how long this run goes on."""
        return self.now() - self._info.start_time

    def history_is_long(self) -> bool:
        """Return whether Temporal suggests to continue as new."""
        return self._info.is_continue_as_new_suggested()

    def history_is_full(self) -> bool:
        """Return whether the history is beyond the half of what Temporal keeps of a run."""
        info = self._info
        return (
            info.get_current_history_length() > _MANY_EVENTS
            or info.get_current_history_size() > _MANY_BYTES
        )

    def handlers_are_finished(self) -> bool:
        """Return whether no update is unanswered."""
        return workflow.all_handlers_finished()

    def patched(self, change: str) -> bool:
        """Return whether a change of a story is in force for this job."""
        return workflow.patched(change)

    def continue_as_new(self, start: LifecycleStart) -> NoReturn:
        """End this run, and begin another one of the same workflow id.

        The input is marked, so that the next run knows that it is of this one.
        """
        (payload,) = workflow.payload_converter().to_payloads([start])
        name = continued_from(self._info.run_id)
        payload.metadata[MEANT_FOR] = meant_for(workflow.now(), name, self.workflow_id).encode()
        workflow.continue_as_new(RawValue(payload))


_TROUBLES = {
    JOB_SYSTEM_SILENT: Attention.JOB_SYSTEM_UNREACHABLE,
    JOB_SYSTEM_REFUSES: Attention.JOB_SYSTEM_REFUSES,
}


def _trouble(error: ActivityError) -> Attention:
    """Return what a batch waits for: the store, unless its last attempt said otherwise."""
    cause = _said_by_worker(error)
    kind = cause.type if cause is not None else None
    return _TROUBLES.get(kind or "", Attention.STORE_UNREACHABLE)


def _said_by_worker(error: ActivityError) -> ApplicationError | None:
    """Return how the last attempt at an activity failed, None if it left nothing behind."""
    cause: BaseException | None = error.cause
    while cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.__cause__
    return cause


def _given_up(error: ActivityError) -> MailGivenUpError:
    """Return why a mail was not sent for as long as that is tried.

    Whatever fails but the mailbox and the mail is ours to mend: worker, store, mail server.
    """
    cause = _said_by_worker(error)
    if cause is None:
        return MailGivenUpError(waits_for_us=True)
    if cause.type == NOT_TAKEN_YET or cause.non_retryable:
        return MailGivenUpError()
    if cause.type == MESSAGE_NOT_TAKEN_YET:
        return MailGivenUpError(fate=MailFate.REFUSED)
    return MailGivenUpError(waits_for_us=True)


# --- a story as a workflow ------------------------------------------------------------------------


class DurableLifecycle:
    """The workflow around a story: it starts the story, and hands it the messages that come in.

    The SDK calls a handler with as many payloads as were sent, whatever they are. So each takes
    them raw, and what cannot be read is refused or recorded instead of stopping the workflow.
    """

    story: ClassVar[type[Lifecycle[Any]]]
    """What the workflow carries out."""
    engine: Engine | None = None
    """None: it was started with nothing that can be read, and fails in its first task."""

    @workflow.query(name=ANSWER_TO, description="The answer to the command with a message id.")
    def answer_to(self, key: str) -> Answered | None:
        """Return what a message was answered, however it came; None if nothing.

        Args:
            key: whose message it was, as `answer_key` says.
        """
        return _engine_of(self).desk.answered(key)

    @workflow.signal(dynamic=True, description="Any other name: journaled; it changes nothing.")
    def unknown_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Handle a signal whose name nobody knows."""
        if self.engine is not None:
            mailbox = self.engine.mailbox
            read = partial(_decoded, args)
            mailbox.take_in(_size(args), partial(mailbox.put_unknown, name, read))

    @workflow.update(dynamic=True, description="Any other name: refused; the answer lists all.")
    async def unknown_update(self, name: str, args: Sequence[RawValue]) -> Answer:
        """Handle an update whose name nobody knows: its validator has refused it already."""
        read = partial(_decoded, args)
        return await _engine_of(self).desk.answer_update(name, read, _update_id())

    @unknown_update.validator
    def refuse_unknown_update(self, name: str, args: Sequence[RawValue]) -> None:
        """Refuse an update whose name nobody knows, and name those that are known.

        Raises:
            ApplicationError: always.
        """
        _check_update(self, name, args)


DeclareT = TypeVar("DeclareT", bound=Callable[..., Any])

_ONE_PAYLOAD = Signature(
    [
        Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("payload", Parameter.POSITIONAL_OR_KEYWORD, annotation=RawValue),
    ]
)


def durable(story: type[Lifecycle[Any]]) -> type[DurableLifecycle]:
    """Return the Temporal workflow that carries a story out, to be kept in the story's module.

    It has the workflow type of the story's kind, an update and a signal for each of the kind's
    commands, and the signals by which the hooks deliver events and begin a next episode. It is
    named after the story, and Temporal's sandbox imports it by that name: `SearchWorkflow =
    durable(Search)`.

    Raises:
        TypeError: the story does not say what one of the commands does.
    """
    kind = story.kind
    members: dict[str, Any] = {
        "__module__": story.__module__,
        "__doc__": story.__doc__,
        "story": story,
        "__init__": workflow.init(_starting(story)),
        "job_event": _signal_handler(
            JOB_EVENT,
            "An event of the job system; sent by Steward's hooks.",
            lambda engine, read, request_id: engine.mailbox.put_event(read, request_id),
        ),
        MAIL_CAME_BACK: _signal_handler(
            MAIL_CAME_BACK,
            "An e-mail came back after it was sent; sent by Steward.",
            lambda engine, read, _: engine.hear_of_mail(read),
        ),
        "begin_anew": _signal_handler(
            BEGIN_ANEW,
            "The next episode, to begin once this one has closed; sent by Steward.",
            lambda engine, read, _: engine.episode.begin_anew(read),
        ),
    }
    for command in kind.commands.values():
        if not callable(getattr(story, command.name, None)):
            msg = f"{story.__name__} does not say what {command.name} does"
            raise TypeError(msg)
        members |= _handlers_of(command)
    name = f"{story.__name__}Workflow"
    run = _running(story)
    run.__module__, run.__qualname__ = story.__module__, f"{name}.run"  # where the SDK looks for it
    members["run"] = workflow.run(run)
    declare = workflow.defn(name=kind.workflow_type, failure_exception_types=[ValidationError])
    return declare(type(name, (DurableLifecycle,), members))


def _starting(story: type[Lifecycle[Any]]) -> Callable[..., None]:
    def __init__(self: DurableLifecycle, *starts: object) -> None:  # noqa: N807
        """Take the case up where it stands; `run` refuses to go on without one argument."""
        if len(starts) == 1 and isinstance(starts[0], story.kind.start) and _is_of(story.kind):
            start = starts[0]
            self.engine = story(start, start.opened(), TemporalRuntime()).engine

    return _takes_a_start(__init__, story, returns=None)


_NO_ID = "The workflow id is not one of Steward's for this workflow type."


def _is_of(kind: LifecycleKind) -> bool:
    """Return whether the workflow id is one of a lifecycle's."""
    try:
        return job_of(workflow.info().workflow_id)[0] == kind.name
    except ValueError:
        return False


def _leave_to_a_newer_worker(start: LifecycleStart) -> None:
    """Fail the workflow task of a job whose rules this worker does not have yet.

    Temporal tries the task again, until a worker of the newer release takes it.

    Raises:
        UnknownEditionError: the job began under a newer edition.
    """
    if start.edition > NEWEST:
        raise UnknownEditionError(
            f"This job follows edition {start.edition} of the rules. This worker knows editions up "
            f"to {NEWEST}. Start a worker of the newer release."
        )


def _running(story: type[Lifecycle[Any]]) -> Callable[..., Any]:
    async def run(self: DurableLifecycle, *starts: LifecycleStart) -> str:
        """Carry the procedure out, and return the final stage.

        A start without input, or with more than one, fails at once, where it would otherwise block
        its first task.

        Raises:
            ValidationError: it was started without input, or with more than one.
            UnknownEditionError: it began under rules that this worker does not have yet.
            ApplicationError: somebody else than Steward has started it, or under an id that none
                of its kind has.
        """
        if self.engine is None:
            if not _is_of(story.kind):
                raise ApplicationError(_NO_ID, non_retryable=True)
            story.kind.start.model_validate(None)
        engine = _engine_of(self)
        if (refusal := await engine.prover.prove_start()) is not None:
            raise _failure(refusal)
        _leave_to_a_newer_worker(starts[0])
        try:
            return await engine.run_to_end()
        except ValidationError as error:
            # Of all that pydantic may refuse, only a start that cannot be read fails the workflow.
            raise StoryFaultError(
                f"{type(self).__name__} has a fault: {type(error).__name__}"
            ) from error

    return _takes_a_start(run, story, returns=str)


def _takes_a_start(
    function: DeclareT, story: type[Lifecycle[Any]], *, returns: type | None
) -> DeclareT:
    """Declare that a function of `*starts` takes one argument, as the story begins with it.

    One that could take no other number would block its workflow's first task for ever. And a union
    with None would cost the converter a schema of its own for each workflow.
    """
    kind, argument = Parameter.POSITIONAL_OR_KEYWORD, story.kind.start
    takes = [Parameter("self", kind), Parameter("start", kind, annotation=argument)]
    function.__signature__ = Signature(takes)  # type: ignore[attr-defined]  # functions have one
    function.__annotations__ = {"start": argument, "return": returns}
    return function


def _engine_of(workflow_: DurableLifecycle) -> Engine:
    """Return the engine of a workflow.

    Raises:
        ApplicationError: it was started with nothing that can be read.
    """
    if workflow_.engine is None:
        raise ApplicationError("The workflow was started without its input.", non_retryable=True)
    return workflow_.engine


def _handlers_of(command: Command) -> dict[str, Any]:
    """Return the update and the signal of a command."""
    name = command.name
    description = f"{command.help} Send: {json.dumps(command.example_payload())}"

    @takes_one_payload
    async def update(self: DurableLifecycle, *payloads: RawValue) -> Answer:
        read, engine = partial(_decoded, payloads), _engine_of(self)
        try:
            if engine.prover.needs_proof(name, _mark_of(payloads)):
                return await engine.prover.answer_update(name, read, _update_id())
            request_id = _request_id_of(payloads)
            return await engine.desk.answer_update(name, read, _update_id(), request_id)
        except Refused as refused:
            raise _failure(refused.refusal) from refused

    @takes_one_payload
    def validate(self: DurableLifecycle, *payloads: RawValue) -> None:
        _check_update(self, name, payloads)

    handler = workflow.update(name=name, description=description)(update)
    handler.validator(validate)
    signal = _signal_handler(
        name,
        description,
        lambda engine, read, request_id: engine.desk.take_signal(name, read, request_id),
    )
    return {f"update_{name}": handler, f"signal_{name}": signal}


def _check_update(self: DurableLifecycle, name: str, payloads: Sequence[RawValue]) -> None:
    """Refuse an update that its roles, its stages or a rule forbid now.

    Raises:
        ApplicationError: they do, or the workflow continues as new.
    """
    engine, read = _engine_of(self), partial(_decoded, payloads)
    is_known = name in self.story.kind.commands
    try:
        if is_known and engine.prover.would_need_proof(name, _mark_of(payloads)):
            engine.desk.check_unproven_update(read, name, _update_id())
        else:
            engine.desk.check_update(name, read, _update_id())
    except Refused as refused:
        raise _failure(refused.refusal) from refused
    except ContinuingError as continuing:
        said = "The workflow is continuing as new. Send the update again."
        raise ApplicationError(said, type=CONTINUING) from continuing


def _signal_handler(
    name: str,
    description: str,
    hand_over: Callable[[Engine, Read, str | None], None],
) -> Callable[..., None]:
    """Return the handler of a signal, which hands over what was sent, unread, and its request."""
    most = LARGEST_MESSAGE if name == JOB_EVENT else LARGEST_COMMAND

    @takes_one_payload
    def signal(self: DurableLifecycle, *payloads: RawValue) -> None:
        engine = self.engine
        if engine is None:
            return  # it was started with nothing that can be read, and fails in this very task
        read = partial(_decoded, payloads, most)
        try:
            if engine.prover.needs_proof(name, _mark_of(payloads)):
                reading = partial(engine.prover.take_signal, name, read)
            else:
                reading = partial(hand_over, engine, read, _request_id_of(payloads))
            engine.mailbox.take_in(_size(payloads), reading)
        except ValidationError as error:
            raise StoryFaultError(f"{name} has a fault: {error}") from error

    return workflow.signal(name=name, description=description)(signal)


async def prove_input(schedule: str) -> None:
    """Return if the workflow was started by a Schedule of Steward's, or nobody asks for proofs.

    Args:
        schedule: the Schedule's id, which its workflows' ids begin with.

    Raises:
        ApplicationError: somebody else has started it.
    """
    runtime = TemporalRuntime()
    mark, id_ = runtime.start_mark, runtime.workflow_id
    is_own = id_ == schedule or id_.startswith(f"{schedule}-")
    if mark is None or not is_own or not mark.is_for(START, schedule):
        await _prove(runtime)


async def prove_signal() -> None:
    """Return if nobody asks for proofs: the signal that is taken now is not known for Steward's.

    Raises:
        ApplicationError: proofs are asked for, and nobody gets one for it.
    """
    await _prove(TemporalRuntime())


async def _prove(runtime: TemporalRuntime) -> None:
    if not runtime.asks_for_proof():
        return
    claim = Claim.made(runtime.workflow_id, START, STEWARD, None)
    while True:
        try:
            (verdict,) = await runtime.check_proofs([Unproven(claim=claim, proof=None)])
        except StoreNotReachedError:
            continue
        if verdict is not Verdict.BELIEVED:
            raise _failure(unproven(verdict))
        return


def is_stewards_signal(name: str, payloads: Sequence[RawValue]) -> bool:
    """Return whether Steward has sealed a signal of a name for the workflow that hears it."""
    mark = _mark_of(payloads)
    return mark is not None and mark.is_for(name, workflow.info().workflow_id)


def takes_one_payload(handler: DeclareT) -> DeclareT:
    """Declare that a handler of `*payloads` takes one raw payload.

    A handler that could take only one would stop the workflow for good when more are sent.
    """
    handler.__signature__ = _ONE_PAYLOAD  # type: ignore[attr-defined]  # functions have one
    handler.__annotations__ = {"payload": RawValue}
    return handler


def _mark_of(payloads: Sequence[RawValue]) -> Mark | None:
    """Return what a message says of itself that Steward has sealed, None if it has not."""
    if len(payloads) != 1:
        return None
    metadata = payloads[0].payload.metadata
    if metadata.get(SEALED_BY) != BY_STEWARD or not metadata.keys() >= {MEANT_FOR, SEAL}:
        return None
    return Mark(metadata[SEAL].decode(), metadata[MEANT_FOR].decode())


def _request_id_of(payloads: Sequence[RawValue]) -> str | None:
    """Return the request that a message says it is sent for, None if it says none of our form.

    It serves for log lines alone, so it needs no proof; but anybody may send anything.
    """
    if len(payloads) != 1:
        return None
    said = payloads[0].payload.metadata.get(REQUESTED_BY, b"")
    return said.decode() if _IS_REQUEST_ID(said) else None


def _size(payloads: Sequence[RawValue]) -> int:
    """Return how many bytes a message has; 0 where it is not one payload, and so is not read.

    Several are handed over decoded, as whatever they are.
    """
    return len(payloads[0].payload.data) if len(payloads) == 1 else 0


def _decoded(payloads: Sequence[RawValue], most: int = LARGEST_COMMAND) -> object:
    """Return the JSON value of the one payload that a message has.

    Raises:
        Refused: it is none, or too large, or there is not one payload.
    """
    if len(payloads) != 1:
        message = f"The message has {len(payloads)} payloads. It needs exactly one."
        raise unreadable(message, instead="Send one JSON object.")
    size = len(payloads[0].payload.data)
    if size > most:
        message = f"The message has {size:,} bytes. {most:,} are allowed."
        raise unreadable(message, instead="Send a shorter one.")
    try:
        return workflow.payload_converter().from_payload(payloads[0].payload)
    except Exception as error:  # whatever a sender put in, a converter may raise anything on it
        message = f"The payload isn't JSON: {error}."
        raise unreadable(message, instead="Send one JSON object.") from error


def _failure(refusal: Refusal) -> ApplicationError:
    """Return a refusal as an update fails with it."""
    return ApplicationError(
        refusal.message,
        refusal.model_dump(mode="json"),
        workflow.now().isoformat(),
        type=REFUSED,
        non_retryable=True,
    )


def _update_id() -> str:
    update = workflow.current_update_info()
    return update.id if update else "unknown"
