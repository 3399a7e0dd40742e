"""Reminders: chasing somebody a number of times before something else happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.lifecycles import Case
from domain.policy_values import Reminders
from domain.promises import Due, DueAfterBusinessDays, DueAt, Promise
from domain.roles import Role


@dataclass(frozen=True, kw_only=True)
class Chase:
    """A wait in which somebody is reminded, and what happens when that does not help."""

    key: str
    """The stage that it belongs to."""
    waiting_on: Role
    duty: str
    """As in `Promise`."""
    rule: str
    reminders: Reminders
    reminder: str
    """What a reminder does, as it reads after "If that doesn't happen,": "we e-mail a reminder"."""
    in_the_end: str
    """What happens when the last reminder did not help, as a clause of the same kind."""
    changed_by: str
    """As in `Promise`."""

    def promise(self, case: Case, since: datetime) -> Promise:
        """Return the promise of the present round.

        Args:
            case: how often was reminded.
            since: what the round counts from, where the case does not say it.
        """
        since = case.counts_from or since
        rounds, reminded = self.reminders.attempts, case.reminded
        return Promise(
            key=f"{case.promise_key(self.key, since)}:{reminded}",
            waiting_on=self.waiting_on,
            duty=self.duty,
            rule=self.rule,
            since=since,
            due=None if reminded > rounds else self._due(since),
            then=self._then(reminded, rounds),
            changed_by=self.changed_by,
        )

    def _due(self, since: datetime) -> Due:
        every = self.reminders.every
        if isinstance(every, timedelta):
            return DueAt(at=since + every)
        return DueAfterBusinessDays(days=every, since=since)

    def _then(self, reminded: int, rounds: int) -> str:
        if reminded < rounds:
            return f"If that doesn't happen, {self.reminder} ({reminded + 1} of {rounds})"
        if reminded == rounds:
            return f"If that doesn't happen, {self.in_the_end}"
        return "All reminders have been sent; nothing more happens automatically"
