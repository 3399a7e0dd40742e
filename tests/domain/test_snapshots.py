"""What a running job carries along is read by older and newer releases alike.

A snapshot is a start with its case, and with the job and the policy in both: the argument of a
workflow, and what it leaves to its next run. A key that another release has added to it is ignored,
however deep it stands. In an operator's file the same key is a slip, and is refused.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from domain.am_escalation.case import AmCase, AmStart, OpenedException
from domain.apo.case import ApoCase, ApoStart, Memory, Sent
from domain.attention import Attention
from domain.clocks import record_clocks
from domain.commands import Answer
from domain.directory import parse_directory
from domain.effects import MailFate, OpenTask
from domain.events import EventEnvelope, SearchesTried
from domain.exceptions import ExceptionCode
from domain.lifecycles import (
    SAID,
    Answered,
    Cause,
    LifecycleKind,
    LifecycleStart,
    LookAfterEnd,
    WaitingMessage,
)
from domain.operator_files import OperatorFileError
from domain.plus_one.case import Duty, NoteToRead, PlusOneCase, PlusOneStart, Stage
from domain.policy import Policy, parse_policy
from domain.promises import DueAfterBusinessDays, DueAtTurn, Promise
from domain.reassignment.case import Candidate, ReassignmentCase, ReassignmentStart
from domain.reassignment.guide_texts import Guide
from domain.refusals import Refusal, RefusalKind
from domain.roles import Actor, Role
from domain.spoc.case import Contact, NamedDeadline, Reason, Report, SpocCase, SpocStart
from tests.domain.factories import ASSIGNED_AT, POLICY, WINDOW_ENDS, a_job, an_event
from workflows.registry import LIFECYCLES

DANA = Actor(name="Dana", role=Role.DISPATCH)
JOB = a_job(
    order_id="SO-1",
    sub_status="Part ordered",
    assigned_to={
        "number": "4711",
        "name": "Tulsa Plumbing",
        "email": "office@provider.example",
        "phone": "918-555-0134",
        "zip": "74103",
        "spoc_email": "alan@warranty.example",
    },
    customer={
        "name": "Ada",
        "email": "ada@customer.example",
        "phone": "918-555-0199",
        "zip": "74101",
        "state": "OK",
    },
    brand="Cinch",
    original_provider_network="PlusOne",
    diagnostic_report_at=ASSIGNED_AT,
    appointment_at=WINDOW_ENDS,
    customer_mail="a***@customer.example",
    customer_zip="74101",
    customer_state="TX",
    customer_mail_version=1,
)
FULL_POLICY = parse_policy(
    "[calendar]\nclosed = [2026-12-24]\nopened = [2026-12-26]\n"
    '[plus_one]\napproval_threshold = "100.00"\n'
    '[reassignment.guide]\nasking_provider = "Ask them."\n',
    "full.toml",
)
WAIT = Promise(
    key="wait",
    waiting_on=Role.DISPATCH,
    duty="call",
    rule="PO-17",
    since=ASSIGNED_AT,
    due=DueAfterBusinessDays(days=2, since=ASSIGNED_AT),
    then="then a supervisor is told",
    changed_by="dispatch can do so",
)
AT_THE_TURN = WAIT.model_copy(
    update={
        "due": DueAtTurn(window=POLICY.apo.supervisors, since=ASSIGNED_AT, opens=True),
    }
)
ANSWER = Answer(
    stage="searching", waiting_on=Role.PLUSONE, due_at=WINDOW_ENDS, next="wait", result={"call": 1}
)
SENT = Sent(
    template="apo_offer",
    to="a***@customer.example",
    at=ASSIGNED_AT,
    key="mail-1",
    fate=MailFate.BOUNCED,
)
CLOCKS = record_clocks(["America/Chicago"], ASSIGNED_AT)
OF_EVERY_CASE: dict[str, Any] = {
    "job": JOB,
    "last_heard": JOB,
    "job_version": 4,
    "policy": FULL_POLICY,
    "waiting": WAIT,
    "due_at": WINDOW_ENDS,
    "ended_at": WINDOW_ENDS,
    "counts_from": ASSIGNED_AT,
    "reminded": 1,
    "deadlines": {NamedDeadline.REPORT.value: WINDOW_ENDS},
    "attention": [Attention.OVERDUE],
    "asked": ("call_customer",),
    "turns": 3,
    "named": {"note": 2},
    "events_taken": ["msg-2"],
    "signals_taken": ["seal-1"],
    "answers": {"msg-3": Answered(command="approve", answer=ANSWER)},
    "clocks": CLOCKS,
}
OF_EVERY_START: dict[str, Any] = {
    "job": JOB,
    "job_version": 3,
    "policy": FULL_POLICY,
    "episode": 2,
    "event_id": "msg-1",
    "cause": Cause(
        kind="command",
        name="start",
        fields={"kind": "diagnosis", "concern": "It leaks", "at": ASSIGNED_AT.isoformat()},
    ),
    "occurred_at": ASSIGNED_AT,
    "started_by": DANA,
    "remembered": {"refusals": 1},
    "clocks": CLOCKS,
    "unsent_mails": {"mail-1": "apo_offer"},
    "held_mails": {"mail-1": WINDOW_ENDS},
    "unheard": (
        EventEnvelope(
            event_id="msg-4",
            job_version=5,
            event=an_event(
                "job.note_added",
                JOB,
                {"note": {"author": DANA.model_dump(), "text": "It rains", "visibility": "Public"}},
            ),
            age=1.5,
            at=ASSIGNED_AT,
        ),
        EventEnvelope(
            event_id="msg-5",
            job_version=6,
            event=an_event("document.received", JOB, {"kind": "estimate", "amount": "240.00"}),
            age=0.5,
            at=ASSIGNED_AT,
        ),
    ),
    "waiting_messages": (
        WaitingMessage(
            event=EventEnvelope(
                event_id="msg-6",
                job_version=7,
                event=an_event("customer.called", JOB, {"about": "The rain"}),
                age=0.25,
                at=ASSIGNED_AT,
            ),
            name="approve",
            fields={"amount": "240.00"},
            actor=DANA,
            refusal=Refusal(
                kind=RefusalKind.CONFLICT, rule="PO-18", message="Not now.", instead="Wait."
            ),
            more=3,
            unproven={SAID: {"amount": "240.00"}},
        ),
    ),
    "seals": ("5e41",),
    "hears_from": ASSIGNED_AT,
    "look_after_end": LookAfterEnd(
        at=WINDOW_ENDS, effect=OpenTask(role=Role.DISPATCH, task="call", text="Look at the job.")
    ),
}
CANDIDATE = Candidate(
    name="Tulsa Plumbing",
    number="4711",
    emergency_phone="918-555-0911",
    phone="918-555-0134",
    zip="74103",
    source="calendar",
    zones=("America/Chicago",),
    miles=3,
)
STARTS: dict[str, LifecycleStart] = {
    "plus-one": PlusOneStart(
        **OF_EVERY_START,
        case=PlusOneCase(
            **OF_EVERY_CASE,
            stage=Stage.ACCEPTED,
            heard_at=ASSIGNED_AT,
            foretold=Stage.PARTS_ORDERED,
            stage_noted_at=ASSIGNED_AT,
            notes=(NoteToRead(at=ASSIGNED_AT, by="PlusOne", text="A part is ordered"),),
            accepted_at=ASSIGNED_AT,
            not_accepted_at=ASSIGNED_AT,
            owed=(Duty.CALL,),
            assignment_noted_at=ASSIGNED_AT,
            ordered_amount=Decimal("45.00"),
            report_captured=True,
            tried=SearchesTried(calendar_searched=True, manual_search_done=False),
        ),
    ),
    "apo": ApoStart(
        **OF_EVERY_START,
        case=ApoCase.model_validate(
            OF_EVERY_CASE
            | {
                "waiting": AT_THE_TURN,
                "memory": Memory(
                    sent=(SENT,),
                    estimate=Decimal("240.00"),
                    amount=Decimal("240.00"),
                    ended_as="paid",
                ),
                "requested_by": DANA,
                "requested_because": "Nobody within 60 miles",
                "mail_fates": {"mail-1": MailFate.BOUNCED},
                "estimate": "240.00",
            }
        ),
    ),
    "am-escalation": AmStart(
        **OF_EVERY_START,
        case=AmCase(
            **OF_EVERY_CASE,
            provider=JOB.assigned_to,
            concern="It leaks",
            first_attempt_at=ASSIGNED_AT,
            exceptions=(
                OpenedException(
                    code=ExceptionCode.NCNS, comment="Nobody came", provider=JOB.assigned_to
                ),
            ),
            area_manager_email="amy@warranty.example",
        ),
    ),
    "spoc": SpocStart(
        **OF_EVERY_START,
        case=SpocCase(
            **OF_EVERY_CASE,
            appointment_at=WINDOW_ENDS,
            confirmed_at=ASSIGNED_AT,
            heard_at=ASSIGNED_AT,
            report=Report(
                at=WINDOW_ENDS,
                missing="The model",
                parts_supplied_by="provider",
                part_eta=(WINDOW_ENDS + timedelta(days=3)).date(),
                told_at=WINDOW_ENDS,
            ),
            attempts_for={"part_update": 1},
            contacts=(Contact(reason=Reason.PART_UPDATE, detail="The valve"),),
            confirmation=WAIT,
        ),
    ),
    "reassignment": ReassignmentStart(
        **OF_EVERY_START,
        candidates=(CANDIDATE,),
        case=ReassignmentCase(
            **OF_EVERY_CASE,
            candidates=(CANDIDATE,),
            caller=DANA,
            called=(0,),
            unanswered=(0,),
            lifted_by=DANA,
            appointment=WINDOW_ENDS,
            fee_asked=Decimal("40.00"),
            fee=Decimal("30.00"),
            contact_by=WINDOW_ENDS,
        ),
    ),
}


def a_start_of(kind: LifecycleKind) -> LifecycleStart:
    """The snapshot of a lifecycle whose case has no fields of its own, and stands in no table."""
    case = kind.start(**OF_EVERY_START).opened().model_copy(update=OF_EVERY_CASE)
    return kind.start(**OF_EVERY_START, case=case)


STARTS |= {name: a_start_of(kind) for name, kind in LIFECYCLES.items() if name not in STARTS}
ADDED = "of_another_release"


def with_added_keys(value: object, written: Any) -> Any:
    """Return what was written of a value, with a key more in every object that has keys of ours.

    A table whose keys are data, such as the deadlines by their names, gets none.
    """
    match value:
        case BaseModel():
            known = {name: with_added_keys(getattr(value, name), written[name]) for name in written}
            return known | {ADDED: {"deep": [1, "text"]}}
        case Mapping():
            named = any(isinstance(key, StrEnum) for key in value)
            known = {
                key: with_added_keys(each, written[key])
                for key, each in value.items()  # an enum's member is the text that is written
            }
            return known | ({ADDED: "A text"} if named else {})
        case tuple() | list():
            return [with_added_keys(*each) for each in zip(value, written, strict=True)]
        case _:
            return written


KEYS_ARE_DATA = {
    "said",
    "unproven",
    "attempts_for",
    "clocks",
    "mail_fates",
    "answers",
    "deadlines",
    "fields",
    "held_mails",
    "named",
    "names",
    "remembered",
    "result",
    "trade_map",
    "unsent_mails",
}
"""Tables in which any key may stand, and is kept."""


def tables_without_an_added_key(written: Any, name: str) -> Iterator[str]:
    """Give the name of every table, at whatever depth, that has no key more."""
    if isinstance(written, list):
        for each in written:
            yield from tables_without_an_added_key(each, name)
    elif isinstance(written, dict):
        if ADDED not in written:
            yield name
        for key in written.keys() - {ADDED}:
            yield from tables_without_an_added_key(written[key], key)


def empty_fields(value: object, path: str) -> Iterator[str]:
    """Give the path of every field in which nothing stands, so that nothing in it is tried."""
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                yield from empty_fields(getattr(value, name), f"{path}.{name}")
        case Mapping():
            for key, each in value.items():
                yield from empty_fields(each, f"{path}.{key}")
        case tuple() | list():
            for n, each in enumerate(value):
                yield from empty_fields(each, f"{path}.{n}")
        case _:
            pass
    if value is None or value in ((), [], {}):
        yield path


@pytest.mark.parametrize("name", LIFECYCLES)
def test_a_snapshot_is_tried_with_all_that_can_stand_in_it(name: str) -> None:
    assert list(empty_fields(STARTS[name], "start")) == []


@pytest.mark.parametrize("name", LIFECYCLES)
def test_a_snapshot_with_unknown_keys_at_every_depth_is_the_same_snapshot(name: str) -> None:
    start = STARTS[name]
    written = json.loads(start.model_dump_json())
    added = with_added_keys(start, written)
    assert set(tables_without_an_added_key(added, "start")) <= KEYS_ARE_DATA
    assert type(start).model_validate_json(json.dumps(added)) == start


@pytest.mark.parametrize("name", LIFECYCLES)
def test_what_started_a_lifecycle_may_have_unknown_fields(name: str) -> None:
    first = STARTS[name].model_copy(update={"case": None})
    cause = first.cause.model_copy(update={"fields": {**first.cause.fields, ADDED: {"deep": 1}}})
    newer = {"cause": cause, "remembered": {**first.remembered, ADDED: [1]}}
    assert first.model_copy(update=newer).opened() == first.opened()


def test_each_kind_of_snapshot_is_read_alone_too() -> None:
    """As the store keeps them: a job, a policy, and what a finished batch leaves of a case."""
    for value in (JOB, FULL_POLICY, STARTS["apo"].opened()):
        added = with_added_keys(value, json.loads(value.model_dump_json()))
        assert type(value).model_validate(added) == value


def tables_of(policy: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the path of every table of a policy as it is written."""
    yield path
    for key, value in policy.items():
        if isinstance(value, dict):
            yield from tables_of(value, (*path, key))


SECTIONS = sorted(
    path
    for path in tables_of(FULL_POLICY.model_dump(mode="json"))
    if not KEYS_ARE_DATA.intersection(path)
)


@pytest.mark.parametrize("section", SECTIONS, ids=".".join)
def test_an_operators_file_with_an_unknown_key_is_refused(section: tuple[str, ...]) -> None:
    head = f"[{'.'.join(section)}]\n" if section else ""
    with pytest.raises(OperatorFileError) as raised:
        parse_policy(f'{head}{ADDED} = "A text"', "ours.toml")
    (problem,) = raised.value.problems
    assert problem.key.startswith(".".join((*section, ADDED)))
    known = "should be " if section[-1:] in {("guide",), ("code_help",)} else "unknown key; "
    assert problem.reason.startswith(known)


def test_a_directory_with_an_unknown_key_is_refused() -> None:
    for head in ("", '[area_managers.OK]\nname = "Amy"\nemail = "amy@warranty.example"\n'):
        with pytest.raises(OperatorFileError, match="unknown key"):
            parse_directory(f'{head}{ADDED} = "A text"')


def test_a_step_of_the_guide_that_is_not_known_is_no_text_of_it() -> None:
    written = FULL_POLICY.model_dump(mode="json")
    written["reassignment"]["guide"][ADDED] = "A text"
    assert Policy.model_validate(written).reassignment.guide == {Guide.ASKING_PROVIDER: "Ask them."}
