"""Nine jobs of one customer are not nine mails; what comes back later has a way in."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from domain.journal import NOBODY_NEEDS_IT
from domain.mail_ids import message_token
from tests.desk import SECRET, Desk, Told, now
from tests.domain.test_mail_reports import OURS, TOKEN, returned
from tests.options import instructed, offered

EVERYTHING = '[mail]\nholds = "everything"\nper_day = 3\n'
ALL_DAY = '[mail.hours]\nopens = "00:00"\ncloses = "24:00"\n'


def far_from_midnight() -> str:
    """A ZIP code where the day neither ends nor begins while a test runs."""
    hour = now().astimezone(ZoneInfo("Pacific/Honolulu")).hour
    return "96813" if 3 <= hour < 21 else "96910"


def customer(email: str) -> dict[str, Any]:
    zip_code = far_from_midnight()
    return {"name": "Ada", "email": email, "phone": None, "zip": zip_code, "state": None}


def by_night(hers: dict[str, Any]) -> str:
    """A policy under which it is night now where a customer lives."""
    zone = "Pacific/Honolulu" if hers["zip"] < "96900" else "Pacific/Guam"
    wall = now().astimezone(ZoneInfo(zone))
    opens = wall.hour + 2 if wall.hour < 15 else wall.hour - 8
    return f'{EVERYTHING}[mail.hours]\nopens = "{opens:02}:00"\ncloses = "{opens + 7:02}:00"\n'


def someone() -> str:
    return f"ada-{uuid4().hex[:12]}@example.com"


async def mail_of(job: Told) -> dict[str, Any]:
    (mail,) = (await job.show())["emails"]
    return dict(mail)


async def told_of(desk: Desk, *jobs: Told) -> dict[str, dict[str, Any]]:
    """What `steward stuck` says of mails that jobs hold, by the jobs."""
    items = (await desk.http.get("/stuck")).json()["items"]
    ours = {job.id for job in jobs}
    return {
        item["job_id"]: item
        for item in items
        if item["kind"] == "held_mail" and item["job_id"] in ours
    }


@pytest.mark.rule("G-99")
async def test_nine_jobs_of_one_customer_are_not_nine_mails(house: Desk) -> None:
    desk, hers = house.under(EVERYTHING + ALL_DAY), customer(someone())
    jobs = [await offered(desk, customer=hers) for _ in range(9)]
    reached = {"voicemail_left": True}
    await asyncio.gather(*(job.ok("customer_not_reached", "dispatch", **reached) for job in jobs))

    mails = {job.id: await mail_of(job) for job in jobs}
    held = [job for job in jobs if "held_until" in mails[job.id]]
    assert len(held) == 6
    assert {mails[job.id]["state"] for job in held} == {"queued"}
    assert {mails[job.id]["held_for"] for job in held} == {"daily_limit"}
    assert {mails[job.id]["state"] for job in jobs if job not in held} == {"sent"}
    assert sum(len(desk.letterbox.about(job.id)) for job in jobs) == 3
    days = sorted(mails[job.id]["held_until"] for job in held)
    assert [days.count(day) for day in sorted({*days})] == [3, 3]

    told = await told_of(desk, *jobs)
    assert told.keys() == {job.id for job in held}
    first, taken_back = held[0], held[1]
    assert told[first.id]["what"].startswith("Held until ")
    assert ": the customer gets enough other e-mails before then. " in told[first.id]["what"]
    assert told[first.id]["cure"].startswith("Nothing to do: it goes out then.")
    figures = (await desk.http.get("/metrics")).text
    assert 'steward_held_mails{reason="daily_limit"}' in figures
    listed = (await desk.http.get("/mail", params={"job_id": first.id})).json()["items"]
    assert listed[0]["held_until"] == mails[first.id]["held_until"]
    for page in ("/console/mail", f"/console/mail/{listed[0]['id']}", f"/console/jobs/{first.id}"):
        shown = await desk.http.get(page, params={"job_id": first.id})
        assert shown.status_code == 200
        assert "until" in shown.text
        assert re.search(r">\s*Held\s*</span>", shown.text), "one word for it everywhere"
        assert "enough other e-mails before then." in shown.text

    until = datetime.fromisoformat(mails[first.id]["held_until"])
    await first.fast_forward_to(until + timedelta(minutes=1))
    assert (await mail_of(first))["state"] == "sent"
    assert "held_until" not in await mail_of(first)
    assert len(desk.letterbox.about(first.id)) == 1

    await taken_back.ok("customer_refused", "customer_service", reason="Wants a provider of ours")
    assert await taken_back.outcome() == "refused", "it does not wait for a mail that nobody needs"
    assert (await mail_of(taken_back))["state"] == "bounced"
    assert desk.letterbox.about(taken_back.id) == []
    assert taken_back.id not in await told_of(desk, *jobs)


@pytest.mark.rule("G-98")
async def test_by_night_a_mail_waits_and_by_the_built_in_policy_answers_never_do(
    house: Desk,
) -> None:
    hers = customer(someone())
    job = await instructed(house.under(by_night(hers)), customer=hers)
    mail = await mail_of(job)
    assert (mail["state"], mail["held_for"]) == ("queued", "quiet_hours")
    told = (await told_of(house, job))[job.id]["what"]
    assert "it's outside the hours in which customers get e-mail." in told

    answers = [await instructed(house, customer=hers) for _ in range(4)]
    assert {(await mail_of(each))["state"] for each in answers} == {"sent"}


# --- what comes back later --------------------------------------------------------------------


async def report(
    desk: Desk, body: dict[str, Any] | bytes, webhook_id: str | None = None, secret: str = SECRET
) -> httpx.Response:
    return await desk.post_event(body, webhook_id, secret, to="/hooks/mail")


def bounce(mail_key: str, **changes: Any) -> dict[str, Any]:
    return {
        "type": "mail.bounced",
        "message_id": f"<{message_token(mail_key)}@home-warranty.example>",
        "reason": "550 5.1.1 no such user",
        **changes,
    }


def key_of(desk: Desk, job: Told) -> str:
    return desk.letterbox.about(job.id)[0].key


@pytest.mark.rule("G-73")
async def test_a_mail_that_comes_back_later_has_the_customer_reached_in_another_way(
    house: Desk,
) -> None:
    job = await instructed(house)
    key = key_of(house, job)
    raw = returned().replace(TOKEN.encode(), message_token(key).encode())
    said = {"type": "mail.returned", "raw": b64encode(raw).decode()}

    answer = (await report(house, said, "dsn-1" + job.id)).json()
    assert answer == {
        "event_id": "dsn-1" + job.id,
        "outcome": "delivered",
        "workflow_id": job.workflow_id,
    }
    await house.eventually(job, lambda shown: shown["lifecycles"][0]["attention"])
    page = await job.page()
    assert page.attention == ["delivery_failed"]
    assert (page.mails[-1][2], page.tasks("dispatch")) == ("bounced", ["reach_otherwise"])
    stuck = (await house.http.get("/stuck")).json()["items"]
    (mail,) = [each for each in stuck if each["job_id"] == job.id and each["kind"] == "mail"]
    assert "no such user" in mail["what"]

    again = (await report(house, said, "dsn-1" + job.id)).json()
    another = (await report(house, bounce(key))).json()
    assert (again["outcome"], another["outcome"]) == ("duplicate", "ignored")
    kinds = [task["kind"] for task in (await job.show())["tasks"]]
    assert kinds.count("reach_otherwise") == 1


@pytest.mark.rule("G-73")
async def test_after_the_end_nobody_is_asked_about_what_does_not_matter_any_more(
    house: Desk,
) -> None:
    job = await instructed(house)
    await job.ok("customer_refused", "customer_service", reason="Wants a provider of ours")
    assert await job.outcome() == "refused"
    before = (await job.show())["tasks"]
    said = bounce(key_of(house, job))

    answer = (await report(house, said)).json()

    assert (answer["outcome"], answer["reason"]) == ("ignored", NOBODY_NEEDS_IT)
    shown = await job.show()
    assert (shown["tasks"], shown["emails"][-1]["state"]) == (before, "bounced")
    assert [each["what"] for each in shown["journal"]].count(NOBODY_NEEDS_IT) == 1


@pytest.mark.rule("PO-68")
async def test_after_the_end_somebody_is_asked_what_the_lifecycle_would_ask_and_once(
    house: Desk,
) -> None:
    job = await house.searching()
    await job.ok("report_cannot_locate", "plusone")
    assert await job.outcome() == "no_provider_found"
    for _ in range(2):
        await report(house, bounce(key_of(house, job)))
    tasks = [task for task in (await job.show())["tasks"] if task["kind"] == "mail_undelivered"]
    assert [(task["role"], task["status"]) for task in tasks] == [("dispatch", "open")]
    assert tasks[0]["text"].startswith("Call PlusOne and ask it to e-mail the customer")


async def test_what_is_no_bounce_changes_nothing(house: Desk) -> None:
    job = await instructed(house)
    for changes in (
        {"permanent": False},
        {"type": "mail.delayed"},
        {"type": "mail.delivered"},
        {"type": "mail.complained"},
    ):
        answer = (await report(house, bounce(key_of(house, job), **changes))).json()
        assert answer["outcome"] == "ignored"
    page = await job.page()
    assert (page.mails[-1][2], page.attention) == ("sent", [])


async def test_what_is_about_no_mail_of_ours_is_a_dead_letter_and_forged_is_refused(
    house: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = uuid4().hex
    for body in (
        {"type": "mail.bounced", "message_id": OURS, "reason": mark},
        {"type": "mail.returned", "raw": b64encode(returned(message="\n\n" + mark)).decode()},
        {"type": "mail.returned", "raw": mark},
        {"type": "job.assigned", "why": mark},
        mark.encode(),
    ):
        answer = (await report(house, body)).json()
        assert answer["outcome"] == "dead_letter", body
    dead = (await house.http.get("/hooks/dead")).json()["items"]
    assert dead[0]["webhook_id"].startswith("mail:msg_")
    replayed = await house.http.post(f"/hooks/dead/{dead[0]['id']}/replay")
    assert replayed.json()["outcome"] == "dead_letter"
    assert 'steward_bounces_total{kind="unreadable"}' in (await house.http.get("/metrics")).text

    stranger = f"whsec_{b64encode(b'x' * 32).decode()}"
    forged = await report(house, bounce("key"), secret=stranger)
    assert forged.status_code == 401
    assert (await report(house, b" " * 300_000)).status_code == 413
    logged = capsys.readouterr()
    assert mark not in logged.out + logged.err
