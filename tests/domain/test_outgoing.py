"""Why somebody can't be told, in sentences."""

from __future__ import annotations

import pytest

from domain.outgoing import trouble_with


@pytest.mark.parametrize(
    ("reason", "cause", "cure"),
    [
        ("it can't be reached", "The job system can't be reached.", None),
        ("it answers 503.", "The job system answers 503.", None),
        (
            "it doesn't accept our token (401). Check STEWARD_JOB_SYSTEM_TOKEN",
            "The job system doesn't accept our token (401).",
            "Check STEWARD_JOB_SYSTEM_TOKEN",
        ),
        (
            "nothing can be sent to its address. Check STEWARD_JOB_SYSTEM_URL",
            "The job system doesn't answer as expected: nothing can be sent to its address.",
            "Check STEWARD_JOB_SYSTEM_URL",
        ),
    ],
)
def test_cause_and_cure_are_said_once(reason: str, cause: str, cure: str | None) -> None:
    assert trouble_with("The job system", reason) == (cause, cure)
