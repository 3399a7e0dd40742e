"""Which news of a job Authorizations calls its customer about."""

import pytest

from domain.jobs import Job
from domain.outbound_calls import News, about_denial, became_medical, call_is_due
from tests.domain.factories import a_job


def of_customer(severity: str = "Standard", **customer: str) -> Job:
    """Return a job of a customer, with the customer left out as in a workflow."""
    return a_job(severity=severity, customer=customer).without_customer()


@pytest.mark.rule("CONF-42")
@pytest.mark.parametrize(
    ("customer", "severity", "due"),
    [
        ({"state": "OK", "zip": "74101"}, "Standard", True),
        ({"state": "CA", "zip": "90001"}, "Standard", False),
        ({"state": "IA", "zip": "50309"}, "Standard", False),
        ({"state": "California"}, "Standard", False),
        ({"state": " ia "}, "Standard", False),
        ({"zip": "90001"}, "Standard", False),
        ({"zip": "50309-1234"}, "Standard", False),
        ({"state": "CA", "zip": "74101"}, "Standard", False),
        ({"state": "OK", "zip": "90001"}, "Standard", True),
        ({"state": "CA", "zip": "90001"}, "Emergency", True),
        ({"state": "IA", "zip": "50309"}, "Medical Emergency", True),
        ({}, "Standard", True),
    ],
)
def test_a_denial_in_california_or_iowa_is_told_only_in_an_emergency(
    customer: dict[str, str], severity: str, *, due: bool
) -> None:
    assert call_is_due(News.DENIAL, of_customer(severity, **customer)) is due


@pytest.mark.rule("CONF-41")
@pytest.mark.parametrize("news", News)
@pytest.mark.parametrize("state", ["OK", "CA"])
def test_every_kind_of_news_is_told_and_denials_alone_depend_on_the_state(
    news: News, state: str
) -> None:
    due = news is not News.DENIAL or state == "OK"
    assert call_is_due(news, of_customer(state=state)) is due


@pytest.mark.rule("CONF-41")
@pytest.mark.parametrize(
    ("before", "now", "became"),
    [
        ("Standard", "Medical Emergency", True),
        ("Emergency", "Medical Emergency", True),
        ("Medical Emergency", "Medical Emergency", False),
        ("Standard", "Emergency", False),
        ("Medical Emergency", "Standard", False),
    ],
)
def test_a_job_becomes_a_medical_emergency_once(before: str, now: str, *, became: bool) -> None:
    assert became_medical(a_job(severity=before), a_job(severity=now)) is became


@pytest.mark.rule("CONF-41")
def test_the_task_says_what_is_denied_and_why() -> None:
    assert about_denial("Not covered", partial=False) == (
        "Call the customer and explain in your own words that the repair is denied (CONF-41). "
        "Reason: Not covered"
    )
    assert "a part of the repair is denied" in about_denial("Not covered", partial=True)


def test_a_state_is_carried_only_where_the_zip_code_says_another() -> None:
    same = of_customer(state="OK", zip="74101")
    assert (same.customer_state, same.state) == (None, "OK")
    other = of_customer(state="TX", zip="74101")
    assert (other.customer_state, other.state) == ("TX", "TX")
    assert a_job(customer={"state": "TX", "zip": "74101"}).state == "TX"
    assert "customer_state" not in same.model_dump()
    assert a_job().state is None
