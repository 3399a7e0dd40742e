"""Whatever comes in is kept and answered, each once; only strangers are turned away."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.signatures import HookSecrets, generate_secret, sign
from service.events import Received
from starters.bodies import LARGEST_BODY
from store import schema
from store.inbox import Outcome
from tests.desk import PLUSONE, SECRET, Desk, Told, iso, now
from tests.server.conftest import api
from tests.store.rows import how_many, rows

A_SECOND = timedelta(seconds=1)
PROVIDER = {"number": "4711", "name": "Tulsa Plumbing"}


def headers(body: bytes, **changes: Any) -> dict[str, str]:
    """Return the headers of a signed body; the changes: another secret, or a clock that is off."""
    sent = {"secret": SECRET, "off": timedelta(0), **changes}
    webhook_id, at = f"msg_{uuid4().hex}", now() + sent["off"]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign(sent["secret"], webhook_id, at, body),
    }


def event_of(job: Told, type_: str = "job.created", data: object = None) -> dict[str, Any]:
    return {
        "type": type_,
        "occurred_at": iso(now()),
        "actor": {"name": "Dana", "role": "dispatch"},
        "job": job.fields,
        "data": data,
    }


def with_provider(desk: Desk, **fields: Any) -> Told:
    """Return a job that no lifecycle is interested in."""
    return desk.job(assigned_to=PROVIDER, **fields)


async def answered(desk: Desk, body: bytes | dict[str, Any], **options: Any) -> dict[str, Any]:
    response = await desk.post_event(body, **options)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


# --- strangers --------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_what_is_not_signed_is_refused_and_not_kept(house: Desk, missing: str) -> None:
    body = json.dumps(event_of(house.job())).encode()
    sent = headers(body)
    del sent[missing]
    await assert_turned_away(house, body, sent)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": generate_secret()},
        {"off": timedelta(minutes=-6)},
        {"off": timedelta(minutes=6)},
    ],
    ids=["another secret", "too old", "of the future"],
)
async def test_what_is_signed_wrongly_or_long_ago_is_refused_and_not_kept(
    house: Desk, wrong: dict[str, Any]
) -> None:
    body = json.dumps(event_of(house.job())).encode()
    await assert_turned_away(house, body, headers(body, **wrong))


async def test_what_was_changed_on_its_way_is_refused_and_not_kept(house: Desk) -> None:
    body = json.dumps(event_of(house.job())).encode()
    await assert_turned_away(house, body + b" ", headers(body))
    await assert_turned_away(house, body, headers(body) | {"webhook-id": "msg_other"})
    await assert_turned_away(house, body, headers(body) | {"webhook-signature": "v1,AAAA"})


async def assert_turned_away(desk: Desk, body: bytes, sent: dict[str, str]) -> None:
    before = await how_many(desk.database, schema.inbox)
    response = await desk.http.post("/hooks/jobs", content=body, headers=sent)
    assert response.status_code == 401
    assert response.json()["error"] == "unauthenticated"
    assert SECRET not in response.text
    assert await how_many(desk.database, schema.inbox) == before


async def test_while_secrets_are_rotated_each_of_them_opens(desk: Desk) -> None:
    old, new = SECRET, generate_secret()
    async with api(desk, secrets=HookSecrets.parse(f"{new},{old}")) as rotating:
        for secret in (new, old):
            body = event_of(with_provider(desk))
            assert (await answered(rotating, body, secret=secret))["outcome"] == "ignored"
    async with api(desk, secrets=HookSecrets.parse(new)) as rotated:
        response = await rotated.post_event(event_of(with_provider(desk)), secret=old)
    assert response.status_code == 401


# --- too large --------------------------------------------------------------------------------


def of_size(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


async def test_the_largest_body_is_taken_and_one_byte_more_is_not(house: Desk) -> None:
    assert LARGEST_BODY == 256 * 1024
    largest = of_size(LARGEST_BODY)
    assert (await answered(house, largest))["outcome"] == "dead_letter"
    before = await how_many(house.database, schema.inbox)
    response = await house.post_event(of_size(LARGEST_BODY + 1))
    assert response.status_code == 413
    assert await how_many(house.database, schema.inbox) == before


async def test_a_body_of_no_announced_length_is_not_read_to_its_end(desk: Desk) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"x" * 65_536

    response = await desk.http.post("/hooks/jobs", content=endless(), headers=headers(b""))
    assert "content-length" not in response.request.headers
    assert response.status_code == 413
    assert sent <= LARGEST_BODY + 2 * 65_536


async def test_a_body_in_pieces_is_put_together(desk: Desk) -> None:
    body = json.dumps(event_of(with_provider(desk))).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    response = await desk.http.post("/hooks/jobs", content=pieces(), headers=headers(body))
    assert response.json()["outcome"] == "ignored"


# --- authentic nonsense -----------------------------------------------------------------------


def changed(path: str, value: object) -> Any:
    """Return what sets a field of an event, or with `...` takes it away."""

    def change(event: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place = event
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value

    return change


UNREADABLE = {
    "empty": b"",
    "blank": b"  ",
    "no JSON": b"<event/>",
    "half of JSON": b'{"type": "job.assigned"',
    "null": b"null",
    "a number": b"7",
    "a text": b'"job.assigned"',
    "a list": b"[]",
    "an empty object": b"{}",
    "another shape": b'{"event": {"kind": "assigned"}}',
    "two objects": b"{} {}",
    "invalid UTF-8": b'{"type": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"type": "job.assigned"}'.encode("utf-16"),
    "NUL bytes": b"\x00" * 100,
    "nested deeply": b"[" * 100_000,
    "nested deeply in an event": b'{"type": "job.created", "data": ' + b'{"a":' * 20_000,
    "a huge number": b'{"type": ' + b"9" * 10_000 + b"}",
    "a number beyond all floats": b'{"type": "job.created", "occurred_at": 1e999999}',
    "not a number": b'{"type": "job.created", "occurred_at": NaN}',
    "the same key twice": b'{"type": "job.created", "type": "job.exploded"}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_read_is_a_dead_letter(house: Desk, body: bytes) -> None:
    webhook_id = f"msg_{uuid4().hex}"
    answer = await answered(house, body, webhook_id=webhook_id)
    assert answer["outcome"] == "dead_letter"
    assert answer["event_id"] == webhook_id
    assert answer["reason"]
    (row,) = await rows(house.database, schema.inbox, webhook_id=webhook_id)
    assert (row["body"], row["state"]) == (body, "dead")


NONSENSE = {
    "an unknown type": changed("type", "job.exploded"),
    "NUL for a type": changed("type", "\0"),
    "no type": changed("type", ...),
    "no job": changed("job", ...),
    "no job id": changed("job.job_id", ...),
    "an empty job id": changed("job.job_id", ""),
    "a job id that is a path": changed("job.job_id", "../../etc/passwd"),
    "a job id of two lines": changed("job.job_id", "SJ-1\n"),
    "a job id that is too long": changed("job.job_id", "S" * 65),
    "a number for a job id": changed("job.job_id", 1001),
    "an unknown status": changed("job.status", "Exploded"),
    "an unknown severity": changed("job.severity", "Rather urgent"),
    "an unknown role": changed("actor.role", "king"),
    "an actor without a name": changed("actor.name", " "),
    "no time zone": changed("occurred_at", "2026-11-21T14:05:00"),
    "no such day": changed("occurred_at", "2026-02-30T14:05:00Z"),
    "before all years": changed("occurred_at", "0001-01-01T00:00:00+14:00"),
    "after all years": changed("occurred_at", "9999-12-31T23:59:59-14:00"),
    "assigned at the end of time": changed("job.assigned_at", "9999-12-31T23:59:59Z"),
    "reported at the beginning of time": changed(
        "job.diagnostic_report_at", "0001-01-01T00:00:00Z"
    ),
    "a name that is too long": changed("job.assigned_to.name", "N" * 301),
    "a trade that is too long": changed("job.trade", "T" * 301),
    "NUL in the order's number": changed("job.order_id", "SO\x00500"),
    "NUL in the trade": changed("job.trade", "Plumb\0ing"),
    "NUL in the item": changed("job.item.name", "Kitchen\0faucet"),
    "NUL in the account": changed("job.assigned_to.name", "Plus\0One"),
    "NUL in the actor": changed("actor.name", "Da\0na"),
    "a lone surrogate": changed("job.item.name", "\ud800"),
    "a lone surrogate in the customer": changed("job.customer.name", "Ada \udfff"),
}


@pytest.mark.parametrize("change", NONSENSE.values(), ids=NONSENSE.keys())
async def test_an_event_that_makes_no_sense_is_a_dead_letter(house: Desk, change: Any) -> None:
    event = copy.deepcopy(event_of(house.job(), "job.assigned"))
    change(event)
    answer = await answered(house, event)
    assert answer["outcome"] == "dead_letter"
    assert answer["reason"]


@pytest.mark.parametrize("job_id", ["SJ/1001", "SJ 1001", "SJé1001", "-1001", "S" * 65])
async def test_a_dead_letter_says_in_what_form_the_job_s_number_has_to_be(
    house: Desk, job_id: str
) -> None:
    event = copy.deepcopy(event_of(house.job(), "job.assigned"))
    changed("job.job_id", job_id)(event)
    answer = await answered(house, event)
    assert answer["outcome"] == "dead_letter"
    assert (
        "use letters A to Z, digits, dots, dashes and underscores, 64 at most" in answer["reason"]
    )


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("job.appointment_confirmed", {"kind": "party", "at": "2026-11-21T14:05:00Z"}),
        ("job.appointment_confirmed", {"kind": "repair", "at": "1999-11-21T14:05:00Z"}),
        ("document.received", {"kind": "novel"}),
    ],
)
async def test_data_that_make_no_sense_make_a_dead_letter(
    house: Desk, type_: str, data: object
) -> None:
    answer = await answered(house, event_of(house.job(), type_, data))
    assert answer["outcome"] == "dead_letter"


async def test_unknown_fields_are_no_reason_to_lose_the_rest(house: Desk) -> None:
    event = event_of(with_provider(house, weather="fine"))
    event |= {"version": 7, "data": {"mood": ["good"]}}
    assert (await answered(house, event))["outcome"] == "ignored"


@pytest.mark.parametrize(
    "text", ["Ünïcödé – 東京 👩‍🔧", "\u202eright to left", "\x01\x1b[31m", "'; DROP TABLE jobs; --"]
)
async def test_any_other_text_is_kept_as_it_is(house: Desk, text: str) -> None:
    job = with_provider(house, item={"name": text, "category": "other"})
    assert (await job.note(text))["outcome"] == "ignored"
    shown = await job.show()
    assert shown["job"]["item"]["name"] == shown["notes"][0]["text"] == text


async def test_the_longest_texts_that_fit_are_carried_through(house: Desk) -> None:
    """So that nothing of what is kept can later wedge a lifecycle."""
    job = house.job(
        job_id=f"{house.job().id}-{'x' * 40}"[:64],
        order_id="O" * 300,
        trade="Plumbing",
        item={"name": "I" * 300, "category": "other"},
        brand="B" * 300,
    )
    assert (await job.assigned(webhook_id="w" * 256))["outcome"] == "started"
    await house.eventually(job, lambda shown: bool(shown["notes"]))
    await job.note("A" * 20_000)
    await job.becomes("Accepted", webhook_id="v" * 256)
    await job.until("accepted")


# --- once, and in order -----------------------------------------------------------------------


async def test_the_same_event_again_has_no_second_effect(house: Desk) -> None:
    job = await house.searching()
    first = await job.note("ASSIGNMENT three called", webhook_id=f"msg_{job.id}")
    (row,) = await rows(house.database, schema.inbox, webhook_id=f"msg_{job.id}")
    assert first["outcome"] == "delivered"
    for _ in range(3):
        again = await answered(house, row["body"], webhook_id=f"msg_{job.id}")
        assert again["outcome"] == "duplicate"
    notes = [note["text"] for note in (await job.show())["notes"]]
    assert notes.count("ASSIGNMENT three called") == 1
    assert len(await rows(house.database, schema.inbox, webhook_id=f"msg_{job.id}")) == 1


async def test_of_the_same_event_sent_at_once_one_counts(house: Desk) -> None:
    job = house.job()
    body = json.dumps(event_of(job, "job.assigned")).encode()
    sent = [answered(house, body, webhook_id=f"msg_{job.id}") for _ in range(6)]
    outcomes = sorted(answer["outcome"] for answer in await asyncio.gather(*sent))
    assert outcomes == ["duplicate"] * 5 + ["started"]
    await house.eventually(job, lambda shown: bool(shown["notes"]))
    assert len((await job.show())["assignments"]) == 1


async def test_an_id_used_for_another_body_is_a_dead_letter_that_can_be_replayed(
    house: Desk,
) -> None:
    job = await house.searching()
    webhook_id = f"msg_{job.id}"
    await job.note("first", webhook_id=webhook_id)
    other = await job.note("second", webhook_id=webhook_id)
    assert other["outcome"] == "dead_letter"
    assert other["reason"] == "This webhook-id was already used for a different body"
    assert "second" not in [note["text"] for note in (await job.show())["notes"]]
    (letter,) = await dead_letters(house, webhook_id)
    replayed = await house.http.post(f"/hooks/dead/{letter['id']}/replay")
    assert replayed.json()["outcome"] == "delivered"
    shown = await house.eventually(
        job, lambda shown: "second" in [note["text"] for note in shown["notes"]]
    )
    assert [note["text"] for note in shown["notes"]].count("first") == 1
    assert await dead_letters(house, webhook_id) == []


async def test_a_replayed_dead_letter_that_is_still_unreadable_is_one_again(house: Desk) -> None:
    webhook_id = f"msg_{uuid4().hex}"
    await answered(house, b"not JSON", webhook_id=webhook_id)
    (letter,) = await dead_letters(house, webhook_id)
    replayed = await house.http.post(f"/hooks/dead/{letter['id']}/replay")
    assert (replayed.status_code, replayed.json()["outcome"]) == (200, "dead_letter")
    assert await dead_letters(house, webhook_id) == [letter]


@pytest.mark.parametrize("inbox_id", ["0", "-1", "999999999", str(2**63), "9" * 40, "x"])
async def test_there_is_no_such_dead_letter(house: Desk, inbox_id: str) -> None:
    response = await house.http.post(f"/hooks/dead/{inbox_id}/replay")
    assert response.status_code == 404
    assert response.json()["error"] == "not_found"


async def dead_letters(desk: Desk, webhook_id: str) -> list[dict[str, Any]]:
    items = (await desk.http.get("/hooks/dead")).json()["items"]
    return [letter for letter in items if letter["webhook_id"] == webhook_id]


async def test_a_sender_whose_clock_runs_ahead_does_not_make_all_others_late(
    house: Desk,
) -> None:
    job = await house.searching()
    await job.becomes("Expired", occurred_at=now() + timedelta(days=300))
    await job.accepted()
    await job.until("accepted")


async def test_an_event_that_comes_late_does_not_turn_the_job_back(house: Desk) -> None:
    job, accepted_at = house.job(), now() - A_SECOND
    await job.assigned(occurred_at=accepted_at - 3 * A_SECOND)
    await job.becomes("Accepted", occurred_at=accepted_at)
    await job.until("accepted")
    await job.becomes("New", occurred_at=accepted_at - A_SECOND)
    await job.note("called the customer", occurred_at=accepted_at - 2 * A_SECOND)
    shown = await job.show()
    assert shown["job"]["status"] == "Accepted"
    assert shown["lifecycles"][0]["stage"] == "accepted"
    assert "called the customer" in [note["text"] for note in shown["notes"]]


# --- our own changes, and jobs that nobody waits for ------------------------------------------


async def test_the_echo_of_our_own_change_changes_nothing(house: Desk) -> None:
    job = await house.searching()
    await job.ok("report_cannot_locate", "plusone")
    await job.until("no_provider_found")
    before = await job.show()
    nobody = {"number": None, "name": "No Provider Found"}
    job.fields |= {"assigned_to": nobody, "assigned_at": iso(now() + A_SECOND), "status": "New"}
    echo = await job.assigned(occurred_at=now() + A_SECOND)
    assert echo["outcome"] == "ignored"
    after = await job.show()
    assert after["assignments"] == before["assignments"]
    assert after["job"]["assigned_to"] == before["job"]["assigned_to"]
    assert after["job"]["assigned_at"] == before["job"]["assigned_at"]
    assert len(after["lifecycles"]) == 1


async def test_an_event_after_the_lifecycle_has_ended_is_kept_and_ignored(house: Desk) -> None:
    job = await house.accepted()
    await job.note("JOB COMPLETE")
    await job.outcome()
    answer = await job.note("ASSIGNMENT one more thing")
    assert answer["outcome"] == "ignored"
    assert answer["reason"] == "nothing running on this job needs it"
    assert "ASSIGNMENT one more thing" in [note["text"] for note in (await job.show())["notes"]]


async def test_a_job_first_heard_of_by_a_note_is_kept_and_ignored(house: Desk) -> None:
    job = house.job()
    assert (await job.note("who knows this job?"))["outcome"] == "ignored"
    shown = await job.show()
    assert shown["job"]["job_id"] == job.id
    assert [note["text"] for note in shown["notes"]] == ["who knows this job?"]
    assert shown["lifecycles"] == []
    assert (await job.assigned())["outcome"] == "started"
    await house.eventually(job, lambda shown: len(shown["notes"]) == 2)


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("job.appointment_confirmed", {"kind": "repair", "at": "2026-11-21T14:05:00Z"}),
        ("job.report_submitted", {"complete": False, "missing": "a photo"}),
        ("job.parts_confirmation_requested", {"what": "compressor"}),
        ("customer.called", {"about": "when?"}),
        ("document.received", {"kind": "estimate", "amount": "240.00"}),
        ("job.status_changed", None),
        ("job.severity_changed", None),
    ],
)
async def test_every_event_is_delivered_to_the_running_lifecycle(
    house: Desk, type_: str, data: object
) -> None:
    job = await house.searching()
    answer = await answered(house, event_of(job, type_, data))
    assert (answer["outcome"], answer["workflow_id"]) == ("delivered", f"plus-one/{job.id}")


async def test_an_event_that_starts_one_lifecycle_is_answered_with_that_one(house: Desk) -> None:
    job = await house.searching()
    answer = await answered(house, event_of(job, "customer.reported_concern", {"concern": "rude"}))
    assert (answer["outcome"], answer["workflow_id"]) == ("started", f"am-escalation/{job.id}")


# --- anything at all --------------------------------------------------------------------------

TEXTS = st.text() | st.sampled_from(["", "\0", "\ud800", "SJ-1", "x" * 400, "2026-11-21", "1e9"])
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


async def assert_legal(desk: Desk, body: bytes) -> Received:
    response = await desk.post_event(body)
    assert response.status_code == 200, response.text
    received = Received.model_validate(response.json())
    assert "later" not in (received.reason or "")
    (row,) = await rows(desk.database, schema.inbox, webhook_id=received.event_id)
    expected = "dead" if received.outcome is Outcome.DEAD_LETTER else "done"
    assert (row["body"], row["state"], row["outcome"]) == (body, expected, received.outcome.value)
    return received


@settings(max_examples=40)
@given(body=st.binary(max_size=300))
async def test_any_bytes_are_kept_and_answered(house: Desk, body: bytes) -> None:
    assert (await assert_legal(house, body)).outcome is Outcome.DEAD_LETTER


@settings(max_examples=40)
@given(value=JSONS)
async def test_any_json_is_kept_and_answered(house: Desk, value: object) -> None:
    received = await assert_legal(house, json.dumps(value).encode())
    assert received.outcome is Outcome.DEAD_LETTER


def places(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the paths to everything in an event."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from places(inner, (*path, key))


VALID = [
    ("job.created", None),
    ("job.assigned", None),
    ("job.note_added", {"note": {"author": {"name": "A", "role": "plusone"}, "text": "PARTS"}}),
    ("job.report_submitted", {"complete": True, "missing": None, "part_eta": "2026-12-01"}),
    ("document.received", {"kind": "estimate", "amount": "240.00"}),
]


@settings(max_examples=80)
@given(data=st.data())
async def test_any_event_that_is_wrong_in_one_place_is_kept_and_answered(
    house: Desk, data: st.DataObject
) -> None:
    type_, extra = data.draw(st.sampled_from(VALID))
    event = copy.deepcopy(event_of(with_provider(house), type_, extra))
    path = data.draw(st.sampled_from(list(places(event))))
    changed(".".join(path), data.draw(JSONS | st.just(...)))(event)
    await assert_legal(house, json.dumps(event).encode())


@settings(max_examples=25)
@given(
    trade=st.text(max_size=300),
    item=st.text(max_size=300),
    name=st.text(max_size=300),
    actor=st.text(max_size=120),
)
async def test_whatever_a_job_is_called_its_search_begins(
    house: Desk, trade: str, item: str, name: str, actor: str
) -> None:
    job = house.job(trade=trade, item={"name": item}, assigned_to={**PLUSONE, "name": name})
    event = event_of(job, "job.assigned") | {"actor": {"name": actor, "role": "dispatch"}}
    received = await assert_legal(house, json.dumps(event).encode())
    assert received.outcome in {Outcome.STARTED, Outcome.DEAD_LETTER}
    if received.outcome is Outcome.STARTED:
        await house.eventually(job, lambda shown: bool(shown["notes"]))


async def test_however_long_ago_a_job_was_assigned_its_search_begins_and_ends(house: Desk) -> None:
    job = house.job(assigned_at="2000-01-01T00:00:00Z")
    assert (await job.assigned())["outcome"] == "started"
    await house.eventually(job, lambda shown: bool(shown["notes"]))
    assert await job.outcome() == "no_provider_found"


async def test_a_job_assigned_ahead_of_our_clock_has_its_48_hours_from_then(house: Desk) -> None:
    assigned_at = now().replace(microsecond=0) + timedelta(hours=20)
    job = house.job(assigned_at=iso(assigned_at))
    assert (await job.assigned())["outcome"] == "started"
    await house.eventually(job, lambda shown: bool(shown["notes"]))
    assert (await job.standing())["due_at"] == iso(assigned_at + timedelta(hours=48))


async def test_a_sender_that_gives_up_leaves_nothing_half_done(desk: Desk) -> None:
    """It hangs up in the middle of its body: nothing was signed, nothing is kept."""
    before = await how_many(desk.database, schema.inbox)

    told: list[Any] = [
        {"type": "http.request", "body": b'{"type":', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return told.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError(f"nobody is there to hear {message}")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/hooks/jobs",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    await desk.app(scope, receive, send)
    assert await how_many(desk.database, schema.inbox) == before
