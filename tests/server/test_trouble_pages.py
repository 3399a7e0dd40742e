"""The pages of what needs a hand: each button does its work, and says no to whom it has to."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import insert

from activities.http_job_system import HttpJobSystem
from domain.outgoing import Destination, OutgoingState
from store import schema
from store.database import Database, migrate
from store.losses import Losses
from store.reconciliations import Reconciliations
from tests.desk import Desk, Told, now, sqlite_url
from tests.server.conftest import api
from tests.server.test_outbox_http import put
from tests.server.test_tasks_http import misassigned
from tests.store.rows import execute, rows

PLANTED = "<script>alert(1)</script>"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"


class Sitting:
    """Somebody at the desk, in a role."""

    def __init__(self, desk: Desk, role: str) -> None:
        self._desk = desk
        name = f"Robin of {role}".encode().hex()
        self.cookies = {"steward-here": f"sitting-{role}:{role}:{name}"}

    async def opens(self, address: str, status: int = 200) -> str:
        response = await self._asks("GET", address)
        assert response.status_code == status, response.text
        assert "unsafe" not in response.headers["content-security-policy"]
        return response.text

    async def sends(self, address: str, **fields: object) -> httpx.Response:
        """Send a form of a page that they have just opened."""
        page = await self.opens("/console/hooks")
        (token,) = set(re.findall(r'name="form_token" value="([0-9a-f]+)"', page))
        return await self._asks("POST", address, {**fields, "form_token": token})

    async def told(self, response: httpx.Response) -> str:
        """Return what the page says to which an answer leads."""
        assert response.status_code == 303, response.text
        said = response.cookies["steward-said"]
        return bytes.fromhex(said).decode()

    async def _asks(
        self, method: str, address: str, data: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return await self._desk.http.request(
            method, address, data=data, headers={"cookie": cookies}
        )


async def dead_letter(desk: Desk, job: Told, text: str = "The right one") -> int:
    """Have an event of a job become a dead letter that can be replayed; return its number."""
    webhook_id = f"reused-{uuid4().hex}"
    await job.note("The first one", webhook_id=webhook_id)
    answer = await job.note(text, webhook_id=webhook_id)
    assert answer["outcome"] == "dead_letter"
    found = await rows(desk.database, schema.inbox, webhook_id=webhook_id, state="dead")
    return int(found[0]["id"])


async def unreadable(desk: Desk, said: str) -> int:
    """Have an event that nobody can read become a dead letter; return its number."""
    answer = (await desk.post_event({"type": "job.exploded", "said": said})).json()
    found = await rows(desk.database, schema.inbox, webhook_id=answer["event_id"])
    return int(found[0]["id"])


@pytest.fixture
def supervisor(desk: Desk) -> Sitting:
    return Sitting(desk, "supervisor")


@pytest.fixture
def agent(desk: Desk) -> Sitting:
    return Sitting(desk, "customer_service")


async def test_a_form_that_is_of_no_page_changes_nothing(desk: Desk) -> None:
    event = await unreadable(desk, "Nothing")
    for address in (
        f"/console/hooks/{event}/replay",
        "/console/hooks/replay",
        "/console/stuck/dismiss",
        "/console/stuck/close",
        "/console/outbox/1/retry",
        "/console/outbox/1/drop",
    ):
        response = await desk.http.post(address, data={"form_token": "guessed"})
        assert response.status_code == 403, address


# --- stuck ------------------------------------------------------------------------------------


async def alerted(desk: Desk) -> Told:
    job = await desk.searching()
    await job.signal("aprove", {})
    await desk.eventually(job, lambda shown: shown["lifecycles"][0]["attention"])
    return job


async def test_an_alert_is_dismissed_with_a_reason(desk: Desk, supervisor: Sitting) -> None:
    job = await alerted(desk)
    page = await supervisor.opens("/console/stuck")
    assert f'id="dismiss-{job.id}-plus-one-bad_message"' in page
    alert = {"job_id": job.id, "lifecycle": "plus-one", "attention": "bad_message"}
    refused = await supervisor.sends("/console/stuck/dismiss", **alert)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    answer = await supervisor.sends("/console/stuck/dismiss", **alert, reason="A slip of the pen")
    assert await supervisor.told(answer) == f"Alert “Message refused” dismissed on {job.id}."
    assert (await job.page()).standing["attention"] == []
    assert (await job.show())["journal"][-1]["actor"]["name"] == "Robin of supervisor"
    assert f"dismiss-{job.id}" not in await supervisor.opens("/console/stuck")
    late = await supervisor.sends("/console/stuck/dismiss", **alert, reason="Me too")
    assert late.status_code == 409
    assert "You typed: <q" in late.text
    assert ">Me too</q>" in late.text


async def test_an_agent_who_dismisses_is_told_whom_to_ask(desk: Desk, agent: Sitting) -> None:
    job = await alerted(desk)
    page = await agent.opens("/console/stuck")
    assert "A supervisor can dismiss it." in page
    alert = {"job_id": job.id, "lifecycle": "plus-one", "attention": "bad_message"}
    refused = await agent.sends("/console/stuck/dismiss", **alert, reason=PLANTED)
    assert refused.status_code == 403
    assert "supervisor" in refused.text
    assert f'value="{SHOWN}"' in refused.text  # what was typed stays
    assert PLANTED not in refused.text
    assert (await job.page()).standing["attention"] == ["bad_message"]


async def test_a_lifecycle_or_task_that_is_not_there_is_not_found(supervisor: Sitting) -> None:
    nowhere = {"job_id": "SJ-1", "lifecycle": "nonsense", "attention": "overdue", "reason": "x"}
    assert (await supervisor.sends("/console/stuck/dismiss", **nowhere)).status_code == 404
    for task in ("", "x", "999999999", "9" * 30):
        response = await supervisor.sends("/console/stuck/close", task_id=task)
        assert response.status_code == 404


async def test_a_reopened_job_is_settled_where_it_is_listed(
    desk: Desk, supervisor: Sitting, agent: Sitting
) -> None:
    job = await desk.accepted()
    await job.becomes("Completed")
    await job.ends_as("completed")
    await job.becomes("Accepted")
    (lost,) = [each for each in await Losses(desk.database).reopened() if each.job_id == job.id]
    refused = await agent.sends("/console/stuck/close", task_id=lost.task_id, outcome="Fine")
    assert refused.status_code == 403
    assert "Ask a supervisor." in refused.text
    assert f'id="close-{lost.task_id}"' in await supervisor.opens("/console/stuck")
    answer = await supervisor.sends("/console/stuck/close", task_id=lost.task_id, outcome="Fine")
    assert job.id in await supervisor.told(answer)
    assert f"close-{lost.task_id}" not in await supervisor.opens("/console/stuck")


async def test_a_page_that_stands_open_asks_temporal_nothing(desk: Desk) -> None:
    cut_off = await desk.cut_off_from_temporal()
    await cut_off.http.get("/console/stuck")  # says that Temporal doesn't answer, and remembers it
    for _ in range(2):
        page = await cut_off.http.get("/console/stuck", headers={"x-live": "1"})
        assert "For an engineer" in page.text


# --- hooks ------------------------------------------------------------------------------------


async def test_a_dead_letter_is_read_and_replayed(desk: Desk, agent: Sitting) -> None:
    job = await desk.searching()
    event = await dead_letter(desk, job, PLANTED)
    for page in ("/console/hooks", "/console/stuck"):
        assert f'action="/console/hooks/{event}/replay"' in await agent.opens(page)
    shown = await agent.opens(f"/console/hooks/{event}")
    assert PLANTED not in shown
    assert SHOWN in shown
    assert "already used for a different body" in shown
    answer = await agent.sends(f"/console/hooks/{event}/replay", back="/console/stuck")
    assert await agent.told(answer) == "Delivered."
    assert answer.headers["location"] == "/console/stuck"
    await desk.eventually(job, lambda found: found["notes"][-1]["text"] == PLANTED)
    assert "no dead letter" in await agent.opens(f"/console/hooks/{event}", 404)
    again = await agent.sends(f"/console/hooks/{event}/replay")
    assert again.status_code == 404


async def test_what_stays_a_dead_letter_says_why(desk: Desk, agent: Sitting) -> None:
    event = await unreadable(desk, PLANTED)
    answer = await agent.sends(f"/console/hooks/{event}/replay")
    assert await agent.told(answer) == (
        f"Event {event} still can't be read. Settle the cause first."
    )
    assert answer.headers["location"] == f"/console/hooks/{event}"
    page = await agent.opens("/console/hooks")
    assert f'Replay<span class="unseen">, event {event}</span></button>' in page


async def test_all_dead_letters_of_a_reason_are_replayed_at_once(
    desk: Desk, agent: Sitting
) -> None:
    job = await desk.searching()
    first, second = await dead_letter(desk, job, "One"), await dead_letter(desk, job, "Two")
    other = await unreadable(desk, "Another reason")
    reason = "This webhook-id was already used for a different body"
    page = await agent.opens(f"/console/hooks?reason={reason}")
    assert "Replay all with this reason" in page
    assert f"/console/hooks/{other}" not in page
    answer = await agent.sends("/console/hooks/replay", reason=reason)
    for event in (first, second):
        assert f"Event {event}" in answer.text
    told = re.search(r"(\d+) delivered", answer.text)  # others of this reason may be there, too
    assert told
    assert int(told[1]) >= 2
    reloaded = await desk.http.get("/console/hooks/replay")
    assert (reloaded.status_code, reloaded.headers["location"]) == (303, "/console/hooks")
    left = await agent.opens("/console/hooks")
    assert f"/console/hooks/{first}" not in left
    assert f"/console/hooks/{other}" in left


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a": {"b": 1}}', "{\n  &#34;a&#34;: {\n    &#34;b&#34;: 1\n  }\n}"),
        (b"no JSON \xff\x00 at all", "no JSON \ufffd\ufffd at all"),
        (b'{"a": "\\ud800"}', "{\n  &#34;a&#34;: &#34;\ufffd&#34;\n}"),
        (b"[" * 9000, "[[[["),
        ("turned \u202e round".encode(), "turned \ufffd round"),
    ],
)
async def test_any_body_can_be_read(desk: Desk, agent: Sitting, body: bytes, shown: str) -> None:
    answer = (await desk.post_event(body)).json()
    (found,) = await rows(desk.database, schema.inbox, webhook_id=answer["event_id"])
    assert shown in await agent.opens(f"/console/hooks/{found['id']}")


async def test_a_long_body_is_cut(desk: Desk, agent: Sitting) -> None:
    body = json.dumps({"said": "x" * 50_000}).encode()
    answer = (await desk.post_event(body)).json()
    (found,) = await rows(desk.database, schema.inbox, webhook_id=answer["event_id"])
    page = await agent.opens(f"/console/hooks/{found['id']}")
    assert "34.0 kB more are not shown." in page
    assert len(page) < 30_000


# --- mail -------------------------------------------------------------------------------------


async def mail(desk: Desk, job: Told, **changes: object) -> int:
    """Put a mail of a job into the store; return its number."""
    row = {
        "job_id": job.id,
        "at": now(),
        "to": "ada@example.com",
        "template": "apo_offer",
        "subject": f"Choose how we pay you: {PLANTED}",
        "text": f"Hello {PLANTED}",
        "html": "<p style='color:#333'>Hello</p>",
        "state": "sent",
        "attempts": 1,
        "key": f"{job.id} {now().timestamp()}",
        **changes,
    }
    await execute(desk.database, insert(schema.emails).values(row))
    return int((await rows(desk.database, schema.emails, key=row["key"]))[0]["id"])


async def test_mail_is_filtered_and_shown_as_text(desk: Desk, agent: Sitting) -> None:
    job, other = await desk.searching(), await desk.searching()
    sent = await mail(desk, job)
    bounced = await mail(
        desk, other, state="bounced", attempts=3, last_error="550 no such user", template="gone"
    )
    listed = await agent.opens("/console/mail")
    assert PLANTED not in listed
    for query, there, missing in (
        (f"job_id={job.id}", sent, bounced),
        ("state=bounced", bounced, sent),
        ("template=gone&state=&job_id=", bounced, sent),
    ):
        page = await agent.opens(f"/console/mail?{query}")
        assert f'id="mail-{there}"' in page
        assert f'id="mail-{missing}"' not in page
    page = await agent.opens(f"/console/mail/{sent}")
    assert "Ada Byron (customer), ada@example.com" in page
    assert PLANTED not in page
    assert SHOWN in page
    page = await agent.opens(f"/console/mail/{bounced}")
    for said in ("Not delivered.", "550 no such user", "Call the recipient."):
        assert said in page
    assert "There is no such e-mail" in await agent.opens("/console/mail/99999999", 404)
    assert (await desk.http.get("/console/mail?state=nonsense")).status_code == 422


async def test_html_of_a_mail_can_do_nothing(desk: Desk) -> None:
    job = await desk.searching()
    number = await mail(desk, job, html=f"<p>Hello</p>{PLANTED}")
    page = await desk.http.get(f"/console/mail/{number}")
    assert f'<iframe class="letter" sandbox src="/console/mail/{number}/html"' in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    framed = await desk.http.get(f"/console/mail/{number}/html")
    assert framed.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
        "sandbox"
    )
    assert (await desk.http.get("/console/mail/99999999/html")).status_code == 404


async def test_mail_has_all_pages(desk: Desk, agent: Sitting) -> None:
    job = await desk.searching()
    rows_ = [
        {
            "job_id": job.id,
            "at": now(),
            "to": "ada@example.com",
            "template": "many",
            "subject": f"Number {number}",
            "text": "",
            "html": "",
            "state": "sent",
            "attempts": 1,
            "key": f"{job.id} many {number}",
        }
        for number in range(101)
    ]
    await execute(desk.database, insert(schema.emails).values(rows_))
    first = await agent.opens(f"/console/mail?job_id={job.id}")
    assert "Number 100<" in first
    assert "Number 0<" not in first
    (older,) = re.findall(r'href="(/console/mail\?[^"]+)">Older mail', first)
    assert "Number 0<" in await agent.opens(older.replace("&amp;", "&"))


# --- outbox -----------------------------------------------------------------------------------


async def test_an_outbox_that_nobody_reads_says_so(agent: Sitting) -> None:
    assert "Nothing to send" in await agent.opens("/console/outbox")


async def test_a_row_is_sent_again_or_dropped_with_a_reason(
    desk: Desk, supervisor: Sitting, agent: Sitting
) -> None:
    job = await desk.searching()
    first, second = await put(desk, job), await put(desk, job)
    for verb in ("retry", "drop"):
        back = {"back": "/console/outbox?state=refused", "reason": "Entered by hand"}
        refused = await agent.sends(f"/console/outbox/{first['id']}/{verb}", **back)
        assert refused.status_code == 403
        assert "Ask the Admin team or a supervisor." in refused.text
    empty = await supervisor.sends(f"/console/outbox/{first['id']}/drop", back="/console/stuck")
    assert empty.status_code == 422
    assert "<title>Stuck" in empty.text
    answer = await supervisor.sends(
        f"/console/outbox/{first['id']}/drop", reason="Entered by hand", back="https://evil.example"
    )
    assert answer.headers["location"] == "/console/outbox"
    assert "Dropped." in await supervisor.told(answer)
    answer = await supervisor.sends(f"/console/outbox/{second['id']}/retry")
    assert "sends it again" in await supervisor.told(answer)
    journal = [entry["what"] for entry in (await job.show())["journal"]]
    assert "dropped a note for the job system: Entered by hand" in journal
    assert "had a note sent to the job system again" in journal
    assert (await supervisor.sends("/console/outbox/99999999/retry")).status_code == 404
    missing = await supervisor.sends("/console/outbox/99999999/drop", reason="Gone")
    assert missing.status_code == 404
    assert ">Gone</q>" in missing.text
    assert "Steward no longer has this to send." in missing.text


@pytest.mark.parametrize("query", ["state=nonsense", "to=nobody", "job_id=%20", "after=x"])
async def test_the_outbox_refuses_a_query_that_makes_no_sense(desk: Desk, query: str) -> None:
    assert (await desk.http.get(f"/console/outbox?{query}")).status_code == 422


@pytest.fixture
async def telling(desk: Desk, tmp_path: Path) -> AsyncIterator[Desk]:
    """An API that tells a job system and a receiver of events, on a database of its own."""
    url = sqlite_url(tmp_path)
    migrate(url)
    database = Database(url, set(Destination))
    elsewhere = HttpJobSystem("http://127.0.0.1:9", "a-token")
    async with api(desk, database=database, job_system=elsewhere) as opened:
        yield replace(opened, database=database)
    await elsewhere.close()
    await database.close()


async def row(desk: Desk, state: str, **changes: object) -> int:
    """Put a row into the outbox; return its number."""
    number = len(await rows(desk.database, schema.outbox)) + 1
    values = {
        "destination": "job_system",
        "job_id": f"SJ-{number}",
        "what": "add_note",
        "key": f"{state} {number}",
        "generation": 0,
        "at": now(),
        "body": {},
        "state": state,
        "attempts": 1,
        "reason": f"422: {PLANTED}",
        **changes,
    }
    await execute(desk.database, insert(schema.outbox).values(values))
    return number


async def test_the_outbox_tells_how_everybody_answers(telling: Desk) -> None:
    supervisor, agent = Sitting(telling, "supervisor"), Sitting(telling, "dispatch")
    assert "Everything was told" in await supervisor.opens("/console/outbox")
    assert "Not run yet" in await supervisor.opens("/console/outbox")
    for state in OutgoingState:
        await row(telling, state.value)
    waiting = await row(telling, "pending", job_id="SJ-2", attempts=0, reason=None)
    event = await row(telling, "refused", destination="events", what="lifecycle.started")
    silent = {"name": "job_system", "state": "silent", "reason": "it can't be reached"}
    out = {"name": "events", "state": "shut_out", "reason": "401"}
    for each in (silent, out):
        values = {**each, "since": now(), "retry_at": now()}
        await execute(telling.database, insert(schema.destinations).values(values))
    await Reconciliations(telling.database).failed("it answers 500", None, {}, now())
    page = await supervisor.opens("/console/outbox")
    for said in (
        "Doesn&#39;t answer",
        "Doesn&#39;t let Steward in",
        "it answers 500",
        "Waits for an earlier one of this job (2).",
        SHOWN,
        "for the receiver of events",
    ):
        assert said in page, said
    assert PLANTED not in page
    assert f'action="/console/outbox/{waiting}/retry"' in page
    assert f'id="drop-{waiting}"' not in page  # nobody refused it
    for query, shown in (("to=events", {event}), ("state=done", {4}), ("job_id=SJ-1&state=", {1})):
        page = await supervisor.opens(f"/console/outbox?{query}")
        assert {int(each) for each in re.findall(r'id="row-(\d+)"', page)} == shown
    page = await agent.opens("/console/outbox")
    assert "/retry" not in page
    assert "Only a supervisor or the Admin team can send again or drop." in page
    assert "Nothing matches" in await agent.opens("/console/outbox?job_id=SJ-77")


async def test_all_that_was_refused_is_sent_again_at_once(telling: Desk) -> None:
    supervisor, agent = Sitting(telling, "supervisor"), Sitting(telling, "dispatch")
    nothing = await supervisor.sends("/console/outbox/retry")
    assert "sends 0 again" in await supervisor.told(nothing)
    for _ in range(3):
        await row(telling, "refused")
    assert "Send all again" in await supervisor.opens("/console/stuck")
    assert "Send all again" not in await agent.opens("/console/stuck")
    refused = await agent.sends("/console/outbox/retry", back="/console/stuck")
    assert refused.status_code == 403
    assert "Ask the Admin team or a supervisor." in refused.text
    answer = await supervisor.sends("/console/outbox/retry", back="/console/stuck")
    assert await supervisor.told(answer) == "Steward sends 3 again now."
    states = {each["state"] for each in await rows(telling.database, schema.outbox)}
    assert states == {"pending"}


async def test_an_alert_names_who_has_its_task_and_leads_there(
    desk: Desk, supervisor: Sitting
) -> None:
    job, task = await misassigned(desk)
    page = await supervisor.opens("/console/stuck")
    assert f'href="/console/jobs/{job.id}#task-{task["id"]}"' in page
    assert f"A supervisor has the task “{task['label']}”." in page
    assert f'id="task-{task["id"]}"' in await supervisor.opens(f"/console/jobs/{job.id}")
