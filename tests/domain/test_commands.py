"""One table of commands: who may, when, with which fields, and what the others are told."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import Command, CommandRequest, CommandTable, Payload
from domain.labels import stage_label, to_do
from domain.plus_one.case import Stage
from domain.plus_one.commands import COMMANDS
from domain.plus_one.payloads import Approve, SupplyParts
from domain.refusals import Refusal, RefusalKind, Refused, conflicting, forbidden, unreadable
from domain.roles import Actor, Role, may_act_as
from domain.stages import END, LifecycleStage
from tests.domain.factories import ASSIGNED_AT, WINDOW_ENDS, a_case, a_payload

EMPLOYEES = """
    dispatch customer_service supervisor leadership_desk escalations authorizations decision_desk
    parts_sourcing support_services admin_team area_manager spoc_specialist
"""
WHO_MAY = {
    "request_reassignment": EMPLOYEES,
    "report_cannot_locate": "plusone dispatch",
    "customer_called": "customer_service supervisor",
    "approve": "authorizations",
    "request_info": "authorizations decision_desk",
    "deny": "authorizations decision_desk",
    "add_service_job": "dispatch authorizations parts_sourcing",
    "supply_parts": "authorizations parts_sourcing",
    "update_parts": "parts_sourcing",
    "approve_replacement": "authorizations",
    "customer_informed": "plusone dispatch",
}
SOMEBODY = {command: who.split()[0] for command, who in WHO_MAY.items()}

POSSIBLE_IN = {
    "searching": "request_reassignment report_cannot_locate customer_called add_service_job",
    "accepted": """
        request_reassignment report_cannot_locate customer_called approve request_info deny
        add_service_job supply_parts update_parts approve_replacement customer_informed
    """,
    "diagnosis_submitted": """
        request_reassignment report_cannot_locate customer_called approve request_info deny
        add_service_job supply_parts update_parts approve_replacement customer_informed
    """,
    "info_requested": """
        request_reassignment report_cannot_locate customer_called approve request_info deny
        add_service_job supply_parts update_parts approve_replacement customer_informed
    """,
    "approved": """
        request_reassignment report_cannot_locate customer_called approve deny add_service_job
        supply_parts update_parts approve_replacement customer_informed
    """,
    "denied": """
        request_reassignment report_cannot_locate customer_called approve add_service_job
        supply_parts update_parts approve_replacement customer_informed
    """,
    "parts_ordered": """
        request_reassignment report_cannot_locate customer_called add_service_job supply_parts
        update_parts customer_informed
    """,
    "completed": "",
    "no_provider_found": "",
    "released": "",
    "cancelled": "",
    "not_eligible": "",
    "superseded": "",
}

SHIP_TO = {"line": "12 Elm St", "city": "Tulsa", "state": "OK", "zip": "74103"}
FIELDS: Mapping[str, dict[str, object]] = {
    "request_reassignment": {"to": "Procure Vendor", "reason": "Another provider is free"},
    "report_cannot_locate": {},
    "customer_called": {},
    "approve": {"amount": "240.00"},
    "request_info": {"what": "A photo of the plate"},
    "deny": {"reason": "Damage by frost"},
    "add_service_job": {"reason": "Second opinion"},
    "supply_parts": {"company": "Tulsa Plumbing", "ship_to": SHIP_TO, "what": "Cartridge"},
    "update_parts": {"text": "Shipped"},
    "approve_replacement": {
        "attributes": "18 cu ft",
        "failed_parts": "Compressor",
        "part_cost": "612.00",
    },
    "customer_informed": {"called": True},
}
OPTIONAL: Mapping[str, dict[str, object]] = {
    "report_cannot_locate": {"text": "Nobody within 60 miles"},
    "customer_called": {"about": "Asks when somebody comes"},
    "approve": {"non_covered": "35.00", "text": "Cartridge and labour"},
    "deny": {"partial": True},
    "add_service_job": {"event_type": "Recall", "account": "700010640"},
    "supply_parts": {"kind": "replacement_equipment", "oracle_update": True},
    "update_parts": {"eta": "2026-12-01"},
    "approve_replacement": {"non_covered": "35.00", "text": "Compressor $612"},
    "customer_informed": {"emailed": True, "text": "Left a message"},
}


def read(command: str, role: str = "", **fields: object) -> CommandRequest:
    sent = FIELDS[command] | fields
    return COMMANDS.read(command, a_payload(role or SOMEBODY[command], **sent))


def set_out(command: str) -> list[str]:
    return [name for name in COMMANDS[command].payload.model_fields if name not in COMMON]


COMMON = ("actor", "message_id")
NOTHING_LEFT = "Nothing is left to do here. The job's notes say what happened."


def refusal_of_reading(command: str, fields: object) -> Refusal:
    with pytest.raises(Refused) as raised:
        COMMANDS.read(command, fields)
    return raised.value.refusal


def unreadable_because(command: str, fields: object) -> str:
    refusal = refusal_of_reading(command, fields)
    assert (refusal.kind, refusal.rule) == (RefusalKind.FIELDS, None)
    return refusal.message


# --- roles ------------------------------------------------------------------------------------


def test_these_are_the_commands() -> None:
    assert list(COMMANDS) == list(WHO_MAY)
    assert len(COMMANDS) == 11


@pytest.mark.rule("PO-41")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", WHO_MAY)
def test_who_may_give_which_command(command: str, role: Role) -> None:
    if role in WHO_MAY[command].split():
        assert read(command, role).actor == Actor(name="Robin", role=role)
        return
    refusal = refusal_of_reading(command, a_payload(role, **FIELDS[command]))
    assert refusal.kind is RefusalKind.ROLE
    assert refusal.rule == {"approve": "PO-41", "approve_replacement": "PO-46"}.get(command)
    assert f" can't {to_do(command)}. " in refusal.message
    assert refusal.instead is not None
    assert refusal.instead.startswith("Ask ")


def test_who_may_not_is_told_in_words_who_can() -> None:
    refusal = refusal_of_reading("approve", a_payload("customer_service", **FIELDS["approve"]))
    assert (
        refusal.message == "Customer Service can't approve the repair. Authorizations can (PO-41)."
    )
    with pytest.raises(Refused) as refused:
        COMMANDS.with_common().read("dismiss_attention", a_payload("dispatch"))
    refusal = refused.value.refusal
    assert refusal.message == "Dispatch can't dismiss an alert. A supervisor can."
    assert refusal.instead == "Ask a supervisor."
    refusal = refusal_of_reading("deny", a_payload("plusone", **FIELDS["deny"]))
    assert (
        refusal.message == "PlusOne can't deny the repair. Authorizations or the Decision Desk can."
    )


def test_the_role_is_refused_before_the_fields_are_looked_at() -> None:
    assert refusal_of_reading("approve", a_payload("dispatch")).kind is RefusalKind.ROLE
    assert refusal_of_reading("approve", a_payload("authorizations")).kind is RefusalKind.FIELDS


@pytest.mark.parametrize("role", Role)
def test_a_supervisor_may_what_customer_service_may(role: Role) -> None:
    assert may_act_as(role, frozenset({role}))
    allowed = role in {"customer_service", "supervisor"}
    assert may_act_as(role, frozenset({Role.CUSTOMER_SERVICE})) == allowed
    assert may_act_as(role, frozenset({Role.SUPERVISOR})) == (role == "supervisor")
    assert not may_act_as(role, frozenset())


# --- stages -----------------------------------------------------------------------------------


def test_these_are_the_stages() -> None:
    assert set(POSSIBLE_IN) == set(Stage)


@pytest.mark.parametrize("stage", POSSIBLE_IN)
def test_what_a_stage_leaves_possible(stage: str) -> None:
    assert COMMANDS.possible_in(stage) == POSSIBLE_IN[stage].split()


@pytest.mark.parametrize("stage", POSSIBLE_IN)
@pytest.mark.parametrize("command", WHO_MAY)
def test_which_command_is_possible_in_which_stage(command: str, stage: str) -> None:
    request, case = read(command), a_case(Stage(stage))
    if command in POSSIBLE_IN[stage].split():
        COMMANDS.check(request, stage, case, WINDOW_ENDS)
        return
    with pytest.raises(Refused) as raised:
        COMMANDS.check(request, stage, case, WINDOW_ENDS)
    refusal = raised.value.refusal
    assert refusal.kind is RefusalKind.CONFLICT
    assert refusal.message.startswith(
        f"You can't {to_do(command)} now. Status: {stage_label(stage)}"
    )
    assert refusal.instead


@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-20")
@pytest.mark.parametrize(
    ("job", "rule"),
    [
        ({}, None),
        ({"status": "Expired"}, None),
        ({"status": "Rejected"}, None),
        ({"status": "Accepted"}, "PO-19"),
        ({"status": "Rejected", "diagnostic_report_at": ASSIGNED_AT}, "PO-20"),
    ],
)
@pytest.mark.parametrize("stage", [Stage.SEARCHING, Stage.ACCEPTED, Stage.PARTS_ORDERED])
def test_what_plusone_has_located_cannot_be_reported_as_not_located(
    stage: Stage, job: dict[str, object], rule: str | None
) -> None:
    request, case = read("report_cannot_locate"), a_case(stage, **job)
    if rule is None:
        COMMANDS.check(request, stage, case, ASSIGNED_AT)
        return
    with pytest.raises(Refused) as raised:
        COMMANDS.check(request, stage, case, ASSIGNED_AT)
    assert (raised.value.refusal.rule, raised.value.refusal.instead) == (rule, "add_service_job")


@pytest.mark.rule("PO-18")
def test_a_rule_refuses_what_role_and_stage_allow() -> None:
    request = read("request_reassignment", "supervisor")
    with pytest.raises(Refused) as raised:
        COMMANDS.check(request, Stage.SEARCHING, a_case(), ASSIGNED_AT)
    assert (raised.value.refusal.kind, raised.value.refusal.rule) == (RefusalKind.CONFLICT, "PO-18")


def test_a_stage_without_a_hint_of_its_own_tells_what_is_possible() -> None:
    request = read("customer_called")
    with pytest.raises(Refused) as raised:
        COMMANDS.check(request, Stage.COMPLETED, a_case(Stage.COMPLETED), ASSIGNED_AT)
    assert raised.value.refusal.instead == NOTHING_LEFT


# --- commands that start their lifecycle ------------------------------------------------------

NIGHT_IS_OVER = Refusal(kind=RefusalKind.CONFLICT, rule="N-1", message="The night is over.")


def unless_the_night_is_over(over: object, _order: object, _now: datetime) -> Refusal | None:
    return NIGHT_IS_OVER if over else None


class Watch(LifecycleStage):
    WATCHING = "watching"
    OVER = "over", END


class Begin(Payload):
    """Begin to watch."""


class Look(Payload):
    """Look, whether or not
    the watch has begun.
    """  # noqa: D205  the help of a command may take two lines


class Rest(Payload):
    """Rest."""


WATCH = CommandTable(
    "watch",
    Watch,
    Command(
        payload=Begin,
        roles=frozenset({Role.DISPATCH}),
        stages=frozenset(),
        stage_hint="it is watched already",
        starts=True,
        guard=unless_the_night_is_over,
        example={},
    ),
    Command(
        payload=Look,
        roles=frozenset({Role.DISPATCH}),
        stages=frozenset({"watching"}),
        role_hint="stay in bed",
        starts=True,
        example={},
    ),
    Command(
        payload=Rest,
        roles=frozenset({Role.DISPATCH}),
        stage_rule="N-2",
        guard=unless_the_night_is_over,
        example={},
    ),
)


def test_a_command_is_named_and_explained_by_its_payload() -> None:
    class CallTheGuard(Payload):
        """Call the guard."""

    command = Command(payload=CallTheGuard, roles=frozenset({Role.DISPATCH}), example={})
    assert (command.name, command.help) == ("call_the_guard", "Call the guard.")
    assert WATCH["look"].help == "Look, whether or not the watch has begun."


def test_what_a_command_does_is_said_beside_its_schema_and_not_in_it() -> None:
    assert "description" not in Look.model_json_schema()


def test_a_payload_has_to_say_what_its_command_does() -> None:
    class Unexplained(Payload):
        note: str | None = None

    command = Command(payload=Unexplained, roles=frozenset({Role.DISPATCH}), example={})
    with pytest.raises(TypeError, match="Unexplained has no docstring to explain unexplained"):
        _ = command.help


def test_a_command_that_names_no_stage_is_possible_in_all_that_run() -> None:
    assert WATCH["rest"].stages == {"watching"}
    assert WATCH["begin"].stages == frozenset()


def refusal_on_watch(
    name: str, stage: str = "watching", *, begun: bool, over: bool = False
) -> Refusal | None:
    request = WATCH.read(name, a_payload("dispatch"))
    try:
        WATCH.check(request, stage, over, ASSIGNED_AT, begun=begun)
    except Refused as refused:
        return refused.refusal
    return None


@pytest.mark.parametrize("stage", ["watching", "asleep"])
def test_only_what_starts_a_lifecycle_is_possible_before_it_has_begun(stage: str) -> None:
    assert refusal_on_watch("begin", stage, begun=False) is None
    assert refusal_on_watch("look", stage, begun=False) is None
    refusal = refusal_on_watch("rest", stage, begun=False)
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.CONFLICT, "N-2")
    assert refusal.message == "You can't rest now. Watch hasn't started on this job (N-2)."


def test_what_starts_a_lifecycle_is_possible_later_only_where_a_stage_has_it() -> None:
    assert refusal_on_watch("look", begun=True) is None
    assert refusal_on_watch("rest", begun=True) is None
    refusal = refusal_on_watch("begin", begun=True)
    assert refusal is not None
    assert (refusal.kind, refusal.rule) == (RefusalKind.CONFLICT, None)
    assert refusal.instead == "it is watched already"
    asleep = refusal_on_watch("look", "asleep", begun=True)
    assert asleep is not None
    assert asleep.instead == NOTHING_LEFT


def test_a_role_that_may_not_is_sent_to_one_that_may_or_told_what_to_do_instead() -> None:
    for command, instead in (("rest", "Ask Dispatch."), ("look", "stay in bed")):
        with pytest.raises(Refused) as raised:
            WATCH.read(command, a_payload("provider"))
        assert (raised.value.refusal.kind, raised.value.refusal.instead) == ("role", instead)


def test_a_lifecycle_is_taken_to_have_begun() -> None:
    with pytest.raises(Refused):
        WATCH.check(WATCH.read("begin", a_payload("dispatch")), "watching", None, ASSIGNED_AT)


def test_a_rule_is_asked_of_what_starts_a_lifecycle_too() -> None:
    assert refusal_on_watch("begin", begun=False, over=True) == NIGHT_IS_OVER
    assert refusal_on_watch("rest", begun=True, over=True) == NIGHT_IS_OVER
    assert refusal_on_watch("look", begun=False, over=True) is None


def test_no_stage_names_a_command_that_only_starts() -> None:
    assert WATCH.possible_in("watching") == ["look", "rest"]


@pytest.mark.parametrize("command", WHO_MAY)
def test_no_command_starts_a_search(command: str) -> None:
    request = read(command)
    with pytest.raises(Refused) as raised:
        COMMANDS.check(request, Stage.ACCEPTED, a_case(Stage.ACCEPTED), WINDOW_ENDS, begun=False)
    assert raised.value.refusal.kind is RefusalKind.CONFLICT


# --- fields -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", WHO_MAY)
def test_fields_that_may_be_given_are_kept(command: str) -> None:
    sent = a_payload(SOMEBODY[command], **FIELDS[command], **OPTIONAL.get(command, {}))
    kept = COMMANDS.read(command, sent).payload
    assert kept.model_dump(mode="json", exclude_unset=True) == sent


@pytest.mark.parametrize("command", WHO_MAY)
def test_fields_that_need_not_be_given_are_left_out(command: str) -> None:
    assert read(command).payload.model_fields_set == {"actor", *FIELDS[command]}


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (command, field)
        for command in FIELDS
        for field in FIELDS[command]
        if (command, field) not in {("supply_parts", "ship_to"), ("customer_informed", "called")}
    ],
)
def test_a_missing_field_is_named(command: str, field: str) -> None:
    without = {name: value for name, value in FIELDS[command].items() if name != field}
    message = unreadable_because(command, a_payload(SOMEBODY[command], **without))
    assert message == f"Missing: {field}."


@pytest.mark.parametrize("command", WHO_MAY)
def test_a_field_that_nobody_knows_is_named(command: str) -> None:
    sent = a_payload(SOMEBODY[command], **FIELDS[command], colour="red")
    takes = ", ".join(set_out(command))
    expected = f'Unknown field "colour"; {command} takes {takes}.'
    assert unreadable_because(command, sent) == expected


@pytest.mark.parametrize(
    ("command", "wrong", "named"),
    [
        ("request_reassignment", {"to": ""}, "to"),
        ("request_reassignment", {"to": "   "}, "to"),
        ("request_reassignment", {"to": "x" * 301}, "to"),
        ("request_reassignment", {"to": 700010237}, "to"),
        ("request_reassignment", {"reason": "x" * 4001}, "reason"),
        ("report_cannot_locate", {"text": ""}, "text"),
        ("customer_called", {"about": ["when"]}, "about"),
        ("approve", {"amount": "much"}, "amount"),
        ("approve", {"non_covered": "-0.01"}, "non_covered"),
        ("request_info", {"what": None}, "what"),
        ("deny", {"partial": "perhaps"}, "partial"),
        ("add_service_job", {"account": ""}, "account"),
        ("add_service_job", {"event_type": {}}, "event_type"),
        ("supply_parts", {"ship_to": "Tulsa"}, "ship_to"),
        ("supply_parts", {"ship_to": {}}, "ship_to.line"),
        ("supply_parts", {"ship_to": SHIP_TO | {"state": "Oklahoma"}}, "ship_to.state"),
        ("supply_parts", {"ship_to": SHIP_TO | {"zip": "7410"}}, "ship_to.zip"),
        ("supply_parts", {"ship_to": SHIP_TO | {"zip": "٧٤١٠٣"}}, "ship_to.zip"),
        ("supply_parts", {"ship_to": SHIP_TO | {"country": "US"}}, "ship_to.country"),
        ("update_parts", {"eta": "soon"}, "eta"),
        ("update_parts", {"eta": "2026-02-30"}, "eta"),
        ("update_parts", {"text": "\ud800"}, "text"),
        ("update_parts", {"text": "Shipped\0"}, "text"),
        ("request_reassignment", {"to": "Procure\0Vendor"}, "to"),
        ("update_parts", {"actor": {"name": "R\0", "role": "parts_sourcing"}}, "actor.name"),
        ("update_parts", {"actor": {"name": "", "role": "parts_sourcing"}}, "actor.name"),
        ("update_parts", {"actor": {"name": "Robin", "role": "boss"}}, "actor.role"),
        ("update_parts", {"actor": {"name": "Robin"}}, "actor.role"),
        ("update_parts", {"actor": "Robin"}, "actor"),
        ("update_parts", {"message_id": ""}, "message_id"),
    ],
)
def test_a_wrong_field_is_named(command: str, wrong: dict[str, object], named: str) -> None:
    sent = {**a_payload(SOMEBODY[command], **FIELDS[command]), **wrong}
    said = unreadable_because(command, sent)
    assert f"{named}: " in said or f'"{named}"' in said or named in said.partition("Missing: ")[2]


def test_all_wrong_fields_are_named_at_once() -> None:
    message = unreadable_because("approve", a_payload("authorizations", non_covered="x", colour=1))
    assert message == (
        'Missing: amount. Unknown field "colour"; approve takes amount, non_covered, text. '
        "non_covered: write 240.00, without $ or commas."
    )


@pytest.mark.parametrize("nonsense", [None, [], "approve", 240, [1, 2], {}, {"actor": None}])
def test_what_is_no_payload_at_all_is_unreadable(nonsense: object) -> None:
    assert unreadable_because("approve", nonsense).endswith(".")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([*WHO_MAY, "zap"]),
    st.dictionaries(
        st.sampled_from(["actor", "amount", "to", "reason", "ship_to", "message_id"]) | st.text(),
        st.just({"name": "Robin", "role": "authorizations"}) | json_values,
        max_size=5,
    )
    | json_values,
)
def test_whatever_is_sent_is_read_or_refused(command: str, fields: object) -> None:
    with suppress(Refused):
        assert COMMANDS.read(command, fields).actor.role in WHO_MAY[command].split()


@pytest.mark.parametrize("command", WHO_MAY)
def test_the_refusal_shows_an_example_that_can_be_sent(command: str) -> None:
    example = COMMANDS[command].example_payload()
    assert COMMANDS.read(command, example).command.name == command
    instead = refusal_of_reading(command, {}).instead
    assert instead is not None
    assert instead.startswith("Send fields like {")
    assert COMMANDS[command].help.endswith(".")


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    refusal = refusal_of_reading("aprove", a_payload("authorizations"))
    assert refusal.kind is RefusalKind.FIELDS
    assert refusal.message == 'PlusOne search has no command "aprove". Did you mean "approve"?'
    assert refusal.instead == f"Use one of: {', '.join(WHO_MAY)}."


def test_spaces_around_a_text_do_not_count() -> None:
    request = read("supply_parts", company="  Tulsa Plumbing ", ship_to=SHIP_TO | {"state": " ok "})
    assert isinstance(request.payload, SupplyParts)
    assert request.payload.company == "Tulsa Plumbing"
    assert str(request.payload.ship_to) == "12 Elm St, Tulsa, OK 74103"


# --- amounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("240.00", "240.00"),
        ("240.5", "240.50"),
        ("240", "240.00"),
        ("0", "0.00"),
        ("0.01", "0.01"),
        ("9999999.99", "9999999.99"),
        (Decimal("240.5"), "240.50"),
    ],
)
def test_an_amount_is_kept_to_the_cent(written: object, amount: str) -> None:
    payload = read("approve", amount=written).payload
    assert isinstance(payload, Approve)
    assert str(payload.amount) == amount


@pytest.mark.parametrize(
    "written",
    [
        "-0.01",
        "0.001",
        "240.000",
        "10000000.00",
        "1e7",
        "NaN",
        "Infinity",
        "-Infinity",
        "",
        "$240",
        "240,00",
        "1,240.00",
        "two hundred",
        "1_000",
        " 240 ",
        "+240",
        "-0",
        "٢٤٠",
        "240.",
        ".50",
        240,
        0.1,
        True,
        None,
        [],
        0.001,
        float("nan"),
    ],
)
def test_what_is_no_amount_in_cents_is_refused(written: object) -> None:
    sent = a_payload("authorizations", amount=written)
    assert "amount: " in unreadable_because("approve", sent)


@given(st.decimals(min_value=0, max_value=Decimal("9999999.99"), places=2))
def test_every_amount_in_cents_survives(amount: Decimal) -> None:
    payload = read("approve", amount=str(amount)).payload
    assert isinstance(payload, Approve)
    assert payload.amount == amount
    assert Approve.model_validate_json(payload.model_dump_json()) == payload


# --- message ids ------------------------------------------------------------------------------


@pytest.mark.parametrize("message_id", ["1", "order-7:retry", "~!{}", "x" * 200])
def test_a_message_id_is_printable_and_short(message_id: str) -> None:
    assert read("customer_called", message_id=message_id).payload.message_id == message_id


@pytest.mark.parametrize("message_id", ["", "x" * 201, "two words", "a\nb", "Ünique", "\x00", 7])
def test_any_other_message_id_is_refused(message_id: object) -> None:
    sent = a_payload("customer_service", message_id=message_id)
    assert "message_id: " in unreadable_because("customer_called", sent)


def test_a_message_id_may_be_left_out() -> None:
    assert read("customer_called").payload.message_id is None
    assert read("customer_called", message_id=None).payload.message_id is None


# --- refusals ---------------------------------------------------------------------------------


def test_a_refusal_says_what_kind_it_is() -> None:
    refused = [
        forbidden("PO-41", "may not", "ask"),
        conflicting("PO-18", "not now", "wait"),
        unreadable("what?", "send fields"),
    ]
    assert [(each.refusal.kind, each.refusal.rule, str(each)) for each in refused] == [
        ("role", "PO-41", "may not"),
        ("conflict", "PO-18", "not now"),
        ("fields", None, "what?"),
    ]
    assert [each.refusal.instead for each in refused] == ["ask", "wait", "send fields"]
