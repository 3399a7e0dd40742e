"""Thousands of signals at once: taken in portions, in their order, and no more than a job carries.

A workflow task has little time, however many signals came before it, and a history has an end.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.engine.memory import Life
from tests.engine.visits import a_visit

SAM = {"name": "Sam", "role": "customer"}
RING = {"actor": SAM}
AT_ONCE = 200
LARGEST_START = 1536 * 1024
"""Bytes that an argument may have where a history is full; Temporal takes half as many more."""


def _an_event(visit: Life, number: int, about: str = "Hello?") -> object:
    """An event as the hooks deliver it, which nobody has heard yet."""
    job = visit.store.job.model_copy(update={"sub_status": f"call {number}"})
    return {
        "event_id": f"event {number}",
        "job_version": 2 + number,
        "age": 0,
        "event": {
            "type": "customer.called",
            "occurred_at": visit.loop.now().isoformat(),
            "actor": {"name": "Dana", "role": "dispatch"},
            "job": job.model_dump(mode="json"),
            "data": {"about": about},
        },
    }


def _reads(visit: Life, payload: object, times: list[int]) -> Callable[[], object]:
    def read() -> object:
        times.append(len(visit.timers))
        return payload

    return read


def test_thousands_of_events_are_heard_in_portions_and_in_their_order() -> None:
    visit, portions = a_visit(), list[int]()
    mailbox = visit.engine.mailbox
    for number in range(3_000):
        read = _reads(visit, _an_event(visit, number), portions)
        mailbox.take_in(0, lambda read=read: mailbox.put_event(read))  # type: ignore[misc]

    visit.settle()
    assert len(portions) == AT_ONCE, "the others wait for a workflow task of their own"
    visit.passes("1m")

    assert len(portions) == 3_000
    assert max(map(portions.count, set(portions))) <= AT_ONCE
    assert visit.lifecycle.case.job.sub_status == "call 2999"
    assert visit.store.notes == ["heard customer.called"] * 3_000


def test_few_large_signals_are_a_portion() -> None:
    visit, portions = a_visit(), list[int]()
    mailbox = visit.engine.mailbox
    for number in range(20):
        read = _reads(visit, _an_event(visit, number), portions)
        mailbox.take_in(256 * 1024, lambda read=read: mailbox.put_event(read))  # type: ignore[misc]

    visit.settle()
    assert len(portions) == 4
    visit.passes("1m")
    assert len(portions) == 20


def test_whoever_waits_for_an_answer_waits_behind_what_came_before() -> None:
    visit = a_visit()
    for _ in range(450):
        visit.signals("ring", RING)
    asked = visit.sends("ring", "customer")
    visit.passes("1m")

    assert asked.result().result == {"rings": 451}


def test_thousands_that_cannot_be_used_are_recorded_together_all_the_same() -> None:
    visit = a_visit()
    for number in range(9_900):
        visit.signals("job_event" if number % 2 else "opne", RING)
    visit.passes("1m")

    assert len(visit.store.batches) == 2
    assert len(visit.store.journal) == 10
    assert visit.store.journal[-1].endswith("9,890 more signals were refused, too.")


def test_what_comes_by_thousands_after_the_end_is_settled_in_portions() -> None:
    visit, portions = a_visit(), list[int]()
    mailbox = visit.engine.mailbox
    visit.store_is_slow = True
    visit.signals("open", RING).settle()
    for number in range(1_000):
        read = _reads(visit, _an_event(visit, number), portions)
        mailbox.take_in(0, lambda read=read: mailbox.put_event(read))  # type: ignore[misc]
    visit.store_is_slow = False
    visit.passes("1m")

    assert max(map(portions.count, set(portions))) <= AT_ONCE
    assert visit.starts[0] is not visit.starts[-1], "a call begins the next episode"
    assert visit.lifecycle.case.job.sub_status == "call 999"


def test_more_than_a_full_history_can_hand_over_is_counted_and_the_newest_job_is_known() -> None:
    visit = a_visit()
    visit.history_is_long = visit.history_is_full = True
    visit.store_is_slow = True
    visit.signals("ring", RING).settle()
    for number in range(300):
        visit.signals("job_event", _an_event(visit, number, "x" * 10_000))
        visit.signals("ring", RING)

    visit.store_is_slow = False
    visit.passes("1m")

    assert len(visit.starts) == 2
    assert len(visit.starts[1].model_dump_json()) < LARGEST_START
    assert visit.lifecycle.case.job.sub_status == "call 299"
    heard = visit.store.notes.count("heard customer.called")
    (counted,) = (said for said in visit.store.journal if "too many came at once" in said)
    assert heard + visit.lifecycle.case.rings - 1 + _number_in(counted) == 600
    assert visit.attention == ["bad_message"]
    assert visit.does("open", "customer").stage == "let_in"


def _number_in(said: str) -> int:
    return int(said.split(": ")[1].split(maxsplit=1)[0].replace(",", ""))
