"""What hooks tell is checked once, at the door, and whatever is taken can be read for ever."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from store import schema
from tests.desk import Desk, now
from tests.server.test_hooks import answered, changed, event_of, with_provider
from tests.store.rows import rows

NOTE = {"author": {"name": "Pat", "role": "plusone"}, "text": "Called."}


@pytest.mark.parametrize(
    "change",
    [
        changed("job.appointment_at", "2199-12-31T23:59:59-05:00"),
        changed("job.assigned_at", 0),
        changed("job.assigned_at", "1999-12-31T23:59:59Z"),
        changed("job.assigned_at", "2190-01-01T00:00:00Z"),
        changed("job.diagnostic_report_at", "2190-01-01T00:00:00Z"),
    ],
)
async def test_a_nonsense_instant_is_a_dead_letter_and_jams_nothing(
    house: Desk, change: Any
) -> None:
    job = house.job()
    event = copy.deepcopy(event_of(job, "job.assigned"))
    change(event)
    answer = await answered(house, event)
    assert answer["outcome"] == "dead_letter"
    assert "job." in answer["reason"]
    assert (await answered(house, event_of(job, "job.assigned")))["outcome"] == "started"


async def test_an_event_of_a_clock_ahead_of_ours_happened_now(house: Desk) -> None:
    event = event_of(with_provider(house), "job.status_changed")
    event["occurred_at"] = (now() + timedelta(days=300)).isoformat()
    assert (await answered(house, event))["outcome"] == "ignored"


@pytest.mark.parametrize(
    "note", [None, {}, {"note": NOTE | {"text": ""}}, {"note": NOTE | {"text": "x" * 20_001}}]
)
async def test_a_note_that_cannot_be_taken_whole_does_not_lose_the_status(
    house: Desk, note: Any
) -> None:
    job = with_provider(house)
    await answered(house, event_of(job, "job.created"))
    event = copy.deepcopy(event_of(job, "job.note_added", note))
    event["job"]["status"] = "Accepted"
    webhook_id = f"msg_{uuid4().hex}"
    answer = await answered(house, event, webhook_id=webhook_id)
    assert answer["outcome"] == "ignored"
    assert "data" in answer["reason"]
    shown = await job.show()
    assert shown["job"]["status"] == "Accepted"
    assert shown["journal"][-1]["what"].startswith("part of an event left out: job.note_added.data")
    assert [task["kind"] for task in shown["tasks"]] == []
    (row,) = await rows(house.database, schema.inbox, webhook_id=webhook_id)
    assert row["state"] == "done"


async def test_a_report_that_cannot_be_read_is_looked_up(house: Desk) -> None:
    job = with_provider(house)
    answer = await answered(house, event_of(job, "job.report_submitted", {"complete": "perhaps"}))
    assert answer["outcome"] == "ignored"
    shown = await job.show()
    assert shown["job"]["diagnostic_report_at"] is not None
    (task,) = shown["tasks"]
    assert (task["role"], task["kind"]) == ("dispatch", "event_not_understood")
    assert task["text"] == (
        "Look up in the job system what Dana entered (`job.report_submitted`). "
        "Steward read the job from that event, but couldn't read the rest."
    )
