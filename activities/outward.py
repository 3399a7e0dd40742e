"""Headers that go out with a request to a partner, beside those that the request has anyway."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

OUTWARD: Final[ContextVar[Mapping[str, str]]] = ContextVar("outward", default=MappingProxyType({}))
"""Where this request stands in a trace, for a partner that traces too; empty without a trace."""
