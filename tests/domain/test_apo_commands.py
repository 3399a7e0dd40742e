"""The option's commands: every role and every stage with every command, and all fields."""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.apo.case import Stage
from domain.apo.commands import COMMANDS
from domain.apo.payloads import (
    CustomerReached,
    DocumentsApproved,
    DocumentsReceived,
    EstimateDeclined,
    EstimateSubmitted,
    InstructionsNotReceived,
)
from domain.editions import Edition
from domain.labels import stage_label, to_do
from domain.refusals import RefusalKind, Refused
from domain.roles import Actor, Role
from tests.domain.apo_cases import (
    FIELDS,
    NOON,
    STARTING,
    a_dispatch_job,
    a_start,
    refusal_of,
    refusal_of_reading,
    unreadable_because,
)
from tests.domain.factories import a_payload, an_option

WHO_MAY = {
    "offer_apo": "dispatch escalations supervisor",
    "request_apo": "dispatch escalations system",
    "approve_apo": "supervisor dispatch",
    "decline_apo": "supervisor dispatch",
    "customer_reached": "dispatch",
    "customer_not_reached": "dispatch",
    "customer_called": "customer_service supervisor",
    "instructions_not_received": "customer_service supervisor",
    "customer_accepted": "customer_service supervisor dispatch",
    "customer_refused": "customer_service supervisor dispatch",
    "estimate_submitted": "customer_service supervisor support_services customer",
    "estimate_approved": "support_services",
    "estimate_declined": "support_services",
    "documents_received": "support_services customer",
    "documents_approved": "support_services",
    "documents_rejected": "support_services",
    "payment_chosen": "customer support_services",
}
SOMEBODY = {command: who.split()[-1] for command, who in WHO_MAY.items()} | {
    "offer_apo": "dispatch"
}
ROLE_RULES = {
    "offer_apo": "APO-18",
    "request_apo": "APO-23",
    "approve_apo": "APO-20",
    "decline_apo": "APO-20",
    "customer_reached": "APO-02",
    "customer_not_reached": "APO-02",
    "documents_approved": "APO-26",
    "documents_rejected": "APO-26",
    "payment_chosen": "APO-27",
}

POSSIBLE_IN = {
    "awaiting_approval": "approve_apo decline_apo customer_called",
    "contacting_customer": """
        customer_reached customer_not_reached customer_called customer_refused
    """,
    "awaiting_customer": """
        customer_called instructions_not_received customer_accepted customer_refused
        estimate_submitted documents_received
    """,
    "awaiting_documents": """
        customer_called instructions_not_received customer_refused estimate_submitted
        documents_received
    """,
    "estimate_review": """
        customer_called customer_refused estimate_submitted estimate_approved estimate_declined
        documents_received
    """,
    "reviewing_documents": """
        customer_called documents_received documents_approved documents_rejected
    """,
    "offer_sent": "customer_called documents_received payment_chosen",
    "awaiting_paid_invoice": "customer_called documents_received",
    "paid": "",
    "paid_by_check": "",
    "closed_without_proof": "",
    "refused": "",
    "declined": "",
    "cancelled": "",
    "superseded": "",
}
OPTIONAL: Mapping[str, dict[str, object]] = {
    "offer_apo": {
        "locator_completed": True,
        "all_providers_called": True,
        "customer_escalated": True,
    },
    "approve_apo": {"note": "No provider in the network"},
    "customer_reached": {"reason": "Too much trouble", "instructions_relayed": True},
    "customer_called": {"about": "Asks how APO works", "instructions_relayed": True},
    "instructions_not_received": {
        "corrected_email": "ada@example.com",
        "by_mail": True,
        "hawaii_pm": True,
    },
    "customer_accepted": {"note": "Has a plumber in mind", "instructions_relayed": False},
    "estimate_approved": {"reason": "In line with the market"},
    "documents_received": {"amount": "240.00"},
}


# --- roles and stages -------------------------------------------------------------------------


def test_these_are_the_commands() -> None:
    assert list(COMMANDS) == list(WHO_MAY) == list(FIELDS)
    assert [name for name, command in COMMANDS.items() if command.starts] == [
        *STARTING,
        "documents_received",
    ]


@pytest.mark.rule("APO-02")
@pytest.mark.rule("APO-18")
@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-23")
@pytest.mark.rule("APO-26")
@pytest.mark.rule("APO-27")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", WHO_MAY)
def test_who_may_give_which_command(command: str, role: Role) -> None:
    sent = a_payload(role, **FIELDS[command])
    if role in WHO_MAY[command].split():
        assert COMMANDS.read(command, sent).actor == Actor(name="Robin", role=role)
        return
    refusal = refusal_of_reading(command, sent)
    assert (refusal.kind, refusal.rule) == (RefusalKind.ROLE, ROLE_RULES.get(command))
    assert to_do(command) in refusal.message
    assert refusal.instead is not None
    hint = "note on the job" if command in STARTING else "ask "
    assert refusal.instead.lower().startswith(hint)


@pytest.mark.parametrize("stage", POSSIBLE_IN)
def test_what_a_stage_leaves_possible(stage: str) -> None:
    assert set(POSSIBLE_IN) == set(Stage)
    assert COMMANDS.possible_in(stage) == POSSIBLE_IN[stage].split()


@pytest.mark.parametrize("stage", POSSIBLE_IN)
@pytest.mark.parametrize("command", WHO_MAY)
def test_which_command_is_possible_in_which_stage(command: str, stage: str) -> None:
    job = a_dispatch_job(customer={"email": "ada@example.com"}).without_customer()
    case = an_option(stage, job=job)
    refusal = refusal_of(command, SOMEBODY[command], case, NOON)
    if command in POSSIBLE_IN[stage].split():
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.kind is RefusalKind.CONFLICT
    assert refusal.message.startswith(
        f"You can't {to_do(command)} now. Status: {stage_label(stage)}"
    )
    assert refusal.instead or stage in Stage.ends()


@pytest.mark.parametrize("command", WHO_MAY)
def test_only_an_offer_or_a_request_starts_it(command: str) -> None:
    case = a_start(NOON, "offer_apo").opened()
    refusal = refusal_of(command, SOMEBODY[command], case, NOON)
    assert (refusal is None) == (command in {"offer_apo", "request_apo"})


# --- fields -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", WHO_MAY)
def test_fields_that_may_be_given_are_kept(command: str) -> None:
    sent = a_payload(SOMEBODY[command], **FIELDS[command], **OPTIONAL.get(command, {}))
    kept = COMMANDS.read(command, sent).payload
    assert kept.model_dump(mode="json", exclude_unset=True) == sent


@pytest.mark.parametrize("command", WHO_MAY)
def test_fields_that_need_not_be_given_are_left_out(command: str) -> None:
    kept = COMMANDS.read(command, a_payload(SOMEBODY[command], **FIELDS[command])).payload
    assert kept.model_fields_set == {"actor", *FIELDS[command]}
    optional = type(kept).model_fields.keys() - kept.model_fields_set
    assert optional == {"message_id", *OPTIONAL.get(command, {})}


@pytest.mark.parametrize(
    ("command", "field"), [(command, field) for command in FIELDS for field in FIELDS[command]]
)
def test_a_missing_field_is_named(command: str, field: str) -> None:
    without = {name: value for name, value in FIELDS[command].items() if name != field}
    message = unreadable_because(command, a_payload(SOMEBODY[command], **without))
    assert message == f"Missing: {field}."


@pytest.mark.parametrize("command", WHO_MAY)
def test_a_field_that_nobody_knows_is_named(command: str) -> None:
    sent = a_payload(SOMEBODY[command], **FIELDS[command], colour="red")
    assert f'Unknown field "colour"; {command} takes ' in unreadable_because(command, sent)


@pytest.mark.parametrize(
    ("command", "wrong", "named"),
    [
        ("offer_apo", {"reason": ""}, "reason"),
        ("offer_apo", {"reason": "  "}, "reason"),
        ("offer_apo", {"reason": "x" * 4001}, "reason"),
        ("offer_apo", {"in_network_exhausted": "perhaps"}, "in_network_exhausted"),
        ("offer_apo", {"in_network_exhausted": None}, "in_network_exhausted"),
        ("offer_apo", {"locator_completed": []}, "locator_completed"),
        ("request_apo", {"in_network_exhausted": 2}, "in_network_exhausted"),
        ("approve_apo", {"note": "\0"}, "note"),
        ("decline_apo", {"reason": None}, "reason"),
        ("customer_reached", {"outcome": "Accepted"}, "outcome"),
        ("customer_reached", {"outcome": "maybe"}, "outcome"),
        ("customer_reached", {"reason": ""}, "reason"),
        ("customer_not_reached", {"voicemail_left": "twice"}, "voicemail_left"),
        ("customer_called", {"about": 5}, "about"),
        ("customer_called", {"instructions_relayed": "yes"}, "instructions_relayed"),
        ("customer_accepted", {"instructions_relayed": None}, "instructions_relayed"),
        ("estimate_declined", {"reason": None}, "reason"),
        ("estimate_declined", {"reason": ""}, "reason"),
        ("instructions_not_received", {"corrected_email": "ada"}, "corrected_email"),
        ("instructions_not_received", {"corrected_email": "ada@localhost"}, "corrected_email"),
        ("instructions_not_received", {"corrected_email": "noemail@x.example"}, "corrected_email"),
        ("instructions_not_received", {"corrected_email": ""}, "corrected_email"),
        ("instructions_not_received", {"by_mail": "carrier pigeon"}, "by_mail"),
        ("customer_accepted", {"note": {}}, "note"),
        ("customer_refused", {"reason": ""}, "reason"),
        ("documents_received", {"paid_invoice": "half"}, "paid_invoice"),
        ("documents_rejected", {"reason": ""}, "reason"),
        ("payment_chosen", {"method": "cash"}, "method"),
        ("payment_chosen", {"method": "Check"}, "method"),
    ],
)
def test_a_wrong_field_is_named(command: str, wrong: dict[str, object], named: str) -> None:
    sent = a_payload(SOMEBODY[command], **FIELDS[command] | wrong)
    assert f"{named}: " in unreadable_because(command, sent)


@pytest.mark.rule("G-71")
def test_jobs_of_older_editions_decline_an_estimate_without_a_reason() -> None:
    payload = COMMANDS.read(
        "estimate_declined", a_payload("support_services"), Edition.FACTS_BY_MEANING
    ).payload
    assert isinstance(payload, EstimateDeclined)
    assert payload.reason is None


WITH_AMOUNT = ("estimate_submitted", "documents_received", "documents_approved")


@pytest.mark.parametrize("command", WITH_AMOUNT)
@pytest.mark.parametrize(
    "written",
    [
        "-0.01",
        "0.001",
        "300.000",
        "10000000.00",
        "3e2",
        "NaN",
        "Infinity",
        "",
        "$300",
        "300 USD",
        "300,00",
        "1,300.00",
        "three hundred",
        "1_000",
        "+300",
        "٣٠٠",
        "300.",
        ".50",
        300,
        300.0,
        True,
        [],
        {},
    ],
)
def test_what_is_no_amount_in_cents_is_refused(command: str, written: object) -> None:
    sent = a_payload(SOMEBODY[command], **FIELDS[command] | {"amount": written})
    assert "amount: " in unreadable_because(command, sent)


@given(st.decimals(min_value=Decimal("0.01"), max_value=Decimal("9999999.99"), places=2))
def test_every_amount_in_cents_survives(amount: Decimal) -> None:
    for command in WITH_AMOUNT:
        sent = a_payload(SOMEBODY[command], **FIELDS[command] | {"amount": str(amount)})
        payload = COMMANDS.read(command, sent).payload
        assert isinstance(payload, EstimateSubmitted | DocumentsReceived | DocumentsApproved)
        assert payload.amount == amount
        assert type(payload).model_validate_json(payload.model_dump_json()) == payload


@pytest.mark.rule("APO-10")
def test_spaces_around_an_address_do_not_count() -> None:
    sent = a_payload("customer_service", corrected_email=" ada@example.com ")
    payload = COMMANDS.read("instructions_not_received", sent).payload
    assert isinstance(payload, InstructionsNotReceived)
    assert payload.corrected_email == "ada@example.com"


@pytest.mark.parametrize("outcome", ["accepted", "refused", "undecided"])
def test_a_customer_who_is_reached_answers_in_one_of_three_ways(outcome: str) -> None:
    payload = COMMANDS.read("customer_reached", a_payload("dispatch", outcome=outcome)).payload
    assert isinstance(payload, CustomerReached)
    assert payload.outcome == outcome


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([*WHO_MAY, "zap"]),
    st.dictionaries(
        st.sampled_from(["actor", "amount", "reason", "outcome", "corrected_email", "message_id"])
        | st.text(),
        st.sampled_from([{"name": "Robin", "role": role} for role in Role]) | json_values,
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
