"""Bodies of requests: read as far as they may be large."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import JSONResponse

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
    message = f"The body is larger than {LARGEST_BODY} bytes."
    return JSONResponse({"error": "too_large", "rule": None, "message": message}, 413)
