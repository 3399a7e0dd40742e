"""The heartbeat: a test job of Steward's own, which goes all the way that a real one goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.values import Instant

LATEST: Final = timedelta(minutes=2)
"""How long one heartbeat may take; after that nobody waits for it."""
_BEGINNING: Final = b'{"type":"steward.heartbeat",'


class Heartbeat(BaseModel):
    """One heartbeat, as the hook brings it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["steward.heartbeat"] = "steward.heartbeat"
    id: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[a-z0-9_]+$")]
    begun_at: Instant
    pause: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(minutes=1))]
    """How long its workflow waits before it goes on: its one timer."""

    @property
    def body(self) -> bytes:
        """What is sent to the hook."""
        return self.model_dump_json().encode()


def heartbeat_in(body: bytes) -> Heartbeat | None:
    """Return the heartbeat that a hook's body is, None if it is anything else.

    Nobody but Steward sends one, in exactly these bytes: a look at how it begins is enough to tell
    events of the job system apart.
    """
    if not body.startswith(_BEGINNING):
        return None
    try:
        return Heartbeat.model_validate_json(body)
    except ValidationError:
        return None
