"""How what goes to Temporal and comes from it is written: JSON, by pydantic."""

from __future__ import annotations

from typing import Final

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter

_SHARED: Final = tuple(PydanticPayloadConverter().converters.values())


class SharedPayloadConverter(CompositePayloadConverter):
    """Pydantic's converter, with what it has learnt of our models kept for the whole process.

    The SDK makes a payload converter for each workflow task, and pydantic's learns each model anew.
    """

    def __init__(self) -> None:
        super().__init__(*_SHARED)


DATA_CONVERTER: Final = DataConverter(payload_converter_class=SharedPayloadConverter)
"""The converter of every client, worker and replay."""
