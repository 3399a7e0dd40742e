"""A job that comes back to life while its lifecycle closes becomes a task there and then."""

from __future__ import annotations

import pytest

from domain.editions import Edition
from domain.effects import MailFate, OpenTask
from domain.jobs import JobStatus
from tests.engine.memory import Life
from tests.engine.test_plus_one import a_repair, plusone_notes


def closing(edition: int) -> Life:
    """A repair that is complete, but has a mail that waits for its server."""
    life = a_repair()
    life.lifecycle.case.edition = edition
    plusone_notes(life, "DIAGNOSIS SUBMITTED/AWAITING APPROVAL")
    life.store.fates, life.mail_server = [MailFate.WAITING], MailFate.WAITING
    life.does("approve", "authorizations", amount="240.00")
    return life.hears("job.status_changed", status=JobStatus.COMPLETED).settle()


@pytest.mark.parametrize(
    ("edition", "tasks"),
    [(Edition.FACTS_BY_MEANING, 1), (Edition.TASKS_CLOSE_AT_EVERY_END, 0)],
)
def test_a_job_reopened_while_its_mail_still_waits(edition: int, tasks: int) -> None:
    life = closing(edition)
    assert (life.stage, life.outcome) == ("completed", None)
    life.hears("job.status_changed", status=JobStatus.ACCEPTED).settle()
    life.hears("customer.called", {"about": "When?"}).settle()
    asked = [each.task for each in life.store.effects(OpenTask)]
    assert asked.count("job_reopened") == tasks
    life.mail_server = MailFate.SENT
    life.settle()
