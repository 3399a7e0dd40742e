"""What may change while a process runs: asked for anew whenever it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound=BaseModel)


def current(of: ModelT | Callable[[], ModelT]) -> Callable[[], ModelT]:
    """Return what tells the current one: a function that already does, or the one that stays."""
    if isinstance(of, BaseModel):
        return lambda: of
    return of
