"""Encrypts what goes to Temporal, and decrypts what comes from it: a payload codec.

A payload is sealed when it is encrypted with the data key of its job. Only Steward's own processes
can seal one, so a message that comes in sealed is Steward's own, or one that Steward's API has
sealed for somebody: who, stands in its metadata and is protected with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, final

import structlog
from cryptography.exceptions import InvalidTag
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    StartWorkflowUpdateWithStartInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.common import RawValue
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from domain.lifecycles import job_of
from store.data_keys import (
    STEWARDS_OWN,
    DataKey,
    DataKeys,
    KeyDestroyedError,
    UnknownDataKeyError,
)
from store.key_ring import NONCE_BYTES
from workers.nonces import new_nonce
from workers.payloads import DATA_CONVERTER, SealableFailureConverter
from workflows.messages import (
    BY_STEWARD,
    MEANT_FOR,
    REQUESTED_BY,
    SEAL,
    SEALED_BY,
    START,
    meant_for,
)

log = structlog.get_logger()

ENCODING = b"binary/encrypted"
_KEY = "key"
_KEY_ID = re.compile(rb"[0-9a-f]{20}")
_JOINT = b"\0"
_CONVERTERS_KEPT = 1000
"""How many workflows' converters a process keeps, about two kilobytes each."""
_OF_A_WORKFLOW: Final = (WorkflowSerializationContext, ActivitySerializationContext)
"""The contexts of what belongs to a workflow."""
_SAID_OF_SEALED = frozenset({SEALED_BY, SEAL})


class Origin(StrEnum):
    """Who has a payload sealed."""

    STEWARD = BY_STEWARD.decode()
    """Steward itself: its API, its worker."""
    CODEC_SERVER = "codec-server"
    """Somebody with Temporal's own tools, through the codec server."""


class PayloadNotReadableError(ValueError):
    """An encrypted payload was changed, cut, or belongs to another job; the text quotes nothing."""

    @property
    def for_logs(self) -> str:
        """What may be logged of it: all that it says."""
        return str(self)


class SealingCodec(PayloadCodec, WithSerializationContext):
    """Seals the payloads of one job, or of no job; opens those of any.

    Payloads that are not encrypted come through as they are: those of releases before, and what
    people send by Temporal's own tools.
    """

    def __init__(
        self,
        keys: DataKeys,
        *,
        job_id: str | None = None,
        origin: Origin = Origin.STEWARD,
    ) -> None:
        """Take the keys.

        Args:
            keys: of the store.
            job_id: the job that is sealed for, and the only one that is opened; what else there is
                stays as it is, since anybody may send a job anything. None seals for no job, and
                opens all.
            origin: who has payloads sealed.
        """
        self.keys = keys
        self._job_id = job_id
        self._origin = origin
        self._by = origin.value.encode()

    def with_context(self, context: SerializationContext) -> SealingCodec:
        """Return the codec of the job that a workflow, or an activity of it, is about."""
        if not isinstance(context, _OF_A_WORKFLOW):
            return self
        workflow_id = context.workflow_id
        if workflow_id is None:
            return self
        job_id = sealed_for(workflow_id)
        if job_id == self._job_id:
            return self
        return SealingCodec(self.keys, job_id=job_id, origin=self._origin)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal payloads.

        Raises:
            KeyDestroyedError: the job was erased.
            UnknownRingKeyError: the key ring does not open the job's key.
            StoreUnavailableError: the database does not answer.
        """
        if not (self.keys.seal or await self.keys.are_in_use()):
            return list(payloads)
        job_id = self._job_id or STEWARDS_OWN
        key = self.keys.at_hand_of(job_id) or await self.keys.key_of(job_id)
        return [_sealed(each, key, self._by) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open payloads; each says by whom it was sealed, if it was.

        Raises:
            PayloadNotReadableError: one was changed; not where one job's alone are opened.
            UnknownDataKeyError: it was sealed with another store's key; nor this.
            KeyDestroyedError: the job was erased.
            UnknownRingKeyError: the key ring does not open the job's key.
            StoreUnavailableError: the database does not answer.
        """
        return [
            await self._opened(each) if is_sealed(each) else _without_claims(each)
            for each in payloads
        ]

    async def _opened(self, payload: Payload) -> Payload:
        try:
            key_id = key_id_of(payload)
            key = self.keys.at_hand(key_id) or await self.keys.key(key_id)
            self._require_own(payload, key)
            return open_payload(payload, key)
        except (PayloadNotReadableError, UnknownDataKeyError):
            if self._job_id is None:
                raise
        except KeyDestroyedError as error:
            if self._job_id in {None, error.job_id}:
                raise
        return _without_claims(payload)

    def _require_own(self, payload: Payload, key: DataKey) -> None:
        """Return if a payload is of this codec's job.

        Temporal UI does not tell the codec server for which workflow it has something sealed: that
        comes with Steward's own key, and may be for any.

        Raises:
            PayloadNotReadableError: it is another job's.
        """
        if self._job_id is None or key.job_id == self._job_id:
            return
        by = payload.metadata.get(SEALED_BY)
        if key.job_id != STEWARDS_OWN or by != Origin.CODEC_SERVER.value.encode():
            raise PayloadNotReadableError("this payload was encrypted for another job")


@dataclass(frozen=True)
@final
class SealingConverter(DataConverter):
    """A converter that keeps those it makes for workflows: the SDK asks for one at each payload."""

    _kept: Callable[[str, str], SealingConverter] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Begin with none kept."""
        super().__post_init__()
        object.__setattr__(self, "_kept", lru_cache(_CONVERTERS_KEPT)(self._of_workflow))

    def with_context(self, context: SerializationContext) -> SealingConverter:
        """Return the converter of the workflow that something goes to or comes from."""
        if not isinstance(context, _OF_A_WORKFLOW):
            return super().with_context(context)
        if context.workflow_id is None:
            return self
        return self._kept(context.namespace, context.workflow_id)

    def _of_workflow(self, namespace: str, workflow_id: str) -> SealingConverter:
        return super().with_context(WorkflowSerializationContext(namespace, workflow_id))


def sealed_for(workflow_id: str) -> str:
    """Return the job whose data key seals a workflow's payloads; empty for one that has no job."""
    try:
        return job_of(workflow_id)[1]
    except ValueError:
        return STEWARDS_OWN


def sealed(client: Client, keys: DataKeys) -> Client:
    """Return a client like this one that seals what it sends, and opens what it gets.

    It marks each message with what it is, so that nothing else that is sealed passes for it.
    """
    config = client.config()
    config["data_converter"] = sealing_converter(keys)
    config["interceptors"] = [*config["interceptors"], Marking(config["data_converter"])]
    return Client(**config)


def keys_of(client: Client) -> DataKeys | None:
    """Return the keys that a client seals with, None if it does not."""
    codec = client.data_converter.payload_codec
    return codec.keys if isinstance(codec, SealingCodec) else None


async def warn_if_plain(client: Client) -> None:
    """Log a warning if what a client sends is not encrypted yet.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    keys = keys_of(client)
    if keys is None or not await keys.are_in_use():
        log.warning("what goes to Temporal is not encrypted yet", instead="steward keys start")


def sealing_converter(keys: DataKeys) -> DataConverter:
    """Return the converter of clients and replays that seals, and opens what was sealed."""
    return SealingConverter(
        payload_converter_class=DATA_CONVERTER.payload_converter_class,
        payload_codec=SealingCodec(keys),
        failure_converter_class=SealableFailureConverter,
    )


class Marking(Interceptor):
    """Marks each message, and each start, that a client sends: what, to which workflow and when.

    What is sent while a request is answered says for which one, so that a worker's log lines do.
    """

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002  the SDK's name
        """Return what stands before the SDK's own calls."""
        return _Marking(next, self._converter)


class _Marking(OutboundInterceptor):
    def __init__(self, next_: OutboundInterceptor, converter: DataConverter) -> None:
        super().__init__(next_)
        self._converter = converter.payload_converter

    async def start_workflow(
        self,
        input: StartWorkflowInput,  # noqa: A002  the SDK's name
    ) -> WorkflowHandle[Any, Any]:
        input.args = self._marked(input.args, START, input.id)
        if input.start_signal is not None:
            input.start_signal_args = self._marked(
                input.start_signal_args, input.start_signal, input.id
            )
        return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002  the SDK's name
        input.args = self._marked(input.args, input.signal, input.id)
        await super().signal_workflow(input)

    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002  the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        input.args = self._marked(input.args, input.update, input.id)
        return await super().start_workflow_update(input)

    async def start_update_with_start_workflow(
        self,
        input: StartWorkflowUpdateWithStartInput,  # noqa: A002  the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        start, update = input.start_workflow_input, input.update_workflow_input
        start.args = self._marked(start.args, START, start.id)
        update.args = self._marked(update.args, update.update, start.id)
        return await super().start_update_with_start_workflow(input)

    def _marked(self, args: Sequence[object], name: str, workflow_id: str) -> list[RawValue]:
        mark = meant_for(datetime.now(UTC), name, workflow_id).encode()
        request_id: str | None = structlog.contextvars.get_contextvars().get("request_id")
        payloads = self._converter.to_payloads(args)
        for each in payloads:
            each.metadata[MEANT_FOR] = mark
            if request_id is not None:
                each.metadata[REQUESTED_BY] = request_id.encode()
        return [RawValue(each) for each in payloads]


def _sealed(payload: Payload, key: DataKey, by: bytes) -> Payload:
    nonce = new_nonce()
    content = key.cipher.encrypt(nonce, payload.SerializeToString(), _bound_to(key, by))
    sealed = Payload()
    sealed.CopyFrom(_empty(key.id, by))
    sealed.data = nonce + content
    return sealed


@lru_cache(_CONVERTERS_KEPT)
def _empty(key_id: str, by: bytes) -> Payload:
    """Return a sealed payload without content, to be copied: to make one takes five times that."""
    return Payload(metadata={"encoding": ENCODING, _KEY: key_id.encode(), SEALED_BY: by})


def is_sealed(payload: Payload) -> bool:
    """Return whether a payload is encrypted."""
    return payload.metadata.get("encoding") == ENCODING


def key_id_of(payload: Payload) -> str:
    """Return the id of the data key that an encrypted payload says it is encrypted with.

    Raises:
        PayloadNotReadableError: what it says is none.
    """
    key_id = payload.metadata.get(_KEY, b"")
    if not _KEY_ID.fullmatch(key_id):
        raise PayloadNotReadableError("this payload does not say which key encrypted it")
    return key_id.decode()


def _without_claims(payload: Payload) -> Payload:
    """Return a plain payload without what only a sealed one may say of itself."""
    if not _SAID_OF_SEALED & set(payload.metadata):
        return payload
    unclaimed = Payload()
    unclaimed.CopyFrom(payload)
    for name in _SAID_OF_SEALED:
        unclaimed.metadata.pop(name, None)
    return unclaimed


def open_payload(payload: Payload, key: DataKey) -> Payload:
    """Return an encrypted payload decrypted; its metadata says who had it encrypted.

    Raises:
        PayloadNotReadableError: it was tampered with.
    """
    by, data = payload.metadata.get(SEALED_BY, b""), payload.data
    nonce, content = data[:NONCE_BYTES], data[NONCE_BYTES:]
    try:
        opened = Payload.FromString(key.cipher.decrypt(nonce, content, _bound_to(key, by)))
    except (InvalidTag, ValueError) as error:
        raise PayloadNotReadableError("this payload was changed after it was encrypted") from error
    opened.metadata[SEALED_BY] = by
    opened.metadata[SEAL] = nonce.hex().encode()
    return opened


def _bound_to(key: DataKey, by: bytes) -> bytes:
    """Return what is protected with a payload's content, though anybody can read it."""
    return _JOINT.join((key.id.encode(), by))
