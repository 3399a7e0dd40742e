"""The job system reads the samples as `steward hook` does, though it shares no code with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from samples.job_system.stories import read_stories
from starters.event_files import read_events

FOLDER = Path(__file__).parents[2] / "samples"
NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)


def test_every_sample_is_read_alike() -> None:
    stories = read_stories(FOLDER, NOW)
    assert [*stories] == sorted(path.name for path in FOLDER.glob("*.json"))
    for name, events in stories.items():
        ours = [json.loads(event.body) for event in read_events(FOLDER / name, NOW)]
        theirs = [event.model_dump(mode="json", exclude={"webhook_id"}) for event in events]
        assert [_in_seconds(each) for each in theirs] == ours


def _in_seconds(told: object) -> object:
    return json.loads(json.dumps(told).replace(".000Z", "Z"))


@pytest.mark.parametrize(
    ("written", "said"),
    [("{}", "story.json"), ('[{"type": "job.assigned"}]', "actor"), ("[", "story.json")],
)
def test_what_is_no_story_is_named(tmp_path: Path, written: str, said: str) -> None:
    (tmp_path / "story.json").write_text(written)
    with pytest.raises(ValueError, match=said):
        read_stories(tmp_path, NOW)
