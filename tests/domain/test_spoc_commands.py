"""The follow-up's commands: every role and every stage with every command, and all fields."""

import pytest

from domain.events import ReviewCase
from domain.exceptions import ExceptionCode
from domain.refusals import RefusalKind, Refused
from domain.roles import EMPLOYEES, Actor, Role
from domain.spoc.case import Reason, Stage
from domain.spoc.commands import COMMANDS
from tests.domain.factories import a_payload
from tests.domain.spoc_cases import (
    DUE,
    FIELDS,
    a_follow_up,
    an_order,
    refusal_of,
    refusal_of_reading,
)

LEADERSHIP = "leadership_desk"
WHO_MAY = {
    "ask_provider": {LEADERSHIP},
    "contact_spoc": {LEADERSHIP},
    "route_question": {role.value for role in EMPLOYEES},
    "information_received": {LEADERSHIP, "spoc_specialist"},
    "review_needed": {"authorizations", "spoc_specialist"},
    "denial_confirmed": {"decision_desk"},
    "engage_area_manager": {LEADERSHIP},
}
ROLE_RULES = {
    "ask_provider": "SPOC-22",
    "contact_spoc": "SPOC-21",
    "information_received": "SPOC-23",
    "engage_area_manager": "SPOC-07",
    "review_needed": "SPOC-15",
    "denial_confirmed": "SPOC-44",
}


@pytest.mark.rule("SPOC-07")
@pytest.mark.rule("SPOC-21")
@pytest.mark.rule("SPOC-22")
@pytest.mark.rule("SPOC-23")
@pytest.mark.rule("G-67")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", WHO_MAY)
def test_who_may_give_which_command(command: str, role: Role) -> None:
    assert list(COMMANDS) == list(WHO_MAY) == list(FIELDS)
    sent = a_payload(role, **FIELDS[command])
    if role in WHO_MAY[command]:
        assert COMMANDS.read(command, sent).actor == Actor(name="Robin", role=role)
        return
    with pytest.raises(Refused) as raised:
        COMMANDS.read(command, sent)
    refusal = raised.value.refusal
    assert (refusal.kind, refusal.rule) == (RefusalKind.ROLE, ROLE_RULES.get(command))
    assert refusal.instead


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("command", WHO_MAY)
def test_every_command_is_possible_as_long_as_it_runs(command: str, stage: Stage) -> None:
    case = a_follow_up(stage, **an_order(DUE))
    refusal = refusal_of(command, min(WHO_MAY[command]), case, DUE)
    assert (refusal is None) is (stage in Stage.running())


@pytest.mark.parametrize(
    ("command", "field"), [(command, field) for command in FIELDS for field in FIELDS[command]]
)
def test_a_field_that_is_missing_or_wrong_is_named(command: str, field: str) -> None:
    for wrong in ({}, {field: None}, {field: ""}, {field: ["x"]}):
        given = {name: said for name, said in FIELDS[command].items() if name != field}
        with pytest.raises(Refused) as raised:
            COMMANDS.read(command, a_payload(min(WHO_MAY[command]), **given, **wrong))
        refusal = raised.value.refusal
        assert (refusal.kind, refusal.rule) == (
            RefusalKind.FIELDS,
            COMMANDS[command].field_rules.get(field),
        )
        assert refusal.message.startswith((f"{field}: ", f"Missing: {field}"))


@pytest.mark.parametrize(
    ("command", "field", "choices"),
    [
        ("contact_spoc", "reason", Reason),
        ("engage_area_manager", "exception_code", ExceptionCode),
        ("review_needed", "case", ReviewCase),
    ],
)
def test_a_choice_is_one_of_those_there_are(
    command: str, field: str, choices: type[Reason | ExceptionCode | ReviewCase]
) -> None:
    for choice in choices:
        fields = FIELDS[command] | {field: choice.value}
        COMMANDS.read(command, a_payload(min(WHO_MAY[command]), **fields))
    for wrong in ("", "OTHER", choice.value.swapcase()):
        fields = FIELDS[command] | {field: wrong}
        with pytest.raises(Refused, match=field):
            COMMANDS.read(command, a_payload(min(WHO_MAY[command]), **fields))


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("ask_provider", {"outcome": "Nobody answered", "reason": "part_update"}),
        ("contact_spoc", {"service_explanation_checked": True, "about_denial": False}),
        ("review_needed", {"text": "The quote is $900"}),
    ],
)
def test_a_field_that_may_be_given_is_kept(command: str, fields: dict[str, object]) -> None:
    sent = a_payload(min(WHO_MAY[command]), **FIELDS[command], **fields)
    kept = COMMANDS.read(command, sent).payload
    assert kept.model_dump(mode="json", exclude_unset=True) == sent


@pytest.mark.rule("SPOC-05")
def test_a_specialist_has_no_authority_over_the_provider() -> None:
    given = {name for name in COMMANDS if Role.SPOC_SPECIALIST in COMMANDS[name].roles}
    assert given == {"route_question", "information_received", "review_needed"}
    for command in ("ask_provider", "engage_area_manager"):
        refusal = refusal_of_reading(command, "spoc_specialist")
        assert refusal.kind is RefusalKind.ROLE


@pytest.mark.parametrize("command", WHO_MAY)
def test_the_example_can_be_sent_as_it_stands(command: str) -> None:
    example = COMMANDS[command].example_payload()
    assert COMMANDS.read(command, example).command.name == command
