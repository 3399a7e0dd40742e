"""The specialists' digest: each gets one mail a day of the jobs that wait for them."""

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
from domain.texts import written_out
from store.outbox import MailState, Outbox, RenderedMail
from store.reading import Reading, WaitingJob

TEMPLATE = "spoc_digest"
PATIENCE = timedelta(hours=8)
"""How long a mail server may refuse a digest for the moment before it counts as undeliverable."""


class Digests:
    """Mails every specialist a list of what waits for them, none if nothing does."""

    def __init__(
        self,
        reading: Reading,
        outbox: Outbox,
        mails: Mails,
        directory: Directory | Callable[[], Directory],
    ) -> None:
        self._reading = reading
        self._outbox = outbox
        self._mails = mails
        self._directory = current(directory)

    @activity.defn(name="send_specialists_digest")
    async def send_specialists_digest(self, asked: DigestDay | date) -> int:
        """Send the digests of a day; return how many there are.

        A specialist gets one a day, however often it is asked for: the first stands. A digest that
        was begun by an earlier release asks with the day itself.
        """
        day = asked.of_calendar() if isinstance(asked, DigestDay) else asked
        now = datetime.now(UTC)
        digests = self._digests(day, await self._reading.waiting_on(Role.SPOC_SPECIALIST))
        for key, mail in digests.items():
            await self._outbox.queue(key, TEMPLATE, mail, now)
        fates = await self._mails.send(digests)
        waiting = [key for key, fate in fates.items() if fate is MailFate.WAITING]
        if waiting and now - activity.info().scheduled_time < PATIENCE:
            raise ApplicationError("the mail server does not take it yet", type="NotTakenYet")
        for key in waiting:
            await self._outbox.change(key, MailState.BOUNCED, now, "not taken on its day")
        return len(digests)

    def _digests(self, day: date, waiting: Sequence[WaitingJob]) -> Mapping[str, RenderedMail]:
        """Return the mail of each specialist, by its key, which names nobody."""
        people, of_each = dict[str, Person](), defaultdict[str, list[WaitingJob]](list)
        for each in waiting:
            if specialist := self._directory().specialist_of(each.job.assigned_to):
                people.setdefault(specialist.email, specialist)
                of_each[specialist.email].append(each)
        return {
            f"specialists-digest/{day}/{sha256(address.encode()).hexdigest()[:16]}": render(
                TEMPLATE,
                address,
                None,
                {
                    "reader": people[address].name,
                    "day": written_out(day),
                    "count": str(len(jobs)),
                    "jobs": "\n\n".join(map(_in_words, jobs)),
                },
            )
            for address, jobs in of_each.items()
        }


def _in_words(waiting: WaitingJob) -> str:
    job = waiting.job
    return f"{job.job_id} ({job.trade}, {job.item.name}), {job.assigned_to.name}\n{waiting.next}"
