"""A corrected address is noticed although both look the same where they are shown."""

import pytest

from domain.jobs import HeldJob, JobUpdate
from tests.domain.factories import a_job

WRONG, RIGHT = "jonh.smith@example.com", "john.smith@example.com"


def customer(email: str | None) -> dict[str, object]:
    return {"name": "John", "email": email}


def version(held: HeldJob) -> int:
    carried = held.job.without_customer()
    assert carried.customer is None
    return carried.customer_mail_version


def test_an_address_that_the_job_system_corrects_is_another() -> None:
    held = HeldJob(job=a_job(customer=customer(WRONG)))
    corrected = held.told(a_job(customer=customer(RIGHT)))
    assert version(corrected) == version(held) + 1
    shown = (held.job.without_customer(), corrected.job.without_customer())
    assert shown[0].customer_mail == shown[1].customer_mail == "j***@example.com"
    assert corrected.job != held.job


@pytest.mark.parametrize(
    "same", [WRONG, f" {WRONG} ", f"John Smith <{WRONG}>", WRONG.upper(), f"mailto:{WRONG}"]
)
def test_the_same_address_in_another_spelling_is_the_same(same: str) -> None:
    held = HeldJob(job=a_job(customer=customer(WRONG)))
    assert version(held.told(a_job(customer=customer(same)))) == version(held)


@pytest.mark.parametrize("gone", [None, "n/a"])
def test_an_address_that_is_gone_and_one_that_comes_back_are_changes(gone: str | None) -> None:
    held = HeldJob(job=a_job(customer=customer(WRONG)))
    without = held.told(a_job(customer=customer(gone)))
    assert version(without) == 1
    assert version(without.told(a_job(customer=customer(WRONG)))) == 2


def test_an_address_that_we_correct_is_another_and_its_echo_is_not() -> None:
    held = HeldJob(job=a_job(customer=customer(WRONG)))
    corrected = held.updated(JobUpdate(customer_email=RIGHT))
    assert version(corrected) == 1
    assert version(corrected.told(a_job(customer=customer(WRONG)))) == 1
    echoed = corrected.told(a_job(customer=customer(RIGHT)))
    assert (version(echoed), echoed.job.customer_email) == (1, RIGHT)
    assert HeldJob.model_validate_json(echoed.model_dump_json()) == echoed


def test_only_we_count_addresses() -> None:
    held = HeldJob(job=a_job(customer=customer(WRONG)))
    told = a_job(customer=customer(WRONG), customer_mail_version=7)
    assert held.told(told).job == held.job
