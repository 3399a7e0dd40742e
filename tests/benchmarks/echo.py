"""A child of the benchmarks that answers in capitals: `python -m tests.benchmarks.echo`."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.processes import run_as_child, serve


async def capitals(line: str) -> str:
    if line == "fail":
        await asyncio.sleep(0.01)
        raise ValueError("not in the mood")
    if line == "dream":
        await asyncio.Event().wait()
    return line.upper()


if __name__ == "__main__":
    run_as_child(serve(capitals, " ".join(sys.argv[1:])))
