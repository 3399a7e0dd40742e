"""The page says what was measured, and nothing else."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command_line
from benchmarks.figures import Bar, Figure, Picture, Section, at_least, at_most
from benchmarks.report import PAGE_FILE, in_words, page, write_page
from benchmarks.results import Machine, Measurement, Results, kept_in
from benchmarks.scale import Scale, Tell

IN_THE_CHECKOUT = Path(__file__).parents[2] / "benchmarks"

BARS = Picture(
    name="rates",
    title="Lifecycles carried out",
    y_label="a second",
    bars=(
        Bar(label="search\nSteward", median=20, lowest=18, highest=21),
        Bar(label="search\nfloor", median=23, lowest=22, highest=24),
    ),
    limit=19,
)
LINES = Picture(
    name="growth",
    title="Waiting",
    x_label="open jobs",
    y_label="ms",
    lines={"hook": ((100, 9), (1_000, 11), (10_000, 12)), "command": ((100, 19), (10_000, 22))},
    limit=25,
)


def a_section(name: str = "throughput", **fields: object) -> Section:
    return Section.model_validate(
        {
            "name": name,
            "title": f"All about {name}",
            "method": "Side by side.",
            "limits": "The processor.",
            "figures": (
                Figure.of("rate, against the floor", "×", [0.9, 0.8, 0.91], at_least(0.85)),
                Figure.of("wait", "ms", [1400.0, 1200.0], at_most(500)),
                Figure.of("rate", "1/s", [12.345]),
            ),
            **fields,
        }
    )


def taken(section: Section) -> Measurement:
    return Measurement(section=section, on=date(2026, 11, 22), minutes=7.25, load_before=0.04)


def results(*sections: Section, scale: str = "full") -> Results:
    return Results(machine=Machine.this(), scale=scale, measurements=tuple(map(taken, sections)))


# --- the page ---------------------------------------------------------------------------------


def test_the_page_shows_each_figure_beside_its_goal() -> None:
    lines = page(results(a_section())).splitlines()

    assert "| rate, against the floor | 0.9 × | 0.8 – 0.91 × | 3 | at least 0.85 × | met |" in lines
    assert "| wait | 1,300 ms | 1,200 – 1,400 ms | 2 | at most 500 ms | **missed** |" in lines
    assert "| rate | 12.3 1/s | – | 1 |" in lines


def test_the_page_begins_with_what_was_missed() -> None:
    said = page(results(a_section(), a_section("growth")))
    assert "| [All about throughput](#all-about-throughput) | 1 of 2 | wait: 1,300 ms |" in said
    assert "| [All about growth](#all-about-growth) | 1 of 2 | wait: 1,300 ms |" in said


def test_the_page_says_how_and_where_and_when_it_was_measured() -> None:
    said = page(results(a_section()))
    machine = Machine.this()
    for told in (
        "Side by side.",
        "**What limits it.** The processor.",
        "Measured on 2026-11-22 in 7.2 minutes",
        machine.processor,
        f"temporalio {machine.packages['temporalio']}",
    ):
        assert told in said


def test_a_quick_run_is_not_taken_for_a_measurement() -> None:
    warning = "no figure here means anything"
    assert warning in page(results(a_section(), scale="quick"))
    assert warning not in page(results(a_section(), scale="full"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0 ms"),
        (0.0123, "0.012 ms"),
        (0.5, "0.5 ms"),
        (1.0, "1 ms"),
        (1.234, "1.23 ms"),
        (20.0, "20 ms"),
        (99.94, "99.9 ms"),
        (100.0, "100 ms"),
        (12_345.6, "12,346 ms"),
    ],
)
def test_a_value_is_said_with_the_digits_that_mean_something(value: float, said: str) -> None:
    assert in_words(value, "ms") == said


def test_a_count_has_no_unit() -> None:
    assert in_words(42, "") == "42"


# --- its pictures -----------------------------------------------------------------------------


def test_pictures_show_every_name_and_the_goal(tmp_path: Path) -> None:
    write_page(results(a_section(pictures=(BARS, LINES))), tmp_path)

    said = (tmp_path / PAGE_FILE).read_text()
    shown = {}
    for picture in (BARS, LINES):
        assert f"![{picture.title}](pictures/{picture.name}.svg)" in said
        file = tmp_path / "pictures" / f"{picture.name}.svg"
        drawn = ET.parse(file).getroot()  # noqa: S314  drawn just now
        shown[picture.name] = "".join(drawn.itertext())
    for words in ("Lifecycles carried out", "search", "Steward", "floor", "a second", "goal"):
        assert words in shown["rates"]
    assert shown["rates"].count("search") == 1, "a group of bars is named once"
    for words in ("Waiting", "hook", "command", "open jobs", "10,000", "ms", "goal"):
        assert words in shown["growth"]


def test_the_same_results_make_the_same_files(tmp_path: Path) -> None:
    found = results(a_section(pictures=(BARS, LINES)))
    files = []
    for folder in (tmp_path / "once", tmp_path / "again"):
        write_page(found, folder)
        files.append({file.name: file.read_bytes() for file in folder.rglob("*.*")})

    assert files[0] == files[1]
    assert len(files[0]) == 3


def test_the_page_in_the_checkout_is_the_one_that_its_results_make() -> None:
    kept = kept_in(IN_THE_CHECKOUT)
    assert kept is not None
    assert kept.scale == "full"
    assert (IN_THE_CHECKOUT / PAGE_FILE).read_text() == page(kept)


# --- the results ------------------------------------------------------------------------------


def test_results_are_kept_and_found_again(tmp_path: Path) -> None:
    found = results(a_section(pictures=(BARS, LINES)), a_section("growth"))
    assert kept_in(tmp_path) is None
    found.write(tmp_path)
    assert kept_in(tmp_path) == found


def test_a_section_measured_anew_takes_its_old_place() -> None:
    found = results(a_section(), a_section("growth"))
    anew = a_section(limits="The disk.")

    assert [each.section for each in found.with_(taken(anew)).measurements] == [
        anew,
        a_section("growth"),
    ]


# --- the one command --------------------------------------------------------------------------


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let sections be found at once; return the names of those measured."""
    names: list[str] = []

    def measuring(name: str) -> object:
        async def measure(scale: Scale, tell: Tell) -> Section:
            names.append(name)
            tell("half of it")
            return a_section(name, limits=f"measured {len(names)} sections, {scale.rounds} rounds")

        return measure

    sections = {name: measuring(name) for name in ("throughput", "growth")}
    monkeypatch.setattr(command_line, "SECTIONS", sections)
    return names


def bench(*arguments: object, exit_code: int = 0) -> str:
    """Return what the command says on its standard output."""
    ran = CliRunner().invoke(command_line.app, list(map(str, arguments)))
    assert ran.exit_code == exit_code, ran.output
    return ran.stdout if exit_code == 0 else ran.output


def test_everything_is_measured_unless_sections_are_named(
    tmp_path: Path, measured: list[str]
) -> None:
    bench("--out", tmp_path)
    assert measured == ["throughput", "growth"]

    bench("--out", tmp_path, "--only", "growth", "--only", "throughput")
    assert measured[2:] == ["growth", "throughput"]


def test_a_section_alone_leaves_the_others_as_they_are(tmp_path: Path, measured: list[str]) -> None:
    bench("--out", tmp_path)
    before = kept_in(tmp_path)
    bench("--out", tmp_path, "--only", "growth")
    after = kept_in(tmp_path)

    assert before is not None
    assert after is not None
    assert after.measurements[0] == before.measurements[0]
    assert after.measurements[1].section.limits == "measured 3 sections, 5 rounds"
    assert (tmp_path / PAGE_FILE).read_text() == page(after)


def test_results_of_another_scale_are_not_mixed(tmp_path: Path, measured: list[str]) -> None:
    bench("--out", tmp_path)
    bench("--out", tmp_path, "--only", "growth", "--quick")

    found = kept_in(tmp_path)
    assert found is not None
    assert [each.section.name for each in found.measurements] == ["growth"]
    assert found.scale == "quick"


def test_results_are_printed_as_json_and_nothing_else(tmp_path: Path, measured: list[str]) -> None:
    printed = bench("--quick", "--json", "--out", tmp_path)
    assert Results.model_validate_json(printed) == kept_in(tmp_path)


def test_goals_are_summed_up_for_who_sits_there(tmp_path: Path, measured: list[str]) -> None:
    said = bench("--out", tmp_path, "--only", "growth")
    assert "missed" in said
    assert PAGE_FILE in "".join(said.split())


def test_the_page_is_made_again_without_measuring(tmp_path: Path, measured: list[str]) -> None:
    results(a_section()).write(tmp_path)
    bench("--page", "--out", tmp_path)

    assert "All about throughput" in (tmp_path / PAGE_FILE).read_text()
    assert measured == []


def test_no_page_is_made_of_nothing(tmp_path: Path) -> None:
    assert "keeps no results" in bench("--page", "--out", tmp_path, exit_code=2)


def test_an_unknown_section_is_refused(measured: list[str]) -> None:
    assert "throughput, growth" in bench("--only", "speed", exit_code=2)
    assert measured == []
