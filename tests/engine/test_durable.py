"""The Temporal workflow around a story is made from what is declared of it."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    RetryState,
    TimeoutError,  # noqa: A004  Temporal's own, of which a failed activity tells
    TimeoutType,
)

from domain.attention import Attention
from domain.effects import (
    JOB_SYSTEM_REFUSES,
    JOB_SYSTEM_SILENT,
    MESSAGE_NOT_TAKEN_YET,
    NOT_TAKEN_YET,
    MailFate,
)
from domain.refusals import RefusalKind, Refused
from tests.domain.factories import a_job
from tests.engine.doorbell import DOORBELL, Doorbell, DoorbellStart
from workflows import search_attributes
from workflows.lifecycle import Lifecycle
from workflows.messages import LARGEST_COMMAND
from workflows.runtime import Standing
from workflows.temporal import _decoded, _given_up, _trouble, durable

DoorbellWorkflow: Any = durable(Doorbell)  # its methods are made from what the story declares
DEFINITION = workflow._Definition.must_from_class(DoorbellWorkflow)


def test_it_has_the_workflow_type_of_its_kind_and_takes_its_start() -> None:
    assert DEFINITION.name == "Doorbell"
    assert DEFINITION.arg_types == [DoorbellStart]
    assert DEFINITION.ret_type is str


def test_it_has_an_update_and_a_signal_for_each_command() -> None:
    commands = set(DOORBELL.commands)
    assert set(DEFINITION.updates) == commands | {None}
    own = {"job_event", "begin_anew", "mail_came_back", None}
    assert set(DEFINITION.signals) == commands | own
    assert set(DEFINITION.queries) == {"answer_to"}


@pytest.mark.parametrize("name", DOORBELL.commands)
def test_handlers_take_one_raw_payload_and_say_how_to_send_it(name: str) -> None:
    update, signal = DEFINITION.updates[name], DEFINITION.signals[name]
    assert update.arg_types == signal.arg_types == [RawValue]
    assert update.validator is not None
    for handler in (update, signal):
        assert handler.description is not None
        assert handler.description.startswith(DOORBELL.commands[name].help)
        assert '"actor"' in handler.description


def test_a_story_that_leaves_a_command_out_is_refused() -> None:
    class Silent(Lifecycle[object]):  # type: ignore[type-var]  # it is refused all the same
        kind = DOORBELL

    with pytest.raises(TypeError, match="Silent does not say what ring does"):
        durable(Silent)


# --- a workflow that was started with nothing that can be read ------------------------------------


def started_as(workflow_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the workflow be one that was started under an id."""
    monkeypatch.setattr(workflow, "info", lambda: SimpleNamespace(workflow_id=workflow_id))


def test_what_was_started_without_input_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started_as(DOORBELL.workflow_id("SJ-1001"), monkeypatch)
    with pytest.raises(ValidationError):
        asyncio.run(DoorbellWorkflow().run())


@pytest.mark.parametrize("workflow_id", ["nonsense", "apo/SJ-1001"])
def test_what_was_started_under_another_s_id_fails_at_once(
    workflow_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_as(workflow_id, monkeypatch)
    with pytest.raises(ApplicationError, match="not one of Steward's"):
        asyncio.run(DoorbellWorkflow().run())


@pytest.mark.parametrize("starts", [(), (None,), ("a job",), (None, None)])
def test_it_takes_signals_without_a_word_and_answers_nothing_else(starts: tuple[object]) -> None:
    unstarted = DoorbellWorkflow(*starts)
    assert unstarted.engine is None
    for name, signal in DEFINITION.signals.items():
        signal.fn(unstarted, *(["what.ever", []] if name is None else [RawValue(Payload())]))
    with pytest.raises(ApplicationError, match="without its input") as raised:
        unstarted.answer_to("ring-1")
    assert raised.value.non_retryable


# --- what is read of a message --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payloads", "why"),
    [
        ([], "The message has 0 payloads. It needs exactly one."),
        ([b"{}", b"{}"], "The message has 2 payloads. It needs exactly one."),
        ([b" " * (LARGEST_COMMAND + 1)], f"has {LARGEST_COMMAND + 1:,} bytes"),
    ],
)
def test_a_message_of_another_shape_is_refused_unread(payloads: list[bytes], why: str) -> None:
    with pytest.raises(Refused) as refused:
        _decoded([RawValue(Payload(data=data)) for data in payloads])
    assert why in refused.value.refusal.message
    assert refused.value.refusal.kind is RefusalKind.FIELDS


# --- what a failed activity means -----------------------------------------------------------------


def failed(said: BaseException | None, *between: BaseException) -> ActivityError:
    """An activity that has failed for good, with what its last attempt left behind, if anything."""
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="worker",
        activity_type="send_email_again",
        activity_id="1",
        retry_state=RetryState.TIMEOUT,
    )
    outer: BaseException = error
    for inner in [*between, said]:
        outer.__cause__ = inner
        outer = inner or outer
    return error


TIMEOUT = TimeoutError(
    "activity ScheduleToClose timeout",
    type=TimeoutType.SCHEDULE_TO_CLOSE,
    last_heartbeat_details=[],
)


def of_type(type_: str, *, non_retryable: bool = False) -> ApplicationError:
    return ApplicationError("it failed", type=type_, non_retryable=non_retryable)


@pytest.mark.parametrize("between", [(), (TIMEOUT,)], ids=["at once", "after a timeout"])
@pytest.mark.parametrize(
    ("said", "attention"),
    [
        (of_type(JOB_SYSTEM_SILENT), Attention.JOB_SYSTEM_UNREACHABLE),
        (of_type(JOB_SYSTEM_REFUSES), Attention.JOB_SYSTEM_REFUSES),
        (of_type("StoreUnavailableError"), Attention.STORE_UNREACHABLE),
        (None, Attention.STORE_UNREACHABLE),
    ],
    ids=lambda each: getattr(each, "type", None) or str(each),
)
def test_a_batch_that_fails_waits_for_whom_its_last_attempt_named(
    said: BaseException | None, attention: Attention, between: tuple[BaseException, ...]
) -> None:
    assert _trouble(failed(said, *between)) is attention


@pytest.mark.parametrize("between", [(), (TIMEOUT,)], ids=["at once", "after a timeout"])
@pytest.mark.parametrize(
    ("said", "waits_for_us", "fate"),
    [
        (of_type(NOT_TAKEN_YET), False, MailFate.BOUNCED),
        (of_type("ValueError", non_retryable=True), False, MailFate.BOUNCED),
        (of_type(MESSAGE_NOT_TAKEN_YET), False, MailFate.REFUSED),
        (of_type("ServerSilentError"), True, MailFate.BOUNCED),
        (None, True, MailFate.BOUNCED),
    ],
    ids=lambda each: getattr(each, "type", None) or str(each),
)
def test_a_mail_is_given_up_for_its_own_faults_and_waits_for_us_after_ours(
    said: BaseException | None,
    fate: MailFate,
    between: tuple[BaseException, ...],
    *,
    waits_for_us: bool,
) -> None:
    given_up = _given_up(failed(said, *between))
    assert (given_up.waits_for_us, given_up.fate) == (waits_for_us, fate)


# --- what lists show ------------------------------------------------------------------------------


@pytest.mark.parametrize("character", ["a", "ü", '"', "\U0001f527"])
def test_a_name_of_any_length_fits_a_search_attribute(character: str) -> None:
    """The server ends a workflow over one that does not fit in 2,048 bytes."""
    shown = {length: _assigned_to(character * length) for length in (1, 83, 84, 300)}
    for length, name in shown.items():
        assert len(json.dumps(name)) <= 1000
        assert name == character * len(name), "it is cut, and not changed"
        assert len(name) == length or len(json.dumps(name)) > 500, "no more is cut than has to be"
    assert shown[83] == character * 83


def _assigned_to(name: str) -> str:
    standing = Standing(
        lifecycle="doorbell",
        job=a_job(assigned_to={"name": name}),
        stage="ringing",
        waiting_on=None,
        due_at=None,
    )
    shown = search_attributes.describing(standing).get(search_attributes.ASSIGNED_TO)
    assert shown is not None
    return shown
