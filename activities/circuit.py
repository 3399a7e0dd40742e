"""Leaves a partner alone that does not answer, and tries again with one request at a time."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from activities.job_system import (
    JobChangedError,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)

FAILURES: Final = 5
"""Failures in a row that open a circuit."""
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(seconds=60)
_OTHERS_FIRST: Final = timedelta(seconds=2)
"""How long after a pause others may go first: longer than a courier waits before it looks again."""
_REMEMBERED: Final = 100
"""Jobs whose requests failed that are remembered."""
LONGEST_RETRY_AFTER: Final = timedelta(hours=1)
"""The longest that a partner is left alone because it asks for it."""


class Circuit:
    """The circuit to one partner, as one process knows it.

    Closed, it lets everything through. It opens after five failures in a row, or when the partner
    does not let us in: for one second, twice as long after each further failure, up to a minute,
    and at least as long as the partner asks for. After that, it lets one request through. If the
    partner answers it, the circuit closes. A job whose requests have failed lets others go first:
    it may be the only one at which the partner fails.

    An answer of which nothing can be made is not silence: it is about its request, and neither
    opens nor closes the circuit.

    Not for several threads: everything happens on one event loop.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Begin closed.

        Args:
            clock: tells seconds that only ever grow.
            chance: draws from 0 to 1, so that processes do not try again all at once.
        """
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._openings = 0
        self._era = 0
        self._reason: str | None = None
        self._is_locked_out = False
        self._opens_until = 0.0
        self._is_probing = False
        self._failing: deque[str] = deque(maxlen=_REMEMBERED)

    @property
    def reason(self) -> str | None:
        """Why it is open, None while it is closed."""
        return self._reason

    @property
    def is_locked_out(self) -> bool:
        """Whether it is open since the partner does not let us in."""
        return self._is_locked_out

    @property
    def pause(self) -> timedelta:
        """How long nothing will be let through; zero if a request may be tried now."""
        if self._reason is None:
            return timedelta()
        left = timedelta(seconds=max(self._opens_until - self._clock(), 0))
        return max(left, FIRST_PAUSE) if self._is_probing else left

    @contextmanager
    def attempt(self, about: str | None = None) -> Iterator[None]:
        """Let a request through, and learn from how it ends.

        A refusal is an answer: the partner works. What is neither an answer nor a failure says
        nothing, such as being cancelled, or kept back by another circuit.

        Args:
            about: the job that the request is about, if it is about one.

        Raises:
            NotLetInError: it is open since the partner did not let us in; nothing was asked.
            NotReachedError: it is open since the partner does not answer; nothing was asked.
        """
        if pause := self.pause or self._wait_for_others(about):
            raise self._kept_back(pause)
        era, is_probe = self._era, self._reason is not None
        self._is_probing = is_probe
        try:
            yield
        except (NotReachedError, NotLetInError) as failure:
            if _is_silence(failure):
                self._note_failing(about)
                if era == self._era:  # what began before it opened says no more
                    self._failed(failure)
            raise
        except (TurnedDownError, JobChangedError):
            if era == self._era:
                self._close()
            raise
        else:
            if era == self._era:
                self._close()
        finally:
            if is_probe:
                self._is_probing = False

    def _kept_back(self, pause: timedelta) -> JobSystemError:
        kind = NotLetInError if self._is_locked_out else NotReachedError
        return kind(self._reason or "", retry_after=pause, was_asked=False)

    def _wait_for_others(self, about: str | None) -> timedelta:
        """Return how long a job has to let others go first, now that one may be tried."""
        if self._reason is None or about not in self._failing:
            return timedelta()
        since = timedelta(seconds=self._clock() - self._opens_until)
        return max(_OTHERS_FIRST - since, timedelta())

    def _note_failing(self, about: str | None) -> None:
        if about is not None and about not in self._failing:
            self._failing.append(about)

    def _close(self) -> None:
        self._failures = 0
        self._failing.clear()
        if self._reason is not None:
            self._reason = None
            self._is_locked_out = False
            self._openings = 0
            self._era += 1

    def _failed(self, failure: NotReachedError | NotLetInError) -> None:
        is_locked_out = isinstance(failure, NotLetInError)
        self._failures += 1
        if self._reason is None and self._failures < FAILURES and not is_locked_out:
            return
        pause = min(FIRST_PAUSE * 2 ** min(self._openings, 10), LONGEST_PAUSE)
        pause *= 0.5 + 0.5 * self._chance()
        wanted = min(failure.retry_after or timedelta(), LONGEST_RETRY_AFTER)
        self._reason, self._is_locked_out = str(failure), is_locked_out
        self._openings += 1
        self._era += 1
        self._opens_until = self._clock() + max(pause, wanted).total_seconds()


def _is_silence(failure: NotReachedError | NotLetInError) -> bool:
    """Return whether there was no contact: nothing else says anything about other requests."""
    has_answered = isinstance(failure, NotReachedError) and failure.has_answered
    return failure.was_asked and not has_answered
