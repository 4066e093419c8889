"""The chart of what cannot be had for less: names of close marks do not cover each other."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from autosmall.report.charts.front import front_figure
from autosmall.report.charts.labels import Mark, line_to_name, place_names
from autosmall.report.sections.alternatives import FrontRow
from autosmall.report.sections.tradeoff import Point

LETTER_PX, LINE_PX = 7, 11


def boxes(marks, places):
    named = [mark for mark in marks if mark.name]
    for mark, (dx, dy) in zip(named, places, strict=True):
        half = LETTER_PX * len(mark.name) / 2
        yield (mark.x + dx - half, mark.y + dy - LINE_PX / 2, 2 * half, LINE_PX)


def meet(one, other):
    return all(one[k] < other[k] + other[k + 2] and other[k] < one[k] + one[k + 2] for k in (0, 1))


@pytest.mark.parametrize(
    "places",
    [
        pytest.param([(100, 100), (104, 100), (98, 106)], id="in a heap"),
        pytest.param([(2, 2), (298, 2), (2, 298), (298, 298)], id="in the corners"),
        pytest.param([(100, 100 + 6 * i) for i in range(6)], id="in a column"),
        pytest.param([(100 + 9 * i, 100) for i in range(6)], id="in a row"),
    ],
)
def test_names_stand_apart_and_inside(places):
    marks = [Mark(x, y, 5, str(10 + i)) for i, (x, y) in enumerate(places)]
    found = list(boxes(marks, place_names(marks, 300, 300)))
    assert not any(meet(*pair) for pair in combinations(found, 2))
    for left, top, width, height in found:
        assert left >= 0 and top >= 0 and left + width <= 300 and top + height <= 300
        for mark in marks:
            assert not meet((left, top, width, height), (mark.x - 5, mark.y - 5, 10, 10))


def test_numbers_on_one_line_do_not_read_as_one():
    """Two marks whose names used to meet: 21 and 15 read as 2115."""
    marks = [Mark(100, 100, 5, "21"), Mark(130, 100, 5, "15")]
    (one, _), (other, _) = (
        (mark.x + place[0], place[1])
        for mark, place in zip(marks, place_names(marks, 300, 108), strict=True)
    )
    assert abs(one - other) >= 2 * LETTER_PX + 5


def test_a_name_without_room_is_left_out():
    marks = [Mark(100, 100, 4, str(100 + i)) for i in range(40)]
    first, *others = place_names(marks, 200, 200)
    assert first is not None
    assert 0 < others.count(None) < 39


def test_a_line_leads_to_a_name_that_stands_away_from_its_mark():
    mark = Mark(50, 50, 4, "12")
    assert line_to_name(mark, (13, 0)) is None  # begins 2 px from the mark's edge
    assert line_to_name(mark, (40, 0)) == (33, 0)
    assert line_to_name(mark, (0, -40)) == (0, -34.5)


def test_a_mark_without_a_name_is_only_in_the_way():
    assert len(place_names([Mark(50, 50, 4, "1"), Mark(56, 45, 4)], 100, 100)) == 1


def test_names_of_configurations_with_nearly_the_same_score(texts_of):
    """What was seen on blood cells: three of four on the front lie within 4 points."""
    points = [
        Point(0, "baseline", 0.25, 0.25, 0.0, 4, 0.03, 0.0001, False),
        Point(1, "frozen", 0.743, 0.995, 0.252, 3076, 23.0, 5.8, False),
        Point(4, "frozen", 0.754, 0.99, 0.236, 5764, 44.0, 0.2, False),
        Point(2, "frozen", 0.777, 0.99, 0.213, 5764, 44.0, 7.9, True),
    ]
    front = [
        FrontRow(p.trial, p.strategy, p.score, 0, 1, p.trainable_parameters, p.fit_seconds, False)
        for p in points
    ]
    for svg in (figure := front_figure("accuracy", points, front)).wide, figure.narrow:
        drawn = {
            text: tuple(map(float, re.findall(r"-?[\d.]+", looks["transform"])))
            for text, looks in texts_of(svg)
            if looks["fill"] == "var(--ink)"
        }
        assert set(drawn) == {"0", "1", "2", "4"}
        for one, other in combinations(drawn.values(), 2):
            assert abs(one[0] - other[0]) >= LETTER_PX or abs(one[1] - other[1]) >= LINE_PX
