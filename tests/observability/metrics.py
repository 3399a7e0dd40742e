"""Which metrics there are: Steward's own as they are shown, and those that the SDK's core has."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from temporalio import bridge

_NAMED = re.compile(r"\b(?:steward|temporal|process|up)(?:_[a-z0-9]+)+")
_OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
_UNITS = re.compile(r"^temporal_|_total$|_seconds$")
_LABELS = re.compile(r"\{[^}]*\}|\bby \([^)]*\)")
_TYPE = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)


def metrics_in(expression: str) -> set[str]:
    """The metrics of ours, or of the SDK, that a query names; `up` is Prometheus's own."""
    return set(_NAMED.findall(_LABELS.sub("", expression)))


def shown_in(exposition: str) -> set[str]:
    """What a query may name of an exposition."""
    names = set()
    for name, kind in _TYPE.findall(exposition):
        parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names |= {f"{name}{part}" for part in parts}
    return names


@cache
def _core() -> bytes:
    (library,) = Path(bridge.__path__[0]).glob("temporal_sdk_bridge*.so")
    return library.read_bytes()


def is_of_core(metric: str) -> bool:
    """Whether the SDK's core has a metric: its name stands in the library.

    Many of its metrics are shown only once something was counted, and some only once it fails.
    """
    if not metric.startswith("temporal_"):
        return False
    bare = _UNITS.sub("", _UNITS.sub("", _OF_HISTOGRAM.sub("", metric)))
    return bare.encode() in _core()
