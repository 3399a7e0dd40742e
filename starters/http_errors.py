"""Errors over HTTP: every refusal and every fault is answered in one shape."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

_ERRORS = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "media_type",
    421: "misdirected",
    422: "fields",
    429: "too_many",
    500: "fault",
    503: "unavailable",
}
FIRST_FAULT = 500
"""The least status that is no refusal, but a fault of ours."""


def error_response(
    status: int, message: str, *, instead: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Return an error in the shape of a refusal.

    Args:
        status: of HTTP.
        message: what is wrong, for a person.
        instead: what to do instead, if there is something.
        headers: more headers than an answer has anyway.
    """
    unnamed = "unavailable" if status >= FIRST_FAULT else "bad_request"
    body = {"error": _ERRORS.get(status, unnamed), "rule": None, "message": message}
    if instead is not None:
        body["instead"] = instead
    return JSONResponse(body, status, headers)


def again_in(seconds: int) -> str:
    """Return when to try again, as people read it."""
    return f"Try again in {seconds} second{'' if seconds == 1 else 's'}."


class NotFoundError(HTTPException):
    """Something that is not there, or not for whoever asks (HTTP 404).

    Attributes:
        instead: what to do instead.
    """

    def __init__(self, message: str, instead: str) -> None:
        super().__init__(404, message)
        self.instead = instead


def fault() -> Response:
    """Return the answer to a request that ran into a fault of ours, which the log tells of."""
    return error_response(
        500,
        "Steward failed on this request.",
        instead="Look for the error in the log of the API, then try again.",
    )


def no_database() -> Response:
    """Return the answer to a request for which the database doesn't answer."""
    return error_response(503, "The database doesn't answer.", instead="Try again in a moment.")
