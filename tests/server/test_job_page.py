"""A job's page over HTTP: where it stands, whom to call, and all that happened."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from domain.roles import Actor, Role
from starters.company_time import company_time
from starters.tokens import Tokens
from store.tokens import TokenStore
from tests.conferences import calling
from tests.desk import Desk, Told, account, iso, now
from tests.server.conftest import api
from tests.server.parsed import Element, parsed

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


async def page_of(desk: Desk, job: Told, query: str = "", role: str = "supervisor") -> Element:
    answer = await desk.http.get(f"/console/jobs/{job.id}{query}", headers=as_role(role))
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)


def as_role(role: str) -> dict[str, str]:
    """Return the cookies of somebody who acts in a role."""
    name = f"Robin of {role}".encode().hex()
    return {"cookie": f"steward-here=abc:{role}:{name}"}


def entries(page: Element) -> list[Element]:
    return page.all("li", cls="item")


async def test_the_top_says_who_has_until_when_and_how_to_reach_everybody(desk: Desk) -> None:
    job = await desk.searching(
        customer={
            "name": "Ana Ruiz",
            "email": "ana@home.example",
            "phone": "918-555-0101",
            "zip": "74101",
            "state": "OK",
        },
        appointment_at=iso(now()),
    )
    standing = (await job.page()).standing
    page = await page_of(desk, job)
    assert page.one("head").one("title").text == f"{job.id} · Waiting for PlusOne · Steward"
    assert page.one("p", cls="sentence").text == standing["next"]
    timer = page.one("p", role="timer")
    assert timer["data-due"].startswith(standing["due_at"][:19])
    assert re.fullmatch(r"\d+ (h|days)( \d+ min)? left", timer.text)
    assert timer["aria-live"] == "off"
    assert {link["href"] for link in page.all("a")} >= {
        "tel:918-555-0101",
        "mailto:ana@home.example",
    }
    glance = page.one("section", cls="facts-row").text
    for said in ("Ana Ruiz", "74101, OK", "PlusOne Solutions", "700010237", "Cinch"):
        assert said in glance
    assert company_time(job.fields["assigned_at"]) in glance
    assert page.one("main")["data-live"] == job.id


async def test_the_lifecycle_that_needs_somebody_comes_first_and_ended_ones_are_folded(
    desk: Desk,
) -> None:
    job = await desk.accepted()
    await job.event("customer.reported_concern", {"concern": "Nobody came"})
    concern = job.of("am-escalation")
    await concern.until("contacting_provider")
    await concern.signal("nobody_knows_me", {})
    await desk.eventually(job, lambda shown: any(e["attention"] for e in shown["lifecycles"]))
    page = await page_of(desk, job)
    cards = [card["id"] for card in page.all("section", cls="standing")]
    assert cards == ["lifecycle-am-escalation", "lifecycle-plus-one"]
    alert = page.one("section", id="lifecycle-am-escalation").one("div", cls="notice").text
    assert alert.startswith("Message refused since ")

    theirs = await page_of(desk, job, role="dispatch")
    assert not theirs.all("details", id="dismiss-am-escalation-bad_message")
    form = page.one("details", id="dismiss-am-escalation-bad_message").one("form")
    fields = {each["name"]: each.attributes.get("value", "") for each in form.all("input")}
    answer = await desk.http.post(
        form["action"], data={**fields, "reason": "A typo"}, headers=as_role("supervisor")
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/jobs/{job.id}")
    await desk.eventually(job, lambda shown: not any(e["attention"] for e in shown["lifecycles"]))

    job.fields["assigned_to"] = account("Tulsa Plumbing", "4711")
    await job.event("job.assigned")
    await desk.eventually(
        job, lambda shown: any(e["outcome"] == "superseded" for e in shown["lifecycles"])
    )
    folded = (await page_of(desk, job)).one("details", id="ended")
    assert "open" not in folded.attributes
    assert folded.all("summary")[0].text.startswith("1 ended: PlusOne search")
    assert folded.all("section", id="lifecycle-plus-one")


async def test_a_job_that_none_follows_says_how_to_start(desk: Desk) -> None:
    job = desk.job(assigned_to=account("Tulsa Plumbing", "4711"))
    await job.event("job.created")
    page = await page_of(desk, job)
    assert page.one("head").one("title").text == f"{job.id} · Not followed · Steward"
    assert "To start" in page.one("section", id="not-followed").text
    assert not page.all("section", id="engine")


async def test_the_stream_tells_everything_once_the_newest_first_with_all_its_fields(
    desk: Desk,
) -> None:
    job = await desk.accepted()
    await job.note("Found Tulsa Plumbing, arrives Tuesday.")
    await job.ok("approve", "authorizations", amount="240.00", non_covered="35.00")
    await job.ok("add_service_job", "dispatch", reason="Second opinion")
    await job.refused("approve", "dispatch", amount="1.00")
    await desk.opens_exception(job, "BO2")
    shown = (await job.page()).shown
    page = await page_of(desk, job)
    stream = page.one("section", id="stream")
    said = " ".join(stream.text.split())
    counts = {
        "notes": len(shown["notes"]),
        "tasks": len(shown["tasks"]),
        "journal": len(shown["journal"]),
        "exceptions": len(shown["exceptions"]),
        "service-jobs": len(shown["service_jobs"]),
    }
    ids = [each["id"] for each in entries(page) if "is-events" not in each.classes]
    assert len(ids) == len(set(ids))
    for kind, count in counts.items():
        assert sum(each.startswith(f"{kind}-") for each in ids) == count, kind
    for note in shown["notes"]:
        assert " ".join(note["text"].split()) in said
    for expected in (
        "Note PlusOne Public",
        "Sam (Authorizations)",
        "Service job added for",
        "Second opinion",
        "Exception BO2",
        "Refused (Approve the repair)",
    ):
        assert expected in said
    times = [each.all("time")[0]["datetime"] for each in entries(page)]
    assert times == sorted(times, reverse=True)
    assert re.search(r"\d+ system events", said)
    rules = {link.text: link["href"] for link in stream.all("a", cls="rule")}
    assert rules["PO-41"] == "/console/procedures/plus-one#PO-41"


async def test_the_address_keeps_the_filter_and_pages_go_on_to_the_oldest(desk: Desk) -> None:
    job = await desk.searching()
    for number in range(103):
        await job.note(f"Note {number}.")
    await desk.eventually(job, lambda shown: len(shown["notes"]) == 104)
    page = await page_of(desk, job, "?show=notes")
    assert {each["id"].split("-")[0] for each in entries(page)} == {"notes"}
    on = [each for each in page.all("a", cls="filter") if "aria-current" in each.attributes]
    assert [each.text for each in on] == ["Notes 104"]
    assert on[0]["href"] == f"/console/jobs/{job.id}#stream"
    older = next(each for each in page.all("a") if each.text == "Older entries")
    assert "show=notes" in older["href"]
    rest = await page_of(desk, job, older["href"].partition(job.id)[2].partition("#")[0])
    both = [each["id"] for each in [*entries(page), *entries(rest)]]
    assert len(both) == len(set(both)) == 104
    assert any(each.text == "Newest entries" for each in rest.all("a"))
    nothing = await page_of(desk, job, "?show=exceptions")
    assert "There is nothing of this kind." in nothing.one("section", id="stream").text
    everything = await page_of(desk, job, "?show=nonsense")
    assert len(entries(everything)) == 100


async def test_the_timeline_draws_each_promise_and_says_the_same_in_words(desk: Desk) -> None:
    job = await desk.accepted()
    shown = (await job.page()).shown
    page = await page_of(desk, job)
    lanes = page.one("section", id="timeline").all("li", cls="lane")
    assert len(lanes) == len(shown["promises"])
    for promise in shown["promises"]:
        assert any(promise["duty"] in lane.text and promise["rule"] in lane.text for lane in lanes)
    drawing = page.one("svg", cls="timeline-drawing")
    assert len(drawing.all("g", cls="promise")) == len(lanes)
    assert "Accepted by PlusOne" in drawing.text
    assert "PlusOne is searching → Accepted by PlusOne" in page.one("ol", cls="moves").text
    assert not [each for each in page.all() if "style" in each.attributes]


async def test_an_engineer_finds_the_workflow_and_what_to_send_it(desk: Desk) -> None:
    job = await desk.accepted()
    page = await page_of(desk, job, role="authorizations")
    engine = page.one("section", id="engine")
    assert f"plus-one/{job.id}" in engine.text
    assert not engine.all("a")  # nobody said where Temporal UI is
    payload = json.loads(unescape(engine.one("pre", id="payload-plus-one-approve").text))
    assert payload["actor"] == {"name": "Robin of authorizations", "role": "authorizations"}
    await job.signal("approve", payload)
    await desk.eventually(
        job, lambda shown: any("JOB APPROVAL" in note["text"] for note in shown["notes"])
    )


async def test_a_job_that_was_moved_ahead_counts_from_its_own_now(desk: Desk) -> None:
    job = await desk.searching(customer=None)
    page = await page_of(desk, job)
    assert "clock was moved ahead" not in page.one("article").text
    assert "Customer Not known" in page.one("section", cls="facts-row").text
    before = page.one("article", cls="job")["data-now"]
    await job.fast_forward("25h")  # past the check on the search
    await desk.eventually(job, lambda shown: shown["tasks"])
    page = await page_of(desk, job)
    assert "clock was moved ahead" in page.one("article").text
    assert page.one("article", cls="job")["data-now"] > before
    assert re.fullmatch(r"2[23] h( \d+ min)? left|24 h left", page.one("p", role="timer").text)


async def test_with_a_sign_in_signals_are_not_proposed_and_temporal_ui_is_where_it_is(
    desk: Desk,
) -> None:
    job = await desk.searching()
    store = TokenStore(desk.database)
    made = await store.new(Actor(name="Robin", role=Role.SUPERVISOR), now())
    tokens, ui = Tokens(store), "https://temporal.example/"
    async with api(desk, tokens=tokens, temporal_ui=ui) as guarded:
        bearer = {"authorization": f"Bearer {made.token}"}
        answer = await guarded.http.get(f"/console/jobs/{job.id}", headers=bearer)
    engine = parsed(answer.text).one("section", id="engine")
    assert not engine.all("pre")
    assert "counts only with a proof" in engine.text
    link, *proofs = [each["href"] for each in engine.all("a")]
    workflows = "https://temporal.example/namespaces/default/workflows"
    assert link == f"{workflows}/plus-one%2F{job.id}"
    assert proofs
    assert all(each.startswith(f"/console/jobs/{job.id}/plus-one/") for each in proofs)


@pytest.mark.parametrize("typed", ["sj-{n}", "SJ{n}"])
async def test_a_number_typed_another_way_finds_the_job_that_was_meant(
    desk: Desk, typed: str
) -> None:
    job = await desk.searching()
    answer = await desk.http.get(f"/console/jobs/{typed.format(n=job.id.removeprefix('SJ-'))}")
    assert answer.status_code == 404
    assert {each["href"] for each in parsed(answer.text).all("a")} >= {f"/console/jobs/{job.id}"}


def _with_script(job: dict[str, Any]) -> dict[str, Any]:
    person = dict.fromkeys(("name", "email", "phone", "zip", "state"), SCRIPT)
    return {
        "order_id": SCRIPT,
        "sub_status": SCRIPT,
        "trade": "Plumbing",
        "item": {"name": SCRIPT, "category": "other"},
        "customer": person,
        "brand": SCRIPT,
        "original_provider_network": SCRIPT,
        "assigned_to": {**job["assigned_to"], "email": SCRIPT, "phone": SCRIPT},
    }


async def test_planted_script_stays_text_in_every_field(desk: Desk) -> None:
    job = desk.job()
    job.fields |= _with_script(job.fields)
    assert (await job.assigned())["outcome"] == "started"
    await job.accepted()
    actor = {"name": SCRIPT, "role": "plusone"}
    note = {"author": actor, "text": SCRIPT, "visibility": "Public"}
    await job.event("job.note_added", {"note": note}, actor=actor)
    await job.event("customer.called", {"about": SCRIPT})
    await job.event("customer.reported_concern", {"concern": SCRIPT})
    await job.ok("add_service_job", "dispatch", reason=SCRIPT)
    await job.do("request_info", "authorizations", text=SCRIPT, questions=SCRIPT)
    await job.signal(SCRIPT[:60], {"actor": actor, "text": SCRIPT})
    await desk.eventually(job, lambda shown: any(e["attention"] for e in shown["lifecycles"]))
    answer = await desk.http.get(f"/console/jobs/{job.id}")
    assert "alert(1)" in answer.text
    page = parsed(answer.text)
    assert {script["src"].rpartition("/")[2] for script in page.all("script")} >= {"clock.js"}
    assert all("src" in script.attributes for script in page.all("script"))
    assert [image["alt"] for image in page.all("img")] == [""]
    assert not [each for each in page.all() if any(n.startswith("on") for n in each.attributes)]


async def test_a_procedure_on_the_phone_has_its_call_screen_one_click_away(desk: Desk) -> None:
    job = await calling(desk)
    page = await page_of(desk, job)
    (link,) = [each for each in page.all("a") if each.text == "Open the call screen"]
    assert (await desk.http.get(link["href"])).status_code == 200
