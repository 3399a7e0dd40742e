"""The command line's verb for whether a part can do its work: `steward health`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from starters.failures import Failure
from starters.options import AsJson, examples

_PATIENCE_SECONDS = 8.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  what is listened on, not to
_ANSWERS = frozenset({200, 503})


def add_health_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("health", epilog=examples("health", "health --json"))(health)


def health(*, as_json: AsJson = False) -> None:
    """Ask a part whether it can do its work. The exit code is 1 if it can't.

    Asks the worker if STEWARD_WORKER_LISTEN says where it listens, else the API of STEWARD_URL.
    """
    import os

    from starters.rendering import print_json, print_text

    said = _asked(*_whom(os.environ))
    if as_json:
        print_json(said)
    else:
        print_text("\n".join(f"{part}: {_in_words(state)}" for part, state in said.items()))
    if said.get("ready") is not True:
        raise typer.Exit(1)


def _in_words(state: object) -> object:
    if isinstance(state, bool):
        return "yes" if state else "no"
    return state


def _whom(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable that says where a part is, and its address."""
    if listens := environment.get("STEWARD_WORKER_LISTEN"):
        host, _, port = listens.rpartition(":")
        return "STEWARD_WORKER_LISTEN", f"http://{_ANY_ADDRESS.get(host, host)}:{port}"
    from starters.api_client import DEFAULT_URL

    return "STEWARD_URL", environment.get("STEWARD_URL") or DEFAULT_URL


def _asked(variable: str, address: str) -> dict[str, Any]:
    """Return what a part says of itself.

    Raises:
        Failure: it does not answer, or it is somebody else.
    """
    import httpx

    try:
        answer = httpx.get(
            f"{address.rstrip('/')}/readyz", timeout=_PATIENCE_SECONDS, trust_env=False
        )
        said = answer.json() if answer.status_code in _ANSWERS else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise Failure(
            f"{address} does not answer: {reason}. Check that it runs, and {variable}"
        ) from error
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Failure(f"{address} is no part of Steward. Check {variable}")
    return said
