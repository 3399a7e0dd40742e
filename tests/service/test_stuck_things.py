"""In which order people see what is stuck, and what they read of mails that wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.held import HeldFor
from domain.labels import STUCK
from service.stuck_mails import held_mails, stuck_mails
from service.stuck_things import StuckThing, by_weight

AT = datetime(2026, 11, 30, 5, tzinfo=UTC)


def failing(mail_id: int, state: str, **more: Any) -> dict[str, Any]:
    mail = {"id": mail_id, "job_id": f"SJ-{mail_id}", "subject": f"News {mail_id}", "fault": None}
    return {
        **mail,
        "state": state,
        "last_error": None,
        "at": AT - timedelta(minutes=mail_id),
    } | more


def test_what_stops_most_comes_first_and_what_needs_nobody_last() -> None:
    kinds = ["held_mail", "mail", "attention", "hook", "rebuild_due", "no_worker", "database"]
    things = by_weight([StuckThing(kind, None, "x", "y", None) for kind in kinds])
    told = [thing.kind for thing in things]
    assert set(told[:3]) == {"database", "no_worker", "rebuild_due"}
    assert told[-1] == list(STUCK)[-1] == "held_mail"
    assert set(kinds) <= set(STUCK)


def test_mails_that_are_tried_again_are_one_thing_of_an_engineers() -> None:
    full = "452 4.2.2 mailbox full"
    mails = [failing(each, "queued", last_error=full) for each in (1, 2, 3)]
    engineers, desk = stuck_mails([*mails, failing(4, "bounced", last_error="550 no such user")])
    assert (engineers.kind, engineers.job_id, engineers.since) == (
        "mail_server",
        None,
        mails[2]["at"],
    )
    assert engineers.is_for_engineers
    assert engineers.what == f"3 e-mails are not sent yet: {full}"
    assert (desk.kind, desk.job_id, desk.is_for_engineers) == ("mail", "SJ-4", False)
    (alone,) = stuck_mails(mails[:1])
    assert (alone.job_id, alone.mail_id) == ("SJ-1", 1)


def test_a_held_mail_says_until_when_and_why_first() -> None:
    held = {"id": 7, "job_id": "SJ-7", "subject": "Call us", "at": AT}
    until = AT + timedelta(hours=9)
    for why, said in (
        (HeldFor.DAILY_LIMIT, "the customer gets enough other e-mails before then"),
        (HeldFor.QUIET_HOURS, "it's outside the hours in which customers get e-mail"),
    ):
        (thing,) = held_mails([held | {"held_until": until, "held_for": why}], "America/New_York")
        assert thing.what == f"Held until Mon, Nov 30, 9:00 AM ET: {said}. E-mail: “Call us”."
