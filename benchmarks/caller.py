"""The job system and the people at their desks, in a process of their own.

`python -m benchmarks.caller FOLDER PORT TEMPORAL_PORT` does what orders say, one a line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

from temporalio.client import Client

from benchmarks import calls
from benchmarks.bare_update import BareUpdates
from benchmarks.orders import (
    MILLISECONDS,
    ORDER,
    POSTED,
    AwaitFirstNotes,
    CompareCommands,
    Compared,
    Hook,
    Posted,
    PostHooks,
    Read,
)
from benchmarks.processes import run_as_child, serve
from benchmarks.stack import Place
from benchmarks.store_watch import StoreWatch
from domain.signatures import sign
from workers.temporal import connect

_TOLD = frozenset({"started", "delivered"})


class CallRefusedError(Exception):
    """A call that should have been taken was not; the message is the answer."""


@dataclass(frozen=True)
class _Callers:
    place: Place
    temporal: Client
    secret: str

    async def obey(self, line: str) -> str:
        match ORDER.validate_json(line):
            case PostHooks() as order:
                return POSTED.dump_json(await self._post_all(order)).decode()
            case CompareCommands() as order:
                return (await self._compare(order)).model_dump_json()
            case AwaitFirstNotes(hooks=hooks):
                return await _timed(self._post_until_noted(hook) for hook in hooks)
            case Read(path=path, times=times):
                return await _timed(self._read(path) for _ in range(times))

    async def _post_all(self, order: PostHooks) -> tuple[Posted, ...]:
        clock, posting = time.monotonic, list[asyncio.Task[Posted]]()
        free = asyncio.Semaphore(order.in_flight or len(order.hooks))
        begin = clock()
        for place, hook in enumerate(order.hooks):
            await free.acquire()
            due = clock() if order.in_flight else begin
            if order.a_second:
                due = begin + place / order.a_second
                await asyncio.sleep(due - clock())
            posting.append(asyncio.create_task(self._post(hook, due)))
            posting[-1].add_done_callback(lambda _: free.release())
        return tuple(await asyncio.gather(*posting))

    async def _post(self, hook: Hook, due: float) -> Posted:
        now = datetime.now(UTC)
        body, webhook_id = hook.body(now), uuid4().hex
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": sign(self.secret, webhook_id, now, body),
        }
        try:
            reply = await calls.post(self.place.port, "/hooks/jobs", headers, body)
        except OSError:
            return Posted(milliseconds=_milliseconds_since(due), taken=False)
        milliseconds, said = _milliseconds_since(due), json.loads(reply.body)
        return Posted(
            milliseconds=milliseconds,
            taken=reply.status == HTTPStatus.OK and said["outcome"] in _TOLD,
            told_later=(said.get("reason") or "").startswith("kept"),
        )

    async def _compare(self, order: CompareCommands) -> Compared:
        command, empty, with_effect = list[float](), list[float](), list[float]()
        for turn in range(order.times):
            job_id = order.jobs[turn % len(order.jobs)]
            bare = self.temporal.get_workflow_handle_for(
                BareUpdates.run, order.bare[turn % len(order.bare)]
            )
            command.append(await _milliseconds(self._customer_called(job_id)))
            empty.append(await _milliseconds(bare.execute_update(BareUpdates.empty)))
            with_effect.append(await _milliseconds(bare.execute_update(BareUpdates.with_effect)))
        return Compared(
            command=tuple(command),
            empty_update=tuple(empty),
            update_with_effect=tuple(with_effect),
        )

    async def _customer_called(self, job_id: str) -> None:
        order = {"actor": {"name": "Ann", "role": "customer_service"}, "about": "Asks who comes"}
        path, body = f"/jobs/{job_id}/plus-one/customer_called", json.dumps(order).encode()
        headers = {"content-type": "application/json"}
        _must_be_ok(await calls.post(self.place.port, path, headers, body))

    async def _post_until_noted(self, hook: Hook) -> None:
        posted = await self._post(hook, time.monotonic())
        if not posted.taken:
            raise CallRefusedError(f"{hook.type} of {hook.job_id} was not taken")
        await StoreWatch(self.place.store).first_note(hook.job_id)

    async def _read(self, path: str) -> None:
        _must_be_ok(await calls.get(self.place.port, path))


async def _timed(works: Iterable[Awaitable[object]]) -> str:
    """Do one after the other, and return as an answer how long each took."""
    return MILLISECONDS.dump_json(tuple([await _milliseconds(work) for work in works])).decode()


async def _milliseconds(work: Awaitable[object]) -> float:
    begin = time.monotonic()
    await work
    return _milliseconds_since(begin)


def _milliseconds_since(instant: float) -> float:
    return (time.monotonic() - instant) * 1000


def _must_be_ok(reply: calls.Reply) -> None:
    if reply.status != HTTPStatus.OK:
        raise CallRefusedError(f"{reply.status}: {reply.body.decode(errors='replace')}")


async def main(place: Place) -> None:
    """Obey until the benchmark ends."""
    temporal = await connect(target_host=place.temporal_address, namespace="default")
    await serve(_Callers(place, temporal, place.secret()).obey)


if __name__ == "__main__":
    run_as_child(main(Place(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
