"""A heartbeat is told from the job system's events by how it begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.heartbeats import Heartbeat, heartbeat_in

BEAT = Heartbeat(
    id="b_1", begun_at=datetime(2026, 11, 29, 12, tzinfo=UTC), pause=timedelta(seconds=1)
)


def test_what_is_sent_is_read() -> None:
    assert heartbeat_in(BEAT.body) == BEAT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"type":"job.assigned"}',
        b'{ "type":"steward.heartbeat",' + BEAT.body[28:],
        BEAT.body[:-1],
        BEAT.body.replace(b'"b_1"', b'"../x"'),
        BEAT.body.replace(b'"b_1"', b'"b_1","more":1'),
    ],
)
def test_anything_else_is_none(body: bytes) -> None:
    assert heartbeat_in(body) is None
