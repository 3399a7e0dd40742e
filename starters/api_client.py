"""The HTTP API, as the command line uses it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import httpx

from domain.labels import way_out
from starters.failures import Failure

_REQUEST_ID = "x-request-id"
DEFAULT_URL = "http://127.0.0.1:8080"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PATIENCE_SECONDS = 30.0


class RequestRefused(Failure):
    """Raised where Steward answers, and refuses.

    Attributes:
        body: the refusal as it was answered: `error`, `rule`, `message` and perhaps `instead`. Of a
            fault of Steward's it has the `request_id` as well, by which the logs tell more.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        rule, instead = body.get("rule"), body.get("instead")
        cited = f"{rule}: " if rule and rule not in body["message"] else ""
        to_do = f" What to do: {way_out(instead)}" if instead else ""
        request_id = body.get("request_id")
        found = f" {in_the_logs(request_id)}" if request_id else ""
        super().__init__(f"{cited}{body['message']}{to_do}{found}")
        self.body = body


@dataclass(frozen=True)
class HookAnswer:
    """What an event was answered with."""

    status: int
    body: Mapping[str, Any]
    request_id: str | None = None
    """By which the logs tell more of a fault of Steward's; None if it is none."""


class ApiClient:
    """Asks one Steward; closes its connections when the `with` block ends."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """Take an address and a bearer token; nothing is asked yet.

        Raises:
            Failure: the address is none, or the token.
        """
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise Failure(f"STEWARD_URL: {url} is not an address. Write it like {DEFAULT_URL}")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise Failure("STEWARD_TOKEN has characters that no token has. Copy the token again")
        try:
            # A proxy cannot reach this machine's own loopback.
            proxied = httpx.URL(self.url).host not in _LOOPBACK
            self._http = httpx.Client(
                base_url=self.url,
                headers={"authorization": f"Bearer {token}"} if token else {},
                timeout=_PATIENCE_SECONDS,
                trust_env=proxied,
            )
        except httpx.InvalidURL as error:
            raise Failure(f"STEWARD_URL: {url} is not an address: {error}") from error

    @classmethod
    def from_environment(cls) -> Self:
        """Return the client of `STEWARD_URL` that has the bearer token `STEWARD_TOKEN`, if any."""
        return cls(os.environ.get("STEWARD_URL") or DEFAULT_URL, os.environ.get("STEWARD_TOKEN"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, *path: str, **query: str | bool | None) -> Any:  # noqa: ANN401  JSON
        """Return what a path, given by its segments, shows.

        Args:
            path: its segments, as a person wrote them.
            query: what is None is left out.

        Raises:
            RequestRefused: Steward refused.
            Failure: nobody, or somebody else, answered.
        """
        asked = {name: value for name, value in query.items() if value is not None}
        return self._accepted(self._ask("GET", _path(*path), params=asked))

    def post(self, *path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """Return the answer to a body posted to a path; raises what `get` raises."""
        return self._accepted(self._ask("POST", _path(*path), json=body))

    def send_hook(self, headers: Mapping[str, str], body: bytes, hook: str = "jobs") -> HookAnswer:
        """Send a signed event, or a report on a mail; a refusal is an answer, too.

        Args:
            headers: its own, which sign it.
            body: as it was signed.
            hook: `jobs`, or `mail` for a report.

        Raises:
            Failure: nobody, or somebody else, answered.
        """
        answer = self._ask("POST", _path("hooks", hook), headers=headers, content=body)
        return HookAnswer(answer.status_code, self._said(answer), _id_of_fault(answer))

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        **content: Any,  # noqa: ANN401  httpx's own
    ) -> httpx.Response:
        request_id = uuid4().hex
        named = {**(headers or {}), _REQUEST_ID: request_id}
        try:
            return self._http.request(method, path, headers=named, **content)
        except httpx.TimeoutException as error:
            raise Failure(
                f"no answer from {self.url} within {_PATIENCE_SECONDS:.0f} seconds. Check the job "
                f"before you try again. {in_the_logs(request_id)}"
            ) from error
        except httpx.RequestError as error:
            raise Failure(
                f"nothing answers at {self.url} ({error}). Start Steward with `steward up`, or set "
                "STEWARD_URL"
            ) from error

    def _accepted(self, answer: httpx.Response) -> Any:  # noqa: ANN401  JSON
        said = self._said(answer)
        if answer.is_success:
            return said
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Failure(f"{said['message']} Set STEWARD_TOKEN to your own token")
        known = _id_of_fault(answer)
        raise RequestRefused(said if known is None else {**said, "request_id": known})

    def _said(self, answer: httpx.Response) -> Any:  # noqa: ANN401  JSON
        try:
            said = answer.json()
        except ValueError as error:
            raise self._stranger(answer) from error
        if not isinstance(said, dict) or not (answer.is_success or "message" in said):
            raise self._stranger(answer)
        return said

    def _stranger(self, answer: httpx.Response) -> Failure:
        return Failure(
            f"{self.url} answered {answer.status_code}, but it isn't Steward. Check STEWARD_URL"
        )


def _id_of_fault(answer: httpx.Response) -> str | None:
    return answer.headers.get(_REQUEST_ID) if answer.is_server_error else None


def in_the_logs(request_id: str) -> str:
    """Return by what the logs of API and worker tell more of a request, as a sentence."""
    return f"Steward's logs call this request {request_id}."


def _path(*segments: str) -> str:
    return "/" + "/".join(quote(segment, safe="") for segment in segments)
