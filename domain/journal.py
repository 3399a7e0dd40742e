"""How entries of the journal begin that are recognized later, by pages and by the tour."""

from __future__ import annotations

from typing import Final

CLOSED_TASK: Final = "closed the task"
REOPENED_TASK: Final = "reopened the task"
DISMISSED_ALERT: Final = "dismissed the alert"
REFUSED: Final = "refused "
"""Before the command that was refused."""
MOVED: Final = " → "
"""Between the stages of a move, before and after."""
