"""How many lifecycles a second, and for how much processor time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from statistics import median

from benchmarks.driver import Driven
from benchmarks.driving import driven, under_way
from benchmarks.figures import Bar, Figure, Goal, Picture, Section, at_least, at_most
from benchmarks.floor import Phase
from benchmarks.golden_paths import GOLDEN_PATHS, GoldenPath
from benchmarks.scale import Scale, Tell
from benchmarks.shape import Shape, shape_of

_METHOD = """\
Each golden path is carried out by four: by Steward, whose database is a new SQLite file; by the
floor; by the floor with search attributes; and by the naive shape. All but Steward are one workflow
of the bare SDK, and its activities do nothing. Steward carries the path out once on a quiet server,
and its history says what this workflow has to do: the same start, signals, updates and timers, and
for the floor as many activities as Steward has, which carries out in one activity all effects that
become true together. The naive shape has an activity for each of these effects and for each mail,
in sequence. It is favoured: tasks that are closed together count once, and the row that says where
a job stands not at all.

The floor sets no search attributes, has no summaries, and no payload but its list of phases. That
jobs can be found in Temporal by their stage is Steward's choice, so Steward pays for it here. The
floor with search attributes, for which there is no goal, sets three of them as often as Steward
does, and so says what is paid.

Worker, Temporal, and the driver with the mail server have a process each, all new for each run; the
worker has the event loop of `steward worker`, for all four alike. Before a run, every event goes
through Steward's own intake into the store, and what the hooks would tell Temporal is kept back;
the driver tells it, each message once the lifecycle rests. Commands it gives while the clock runs,
through Steward's own code, which also looks into the store where a command starts the lifecycle.
Such a start is one call, start and update together, for all four alike. To know that a lifecycle
rests, the driver asks the server about once for each message, for all four alike. Where a path
takes days, the server skips them, for all four alike. Steward has its built-in policy, save that
providers are called at any hour, so that the hour of a run does not matter.

The driver has {under_way} lifecycles under way all the time, from before the clock starts until
after it stops: {warm_up} end before, {lifecycles} are counted. The four are run one after another,
in each of {rounds} rounds in another order. Processor time is what the kernel accounted to a
process meanwhile."""

_LIMITS = """\
The processors limit the rate: worker, Temporal and driver kept {busy:.1f} of them busy in Steward's
runs. {temporals:.0%} of that was Temporal's, which grows with the events of a history and with
their bytes. The floor's activities do nothing; Steward's write a transaction of SQLite for each
batch, and for each mail a message and a conversation with the mail server. By a profile of APO's
path, a third of what its worker does beyond the floor's is mail, and a fifth the transactions;
models that check what crosses a border, larger payloads, and the rules are the rest. What Temporal
does beyond the floor's is mostly the search attributes, each change of which is a transaction of
its own: beside the floor that sets them as often, its processor time is {temporals_beside} ×, path
by path, and Steward's rate {rates_beside} ×."""


class Variant(StrEnum):
    """What carries the lifecycles out."""

    STEWARD = "Steward"
    FLOOR = "floor"
    FOUND_BY_STAGE = "floor with attributes"
    NAIVE = "naive shape"

    def phases_of(self, shape: Shape) -> Sequence[Phase]:
        """Return what a bare workflow goes through in Steward's place."""
        match self:
            case Variant.NAIVE:
                return shape.one_by_one
            case Variant.FOUND_BY_STAGE:
                return shape.found_by_stage
            case _:
                return shape.as_batches


_ALWAYS = (Variant.STEWARD, Variant.FLOOR)
"""The variants of every path, however little is measured."""

Rounds = Mapping[Variant, Sequence[Driven]]
"""What each round came to."""


async def measure(scale: Scale, tell: Tell) -> Section:
    """Measure the golden paths."""
    paths = [path for path in GOLDEN_PATHS if scale.paths is None or path.name in scale.paths]
    beside_all = GOLDEN_PATHS[: scale.paths_beside_all]
    found = {
        path.name: await _rounds_of(
            path, tuple(Variant) if path in beside_all else _ALWAYS, scale, tell
        )
        for path in paths
    }
    figures = tuple(figure for name, rounds in found.items() for figure in _figures(name, rounds))
    return Section(
        name="throughput",
        title="Throughput and processor time",
        method=_METHOD.format(
            under_way=under_way(scale),
            warm_up=scale.warm_up,
            lifecycles=scale.lifecycles,
            rounds=scale.rounds,
        ),
        limits=_limits(found.values(), figures),
        figures=figures,
        pictures=(
            _picture(
                found, "throughput", "Lifecycles carried out", "a second", lambda run: run.rate
            ),
            _picture(
                found,
                "processor-time",
                "Processor time of worker and Temporal",
                "ms for a lifecycle",
                lambda run: run.worker_ms + run.server_ms,
            ),
        ),
    )


async def _rounds_of(
    path: GoldenPath, variants: Sequence[Variant], scale: Scale, tell: Tell
) -> Rounds:
    tell(f"{path.name}: its shape")
    shape = await shape_of(path)
    found: dict[Variant, list[Driven]] = {variant: [] for variant in variants}
    order = deque(variants)
    for number in range(1, scale.rounds + 1):
        for variant in order:
            tell(f"{path.name}: round {number} of {scale.rounds}, {variant}")
            phases = None if variant is Variant.STEWARD else variant.phases_of(shape)
            found[variant].append(await driven(path, scale, phases=phases))
        order.rotate(1)
    return found


# --- what is made of it -----------------------------------------------------------------------


def _figures(path: str, rounds: Rounds) -> Sequence[Figure]:
    def ratio(
        name: str, to: Variant, of: Callable[[Driven], float], goal: Goal | None = None
    ) -> Figure:
        pairs = zip(rounds[Variant.STEWARD], rounds[to], strict=True)
        ratios = [of(ours) / of(theirs) for ours, theirs in pairs]
        return Figure.of(f"{path}: {name}, against the {to}", "×", ratios, goal)

    def absolute(name: str, unit: str, of: Callable[[Driven], float]) -> list[Figure]:
        return [
            Figure.of(f"{path}: {name}, {variant}", unit, [of(run) for run in runs])
            for variant, runs in rounds.items()
        ]

    against_the_floor: list[tuple[str, Callable[[Driven], float], Goal]] = [
        ("rate", lambda run: run.rate, at_least(0.85)),
        ("worker's processor time", lambda run: run.worker_ms, at_most(1.3)),
        ("Temporal's processor time", lambda run: run.server_ms, at_most(1.2)),
    ]
    naive = [Variant.NAIVE] if Variant.NAIVE in rounds else []
    found_by_stage = [Variant.FOUND_BY_STAGE] if Variant.FOUND_BY_STAGE in rounds else []
    return [
        *(ratio(name, Variant.FLOOR, of, goal) for name, of, goal in against_the_floor),
        *(ratio("rate", each, lambda run: run.rate, at_least(1.1)) for each in naive),
        *(ratio(name, each, of) for each in found_by_stage for name, of, _ in against_the_floor),
        *absolute("rate", "1/s", lambda run: run.rate),
        *absolute("worker's processor time", "ms", lambda run: run.worker_ms),
        *absolute("Temporal's processor time", "ms", lambda run: run.server_ms),
        *absolute("driver's processor time", "ms", lambda run: run.driver_ms),
        *absolute("events of a history", "", lambda run: run.events),
        *absolute("processors kept busy", "", lambda run: run.processors_busy),
    ]


def _limits(found: Iterable[Rounds], figures: Sequence[Figure]) -> str:
    def beside_attributes(name: str) -> str:
        ending = f": {name}, against the {Variant.FOUND_BY_STAGE}"
        medians = [figure.median for figure in figures if figure.name.endswith(ending)]
        return f"{min(medians):.2f} – {max(medians):.2f}"

    ours = [run for rounds in found for run in rounds[Variant.STEWARD]]
    return _LIMITS.format(
        busy=median(run.processors_busy for run in ours),
        temporals=median(run.rate * run.server_ms / 1000 / run.processors_busy for run in ours),
        temporals_beside=beside_attributes("Temporal's processor time"),
        rates_beside=beside_attributes("rate"),
    )


def _picture(
    found: Mapping[str, Rounds], name: str, title: str, unit: str, of: Callable[[Driven], float]
) -> Picture:
    bars = []
    for path, rounds in found.items():
        for variant, runs in rounds.items():
            values = [of(run) for run in runs]
            bars.append(
                Bar(
                    label=f"{path}\n{variant}",
                    median=median(values),
                    lowest=min(values),
                    highest=max(values),
                )
            )
    return Picture(name=name, title=title, y_label=unit, bars=tuple(bars))
