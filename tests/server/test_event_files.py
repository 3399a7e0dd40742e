"""Event files say when things happened from now, and the samples are events of the contract."""

import io
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.durations import format_elapsed
from domain.events import EVENT
from domain.jobs import Assignee, Customer, Item, Job
from domain.signatures import HookSecrets, generate_secret, verify
from starters.day_at_the_desk import FOLDER, sample_events
from starters.event_files import HookEvent, parse_events, read_events
from starters.failures import Failure

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
SAMPLES = sorted(FOLDER.glob("*.json"))
EVENTS = sample_events(NOW)


def parsed(written: object) -> HookEvent:
    (event,) = parse_events(json.dumps(written), "day.json", NOW)
    return event


def bodies(text: str) -> list[Any]:
    return [json.loads(event.body) for event in parse_events(text, "day.json", NOW)]


def failure(text: str) -> str:
    with pytest.raises(Failure) as failed:
        parse_events(text, "day.json", NOW)
    return str(failed.value)


# --- how a file is written --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '[{"type": "a"}, {"type": "b"}]',
        '{"type": "a"}\n{"type": "b"}',
        '\n{"type": "a"}\r\n\r\n  {"type": "b"}  \n\n',
    ],
    ids=["array", "lines", "lines with room between them"],
)
def test_events_come_in_the_order_of_the_file(text: str) -> None:
    assert bodies(text) == [{"type": "a"}, {"type": "b"}]


def test_one_object_is_one_event() -> None:
    assert bodies('{\n  "type": "a"\n}') == [{"type": "a"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "day.json:1: not JSON: Expecting value, at column 1"),
        ("[]", "day.json: no event in it"),
        ("[{},\n{]", "day.json:2: not JSON: Expecting property name"),
        ('{"a": 1}\n\n{"b"}', "day.json:3: not JSON: Expecting ':' delimiter, at column 5"),
        ("[{}, 7]", "day.json, event 2: not a JSON object"),
        ('{"at": "now-0h"}', "day.json, event 1: 0h is too short"),
        ('[{}, {"at": ["now+5m3h"]}]', "day.json, event 2: '5m3h' is not a duration"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    assert failure(text).startswith(told)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.json"
    latin.write_bytes('{"name": "Zoë"}'.encode("latin-1"))
    for path, told in (
        (tmp_path / "none.json", "can't be read: No such file or directory"),
        (tmp_path, "can't be read: Is a directory"),
        (latin, "not UTF-8 text"),
    ):
        with pytest.raises(Failure) as failed:
            read_events(path, NOW)
        assert str(failed.value) == f"{path}: {told}"


def test_a_dash_is_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf{"at": "now"}'))
    monkeypatch.setattr(sys, "stdin", typed)
    (event,) = read_events(Path("-"), NOW)
    assert json.loads(event.body) == {"at": "2026-11-21T14:05:00Z"}
    assert event.source == "standard input, event 1"


# --- now --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("now", "2026-11-21T14:05:00Z"),
        ("now-49h", "2026-11-19T13:05:00Z"),
        ("now+1h30m", "2026-11-21T15:35:00Z"),
        ("now-6d", "2026-11-15T14:05:00Z"),
        ("now-1d2h3m4s", "2026-11-20T12:01:56Z"),
    ],
)
def test_now_is_an_instant(written: str, at: str) -> None:
    assert json.loads(parsed({"occurred_at": written}).body) == {"occurred_at": at}


def test_now_counts_wherever_a_value_stands_and_never_in_a_key() -> None:
    assert json.loads(parsed({"now": [{"now-1h": ["now", 1, None, True]}]}).body) == {
        "now": [{"now-1h": ["2026-11-21T14:05:00Z", 1, None, True]}]
    }


@pytest.mark.parametrize("text", ["Now", " now", "now ", "nowhere", "now-", "now-1", "now-1bd", ""])
def test_other_texts_stay(text: str) -> None:
    assert json.loads(parsed({"text": text}).body) == {"text": text}


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=3650)), st.sampled_from("+-"))
def test_every_duration_counts_from_now(elapsed: timedelta, sign: str) -> None:
    whole = timedelta(seconds=int(elapsed.total_seconds()))
    body = json.loads(parsed({"at": f"now{sign}{format_elapsed(whole)}"}).body)
    expected = NOW + whole if sign == "+" else NOW - whole
    assert datetime.fromisoformat(body["at"]) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text().filter(lambda text: text[:3] != "now"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.text().filter(lambda key: key != "webhook_id"), JSON, max_size=3))
def test_all_else_is_sent_as_it_is_written(written: dict[str, Any]) -> None:
    assert json.loads(parsed(written).body) == written


# --- the hook ---------------------------------------------------------------------------------


def test_an_event_says_what_it_is_about() -> None:
    event = parsed({"type": "job.created", "job": {"job_id": "SJ-1"}})
    assert (event.type, event.job_id) == ("job.created", "SJ-1")


@pytest.mark.parametrize("written", [{}, {"type": 1, "job": {"job_id": None}}, {"job": "SJ-1"}])
def test_nonsense_is_sent_too(written: dict[str, Any]) -> None:
    event = parsed(written)
    assert (event.type, event.job_id) == (None, None)
    assert json.loads(event.body) == written


def test_an_event_has_an_id_of_its_own_or_the_one_it_names() -> None:
    assert parsed({"type": "a"}).webhook_id != parsed({"type": "a"}).webhook_id
    named = parsed({"type": "a", "webhook_id": "evt-1"})
    assert named.webhook_id == "evt-1"
    assert json.loads(named.body) == {"type": "a"}


@pytest.mark.parametrize("webhook_id", [1, "a.b", "Zoë", "a\nb", " a", "x" * 257])
def test_an_id_that_no_header_can_carry_is_refused(webhook_id: object) -> None:
    assert failure(json.dumps({"webhook_id": webhook_id})) == (
        "day.json, event 1: webhook_id must have 1 to 256 printable ASCII characters, no period, "
        "and no space at either end"
    )


def test_an_event_is_signed_as_the_hook_verifies() -> None:
    secret, event = generate_secret(), parsed({"type": "job.created", "who": "Zoë"})
    headers = event.headers(secret, NOW)
    assert verify(HookSecrets.parse(secret), headers, event.body, NOW) == event.webhook_id


# --- the samples ------------------------------------------------------------------------------


def texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in texts(each)]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.source.rpartition("/")[2])
def test_a_sample_is_an_event_of_the_past_that_tells_the_whole_job(event: HookEvent) -> None:
    told, body = EVENT.validate_json(event.body), json.loads(event.body)
    assert set(body) == {"type", "occurred_at", "actor", "job", "data"}
    assert told.job.assigned_at <= told.occurred_at < NOW
    assert set(body["job"]) == set(Job.model_fields) - {
        "customer_mail",
        "customer_zip",
        "customer_state",
        "customer_mail_version",
    }  # said only by us
    for model, part in ((Item, "item"), (Customer, "customer"), (Assignee, "assigned_to")):
        assert set(body["job"][part]) == set(model.model_fields)


def test_every_sample_tells_a_job_of_its_own() -> None:
    jobs = [{event.job_id for event in read_events(path, NOW)} for path in SAMPLES]
    assert all(len(told) == 1 for told in jobs)
    assert len(set.union(*jobs)) == len(SAMPLES) >= 14


def test_samples_name_nobody_who_could_be_reached() -> None:
    said = [text for event in EVENTS for text in texts(json.loads(event.body))]
    addresses = [text for text in said if "@" in text]
    phones = [text for text in said if re.fullmatch(r"\d{3}-\d{3}-\d{4}", text)]
    assert addresses
    assert phones
    assert [each for each in addresses if not re.search(r"(@example\.com|\.example)$", each)] == []
    assert [each for each in phones if not re.search(r"-555-01\d\d$", each)] == []


def test_the_readme_lists_every_sample_with_its_job() -> None:
    listed = re.findall(
        r"^\| `(.+?)` \| (.+?) \|", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert listed == [(path.name, read_events(path, NOW)[0].job_id) for path in SAMPLES]
