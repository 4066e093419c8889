"""How the report tells of the heads' sizes, from what fits noted."""

from __future__ import annotations

import pytest

from autosmall.report.charts.build import build_figures
from autosmall.report.gathering import gather_facts
from autosmall.report.html import render_page


def noted(features, parameters, map_values=None):
    notes = {"features": float(features), "head_parameters": float(parameters)}
    return notes if map_values is None else {**notes, "map_values": float(map_values)}


@pytest.fixture
def run(drawn):
    """MobileNet's last map at 224 px, 7 x 7 x 768, under three heads for three classes."""
    dense = {"backbone": "mobilenet_0.75", "head": "dense", "bottleneck_units": 256}
    linear = {"backbone": "mobilenet_0.75", "head": "logistic"}
    flat = 7 * 7 * 768
    return drawn.make_run(
        (
            drawn.DrawnTrial("baseline", 0.34, 0.0, 0),
            drawn.DrawnTrial(
                "frozen", 0.85, values=dense, notes=noted(768, 769 * 256 + 257 * 3, flat)
            ),
            drawn.DrawnTrial("frozen", 0.8, values=linear, notes=noted(768, 769 * 3, flat)),
            drawn.DrawnTrial("frozen", 0.7, values=linear, notes=noted(768, 769 * 3, flat)),
            drawn.DrawnTrial("frozen", 0.6, values=linear, notes=noted(1536, 1537 * 3)),
        )
    )


def test_flattened_parameters_are_those_of_the_same_head_on_the_whole_map(run):
    rows = gather_facts(run, "reports/drawn").heads.rows
    assert [row.parameters for row in rows] == [2307, 4611, 769 * 256 + 257 * 3]
    assert [row.units for row in rows] == [0, 0, 256]
    assert [row.map_values for row in rows] == [37632, None, 37632]
    assert [row.flattened_parameters for row in rows] == [
        37633 * 3,
        None,
        37633 * 256 + 257 * 3,
    ]
    assert [row.trial for row in rows if row.parameters == 2307] == [2]  # the better of two alike


def test_sentence_tells_of_the_best_one(run):
    assert gather_facts(run, "reports/drawn").heads.sentence == (
        "Only the head of a frozen backbone is trained: in trial 1 it has 197,635 parameters on "
        "768 features per picture. Flattened instead of pooled, its feature maps would give it "
        "37,632 numbers per picture and 9,634,819 parameters, 49 times as many."
    )


def test_maps_of_unknown_size_are_not_spoken_of(drawn):
    trials = (drawn.DrawnTrial("frozen", 0.8, notes=noted(768, 2307)),)
    assert gather_facts(drawn.make_run(trials), "r").heads.sentence == (
        "Only the head of a frozen backbone is trained: in trial 0 it has 2,307 parameters on "
        "768 features per picture."
    )


def test_page_has_the_table_only_where_there_are_heads(run, drawn):
    for each, shown in ((run, True), (drawn.make_run(), False)):
        facts = gather_facts(each, "reports/drawn")
        page = render_page(facts, build_figures(facts))
        assert ("How large is the head?" in page) is shown
        assert ("37,632" in page) is shown
