"""Replays histories against this code, as a worker of this release would."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.converter import (
    DataConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)
from temporalio.worker import Replayer, WorkflowReplayResult, WorkflowRunner
from temporalio.workflow import NondeterminismError  # noqa: TID251  what a replay fails with

from workers.payloads import DATA_CONVERTER
from workers.worker import build_id, runner
from workflows.registry import ALL_WORKFLOWS

_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)*)"')
_CODE = re.compile(r"^\[TMPRL\d+\] ")
_LONGEST = 300
_SDK_LOGS = ("temporalio.worker", "temporalio.workflow", "temporal_core")


async def replayed(
    histories: AsyncIterator[WorkflowHistory],
    data_converter: DataConverter = DATA_CONVERTER,
    workflows: Sequence[type] = ALL_WORKFLOWS,
    workflow_runner: WorkflowRunner | None = None,
) -> AsyncGenerator[tuple[WorkflowHistory, str | None]]:
    """Replay histories one after another, with the worker's own runner.

    Args:
        histories: as far as they have come; a job that is open may be replayed, too.
        data_converter: reads what is in them.
        workflows: the code that they are held against: this release's, unless said otherwise.
        workflow_runner: carries the code out; the worker's own, unless said otherwise.

    Yields:
        Each history, and what differs: None where it replays. It names nobody.
    """
    replayer = Replayer(
        workflows=workflows,
        workflow_runner=workflow_runner or runner(),
        build_id=build_id(),
        data_converter=_only_reading(data_converter),
    )
    with _without_the_sdks_own_lines():
        async with replayer.workflow_replay_iterator(histories) as results:
            async for result in results:
                yield result.history, _difference(result)


class _OnlyReads(PayloadCodec, WithSerializationContext):
    """Opens what another codec has sealed, and seals nothing: a replay keeps nothing."""

    def __init__(self, codec: PayloadCodec) -> None:
        self._codec = codec

    def with_context(self, context: SerializationContext) -> _OnlyReads:
        """Return the codec of what a workflow is about."""
        if isinstance(self._codec, WithSerializationContext):
            return _OnlyReads(self._codec.with_context(context))
        return self

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return payloads as they are."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open payloads, as the other codec does."""
        return await self._codec.decode(payloads)


def _only_reading(converter: DataConverter) -> DataConverter:
    """Return a converter that reads as another does, and hides no failure from whoever replays."""
    codec = converter.payload_codec
    return replace(DATA_CONVERTER, payload_codec=codec and _OnlyReads(codec))


def _difference(result: WorkflowReplayResult) -> str | None:
    """Return what the SDK says of a replay that failed, without its traceback."""
    failure = result.replay_failure
    if failure is None:
        return None
    found = _MESSAGE.search(str(failure))
    said = found[1].replace('\\"', '"') if found else ""
    if not said:
        is_order = isinstance(failure, NondeterminismError)
        said = "The commands differ." if is_order else "The workflow task fails."
    return _CODE.sub("", said)[:_LONGEST]


@contextmanager
def _without_the_sdks_own_lines() -> Iterator[None]:
    """Keep the SDK's tracebacks out of the log: whoever replays tells what differs, once."""
    loggers = [logging.getLogger(name) for name in _SDK_LOGS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
