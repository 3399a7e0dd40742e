"""Durations are read as people write them, and nothing else is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from domain.durations import (
    LONGEST_ELAPSED,
    MOST_BUSINESS_DAYS,
    BusinessDays,
    Elapsed,
    Spacing,
    format_business_days,
    format_elapsed,
    parse_business_days,
    parse_elapsed,
)


class Waits(BaseModel):
    elapsed: Elapsed
    days: BusinessDays


class Rounds(BaseModel):
    every: Spacing


@pytest.mark.parametrize(
    ("text", "elapsed"),
    [
        ("48h", timedelta(hours=48)),
        ("90m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("3d", timedelta(hours=72)),
        ("1d12h", timedelta(hours=36)),
        ("47h59m59s", timedelta(hours=48) - timedelta(seconds=1)),
        ("010m", timedelta(minutes=10)),
        ("3650d", LONGEST_ELAPSED),
    ],
)
def test_elapsed_time_is_read(text: str, elapsed: timedelta) -> None:
    assert parse_elapsed(text) == elapsed


@pytest.mark.parametrize(
    ("elapsed", "text"),
    [
        (timedelta(hours=48), "48h"),
        (timedelta(hours=24), "24h"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=14), "14d"),
        (timedelta(hours=75), "75h"),
        (timedelta(seconds=1), "1s"),
    ],
)
def test_elapsed_time_is_written_as_it_is_said(elapsed: timedelta, text: str) -> None:
    assert format_elapsed(elapsed) == text


@given(st.integers(1, int(LONGEST_ELAPSED.total_seconds())))
def test_elapsed_time_survives_being_written(seconds: int) -> None:
    elapsed = timedelta(seconds=seconds)
    assert parse_elapsed(format_elapsed(elapsed)) == elapsed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'' is not a duration: write it like 48h, 90m, 1h30m, 3d or 2w"),
        ("48", "'48' is not a duration"),
        ("h", "'h' is not a duration"),
        (" 48h", "' 48h' is not a duration"),
        ("48 h", "'48 h' is not a duration"),
        ("48H", "'48H' is not a duration"),
        ("30m1h", "'30m1h' is not a duration"),
        ("1h1h", "'1h1h' is not a duration"),
        ("1.5h", "'1.5h' is not a duration"),
        ("-48h", "'-48h' is not a duration"),
        ("PT48H", "'PT48H' is not a duration"),
        ("3bd", "'3bd' is not a duration"),
        ("48h\n", r"'48h\\n' is not a duration"),
        ("٤٨h", "'٤٨h' is not a duration"),
        ("99999999999999999999d", "is not a duration"),
        ("0h", "0h is too short: a duration must be longer than zero"),
        ("3650d1s", "3650d1s is longer than ten years"),
    ],
)
def test_anything_else_is_no_elapsed_time(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_elapsed(text)


@pytest.mark.parametrize(
    ("elapsed", "reason"),
    [
        (timedelta(0), "longer than zero"),
        (timedelta(hours=-1), "longer than zero"),
        (timedelta.max, "longer than ten years"),
        (timedelta(milliseconds=1500), "0:00:01.500000 is not a whole number of seconds"),
    ],
)
def test_what_has_no_text_is_not_written(elapsed: timedelta, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        format_elapsed(elapsed)


@given(st.integers(1, MOST_BUSINESS_DAYS))
def test_business_days_survive_being_written(days: int) -> None:
    assert parse_business_days(format_business_days(days)) == days
    assert format_business_days(days) == f"{days}bd"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3", "'3' is not a number of business days: write it like 3bd"),
        ("3d", "'3d' is not a number of business days"),
        ("-3bd", "'-3bd' is not a number of business days"),
        ("1.5bd", "'1.5bd' is not a number of business days"),
        ("0bd", "0 business days: write 1 to 2500"),
        ("2501bd", "2501 business days: write 1 to 2500"),
    ],
)
def test_anything_else_is_no_number_of_business_days(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_business_days(text)


def test_models_keep_numbers_and_write_text() -> None:
    waits = Waits.model_validate({"elapsed": "90m", "days": "3bd"})
    assert waits == Waits(elapsed=timedelta(minutes=90), days=3)
    assert waits.model_dump(mode="json") == {"elapsed": "1h30m", "days": "3bd"}
    assert Waits.model_validate(waits.model_dump()) == waits
    assert Waits.model_validate_json(waits.model_dump_json()) == waits


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("elapsed", 48, "48 has no unit: write a duration as text"),
        ("elapsed", True, "True has no unit"),
        ("elapsed", timedelta(0), "0:00:00 is too short: .* longer than zero"),
        ("elapsed", timedelta(microseconds=1), "whole number of seconds"),
        ("days", True, "True is not a number of business days"),
        ("days", 1.0, "1.0 is not a number of business days"),
        ("days", 0, "0 business days"),
    ],
)
def test_models_refuse_what_means_nothing(field: str, value: object, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Waits.model_validate({"elapsed": "48h", "days": "3bd", field: value})


def test_schemas_say_that_text_is_wanted() -> None:
    for model in (Waits, Rounds):
        properties = model.model_json_schema()["properties"]
        assert {field["type"] for field in properties.values()} == {"string"}


# --- the time between reminders ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spacing", "written"),
    [
        ("2bd", 2, "2bd"),
        ("1bd", 1, "1bd"),
        ("2500bd", MOST_BUSINESS_DAYS, "2500bd"),
        ("4h", timedelta(hours=4), "4h"),
        ("240m", timedelta(hours=4), "4h"),
        ("2d", timedelta(hours=48), "48h"),
        ("3d", timedelta(days=3), "3d"),
        (timedelta(hours=4), timedelta(hours=4), "4h"),
    ],
)
def test_reminders_lie_business_days_or_elapsed_time_apart(
    text: object, spacing: int | timedelta, written: str
) -> None:
    rounds = Rounds.model_validate({"every": text})
    assert rounds.every == spacing
    assert type(rounds.every) is type(spacing)
    assert rounds.model_dump(mode="json") == {"every": written}


@given(
    st.builds(format_business_days, st.integers(1, MOST_BUSINESS_DAYS))
    | st.builds(
        lambda seconds: format_elapsed(timedelta(seconds=seconds)),
        st.integers(1, int(LONGEST_ELAPSED.total_seconds())),
    )
)
def test_what_lies_between_reminders_survives_being_written(text: str) -> None:
    rounds = Rounds.model_validate({"every": text})
    assert rounds.model_dump(mode="json") == {"every": text}
    assert Rounds.model_validate(rounds.model_dump()) == rounds
    assert Rounds.model_validate_json(rounds.model_dump_json()) == rounds


@pytest.mark.parametrize(
    ("every", "reason"),
    [
        (2, "2 has no unit: write business days like 2bd, or hours like 4h"),
        (True, "True has no unit"),
        (1.5, "1.5 has no unit"),
        (None, "None has no unit"),
        ("2", "'2' is not a duration"),
        ("bd", "'bd' is not a number of business days"),
        ("2 bd", "'2 bd' is not a number of business days"),
        ("-2bd", "'-2bd' is not a number of business days"),
        ("1d2bd", "'1d2bd' is not a number of business days"),
        ("2bd1h", "'2bd1h' is not a duration"),
        ("2BD", "'2BD' is not a duration"),
        ("", "'' is not a duration"),
        ("0bd", "0 business days: write 1 to 2500"),
        ("2501bd", "2501 business days: write 1 to 2500"),
        ("0h", "0h is too short"),
        (timedelta(0), "0:00:00 is too short: .* longer than zero"),
        ("3651d", "3651d is longer than ten years"),
    ],
)
def test_reminders_lie_no_other_way_apart(every: object, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Rounds.model_validate({"every": every})
