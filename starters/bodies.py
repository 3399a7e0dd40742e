"""Bodies of requests: read as far as they may be large."""

from __future__ import annotations

from fastapi import Request, Response

from starters.http_errors import error_response

LARGEST_BODY = 256 * 1024
"""Bytes of the largest event or command that is taken."""


async def limited_body(request: Request) -> bytes | None:
    """Return the body, None as soon as it is known to be too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def too_large() -> Response:
    """Return the answer to a body that is too large."""
    return error_response(
        413,
        f"The body is too large. {LARGEST_BODY:,} bytes are allowed.",
        instead="Send a smaller one.",
    )
