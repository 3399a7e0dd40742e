"""The codec server: has Temporal's own tools show what is encrypted, to those who may read it.

It speaks the protocol of remote codecs: `POST /codec/decode` and `/codec/encode`, each with the
JSON of `Payloads`, answered with as many payloads in the same order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from pydantic_core import from_json
from temporalio.api.common.v1 import Payload, Payloads

from starters.access import Caller, Employee
from starters.bodies import limited_body
from starters.http_errors import error_response
from starters.reads import Reads
from starters.routes import Routes
from store.data_keys import DataKey, DataKeys, KeyDestroyedError, UnknownDataKeyError
from store.key_ring import UnknownRingKeyError
from workers.sealing import (
    Origin,
    PayloadNotReadableError,
    SealingCodec,
    is_sealed,
    key_id_of,
    open_payload,
)
from workflows.messages import SEAL, SEALED_BY

T = TypeVar("T")
R = TypeVar("R")

LARGEST_REQUEST = 8 * 1024 * 1024
"""Bytes: a page of a history, as Temporal UI sends it, in Base64."""
MOST_PAYLOADS = 5000
MOST_METADATA = 16
"""Entries of one payload's metadata; Temporal and Steward write half a dozen."""
_MOST_MARKS = MOST_PAYLOADS * (2 * MOST_METADATA + 10)
"""Commas and colons in a request: what the most payloads with the most metadata have. Each costs
time and memory when it is parsed, and takes one byte to send."""
_AT_ONCE = 100
"""Payloads that are dealt with before other requests get their turn."""

_NAMESPACE = "x-namespace"
_ERASED = "Erased: this job's data was deleted, and can't be shown any more."
_OTHER_STORE = "Not readable: this was encrypted for another Steward database."
_OTHER_RING = "Not readable: the key ring of this API doesn't open this job's key."


def codec_routes(keys: DataKeys, reads: Reads, namespace: str) -> APIRouter:
    """Return the routes of the codec server.

    Args:
        keys: the data keys.
        reads: notes who reads which job's data.
        namespace: the only one whose payloads are taken.
    """
    router = Routes(tags=["codec"], include_in_schema=False)
    server = _CodecServer(keys, reads, namespace)

    @router.post("/codec/decode")
    async def decode(caller: Employee, request: Request) -> Response:
        asked = await server.payloads(request)
        return asked if isinstance(asked, Response) else await server.decoded(caller, asked)

    @router.post("/codec/encode")
    async def encode(_: Employee, request: Request) -> Response:
        asked = await server.payloads(request)
        return asked if isinstance(asked, Response) else await server.encoded(asked)

    return router


@dataclass(frozen=True)
class _CodecServer:
    keys: DataKeys
    reads: Reads
    namespace: str
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "codec"))

    async def payloads(self, request: Request) -> Sequence[Payload] | Response:
        """Return the payloads that a request sends, or why it is refused."""
        asked_for = request.headers.get(_NAMESPACE, self.namespace)
        if asked_for != self.namespace:
            return error_response(
                403,
                f"This codec server is for the namespace {self.namespace} alone.",
                instead=f"Send the header: X-Namespace: {self.namespace}.",
            )
        body = await limited_body(request, LARGEST_REQUEST)
        if body is None:
            return error_response(
                413,
                f"The body is larger than {LARGEST_REQUEST // 1024**2} MiB.",
                instead="Send fewer payloads at once.",
            )
        return await self._in_thread(_parsed, body)

    async def _in_thread(self, work: Callable[[T], R], on: T) -> R:
        """Return what is made of something large: one after another, and beside other requests."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, work, on)

    async def decoded(self, caller: Caller, payloads: Sequence[Payload]) -> Response:
        """Return payloads decrypted; what cannot be read says so in its place."""
        opened, keys = [], _KeysOfRequest(self.keys)
        for number, each in enumerate(payloads, start=1):
            opened.append(await self._opened(caller, each, keys))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return await self._in_thread(_answer, opened)

    async def encoded(self, payloads: Sequence[Payload]) -> Response:
        """Return payloads encrypted with Steward's own key, and marked as ours to be asked about.

        For which job they are, Temporal's tools don't say.
        """
        codec, sealed = SealingCodec(self.keys, origin=Origin.CODEC_SERVER), list[Payload]()
        for first in range(0, len(payloads), _AT_ONCE):
            some = payloads[first : first + _AT_ONCE]
            plain = [each for each in some if not is_sealed(each)]
            encrypted = iter(await codec.encode(plain))
            sealed += [each if is_sealed(each) else next(encrypted) for each in some]
            await asyncio.sleep(0)
        return await self._in_thread(_answer, sealed)

    async def _opened(self, caller: Caller, payload: Payload, keys: _KeysOfRequest) -> Payload:
        if not is_sealed(payload):
            return payload
        try:
            key = await keys.key(key_id_of(payload))
            opened = open_payload(payload, key)
        except KeyDestroyedError:
            return _said(_ERASED)
        except UnknownDataKeyError:
            return _said(_OTHER_STORE)
        except UnknownRingKeyError:
            return _said(_OTHER_RING)
        except PayloadNotReadableError as error:
            return _said(f"Not readable: {error}.")
        if caller.actor is not None and key.job_id:
            self.reads.note(caller.actor, key.job_id)
        for name in (SEALED_BY, SEAL):
            opened.metadata.pop(name, None)
        return opened


class _KeysOfRequest:
    """The data keys that one request needs.

    The store is asked for each once, so that what another process has just erased isn't shown.
    """

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys
        self._asked: dict[str, DataKey | LookupError] = {}

    async def key(self, key_id: str) -> DataKey:
        """Return the key of an id; see `DataKeys.key_now`."""
        if key_id not in self._asked:
            try:
                self._asked[key_id] = await self._keys.key_now(key_id)
            except LookupError as error:
                self._asked[key_id] = error
        found = self._asked[key_id]
        if isinstance(found, LookupError):
            raise found
        return found


def _parsed(body: bytes) -> Sequence[Payload] | Response:
    """Return the payloads of a body, or why it is refused; nothing large is parsed in vain."""
    if body.count(b",") + body.count(b":") > _MOST_MARKS:
        return _too_many("The body has too many values.")
    try:
        asked = from_json(body)
        if (problem := _over_the_limits(asked)) is not None:
            return problem
        return ParseDict(asked if isinstance(asked, dict) else {"": asked}, Payloads()).payloads
    except (ValueError, ParseError):
        return error_response(
            422,
            "The body isn't the JSON of Temporal's Payloads.",
            instead='Send {"payloads": [{"metadata": {}, "data": ""}]}, values in Base64.',
        )


def _over_the_limits(asked: object) -> Response | None:
    """Return the refusal of payloads that are too many, or say too much of themselves."""
    payloads = asked.get("payloads") if isinstance(asked, dict) else None
    if not isinstance(payloads, list):
        return None
    if len(payloads) > MOST_PAYLOADS:
        return _too_many(f"{len(payloads)} payloads are too many at once.")
    for each in payloads:
        metadata = each.get("metadata") if isinstance(each, dict) else None
        if isinstance(metadata, dict) and len(metadata) > MOST_METADATA:
            return _too_many(f"A payload has {len(metadata)} entries of metadata.")
    return None


def _too_many(said: str) -> Response:
    return error_response(
        413,
        said,
        instead=f"Send at most {MOST_PAYLOADS} payloads with {MOST_METADATA} entries each.",
    )


def _said(text: str) -> Payload:
    """Return what is shown in a payload's place, in the shape of a failure as well."""
    data = json.dumps({"message": text, "stack_trace": ""}).encode()
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


def _answer(payloads: Sequence[Payload]) -> Response:
    return JSONResponse({"payloads": [MessageToDict(each) for each in payloads]})
