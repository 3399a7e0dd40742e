"""The specialists' digest: one e-mail a day with the jobs that wait for each specialist."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.mails import Mails
from activities.templating import render
from domain.calendars import DigestDay
from domain.current import current
from domain.directory import Directory, Person
from domain.effects import MailFate
from domain.roles import Role
from domain.spoc.reviews import TO_REVIEW
from domain.texts import written_out
from store.mail_queue import MailQueue, MailState, RenderedMail
from store.reading import Reading, WaitingJob

TEMPLATE = "spoc_digest"
PATIENCE = timedelta(hours=8)
"""How long a mail server may refuse a digest for the moment before it counts as undeliverable."""


class Digests:
    """E-mails each specialist the jobs that wait for them, by provider, and nothing if none do."""

    def __init__(
        self,
        reading: Reading,
        mail_queue: MailQueue,
        mails: Mails,
        directory: Directory | Callable[[], Directory],
    ) -> None:
        self._reading = reading
        self._mail_queue = mail_queue
        self._mails = mails
        self._directory = current(directory)

    @activity.defn(name="send_specialists_digest")
    async def send_specialists_digest(self, asked: DigestDay | date) -> int:
        """Send the digests of a day and return how many there are.

        A specialist gets one digest a day, however often this runs. A workflow that an earlier
        release started passes the day itself.
        """
        day = asked.of_calendar() if isinstance(asked, DigestDay) else asked
        now = datetime.now(UTC)
        digests = self._digests(
            day,
            await self._reading.waiting_on(Role.SPOC_SPECIALIST),
            await self._reading.with_open_tasks(TO_REVIEW),
        )
        for key, mail in digests.items():
            await self._mail_queue.queue(key, TEMPLATE, mail, now)
        fates = await self._mails.send(digests)
        waiting = [key for key, fate in fates.items() if fate is MailFate.WAITING]
        if waiting and now - activity.info().scheduled_time < PATIENCE:
            raise ApplicationError("the mail server does not take it yet", type="NotTakenYet")
        for key in waiting:
            await self._mail_queue.change(key, MailState.BOUNCED, now, "not taken on its day")
        return len(digests)

    def _digests(
        self, day: date, waiting: Sequence[WaitingJob], to_review: Sequence[WaitingJob]
    ) -> Mapping[str, RenderedMail]:
        """Return the e-mail to each specialist by its key, which names nobody.

        Args:
            day: the day of the digests.
            waiting: the jobs on which a specialist owes an answer.
            to_review: the jobs with a report to review, once for each reason (SPOC-15).
        """
        people = dict[str, Person]()
        answers, reviews = (self._by_specialist(people, jobs) for jobs in (waiting, to_review))
        return {
            f"specialists-digest/{day}/{sha256(address.encode()).hexdigest()[:16]}": render(
                TEMPLATE,
                address,
                None,
                {
                    "reader": reader.name,
                    "day": written_out(day),
                    "count": str(_jobs_in(answers[address], reviews[address])),
                    "jobs": _by_provider(answers[address]),
                    "reviews": _by_provider(reviews[address]),
                },
            )
            for address, reader in people.items()
        }

    def _by_specialist(
        self, people: dict[str, Person], jobs: Sequence[WaitingJob]
    ) -> Mapping[str, list[WaitingJob]]:
        """Return the jobs of each specialist by their address, and add them to `people`."""
        of_each = defaultdict[str, list[WaitingJob]](list)
        for each in jobs:
            if specialist := self._directory().specialist_of(each.job.assigned_to):
                people.setdefault(specialist.email, specialist)
                of_each[specialist.email].append(each)
        return of_each


def _jobs_in(*lists: Sequence[WaitingJob]) -> int:
    return len({each.job.job_id for jobs in lists for each in jobs})


def _by_provider(waiting: Sequence[WaitingJob]) -> str:
    """Return a list of jobs under the name of each provider."""
    of_each = defaultdict[str, list[str]](list)
    for each in waiting:
        job = each.job
        said = f"- {job.job_id} ({job.trade}, {job.item.name}): {each.next}"
        of_each[job.assigned_to.name].append(said)
    return "\n\n".join("\n".join([f"{name}:", *lines]) for name, lines in of_each.items())
