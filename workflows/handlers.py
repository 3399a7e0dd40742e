"""An update and a signal for each command, from the one declaration of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue

from domain.commands import Answer, Command
from domain.lifecycles import LifecycleKind
from workflows.lifecycle import Lifecycle
from workflows.messages import declared_for_one_payload

LifecycleT = TypeVar("LifecycleT", bound=Lifecycle[Any])


def carrying_out(kind: LifecycleKind) -> Callable[[type[LifecycleT]], type[LifecycleT]]:
    """Give a lifecycle its kind, and an update and a signal for each of the kind's commands."""

    def declare(lifecycle: type[LifecycleT]) -> type[LifecycleT]:
        lifecycle.kind = kind
        for command in kind.commands.values():
            if not callable(getattr(lifecycle, command.name, None)):
                msg = f"{lifecycle.__name__} does not say what {command.name} does"
                raise TypeError(msg)
            _add_handlers(lifecycle, command)
        return lifecycle

    return declare


def _add_handlers(lifecycle: type[Lifecycle[Any]], command: Command) -> None:
    name = command.name
    description = f"{command.help} Send: {json.dumps(command.example_payload())}"

    @declared_for_one_payload
    async def update(self: Lifecycle[Any], *payloads: RawValue) -> Answer:
        return await self.answer_order(name, payloads)

    @declared_for_one_payload
    def validate(self: Lifecycle[Any], *payloads: RawValue) -> None:
        self.check_order(name, payloads)

    @declared_for_one_payload
    def signal(self: Lifecycle[Any], *payloads: RawValue) -> None:
        self.take_order(name, payloads)

    handler = workflow.update(name=name, description=description)(update)
    handler.validator(validate)
    setattr(lifecycle, f"update_{name}", handler)
    handler_of_signal = workflow.signal(name=name, description=description)(signal)
    setattr(lifecycle, f"signal_{name}", handler_of_signal)
