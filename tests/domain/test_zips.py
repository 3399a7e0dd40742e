"""Where a ZIP code lies, and how far from another."""

from importlib.metadata import version
from importlib.resources import files

import pytest

from domain.zips import STATES, Place, known_zips, miles_between, place_of, state_of, zones_of


def test_a_zip_code_has_a_place() -> None:
    place = place_of("74101")
    assert isinstance(place, Place)
    assert place[:3] == ("74101", "Tulsa", "OK")
    assert place.zones == ("America/Chicago",)
    assert (round(place.latitude), round(place.longitude)) == (36, -96)
    assert place_of("74101-1234") == place_of(" 741011234 ") == place


@pytest.mark.parametrize(
    "nowhere",
    [None, "", "7410", "741011", "7410a", "٧٤١٠١", "00000", "99999", "09012", "34090", "96349"],
)
def test_what_is_no_zip_code_of_a_state_lies_nowhere(nowhere: str | None) -> None:
    assert place_of(nowhere) is None
    assert state_of(nowhere) is None
    assert zones_of(nowhere) == ()
    assert miles_between("74101", nowhere) is miles_between(nowhere, "74101") is None


def test_the_table_is_of_all_states_in_order_and_once() -> None:
    zips = known_zips()
    assert len(zips) > 41_900
    assert zips == sorted(set(zips))
    assert {state_of(each) for each in zips} == STATES


def test_the_table_is_of_the_packages_that_are_pinned() -> None:
    head = files("domain").joinpath("zips.csv").read_text("utf-8")[:1000]
    for name in ("zip2info", "zipcodes"):
        assert f"From {name} {version(name)} (MIT License" in head


@pytest.mark.parametrize(
    ("one", "other", "miles"),
    [
        ("74101", "74101", 0),
        ("10001", "90001", 2450),
        ("74101", "73102", 100),
        ("96813", "85001", 2910),
    ],
)
def test_zip_codes_lie_apart_as_the_crow_flies(one: str, other: str, miles: int) -> None:
    told = miles_between(one, other)
    assert told == miles_between(other, one)
    assert told == pytest.approx(miles, rel=0.02)
