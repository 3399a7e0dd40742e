"""A page of the job system's list: what can be read is taken, whatever stands beside it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.job_system import page_of_changes

WHOLE = {"job": {"job_id": "SJ-1"}, "version": 3, "changed_at": "2026-11-21T14:05:00Z"}


def page(*items: object, **said: object) -> Any:
    return page_of_changes({"items": [*items], **said})


def test_a_page_has_its_jobs_in_order_and_says_where_to_read_on() -> None:
    read = page(WHOLE, {**WHOLE, "job": {"job_id": "SJ-2"}, "also": "new"}, next="c-2", more=True)
    assert [item.job_id for item in read.items] == ["SJ-1", "SJ-2"]
    assert (read.next, read.strange, read.is_empty) == ("c-2", (), False)


def test_an_empty_page_is_the_end() -> None:
    read = page()
    assert (read.items, read.next, read.is_empty) == ((), None, True)


@pytest.mark.parametrize(
    ("item", "why", "job_id"),
    [
        ({"job": WHOLE["job"], "changed_at": "now"}, "version is not as agreed", "SJ-1"),
        ({**WHOLE, "changed_at": "yesterday"}, "changed_at is not as agreed", "SJ-1"),
        ({**WHOLE, "job": "SJ-1"}, "job is not as agreed", None),
        ({"job": {"job_id": 7}, "version": 1}, "changed_at is not as agreed", None),
        ("SJ-1", "the whole item is not as agreed", None),
    ],
)
def test_an_item_that_cannot_be_read_hides_no_other(
    item: object, why: str, job_id: str | None
) -> None:
    read = page(item, WHOLE)
    assert [each.job_id for each in read.items] == ["SJ-1"]
    (strange,) = read.strange
    assert (strange.said, strange.why, strange.job_id) == (item, why, job_id)


def test_a_page_of_nothing_readable_is_not_the_end() -> None:
    assert not page("SJ-1").is_empty


def test_a_job_without_a_number_is_an_item_all_the_same() -> None:
    """Whoever takes it in says what is wrong with it: the list goes on behind it."""
    (item,) = page({**WHOLE, "job": {"job_id": ""}}).items
    assert item.job_id is None


@pytest.mark.parametrize("said", [None, [], {}, {"items": 5}, {"items": [], "next": 5}])
def test_what_is_no_page_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        page_of_changes(said)
