"""Bodies of requests: read as far as they may be large."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from domain.refusals import Refused, unreadable
from starters.command_endpoint import refusal_reply
from starters.http_errors import error_response

LARGEST_BODY = 256 * 1024
"""Bytes of the largest event or command that is taken."""


async def limited_body(request: Request, largest: int = LARGEST_BODY) -> bytes | None:
    """Return the body, None as soon as it is known to have more bytes than the largest may."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            return None
    return bytes(body)


async def gathered(receive: Receive, largest: int) -> tuple[Receive, bool]:
    """Wait for a body until it has come whole, or is known to have more bytes than the largest may.

    Returns:
        What receives it again, without waiting for its sender; and whether it is too large, and so
        cut behind the piece that made it so.

    Raises:
        ClientDisconnect: the sender has gone.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        is_too_large = len(body) > largest
        if is_too_large or not message.get("more_body", False):
            break
    whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again, is_too_large


def too_large(largest: int = LARGEST_BODY) -> Response:
    """Return the answer to a body that is too large."""
    return error_response(
        413,
        f"The body is too large. {largest:,} bytes are allowed.",
        instead="Send a smaller one.",
    )


async def fields_of(request: Request) -> object:
    """Return what a request sends as JSON, unread; or the answer if it's too large or no JSON."""
    body = await limited_body(request)
    if body is None:
        return too_large()
    try:
        fields: object = from_json(body or b"null", allow_inf_nan=False)
    except ValueError as error:
        said = f"The body isn't JSON: {error}."
        return refused_answer(unreadable(said, instead="Send one JSON object."))
    return fields


def refused_answer(refused: Refused) -> Response:
    """Return how a refusal is answered."""
    reply = refusal_reply(refused.refusal)
    return JSONResponse(reply.body, reply.status)
