"""The Temporal workflow around a story is made from what is declared of it."""

from __future__ import annotations

import pytest
from temporalio import workflow
from temporalio.common import RawValue

from tests.engine.doorbell import DOORBELL, Doorbell, DoorbellStart
from workflows.lifecycle import Lifecycle
from workflows.temporal import durable

DoorbellWorkflow = durable(Doorbell)
DEFINITION = workflow._Definition.must_from_class(DoorbellWorkflow)


def test_it_has_the_workflow_type_of_its_kind_and_takes_its_start() -> None:
    assert DEFINITION.name == "Doorbell"
    assert DEFINITION.arg_types == [DoorbellStart]
    assert DEFINITION.ret_type is str


def test_it_has_an_update_and_a_signal_for_each_command() -> None:
    commands = set(DOORBELL.commands)
    assert set(DEFINITION.updates) == commands | {None}
    assert set(DEFINITION.signals) == commands | {"job_event", "begin_anew", None}
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
