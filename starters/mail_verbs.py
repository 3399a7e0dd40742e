"""The command line's mails: their list, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from starters.options import DEFAULT_DATA, AsJson


def list_mails(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="Show this job's e-mails in full.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Only this state: queued, sent, uncertain or bounced.")
    ] = None,
    mail: Annotated[
        int | None, typer.Option("--id", min=1, help="Show this one e-mail in full.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="The cursor from the previous page.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List e-mails, the newest first, or show those of a job in full."""
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_mail_texts, print_mails

    with ApiClient.from_environment() as client:
        if mail is not None:
            found = client.get("mail", str(mail))
            page = found if as_json else {"items": [found], "after": None}
        else:
            page = client.get("mail", job_id=job, state=state, after=after)
    as_text = print_mails if job is None and mail is None else print_mail_texts
    (print_json if as_json else as_text)(page)


def take_back(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The message that came back, whole; - is the standard input."
        ),
    ],
    data: Annotated[Path, typer.Option(help="The data folder of `steward up`.")] = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell Steward of an e-mail that came back to its sender's mailbox.

    Steward finds out which of its e-mails it was. If it won't arrive, somebody gets a task to call
    the recipient. The same message told twice counts once.
    """
    from base64 import b64encode
    from datetime import UTC, datetime
    from hashlib import sha256
    from http import HTTPStatus
    from json import dumps

    from domain.signatures import HookSecrets, signatures, unix_seconds
    from starters.api_client import ApiClient
    from starters.failures import Failure
    from starters.hook_sender import signing_secret
    from starters.rendering import print_json, print_text

    raw = _read(file)
    body = dumps({"type": "mail.returned", "raw": b64encode(raw).decode()}).encode()
    now, message_id = datetime.now(UTC), f"returned-{sha256(raw).hexdigest()}"
    try:
        signature = signatures(HookSecrets.parse(signing_secret(data)), message_id, now, body)
    except ValueError as error:
        raise Failure(f"{error}. Set STEWARD_HOOK_SECRETS to the secret of the API") from error
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": unix_seconds(now),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
    with ApiClient.from_environment() as client:
        answer = client.send_hook(headers, body, "mail")
    if answer.status != HTTPStatus.OK:
        raise Failure(f"{answer.body.get('message')} (HTTP {answer.status})")
    if as_json:
        print_json(answer.body)
    else:
        print_text(_said(answer.body))
    if answer.body["outcome"] == "dead_letter":
        raise Failure("nobody knows which e-mail it was; `steward hooks dead` lists it")


def _said(answer: Mapping[str, Any]) -> str:
    """Return in a sentence what became of a message that came back."""
    match answer["outcome"]:
        case "delivered" if "reason" in answer:
            return str(answer["reason"]).capitalize() + "."
        case "delivered":
            return "The e-mail counts as not delivered. A task asks somebody to call its recipient."
        case "duplicate":
            return "Steward knows of this message already."
        case _:
            return str(answer.get("reason", ""))


def _read(file: Path) -> bytes:
    """Return what a file holds, or the standard input.

    Raises:
        Failure: it cannot be read.
    """
    import sys

    from starters.failures import Failure

    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Failure(f"can't read {file} ({error.strerror})") from error
