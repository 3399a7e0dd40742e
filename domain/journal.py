"""Words of the journal: those recognized later, by pages and the tour, and those of two places."""

from __future__ import annotations

from typing import Final

CLOSED_TASK: Final = "closed the task"
REOPENED_TASK: Final = "reopened the task"
DISMISSED_ALERT: Final = "dismissed the alert"
REFUSED: Final = "refused "
"""Before the command that was refused."""
MOVED: Final = " → "
"""Between the stages of a move, before and after."""

NOBODY_NEEDS_IT: Final = "An e-mail came back after the procedure ended. It no longer matters."
"""What is said of a mail that came back when that didn't matter any more."""
