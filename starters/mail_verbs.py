"""The command line's list of mails."""

from __future__ import annotations

from typing import Annotated

import typer


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
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
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
