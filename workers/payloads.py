"""How what goes to Temporal and comes from it is written: JSON, by pydantic."""

from __future__ import annotations

from typing import Final

from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    PayloadConverter,
)
from temporalio.exceptions import FailureError

from domain.faults import in_brief

_SEALED_FAILURE: Final = "Encrypted. Temporal UI shows it through Steward's codec server."

_SHARED: Final = tuple(PydanticPayloadConverter().converters.values())


class SharedPayloadConverter(CompositePayloadConverter):
    """Pydantic's converter, with what it has learnt of our models kept for the whole process.

    The SDK makes a payload converter for each workflow task, and pydantic's learns each model anew.
    """

    def __init__(self) -> None:
        super().__init__(*_SHARED)


class DiscreetFailureConverter(DefaultFailureConverter):
    """The SDK's converter, but for the texts of faults: those may quote a customer's data.

    What fails is kept in histories and shown in Temporal UI. Of a fault it gets the kind and the
    places; what is raised to be read there (`ApplicationError`) keeps its text.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Write a fault down, and each of its causes."""
        super().to_failure(exception, payload_converter, failure)
        if not isinstance(exception, FailureError):
            failure.message = in_brief(exception)


class SealableFailureConverter(DiscreetFailureConverter):
    """Writes what a failure says into a payload, which a codec encrypts like any other."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Write a failure down, and each of its causes."""
        super().to_failure(exception, payload_converter, failure)
        said = {"message": failure.message, "stack_trace": failure.stack_trace}
        failure.encoded_attributes.CopyFrom(payload_converter.to_payload(said))
        failure.message, failure.stack_trace = _SEALED_FAILURE, ""


DATA_CONVERTER: Final = DataConverter(
    payload_converter_class=SharedPayloadConverter,
    failure_converter_class=DiscreetFailureConverter,
)
"""The converter of every client, worker and replay; `workers.sealing` adds encryption to it."""
