"""What somebody probably meant: a name mistyped, a job's number spelled another way."""

import pytest

from domain.suggestions import closest, did_you_mean, spellings

COMMANDS = ("approve", "deny", "request_info", "supply_parts")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("aprove", "approve"),
        ("Request-Info", "request_info"),
        ("supply parts", "supply_parts"),
        ("xyz", None),
        ("approve" * 20, None),
    ],
)
def test_the_closest_name_is_found(typed: str, meant: str | None) -> None:
    assert closest(typed, COMMANDS) == meant


def test_a_question_is_asked_only_where_a_name_is_close() -> None:
    assert did_you_mean("aprove", COMMANDS) == ' Did you mean "approve"?'
    assert did_you_mean("xyz", COMMANDS) == ""


@pytest.mark.parametrize("typed", ["SJ 2001", "sj-2001", "SJ2001", "sj_2001", " SJ-2001 "])
def test_a_job_is_known_however_its_number_is_spelled(typed: str) -> None:
    assert "SJ-2001" in spellings(typed)


@pytest.mark.parametrize("typed", ["", "  ", "x" * 65, "SJ-1\x00", "\x00", "SJ\n1", "\ud800"])
def test_what_is_no_number_has_no_spelling(typed: str) -> None:
    assert spellings(typed) == frozenset()
