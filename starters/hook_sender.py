"""Sends events through the hook, as the job system would."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starters.api_client import ApiClient
from starters.event_files import HookEvent
from starters.failures import Failure
from workers.secret_files import SecretFileError, secret_of

SECRETS_FILE = "hook-secrets"
"""Where in its data folder the embedded stack keeps the hooks' secrets."""


def signing_secret(data: Path) -> str:
    """Return the secrets in force, of which the first one signs.

    They are those of `STEWARD_HOOK_SECRETS`, of the file that `STEWARD_HOOK_SECRETS_FILE` names, or
    else those in the embedded stack's data folder.

    Raises:
        Failure: there are none, or the file can't be used.
    """
    try:
        said = secret_of("STEWARD_HOOK_SECRETS")
    except SecretFileError as error:
        raise Failure(str(error)) from error
    if said:
        return said
    file = data / SECRETS_FILE
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise Failure(
            f"no hook secret: can't read {file} ({error.strerror}). Name the folder of `steward "
            "up` with --data, or set STEWARD_HOOK_SECRETS"
        ) from error


def send(client: ApiClient, event: HookEvent, secret: str) -> dict[str, Any]:
    """Send an event now and return what became of it, with what tells it from others.

    The outcome is the one that Steward answered, or `refused` where it answered with an error. If
    Steward failed, `request_id` says by what the logs tell more.

    Raises:
        Failure: the secret is malformed, or nobody answers.
    """
    try:
        headers = event.headers(secret, datetime.now(UTC))
    except ValueError as error:
        raise Failure(f"{error}. Set STEWARD_HOOK_SECRETS to the secret of the API") from error
    answer = client.send_hook(headers, event.body)
    taken = answer.status == HTTPStatus.OK
    refusal = {"outcome": "refused", "reason": answer.body.get("message")}
    if answer.request_id is not None:
        refusal["request_id"] = answer.request_id
    return {
        "source": event.source,
        "webhook_id": event.webhook_id,
        "type": event.type,
        "job_id": event.job_id,
        "status": answer.status,
        **(answer.body if taken else refusal),
    }


def was_lost(sent: dict[str, Any]) -> bool:
    """Return whether an event that was sent has no effect that anybody could have wanted."""
    return sent["outcome"] in {"refused", "dead_letter"}
