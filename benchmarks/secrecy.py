"""What encryption costs: the same lifecycles with payloads encrypted and plain, in turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import WorkflowSerializationContext

from benchmarks.driver import Driven
from benchmarks.driving import driven
from benchmarks.figures import Bar, Figure, Picture, Section, at_most
from benchmarks.golden_paths import GOLDEN_PATHS, GoldenPath
from benchmarks.scale import Scale, Tell
from benchmarks.sealing import KEYS_FILE, client_for
from store.database import Database, migrate
from store.key_ring import new_ring_key
from workers.sealing import SealingCodec

_BYTES = (200, 2000, 20_000)
"""Sizes of payloads: a small one, an event, and the start of a lifecycle."""
_MICROSECONDS = 1_000_000
_CALLS = 2000

_METHOD = """\
Steward carries a path out with payloads encrypted and, at the same time, with payloads plain, by
one worker each, in {rounds} rounds of {lifecycles} lifecycles, as in
[throughput](#throughput-and-processor-time). Both have a new store and a new Temporal each time.
They run beside each other, since a machine is now faster and now slower by more than encryption
costs: so it is at both alike. Beside this, payloads of three sizes are encrypted and decrypted
alone, {calls} times, by the codec of one job whose key is open."""

_LIMITS = """\
A payload costs a call of OpenSSL, and three copies. A job costs each worker one read of its key in
the store: of the short path, which has a few payloads, that is a fifth of what encryption costs."""


async def measure(scale: Scale, tell: Tell) -> Section:
    """Measure each path, and the codec alone."""
    wanted = [path for path in GOLDEN_PATHS if scale.paths is None or path.name in scale.paths]
    figures: list[Figure] = []
    bars: list[Bar] = []
    for path in wanted:
        sealed, plain = await _rounds_of(path, scale, tell)
        figures += _figures(path, sealed, plain)
        bars += [_bar(path, "encrypted", sealed), _bar(path, "plain", plain)]
    tell("the codec alone")
    return Section(
        name="secrecy",
        title="What encryption costs",
        method=_METHOD.format(rounds=scale.rounds, lifecycles=scale.lifecycles, calls=_CALLS),
        limits=_LIMITS,
        figures=(*figures, *await _of_the_codec(scale)),
        pictures=(
            Picture(
                name="secrecy",
                title="Processor time of the worker",
                y_label="ms for a lifecycle",
                bars=tuple(bars),
            ),
        ),
    )


async def _rounds_of(
    path: GoldenPath, scale: Scale, tell: Tell
) -> tuple[Sequence[Driven], Sequence[Driven]]:
    """Return the rounds with payloads encrypted, and those with payloads plain."""
    found: list[tuple[Driven, Driven]] = []
    for number in range(1, scale.rounds + 1):
        tell(f"{path.name}: round {number} of {scale.rounds}")
        async with asyncio.TaskGroup() as both:
            sealed, plain = (
                both.create_task(driven(path, scale, is_sealed=each)) for each in (True, False)
            )
        found.append((sealed.result(), plain.result()))
    sealed_rounds, plain_rounds = zip(*found, strict=True)
    return sealed_rounds, plain_rounds


def _figures(
    path: GoldenPath, sealed: Sequence[Driven], plain: Sequence[Driven]
) -> Sequence[Figure]:
    def ratio(name: str, of: Callable[[Driven], float], most: float | None = None) -> Figure:
        ratios = [of(ours) / of(theirs) for ours, theirs in zip(sealed, plain, strict=True)]
        goal = None if most is None else at_most(most)
        return Figure.of(f"{path.name}: {name}, encrypted against plain", "×", ratios, goal)

    return [
        ratio("worker's processor time", lambda run: run.worker_ms, 1.1),
        ratio("Temporal's processor time", lambda run: run.server_ms),
        ratio("rate", lambda run: run.rate),
    ]


def _bar(path: GoldenPath, label: str, runs: Sequence[Driven]) -> Bar:
    values = [run.worker_ms for run in runs]
    return Bar(
        label=f"{path.name}\n{label}",
        median=median(values),
        lowest=min(values),
        highest=max(values),
    )


# --- the codec alone --------------------------------------------------------------------------


async def _of_the_codec(scale: Scale) -> Sequence[Figure]:
    with TemporaryDirectory() as folder:
        (Path(folder) / KEYS_FILE).write_text(f"{new_ring_key().line()}\n")
        url = f"sqlite:///{Path(folder) / 'store.sqlite3'}"
        migrate(url)
        database = Database(url)
        codec = await _codec_on(database)
        figures = []
        for size in _BYTES:
            rounds = [await _round(codec, size) for _ in range(scale.rounds)]
            encoding, decoding = zip(*rounds, strict=True)
            figures += [
                Figure.of(f"a payload of {size} bytes encrypted", "µs", encoding),
                Figure.of(f"a payload of {size} bytes decrypted", "µs", decoding),
            ]
        await database.close()
    return figures


async def _codec_on(database: Database) -> SealingCodec:
    """Return the codec of a job, whose key is open."""
    client: Client = await client_for(None, database)
    codec = client.data_converter.payload_codec
    if not isinstance(codec, SealingCodec):
        raise TypeError("payloads of this client are plain")
    context = WorkflowSerializationContext("default", "plus-one/SJ-1")
    of_job = codec.with_context(context)
    await of_job.encode([Payload(data=b"opens the key")])
    return of_job


async def _round(codec: SealingCodec, size: int) -> tuple[float, float]:
    """Return the microseconds of processor time of one payload encrypted, and decrypted."""
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b"x" * size)
    (sealed,) = await codec.encode([payload])
    began = time.process_time()
    for _ in range(_CALLS):
        await codec.encode([payload])
    halfway = time.process_time()
    for _ in range(_CALLS):
        await codec.decode([sealed])
    ended = time.process_time()
    return (
        (halfway - began) / _CALLS * _MICROSECONDS,
        (ended - halfway) / _CALLS * _MICROSECONDS,
    )
