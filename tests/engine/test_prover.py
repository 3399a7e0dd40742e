"""What did not come through Steward waits in its place until it is proven, or changes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from domain.commands import Answer
from domain.refusals import RefusalKind, Refused
from tests.engine.memory import Life
from tests.engine.visits import a_visit
from workflows.messages import START, ContinuingError, Mark, continued_from, meant_for

SAM = {"name": "Sam", "role": "customer"}
PROOF = {"proof": "the proof"}
RING = {"actor": SAM}


def forges(visit: Life, name: str, payload: object) -> Life:
    """Send a signal past Steward."""
    visit.engine.mailbox.take_in(0, partial(visit.engine.prover.take_signal, name, lambda: payload))
    return visit


def forges_update(visit: Life, name: str, payload: dict[str, Any]) -> asyncio.Task[Answer]:
    """Send an update past Steward."""
    engine = visit.engine
    engine.desk.check_unproven_update(lambda: payload, name, "u1")
    answering = engine.prover.answer_update(name, lambda: payload, "u1")
    update = visit.loop.create_task(answering)
    visit.updates.append(update)
    return update


def test_what_nobody_proves_changes_nothing_and_a_person_looks_at_it() -> None:
    visit = a_visit().settle()
    forges(visit, "ring", RING)
    asked = forges_update(visit, "open", RING)
    visit.settle()

    refusal = asked.exception()
    assert isinstance(refusal, Refused)
    assert refusal.refusal.kind is RefusalKind.UNPROVEN
    assert visit.attention == ["bad_message"]
    assert [said.split(":")[0] for said in visit.store.journal] == ["refused ring", "refused open"]
    assert all("unproven" in said for said in visit.store.journal)
    assert (visit.stage, visit.lifecycle.case.rings) == ("ringing", 0)
    assert visit.checked == [2], "all that waits is checked together"


def test_what_is_proven_counts_in_its_place() -> None:
    visit = a_visit().settle()
    visit.store_is_slow = True
    visit.signals("ring", RING)
    forges(visit, "ring", RING)
    forges(visit, "ring", RING | PROOF)
    asked = forges_update(visit, "ring", RING | PROOF)
    visit.settle().signals("ring", RING)
    last = visit.sends("ring", "customer")
    visit.settle()
    visit.store_is_slow = False
    visit.settle()

    assert asked.result().result == {"rings": 3}
    assert last.result().result == {"rings": 5}
    assert len([said for said in visit.store.journal if "unproven" in said]) == 1


def test_a_proven_command_is_refused_like_any_other() -> None:
    visit = a_visit().settle()
    not_theirs = forges_update(visit, "open", {"actor": SAM | {"role": "plusone"}} | PROOF)
    forges(visit, "ring", {"actor": SAM, "noise": 3} | PROOF)
    visit.settle()

    refused = not_theirs.exception()
    assert isinstance(refused, Refused)
    assert refused.refusal.kind is RefusalKind.ROLE
    assert [refusal.kind for _, _, _, refusal in visit.refusals] == [RefusalKind.ROLE]
    assert len(visit.store.journal) == 1
    assert "noise" in visit.store.journal[0]


@pytest.mark.parametrize("payload", [None, 3, "text", [RING], {}, {"proof": ["x"]}, {"proof": 1e9}])
def test_whatever_is_sent_nothing_jams(payload: object) -> None:
    visit = a_visit().settle()
    for name in ("ring", "job_event", "begin_anew"):
        forges(visit, name, payload)
    visit.settle()
    assert len(visit.store.journal) == 3
    assert visit.does("ring", "customer").result == {"rings": 1}


def test_events_and_next_episodes_cannot_be_forged() -> None:
    visit = a_visit().settle()
    job = visit.store.job.model_copy(update={"sub_status": "forged"})
    event = {"type": "customer.called", "occurred_at": visit.loop.now().isoformat(), "actor": SAM}
    told = {"event": {**event, "job": job.model_dump(mode="json"), "data": {"about": "?"}}}
    forges(visit, "job_event", {"event_id": "e1", "job_version": 9, "age": 0, **told})
    start = visit.starts[0].model_copy(update={"episode": 2})
    forges(visit, "begin_anew", start.model_dump(mode="json"))
    visit.settle()

    assert visit.lifecycle.case.job.sub_status != "forged"
    assert visit.store.notes == []
    assert len([said for said in visit.store.journal if "unproven" in said]) == 2


def test_what_waits_unproven_is_still_so_in_the_next_run() -> None:
    visit = a_visit().settle()
    visit.store_is_slow = True
    visit.signals("ring", RING).settle()
    forges(visit, "ring", RING)
    forges(visit, "ring", RING | PROOF)
    asked = forges_update(visit, "ring", RING | PROOF)
    visit.history_is_long = True
    visit.engine.desk.close()
    with pytest.raises(ContinuingError):
        visit.engine.desk.check_unproven_update(lambda: RING, "ring", "u2")
    visit.store_is_slow = False
    visit.settle()
    assert asked.result().result == {"rings": 3}, "whoever waits for an answer is answered first"

    visit.store_is_slow = True
    visit.signals("ring", RING).settle()
    forges(visit, "ring", RING)
    forges(visit, "ring", RING | PROOF)
    visit.history_is_long, visit.store_is_slow = True, False
    visit.settle()

    carried = [each.unproven for each in visit.starts[-1].waiting_messages]
    assert carried == [{"said": RING}, {"said": RING | PROOF}]
    assert visit.does("ring", "customer").result == {"rings": 6}
    assert len([said for said in visit.store.journal if "unproven" in said]) == 2


def test_a_flood_is_checked_in_portions_and_told_together() -> None:
    visit = a_visit().settle()
    for _ in range(2_000):
        forges(visit, "ring", RING)
    visit.passes("1m")
    assert max(visit.checked) <= 200
    assert len(visit.store.journal) < 150
    assert visit.does("ring", "customer").result == {"rings": 1}


def test_a_store_that_does_not_answer_is_asked_again() -> None:
    visit = a_visit().settle()
    visit.store_failures = 2
    forges(visit, "ring", RING | PROOF)
    visit.passes("5m")
    assert visit.lifecycle.case.rings == 1
    assert visit.attention == []


# --- Steward's own ------------------------------------------------------------------------------


def test_steward_s_own_messages_are_known_by_their_mark_once() -> None:
    visit = a_visit().settle()
    visit.asks_for_proofs = True
    prover, now, id_ = visit.engine.prover, visit.loop.now(), visit.workflow_id
    mark = Mark("seal 1", meant_for(now, "ring", id_))

    assert not prover.would_need_proof("ring", mark)
    assert not prover.needs_proof("ring", mark)
    assert prover.would_need_proof("ring", mark), "it was heard"
    assert prover.needs_proof("ring", mark), "it was heard"
    assert prover.needs_proof("ring", None)
    elsewhere = {
        "another command": meant_for(now, "open", id_),
        "another workflow": meant_for(now, "ring", f"{id_}1"),
        "an episode before": meant_for(now.replace(year=now.year - 1), "ring", id_),
    }
    for why, meant in elsewhere.items():
        assert prover.needs_proof("ring", Mark(why, meant)), why
    since = visit.starts[0].occurred_at - timedelta(minutes=5)
    assert prover.memory() == {"seals": ("seal 1",), "hears_from": since}


def begun(mark: Mark | None, continues: str | None = None) -> Life:
    """Return a lifecycle where proofs are asked for, begun as its start says."""
    visit = a_visit()
    visit.asks_for_proofs = True
    visit.start_mark, visit.continues = mark, continues
    visit._run(visit.starts[0])
    return visit


def test_a_run_hears_what_was_sent_since_its_own_start() -> None:
    visit = a_visit()
    now, id_ = visit.loop.now(), visit.workflow_id
    sent = now + timedelta(seconds=30)
    prover = begun(Mark("start", meant_for(sent, START, id_))).engine.prover
    assert not prover.needs_proof("ring", Mark("1", meant_for(sent, "ring", id_)))
    behind = Mark("2", meant_for(sent - timedelta(seconds=2), "ring", id_))
    assert not prover.needs_proof("ring", behind), "the clock of another API"
    copy = Mark("3", meant_for(sent - timedelta(seconds=3), "ring", id_))
    assert prover.needs_proof("ring", copy), "it was sent to the episode before"
    assert prover.memory()["hears_from"] == sent - timedelta(seconds=2)


def test_that_it_continues_some_run_proves_no_run() -> None:
    visit = a_visit()
    now, id_ = visit.loop.now(), visit.workflow_id

    def refused(mark: Mark | None, continues: str | None) -> bool:
        life = begun(mark, continues)
        proving = life.loop.create_task(life.engine.prover.prove_start())
        life.loop.run_until_quiet()
        return proving.result() is not None

    own = Mark("1", meant_for(now, continued_from("run 1"), id_))
    assert not refused(own, "run 1")
    assert refused(own, "run 2"), "a copy"
    assert refused(own, None), "no run continued as it"
    assert refused(Mark("1", meant_for(now, START, id_)), "run 1"), "a copy of a start"
    assert refused(Mark("1", meant_for(now, continued_from("run 1"), "x/SJ-1")), "run 1")
    assert refused(None, "run 1"), "anybody's workflow may continue as anything"
    assert not refused(Mark("1", meant_for(now, START, id_)), None)


def test_the_next_run_knows_what_was_heard() -> None:
    visit = a_visit().settle()
    visit.asks_for_proofs = True
    mark = Mark("seal 1", meant_for(visit.loop.now(), "ring", visit.workflow_id))
    assert not visit.engine.prover.needs_proof("ring", mark)
    visit.history_is_long = True
    visit.signals("ring", RING).settle()
    assert len(visit.starts) == 2
    assert visit.engine.prover.needs_proof("ring", mark)
