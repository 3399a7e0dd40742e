"""A form counts once: sent again it's answered as before, and with other entries it's refused.

The API answers whoever sends a message id again as it did first, whatever the body says by then.
People go back to a form, write something else and send it: they would read "Done" for what was
never recorded. So what a form sends is part of the id by which its command is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from domain.lifecycles import LifecycleKind
from domain.roles import Actor
from starters.command_endpoint import CommandEndpoint, Reply
from store.journal import Journal

_DIGITS: Final = 16
SENT_AS: Final = "sent_as"
"""Field of a form that nobody answered in time: the id of the command that it gave."""
LONGEST_ID: Final = 200 - _DIGITS - 1
"""Characters of the id of a form: the id of its command has 200 at most."""
_OTHER_ENTRIES: Final = Reply(
    status=409,
    body={
        "error": "conflict",
        "rule": None,
        "message": "This form was already sent, with other entries. The first ones count.",
        "instead": "Check the job first. To record these entries too, send the form again.",
    },
)


_OTHER_THAN_UNANSWERED: Final = Reply(
    status=409,
    body={
        **_OTHER_ENTRIES.body,
        "message": "You changed the form after you sent it. The first entries may still count.",
    },
)


def id_of_entries(form_id: str, entries: Mapping[str, Any]) -> str:
    """Return the id of the command that a form gives with these entries."""
    said = json.dumps(entries, sort_keys=True, default=str)
    return f"{form_id}.{sha256(said.encode()).hexdigest()[:_DIGITS]}"


async def reply_once(
    commands: CommandEndpoint,
    journal: Journal,
    kind: LifecycleKind,
    job_id: str,
    command: str,
    entries: Mapping[str, Any],
    form_id: str,
    by: Actor,
    sent_as: str | None = None,
) -> tuple[str, Reply]:
    """Give a command as a form says; return the id by which it is known, and its answer.

    Args:
        commands: takes it.
        journal: knows what was answered.
        kind: the lifecycle.
        job_id: the job.
        command: the command's name.
        entries: what the form says.
        form_id: the form's own id, at most `LONGEST_ID` characters.
        by: who sent it.
        sent_as: the id of the command that the form gave before, if nobody answered it.

    Raises:
        StoreUnavailableError: the journal cannot be read or written.
    """
    message_id = id_of_entries(form_id, entries)
    if sent_as not in {None, message_id}:
        return message_id, _OTHER_THAN_UNANSWERED
    done = await journal.done_by_form(kind.workflow_id(job_id), by, f"{form_id}.")
    if done is not None and done != message_id:
        return message_id, _OTHER_ENTRIES
    fields = {**entries, "message_id": message_id}
    return message_id, await commands.reply(kind, job_id, command, fields, by)
