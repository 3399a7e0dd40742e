"""E-mails that were not delivered, not yet, or that are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.contact_hours import held_sentence
from service.stuck_things import StuckThing
from store.mail_queue import MailFault

_MAIL_CURES: Mapping[str, str] = {
    "queued": "Check that the mail server answers. Steward retries automatically.",
    "sending": "Check that the mail server answers.",
    "sent": "Not everybody got it. Correct the other address, and call that person.",
    "uncertain": "Ask the recipient whether it arrived. Steward does not send it again.",
    "bounced": "Correct the address, and call the recipient.",
}
_OURS = (
    "Check STEWARD_SMTP_URL, its account, and mail.sender in the policy. The e-mail goes out as "
    "soon as the server takes it."
)
_NOT_WANTED = "Call the recipient. The address itself accepts e-mail."

_STATES_OF_MAIL: Mapping[str, str] = {
    "queued": "is not sent yet",
    "sending": "is being sent again",
    "sent": "did not reach everybody",
    "uncertain": "may not have arrived",
    "bounced": "was not delivered",
}

_TRIED_AGAIN = frozenset({"queued", "sending"})
"""States of a mail that Steward sends again by itself: nothing for the desk to do."""


def stuck_mails(mails: Sequence[Mapping[str, Any]]) -> list[StuckThing]:
    """Return the e-mails that were not delivered, or not yet.

    Those that Steward sends again by itself are an engineer's, once for each answer of the mail
    server; the others are the desk's, one by one.

    Args:
        mails: as `Reading.failing_mails` has them.
    """
    for_desk = [
        StuckThing(
            "mail",
            mail["job_id"],
            _unsent(mail),
            _mail_cure(mail["state"], mail["fault"]),
            mail["at"],
            mail_id=mail["id"],
        )
        for mail in mails
        if mail["state"] not in _TRIED_AGAIN
    ]
    return _waiting_for_server([mail for mail in mails if mail["state"] in _TRIED_AGAIN]) + for_desk


def held_mails(mails: Sequence[Mapping[str, Any]], zone: str) -> list[StuckThing]:
    """Return the e-mails that customers get later: until when and why first, which one then.

    Args:
        mails: as `Reading.held_mails` has them.
        zone: the company's IANA zone.
    """
    return [
        StuckThing(
            "held_mail",
            mail["job_id"],
            f"{held_sentence(mail['held_until'], mail['held_for'], zone)} "
            f"E-mail: “{mail['subject']}”.",
            "Nothing to do: it goes out then. Too late? Call the customer.",
            mail["at"],
            mail_id=mail["id"],
        )
        for mail in mails
    ]


def _waiting_for_server(mails: Sequence[Mapping[str, Any]]) -> list[StuckThing]:
    """Return the e-mails that the mail server didn't take yet: once for each of its answers."""
    groups: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for mail in mails:
        said = (_mail_cure(mail["state"], mail["fault"]), mail["last_error"])
        groups.setdefault(said, []).append(mail)
    things = []
    for (cure, reply), group in groups.items():
        first, since = group[0], min(mail["at"] for mail in group)
        if len(group) == 1:
            what = _unsent(first)
            thing = StuckThing(
                "mail_server", first["job_id"], what, cure, since, mail_id=first["id"]
            )
        else:
            what = f"{len(group)} e-mails are not sent yet{f': {reply}' if reply else '.'}"
            thing = StuckThing("mail_server", None, what, cure, since)
        things.append(thing)
    return things


def _unsent(mail: Mapping[str, Any]) -> str:
    """Return which e-mail did not reach everybody, and what the mail server said, if it did."""
    reply = f": {mail['last_error']}" if mail["last_error"] else "."
    return f"E-mail “{mail['subject']}” {_STATES_OF_MAIL[mail['state']]}{reply}"


def _mail_cure(state: str, fault: str | None) -> str:
    if state in ("queued", "sending") and fault == MailFault.OURS:
        return _OURS
    if state == "bounced" and fault in (MailFault.OURS, MailFault.MESSAGE):
        return _NOT_WANTED
    return _MAIL_CURES[state]
