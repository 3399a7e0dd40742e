"""What the store keeps of a lifecycle is enough to go on from, whatever may stand in it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from domain.lifecycles import Answered, LookAfterEnd
from domain.snapshots import (
    InTurn,
    SnapshotNotReadableError,
    merged,
    pack,
    pack_start,
    pack_turn,
    read_snapshot,
    read_turn,
    start_again,
    to_bytes,
    waits_for,
)
from tests.domain.factories import WINDOW_ENDS
from tests.domain.test_snapshots import ANSWER, JOB, STARTS
from workflows.registry import LIFECYCLES

STANDING = {"episode": 2, "sequence": 3, "mails": {"mail-1": "apo_offer"}, "waiting": ["msg-6"]}


@pytest.mark.parametrize("name", LIFECYCLES)
def test_a_lifecycle_goes_on_as_it_stood(name: str) -> None:
    start, kind = STARTS[name], LIFECYCLES[name]
    case = start.opened()
    kept = to_bytes(pack(case, STANDING))
    snapshot = read_snapshot(kept)
    began = to_bytes(pack_start(start))
    again = start_again(kind, began, snapshot, (JOB, 4), case.due_at, unsent_mails=snapshot.mails)

    assert (snapshot.episode, snapshot.sequence, snapshot.waiting) == (2, 3, ("msg-6",))
    assert again.opened() == case
    assert again.unsent_mails == {"mail-1": "apo_offer"}
    assert again.episode == start.episode
    assert waits_for(again) == case.waiting


@pytest.mark.parametrize("name", LIFECYCLES)
def test_one_whose_first_turn_has_not_ended_begins_as_it_began(name: str) -> None:
    first = STARTS[name].model_copy(update={"case": None})
    again = start_again(
        LIFECYCLES[name], to_bytes(pack_start(first)), None, (first.job, first.job_version), None
    )
    assert again.case is None
    assert waits_for(again) is None
    assert again.opened() == first.opened()


def test_what_the_batch_itself_brought_is_in_it() -> None:
    case = STARTS["spoc"].opened()
    later = WINDOW_ENDS + timedelta(days=1)
    changed = JOB.model_copy(update={"sub_status": "Changed by the batch"})
    kept = merged(to_bytes(pack(case, STANDING)), changed, 9, {"report": later})
    told = read_snapshot(kept).case
    assert (told["job_version"], told["deadlines"]) == (9, {"report": later.isoformat()})
    assert read_snapshot(merged(kept, None, None, {})).case == told


def test_what_is_to_be_looked_at_after_the_end_is_kept() -> None:
    start = STARTS["reassignment"]
    assert start.look_after_end is not None
    look = {"look": start.look_after_end.model_dump(mode="json")}
    snapshot = read_snapshot(to_bytes(pack(start.opened(), {**STANDING, **look})))
    began = to_bytes(pack_start(start))
    again = start_again(LIFECYCLES["reassignment"], began, snapshot, (JOB, 4), None)
    assert isinstance(again.look_after_end, LookAfterEnd)
    assert again.look_after_end == start.look_after_end


def test_of_many_answers_the_oldest_are_known_without_what_was_answered() -> None:
    many = {f"msg-{n}": Answered(command="approve", answer=ANSWER) for n in range(8)}
    case = STARTS["apo"].opened().model_copy(update={"answers": many})
    answers = read_snapshot(to_bytes(pack(case, STANDING))).case["answers"]
    assert isinstance(answers, dict)
    known = [each["answer"] is not None for each in answers.values() if isinstance(each, dict)]
    assert known == [False] * 3 + [True] * 5


def test_a_turn_under_way_is_known_by_its_batch() -> None:
    turn = InTurn(sequence=4)
    assert read_turn(to_bytes(pack_turn(turn))) == turn


NEWER = base64.b64encode(b"no compression").decode()


@pytest.mark.parametrize("kept", [b"", b"damaged", to_bytes(NEWER)])
def test_what_is_damaged_is_told_so(kept: bytes) -> None:
    with pytest.raises(SnapshotNotReadableError, match="damaged"):
        read_snapshot(kept)


def test_what_a_newer_release_wrote_is_told_so_without_what_it_says() -> None:
    turn = to_bytes(pack_turn(InTurn(sequence=4)))
    with pytest.raises(SnapshotNotReadableError, match="can't be read"):
        read_snapshot(turn)
    snapshot = read_snapshot(to_bytes(pack(STARTS["apo"].opened(), STANDING)))
    with pytest.raises(SnapshotNotReadableError) as refused:
        start_again(LIFECYCLES["apo"], turn, snapshot, (JOB, 4), None)
    assert JOB.customer is not None
    assert json.dumps(str(JOB.customer.name)) not in str(refused.value)
