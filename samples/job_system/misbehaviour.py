"""How badly the job system behaves: told on the page, by `PUT /misbehaviour`, or at the start.

A share is exact and needs no luck: 0.5 is every second time, 0.1 is every tenth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Misbehaviour(BaseModel):
    """What goes wrong; what is left out goes well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_ms: Annotated[
        int, Field(ge=0, le=60_000, title="Answers late", description="milliseconds")
    ] = 0
    refused: Annotated[
        Share, Field(title="403 Forbidden", description="share; refused for good, nothing is done")
    ] = 0
    conflicts: Annotated[
        Share, Field(title="409 to a change", description="share; nothing is changed")
    ] = 0
    throttled: Annotated[Share, Field(title="429 Too Many Requests", description="share")] = 0
    retry_after: Annotated[
        int, Field(ge=0, le=3600, title="Retry-After with it", description="seconds")
    ] = 1
    failing: Annotated[Share, Field(title="500", description="share; nothing is done")] = 0
    lost_answers: Annotated[
        Share, Field(title="Lost answers", description="share; done, then the connection closes")
    ] = 0
    doubled_echoes: Annotated[
        Share, Field(title="Doubled echoes", description="share; sent again under a new id")
    ] = 0
    doubled_hooks: Annotated[
        Share, Field(title="Doubled hooks", description="share; sent again under the same id")
    ] = 0
    dropped_hooks: Annotated[
        Share, Field(title="Dropped hooks", description="share; never sent")
    ] = 0
    late_hooks: Annotated[
        Share, Field(title="Late hooks", description="share; later ones pass them")
    ] = 0
    late_seconds: Annotated[
        float, Field(ge=0, le=3600, title="How late", description="seconds")
    ] = 5
    down_seconds: Annotated[
        float, Field(ge=0, le=86_400, title="Down for", description="seconds from now")
    ] = 0
    down_as: Annotated[
        Literal["503", "silence"],
        Field(title="While down", description="answers 503, or closes every connection"),
    ] = "503"

    @property
    def what(self) -> list[str]:
        """What goes wrong, in short; empty if nothing does."""
        fields = type(self).model_fields
        return [
            f"{fields[name].title}: {getattr(self, name):g}"
            for name in fields
            if name not in {"retry_after", "late_seconds", "down_as", "down_seconds"}
            and getattr(self, name)
        ]


class Behaviour:
    """How the job system behaves now."""

    def __init__(
        self, said: Misbehaviour | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._sums: dict[str, float] = {}
        self.said = Misbehaviour()
        self._down_until = 0.0
        self.change(said or Misbehaviour())

    def change(self, said: Misbehaviour) -> None:
        """Behave as said from now on."""
        self.said = said
        self._sums.clear()
        self._down_until = self._clock() + said.down_seconds

    @property
    def down_for(self) -> float:
        """Seconds until it is up again; 0 if it is."""
        return max(self._down_until - self._clock(), 0.0)

    def strikes(self, what: str, among: str = "") -> bool:
        """Return whether something goes wrong this time.

        Args:
            what: the name of a share of `Misbehaviour`.
            among: what it is counted among: each kind of request has its own every second one.
        """
        place = f"{what} {among}"
        total = self._sums.get(place, 0.0) + float(getattr(self.said, what))
        # A tenth ten times is a little less than one.
        struck = total >= 1 - 1e-9
        self._sums[place] = total - struck
        return struck
