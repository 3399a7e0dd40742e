"""A text that is too long is shortened, and says by how much."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import shortened

_MARK = re.compile(r" \[… (\d+) more characters …\] ")


@given(length=st.integers(0, 12_000), longest=st.integers(40, 400))
def test_it_says_how_much_is_left_out(length: int, longest: int) -> None:
    text = "x" * length
    said = shortened(text, longest)
    if length <= longest:
        assert said == text
        return
    (left_out,) = _MARK.findall(said)
    assert len(_MARK.sub("", said)) + int(left_out) == length
    assert len(said) == longest


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_what_no_store_keeps_is_written_out_and_counted(odd: str) -> None:
    assert shortened(odd, 40) in ("\\x00", "\\ud800")
    said = shortened(odd * 50, 40)
    (left_out,) = _MARK.findall(said)
    assert odd not in said
    assert len(_MARK.sub("", said)) + int(left_out) == 50 * len(shortened(odd, 40))
