"""What falls due beside what a procedure waits for is told with it."""

from __future__ import annotations

from typing import Any

from starters.why import also_due

WAITING = {"waiting_on": "plusone", "due_at": "2026-12-03T22:00:00Z"}


def owed(duty: str, **said: Any) -> dict[str, Any]:
    promise = {
        "rule": "PO-65",
        "duty": duty,
        "waiting_on": "plusone",
        "due_at": "2026-12-01T22:00:00Z",
        "outcome": None,
    }
    return promise | said


def test_what_is_owed_beside_the_wait_is_told_with_its_time() -> None:
    promises = [
        owed("submit its diagnosis", **WAITING),
        owed("e-mail the customer"),
        owed("call the customer", outcome="kept"),
        owed("decide", due_at=None),
    ]
    assert also_due({"lifecycles": [WAITING], "promises": promises}) == [
        "Also due Tue, Dec 1, 5:00 PM ET: PlusOne has to e-mail the customer (PO-65)."
    ]
