"""What the report says of the pictures themselves."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from autosmall.data.previews import encode_preview
from autosmall.report.charts.build import build_figures
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts
from autosmall.report.html import render_page
from autosmall.report.sections import data
from autosmall.report.sections.data import ClassRow, Looks, Span, answer, gather, trouble

SPAN = {"least": 50.0, "median": 64.0, "greatest": 90.0}
AUDIT = {
    "findings": [],
    "duplicates": [["apart/0000.png", "apart/0003.png", "apart/0006.png", "apart/0009.png"]],
    "near_duplicates": [["both/0001.png", "stuck/0002.png"]],
    "conflicts": [
        [{"name": "both/0001.png", "label": "both"}, {"name": "stuck/0002.png", "label": "stuck"}]
    ],
    "unreadable": [{"name": "torn.png", "reason": "is cut short"}],
    "statistics": {
        "class_counts": {"train": {"apart": 40, "both": 40, "stuck": 41}, "test": {"both": 7}},
        "width_px": SPAN,
        "height_px": SPAN,
        "distinct_sizes": 3,
        "brightness": SPAN,
        "grey_share": 0.25,
        "formats": {"PNG": 100, "JPEG": 20},
        "median_size_px": 64,
    },
}


@pytest.fixture(scope="module")
def run(drawn):
    grey = encode_preview(np.full((20, 30, 3), 90, np.uint8))
    return replace(drawn.make_run([]), previews=dict.fromkeys(range(120), grey), audit=AUDIT)


@pytest.fixture(scope="module")
def section(run):
    return section_of(run)


def section_of(run):
    facts = gather_facts(run, "x")
    page = render_page(facts, build_figures(facts))
    return page.split('<section id="data"')[1].split("</section>")[0]


def test_counts_and_examples_of_each_class(run):
    found = gather(run)
    assert [(row.name, row.pictures, row.test_pictures) for row in found.classes] == [
        ("apart", 40, 0),
        ("both", 40, 7),
        ("stuck", 40, 0),
    ]
    for label, row in enumerate(found.classes):
        assert len(row.examples) == 6 == len(set(row.examples))
        assert {run.labels[example] for example in row.examples} == {label}
        assert (row.examples[0], row.examples[-1]) == (label, 117 + label)


def test_groups_hold_the_rows_that_bear_these_names(run):
    found = gather(run)
    (copies,) = found.duplicates.shown
    assert [member.row for member in copies.members] == [0, 3, 6]
    assert copies.more == 1 and found.duplicates.pictures == 4
    (conflict,) = found.conflicts.shown
    assert [(m.row, m.label) for m in conflict.members] == [(1, "both"), (2, "stuck")]


def test_pictures_stand_side_by_side_and_only_those_that_are_shown_are_kept(run, section):
    found = gather(run)
    shown = {m.row for g in (found.duplicates, found.near_duplicates) for m in g.shown[0].members}
    examples = {example for row in found.classes for example in row.examples}
    assert set(found.previews) == shown | examples
    pairs = re.findall(r'<div class="side-by-side">(.*?)</div></div>', section, re.DOTALL)
    assert [pair.count("<img") for pair in pairs] == [2, 3, 2]  # conflict, copies, near copies
    assert "base64" not in json.dumps(to_json(found))


def test_the_numbers_are_on_the_page(section):
    assert "120 pictures in 3 classes, 40 in each; of 3 sizes around 64 × 64 px" in section
    assert "PNG 100, JPEG 20" in section and "25 % grey" in section
    assert "torn.png" in section and "is cut short" in section


def test_a_run_without_previews_or_audit_says_so(run):
    bare = section_of(replace(run, previews={}, audit={}))
    assert "<img" not in bare
    assert "keeps no small copies" in bare
    assert "What the audit found is not stored" in bare
    assert gather(replace(run, audit={})).looks is None


def test_no_name_and_no_picture_where_none_were_wanted(run):
    hidden = section_of(replace(run, settings={**run.settings, "pictures": False}))
    assert "<img" not in hidden and ".png" not in hidden
    assert "picture 1<" in hidden and "file 1" in hidden


def test_many_classes_share_the_grid(drawn, run):
    many = drawn.make_run([], samples=160, classes=[f"c{i:02d}" for i in range(80)])
    found = gather(replace(many, previews=run.previews))
    assert sum(len(row.examples) for row in found.classes) == data.MOST_EXAMPLES
    assert "of the first 60 classes" in section_of(replace(many, previews=run.previews))


def test_many_groups_are_counted_and_the_first_are_shown(run):
    groups = [[f"apart/{3 * i:04d}.png", f"both/{3 * i + 1:04d}.png"] for i in range(20)]
    found = gather(replace(run, audit={**AUDIT, "duplicates": groups}))
    assert (found.duplicates.count, found.duplicates.pictures) == (20, 40)
    assert len(found.duplicates.shown) == data.MOST_GROUPS


ALIKE = Looks(Span(8, 8, 8), Span(9, 9, 9), 1, Span(1, 2, 3), 1.0, (("PNG", 3),))


@pytest.mark.parametrize(
    ("counts", "looks", "expected"),
    [
        ((5, 5), ALIKE, "10 pictures in 2 classes, 5 in each; 8 × 9 px, all grey."),
        ((5, 6), None, "11 pictures in 2 classes, 5 to 6 in each."),
        ((2, 1800), None, "1,802 pictures in 2 classes, from 2 of c0 to 1,800 of c1."),
        ((1,), replace(ALIKE, grey_share=0.0), "1 picture in 1 class, 1 in each; 8 × 9 px, all in "
         "colour."),
    ],
)  # fmt: skip
def test_the_answer(counts, looks, expected):
    rows = [ClassRow(f"c{i}", n, n / sum(counts), 0, ()) for i, n in enumerate(counts)]
    assert answer(sum(counts), rows, looks) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0, 0, 0, 0), "No copies, no picture under two labels and no broken file were found."),
        ((2, 0, 1, 1), "2 pictures have the same pixels as another, 1 picture stands under two "
         "labels and 1 file cannot be read and was left out. Copies are kept in one fold."),
        ((0, 4, 2, 0), "4 show the same picture as another and 2 pictures stand under two labels."),
        ((0, 0, 0, 3), "3 files cannot be read and were left out."),
    ],
)  # fmt: skip
def test_what_is_wrong(numbers, expected):
    assert trouble(*numbers).startswith(expected)
