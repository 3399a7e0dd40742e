"""Events on their way to whoever takes them: signed by the standard, and what each answer means."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from activities.http_subscriber import PATIENCE, HttpSubscriber
from activities.job_system import NotLetInError, NotReachedError, TurnedDownError
from domain.outgoing import public_id
from domain.published import EventType, LifecycleEnded, PublishedEvent
from domain.signatures import HookSecrets, generate_secret
from tests.domain.factories import ASSIGNED_AT
from tests.loop_clock import time_passes
from tests.ports import nobodys_port
from tests.receivers import Answer, Receiver, receiving

OLD, NEW, STRANGER = (generate_secret() for _ in range(3))
EVENT = PublishedEvent.of(
    EventType.LIFECYCLE_ENDED,
    LifecycleEnded(episode=1, from_stage="searching", outcome="cancelled"),
    at=ASSIGNED_AT,
    job_id="SJ-1001–ü",
    lifecycle="plus-one",
).model_dump(mode="json")
EVENT_ID = public_id("events:lifecycle.ended:plus-one/SJ-1001#1", "0")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
async def subscriber(receiver: Receiver) -> AsyncIterator[HttpSubscriber]:
    made = HttpSubscriber(receiver.url, HookSecrets.parse(f"{NEW},{OLD}"))
    yield made
    await made.close()


async def test_an_event_is_what_the_standard_says(
    receiver: Receiver, subscriber: HttpSubscriber
) -> None:
    await subscriber.deliver(EVENT, EVENT_ID)
    (request,) = receiver.requests
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(request.body, dict(request.headers)) == EVENT
    with pytest.raises(WebhookVerificationError):
        Webhook(STRANGER).verify(request.body, dict(request.headers))
    assert request.event_id == EVENT_ID
    assert request.headers["content-type"] == "application/json"
    assert list(request.event) == ["type", "occurred_at", "job_id", "lifecycle", "data"]


async def test_every_attempt_has_the_same_id_and_body_and_its_own_time(receiver: Receiver) -> None:
    clock = iter([datetime(2026, 11, 29, 12, tzinfo=UTC), datetime(2026, 11, 29, 13, tzinfo=UTC)])
    late = HttpSubscriber(receiver.url, HookSecrets.parse(NEW), now=lambda: next(clock))
    await late.deliver(EVENT, EVENT_ID)
    await late.deliver(EVENT, EVENT_ID)
    await late.close()
    first, second = receiver.requests
    assert (first.event_id, first.body) == (second.event_id, second.body)
    times = [int(each.headers["webhook-timestamp"]) for each in receiver.requests]
    assert times[1] - times[0] == 3600
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_success_is_one(
    receiver: Receiver, subscriber: HttpSubscriber, status: int
) -> None:
    receiver.answers = [Answer(status)]
    await subscriber.deliver(EVENT, EVENT_ID)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (301, "STEWARD_EVENTS_URL"),
        (302, "STEWARD_EVENTS_URL"),
        (307, "STEWARD_EVENTS_URL"),
        (308, "STEWARD_EVENTS_URL"),
        (401, "STEWARD_EVENTS_SECRETS"),
        (403, "STEWARD_EVENTS_SECRETS"),
        (404, "STEWARD_EVENTS_URL"),
        (405, "STEWARD_EVENTS_URL"),
        (410, "STEWARD_EVENTS_URL"),
    ],
)
async def test_what_the_endpoint_has_wrong_says_what_to_check(
    receiver: Receiver, subscriber: HttpSubscriber, status: int, hint: str
) -> None:
    receiver.answers = [Answer(status, {"location": receiver.url})]
    with pytest.raises(NotLetInError, match=f"{hint}.*") as refused:
        await subscriber.deliver(EVENT, EVENT_ID)
    assert str(status) in str(refused.value)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_says_nothing_of_the_event_is_tried_again(
    receiver: Receiver, subscriber: HttpSubscriber, status: int
) -> None:
    receiver.answers = [Answer(status, {"retry-after": "7"}), Answer(status)]
    with pytest.raises(NotReachedError, match=str(status)) as failed:
        await subscriber.deliver(EVENT, EVENT_ID)
    assert failed.value.has_answered is (status in {425, 500}), "it is about this event alone"
    assert failed.value.retry_after == timedelta(seconds=7)
    with pytest.raises(NotReachedError) as failed:
        await subscriber.deliver(EVENT, EVENT_ID)
    assert failed.value.retry_after is None


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Sun, 29 Nov 2026 12:01:30 GMT", timedelta(seconds=90)),
        ("Sun, 29 Nov 2026 11:00:00 GMT", timedelta()),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("9" * 50, timedelta(seconds=999_999_999)),
        ("Sun, 29 Nov 2026 12:01:30 -0000", timedelta(seconds=90)),
    ],
)
async def test_a_time_to_wait_may_be_a_date_and_is_never_trusted_to_be_one(
    said: str, wanted: timedelta | None
) -> None:
    def busy(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={b"retry-after": said.encode("latin-1")})

    subscriber = HttpSubscriber(
        "http://localhost/events",
        HookSecrets.parse(NEW),
        httpx.MockTransport(busy),
        now=lambda: datetime(2026, 11, 29, 12, tzinfo=UTC),
    )
    with pytest.raises(NotReachedError) as failed:
        await subscriber.deliver(EVENT, EVENT_ID)
    assert failed.value.retry_after == wanted


@pytest.mark.parametrize("status", [400, 402, 409, 413, 415, 422])
async def test_any_other_refusal_is_of_this_event_for_good(
    receiver: Receiver, subscriber: HttpSubscriber, status: int
) -> None:
    receiver.answers = [Answer(status, body=b"no such\n  type")]
    with pytest.raises(TurnedDownError, match=f"{status}: no such type") as refused:
        await subscriber.deliver(EVENT, EVENT_ID)
    assert refused.value.status == status


async def test_little_of_a_long_answer_is_read(
    receiver: Receiver, subscriber: HttpSubscriber
) -> None:
    receiver.answers = [Answer(400, body=b"x" * 5_000_000)]
    with pytest.raises(TurnedDownError) as refused:
        await subscriber.deliver(EVENT, EVENT_ID)
    assert len(str(refused.value)) <= 310


async def test_silence_may_have_been_a_delivery(
    receiver: Receiver, subscriber: HttpSubscriber
) -> None:
    silence = threading.Event()
    receiver.answers = [Answer(after=silence)]
    delivering = asyncio.create_task(subscriber.deliver(EVENT, EVENT_ID))
    while not receiver.requests:  # noqa: ASYNC110  it has a thread of its own
        await asyncio.sleep(0.01)
    time_passes(PATIENCE)
    with pytest.raises(NotReachedError, match="answer in time") as failed:
        await delivering
    silence.set()
    assert failed.value.may_have_happened
    await subscriber.deliver(EVENT, EVENT_ID)
    assert [each.event_id for each in receiver.requests] == [EVENT_ID, EVENT_ID]


async def test_where_nobody_listens_nothing_was_delivered() -> None:
    nowhere = HttpSubscriber(f"http://127.0.0.1:{nobodys_port()}/", HookSecrets.parse(NEW))
    with pytest.raises(NotReachedError, match="can't be reached") as failed:
        await nowhere.deliver(EVENT, EVENT_ID)
    await nowhere.close()
    assert not failed.value.may_have_happened


async def test_a_connection_that_breaks_off_may_have_been_a_delivery() -> None:
    def breaks(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    subscriber = HttpSubscriber(
        "http://localhost/events", HookSecrets.parse(NEW), httpx.MockTransport(breaks)
    )
    with pytest.raises(NotReachedError, match="broke off") as failed:
        await subscriber.deliver(EVENT, EVENT_ID)
    assert failed.value.may_have_happened


async def test_an_endpoint_that_speaks_no_tls_is_named_so(receiver: Receiver) -> None:
    secure = HttpSubscriber(receiver.url.replace("http:", "https:"), HookSecrets.parse(NEW))
    with pytest.raises(NotReachedError, match="the connection is not safe"):
        await secure.deliver(EVENT, EVENT_ID)
    await secure.close()
