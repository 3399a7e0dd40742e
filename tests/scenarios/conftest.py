"""What holds for every scenario."""

import pytest

from service import events


@pytest.fixture(autouse=True)
def senders_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have senders of hooks wait: so the answer says what came of it on a busy machine, too."""
    monkeypatch.setattr(events, "_ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(events, "_PATIENCE_SECONDS", 50)
