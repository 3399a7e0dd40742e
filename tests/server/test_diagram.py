"""The drawings of the procedures: nothing overlaps, and every line ends at its stage."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from domain.labels import stage_label
from domain.lifecycles import LifecycleKind
from starters.desk.diagram import HEIGHT, WIDTH, Box, Diagram, Line, Side, drawn, wrapped
from tests.engine.doorbell import DOORBELL
from workflows.registry import LIFECYCLES

PHONE = 390 - 2 * 12 - 2 * 17
"""What a card on the narrowest screen leaves for a drawing."""

kinds = pytest.mark.parametrize(
    "kind", [*LIFECYCLES.values(), DOORBELL], ids=lambda each: each.name
)


def boxes(diagram: Diagram) -> dict[str, Box]:
    return {box.stage: box for box in diagram.boxes}


def sides(diagram: Diagram) -> list[Line]:
    return [line for line in diagram.lines if line.side is not Side.BETWEEN]


@kinds
def test_every_stage_is_drawn_once_and_whole(kind: LifecycleKind) -> None:
    diagram = drawn(kind)
    assert sorted(box.stage for box in diagram.boxes) == sorted((*kind.stages, *kind.ends))
    for box in diagram.boxes:
        assert " ".join(box.lines) == stage_label(box.stage)
        assert len(box.lines) <= 2
        assert all(box.y < y < box.y + HEIGHT for y, _ in box.text_rows)
        assert box.is_end == kind.has_ended(box.stage)


@kinds
def test_a_drawing_fits_a_phone(kind: LifecycleKind) -> None:
    diagram = drawn(kind)
    assert diagram.width <= PHONE
    for box in diagram.boxes:
        assert box.x > 0
        assert box.x + WIDTH < diagram.width
        assert box.y > 0
        assert box.y + HEIGHT < diagram.height


@kinds
def test_no_two_stages_overlap(kind: LifecycleKind) -> None:
    for one, other in combinations(drawn(kind).boxes, 2):
        assert one.y + HEIGHT < other.y or other.y + HEIGHT < one.y


@kinds
def test_every_move_is_drawn_or_is_from_every_stage_to_an_end(kind: LifecycleKind) -> None:
    diagram = drawn(kind)
    shown = {(start, line.to) for line in diagram.lines for start in line.starts}
    own = {
        (start.value, move.to.value)
        for move in kind.moves
        if not (move.is_from_everywhere and move.to.is_end)
        for start in move.starts
    }
    assert shown == own
    assert {box.stage for box in diagram.boxes if box.begins} == {
        move.to for move in kind.moves if move.begins
    }


@kinds
def test_an_arrow_ends_at_the_edge_of_its_stage(kind: LifecycleKind) -> None:
    diagram = drawn(kind)
    for line in diagram.lines:
        box, (x, y) = boxes(diagram)[line.to], line.tip
        edges = {Side.LEFT: box.x, Side.RIGHT: box.x + WIDTH, Side.BETWEEN: box.x + WIDTH / 2}
        assert x == edges[line.side]
        assert box.y <= y < box.y + HEIGHT
        last = re.findall(r"[HV]([\d.]+)", line.path)[-1]
        assert float(last) == (y if line.side is Side.BETWEEN else x)


@kinds
def test_a_line_leaves_each_of_its_stages_at_a_dot_of_its_own(kind: LifecycleKind) -> None:
    diagram = drawn(kind)
    for line in sides(diagram):
        starts = [boxes(diagram)[start] for start in line.starts]
        assert len(line.dots) == len(starts)
        for box, (x, y) in zip(starts, line.dots, strict=True):
            assert box.y < y < box.y + HEIGHT
            assert not box.x <= x <= box.x + WIDTH
            assert f"{y:g}H{x:g}" in line.path


@kinds
def test_no_line_crosses_a_stage_and_no_two_share_a_piece_of_a_lane(kind: LifecycleKind) -> None:
    diagram = drawn(kind)
    edge = diagram.boxes[0].x
    for line in sides(diagram):
        assert line.right <= edge or line.left >= edge + WIDTH
    for one, other in combinations(sides(diagram), 2):
        lanes = {line.dots[0][0] for line in (one, other)}
        if len(lanes) == 1:
            assert one.bottom < other.top or other.bottom < one.top


@kinds
def test_the_ends_of_every_stage_stand_in_their_frame(kind: LifecycleKind) -> None:
    diagram = drawn(kind)
    everywhere = {move.to for move in kind.moves if move.is_from_everywhere and move.to.is_end}
    frame = diagram.frame
    assert frame is not None
    for box in diagram.boxes:
        is_inside = frame.y < box.y and box.y + HEIGHT < frame.y + frame.height
        assert is_inside == (box.stage in everywhere)


def test_a_word_is_never_broken() -> None:
    assert wrapped("Waiting for the customer's answer", 22) == (
        "Waiting for the",
        "customer's answer",
    )
    assert wrapped("Unbreakable", 3) == ("Unbreakable",)
