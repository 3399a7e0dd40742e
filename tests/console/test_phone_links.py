"""A number is dialed as people wrote it down, however they did."""

import pytest

from starters.desk.pages import tel


@pytest.mark.parametrize(
    ("written", "dialed"),
    [
        ("918-555-0101", "918-555-0101"),
        ("+1 (918) 555-0101", "+1918555-0101"),
        ("918.555.0101 x12", "9185550101;ext=12"),
        ("918 555 0101 Ext. 7", "9185550101;ext=7"),
        ("918-555-0101#44", "918-555-0101;ext=44"),
        ("javascript:alert(1)", "1"),
        ("ask for Robin", ""),
    ],
)
def test_a_number_becomes_what_a_phone_dials(written: str, dialed: str) -> None:
    assert tel(written) == dialed
