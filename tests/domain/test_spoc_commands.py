"""The follow-up's commands: every role and every stage with every command, and all fields."""

import pytest

from domain.exceptions import ExceptionCode
from domain.refusals import RefusalKind, Refused
from domain.roles import EMPLOYEES, Actor, Role
from domain.spoc.case import Reason, Stage
from domain.spoc.commands import COMMANDS
from tests.domain.factories import a_payload
from tests.domain.spoc_cases import DUE, FIELDS, a_follow_up, an_order, refusal_of

LEADERSHIP = "leadership_desk"
WHO_MAY = {
    "ask_provider": {LEADERSHIP},
    "contact_spoc": {LEADERSHIP},
    "route_question": {role.value for role in EMPLOYEES},
    "information_received": {LEADERSHIP, "spoc_specialist"},
    "engage_area_manager": {LEADERSHIP},
}
ROLE_RULES = {
    "ask_provider": "SPOC-22",
    "contact_spoc": "SPOC-21",
    "information_received": "SPOC-23",
    "engage_area_manager": "SPOC-07",
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
    refusal = refusal_of(command, LEADERSHIP, case, DUE)
    assert (refusal is None) is (stage in Stage.running())


@pytest.mark.parametrize(
    ("command", "field"), [(command, field) for command in FIELDS for field in FIELDS[command]]
)
def test_a_field_that_is_missing_or_wrong_is_named(command: str, field: str) -> None:
    for wrong in ({}, {field: None}, {field: ""}, {field: ["x"]}):
        given = {name: said for name, said in FIELDS[command].items() if name != field}
        with pytest.raises(Refused) as raised:
            COMMANDS.read(command, a_payload(LEADERSHIP, **given, **wrong))
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
    ],
)
def test_a_choice_is_one_of_those_there_are(
    command: str, field: str, choices: type[Reason | ExceptionCode]
) -> None:
    for choice in choices:
        COMMANDS.read(command, a_payload(LEADERSHIP, **FIELDS[command] | {field: choice.value}))
    for wrong in ("", "OTHER", choice.value.swapcase()):
        with pytest.raises(Refused, match=f"{field}"):
            COMMANDS.read(command, a_payload(LEADERSHIP, **FIELDS[command] | {field: wrong}))


def test_a_field_that_may_be_given_is_kept() -> None:
    sent = a_payload(LEADERSHIP, **FIELDS["ask_provider"], outcome="Nobody answered")
    kept = COMMANDS.read("ask_provider", sent).payload
    assert kept.model_dump(mode="json", exclude_unset=True) == sent


@pytest.mark.parametrize("command", WHO_MAY)
def test_the_example_can_be_sent_as_it_stands(command: str) -> None:
    example = COMMANDS[command].example_payload()
    assert COMMANDS.read(command, example).command.name == command
