"""What one lifecycle has another one do, on its way through the inbox."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.values import JobId


class RelayedCommand(BaseModel):
    """A command that a lifecycle gives to another lifecycle of the same job."""

    model_config = ConfigDict(frozen=True)

    type: Literal["steward.order"] = "steward.order"
    lifecycle: str
    job_id: JobId
    command: str
    fields: dict[str, JsonValue]
    """The command's payload, its actor included."""
