"""The codec server: has Temporal's own tools show what is encrypted, to those who may read it.

It speaks the protocol of remote codecs: `POST /codec/decode` and `/codec/encode`, each with the
JSON of `Payloads`, answered with as many payloads in the same order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

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
from store.data_keys import DataKeys, KeyDestroyedError, UnknownDataKeyError
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

LARGEST_REQUEST = 8 * 1024 * 1024
"""Bytes: a page of a history, as Temporal UI sends it, in Base64."""
MOST_PAYLOADS = 5000
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
        try:
            asked = from_json(body)
            payloads = ParseDict(asked if isinstance(asked, dict) else {"": asked}, Payloads())
        except (ValueError, ParseError):
            return error_response(
                422,
                "The body isn't the JSON of Temporal's Payloads.",
                instead='Send {"payloads": [{"metadata": {}, "data": ""}]}, values in Base64.',
            )
        if len(payloads.payloads) > MOST_PAYLOADS:
            return error_response(
                413,
                f"{len(payloads.payloads)} payloads are too many at once.",
                instead=f"Send at most {MOST_PAYLOADS}.",
            )
        return payloads.payloads

    async def decoded(self, caller: Caller, payloads: Sequence[Payload]) -> Response:
        """Return payloads decrypted; what cannot be read says so in its place."""
        opened = []
        for number, each in enumerate(payloads, start=1):
            opened.append(await self._opened(caller, each))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return _answer(opened)

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
        return _answer(sealed)

    async def _opened(self, caller: Caller, payload: Payload) -> Payload:
        if not is_sealed(payload):
            return payload
        key_id = key_id_of(payload)
        try:
            key = self.keys.at_hand(key_id) or await self.keys.key(key_id)
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


def _said(text: str) -> Payload:
    """Return what is shown in a payload's place, in the shape of a failure as well."""
    data = json.dumps({"message": text, "stack_trace": ""}).encode()
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


def _answer(payloads: Sequence[Payload]) -> Response:
    return JSONResponse({"payloads": [MessageToDict(each) for each in payloads]})
