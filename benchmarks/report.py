"""The page: method, figures beside their goals, and pictures, from the results alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, Goal, Section
from benchmarks.pictures import draw
from benchmarks.results import Machine, Measurement, Results

PAGE_FILE = "README.md"

_PICTURES_FOLDER = "pictures"

_INTRODUCTION = """\
# How fast, how small, how it grows

Steward beside the bare engine that it runs on, in one run on one machine, which has nothing else to
do meanwhile:

<!-- not run: it measures this machine for ten minutes -->
```sh
make bench
```

| `make bench ARGS=…` | |
|---|---|
| `"--only throughput"` | measures this section anew and leaves the others as they are |
| `"--quick"` | shows in a few minutes that everything runs; its figures mean nothing |
| `"--json"` | prints the results, which are kept in [results.json](results.json), too |
| `"--page"` | makes this page from them again, and measures nothing |

What holds for all sections:

- The **floor** is the same thing on the bare Temporal SDK: the same waits, signals and number of
  activities, no rules, and activities that do nothing. Temporal lets nothing be faster here.
- What serves and what drives run in processes of their own. Temporal is a new server for each run,
  started as `steward up` starts it.
- What is compared is run in rounds, all sides in each. A ratio is taken within a round; a figure is
  the **median** of all rounds, beside the lowest and the highest.
"""


def write_page(results: Results, folder: Path) -> None:
    """Write the page of some results into a folder, with its pictures."""
    pictures = folder / _PICTURES_FOLDER
    pictures.mkdir(parents=True, exist_ok=True)
    for measurement in results.measurements:
        for picture in measurement.section.pictures:
            draw(picture, pictures)
    (folder / PAGE_FILE).write_text(page(results), "utf-8")


def page(results: Results) -> str:
    """Return the page as Markdown."""
    blocks = [_INTRODUCTION, _machine(results.machine)]
    if results.scale != "full":
        blocks.append(f"**Measured `--{results.scale}`: no figure here means anything.**\n")
    blocks.append(_overview([each.section for each in results.measurements]))
    blocks += [block for each in results.measurements for block in _section(each)]
    return "\n".join(blocks)


def _machine(machine: Machine) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    return (
        f"Measured on: {machine.processor}, {machine.processors} processors, "
        f"{machine.memory_gib:g} GiB, {machine.system}; {machine.python}, SQLite "
        f"{machine.sqlite}; {packages}.\n"
    )


def _overview(sections: Sequence[Section]) -> str:
    lines = ["| | Goals met | Missed |", "|---|---|---|"]
    for section in sections:
        judged = [figure for figure in section.figures if figure.goal is not None]
        missed = [figure for figure in judged if not figure.is_met]
        link = f"[{section.title}](#{_anchor(section.title)})"
        names = "<br>".join(f"{each.name}: {in_words(each.median, each.unit)}" for each in missed)
        lines.append(f"| {link} | {len(judged) - len(missed)} of {len(judged)} | {names or '–'} |")
    return "\n".join([*lines, ""])


def _section(measurement: Measurement) -> Iterator[str]:
    section = measurement.section
    judged = [figure for figure in section.figures if figure.goal is not None]
    others = [figure for figure in section.figures if figure.goal is None]
    yield f"## {section.title}\n"
    yield f"{section.method}\n"
    if judged:
        yield _table(judged)
    for picture in section.pictures:
        yield f"![{picture.title}]({_PICTURES_FOLDER}/{picture.name}.svg)\n"
    if others:
        yield f"<details><summary>More figures</summary>\n\n{_table(others)}\n</details>\n"
    yield f"**What limits it.** {section.limits}\n"
    yield (
        f"Measured on {measurement.on:%Y-%m-%d} in {measurement.minutes:.1f} minutes; load of the "
        f"machine before: {measurement.load_before:.1f}.\n"
    )


def _table(figures: Sequence[Figure]) -> str:
    judged = any(figure.goal for figure in figures)
    columns = ["", "Median", "Lowest – highest", "Of", *(["Goal", ""] if judged else [])]
    lines = [_row(columns), "|---" + "|--:" * 3 + "|---|---" * judged + "|"]
    for figure in figures:
        cells = [
            figure.name,
            in_words(figure.median, figure.unit),
            _spread(figure),
            str(figure.samples),
        ]
        if figure.goal is not None:
            cells += [
                goal_in_words(figure.goal, figure.unit),
                "met" if figure.is_met else "**missed**",
            ]
        lines.append(_row(cells))
    return "\n".join([*lines, ""])


def _spread(figure: Figure) -> str:
    if figure.lowest == figure.highest:
        return "–"
    return f"{_number(figure.lowest)} – {in_words(figure.highest, figure.unit)}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def goal_in_words(goal: Goal, unit: str) -> str:
    """Return a goal as it is read."""
    return f"{goal.bound} {in_words(goal.limit, unit)}"


def in_words(value: float, unit: str) -> str:
    """Return a value with its unit."""
    return f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    """Return a value with as many digits as mean something."""
    for least, places in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= least:
            written = f"{value:,.{places}f}"
            return written.rstrip("0").rstrip(".") if places else written
    return f"{value:.2g}"


def _anchor(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    kept = "".join(char for char in title.casefold() if char.isalnum() or char in " -_")
    return kept.replace(" ", "-")
