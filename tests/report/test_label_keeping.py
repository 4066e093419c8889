"""What the report says of alterations and labels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from autosmall.analysis.label_keeping import (
    HARMLESS,
    HURTS,
    UNKNOWN,
    Change,
    LabelKeeping,
    Swap,
    Transformation,
)
from autosmall.report.charts.build import build_figures
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts
from autosmall.report.html import render_page
from autosmall.report.sections.label_keeping import (
    advice,
    answer,
    caution,
    gather,
    option_without,
)
from autosmall.schema.altered_predictions import AlteredPredictions, ChangedPicture


def kind(name, verdict, lost=0.0, swap=None, allowed=True):
    change = Change(lost, lost - 0.05, lost + 0.05)
    return Transformation(name, allowed, 0.9 - lost, change, change, 0.8, verdict, swap, ())


MIRROR = kind("mirror", HURTS, 0.31, Swap("left", "right", 28))
ROTATE = kind("rotate", HARMLESS)


@pytest.fixture(scope="module")
def run(drawn):
    """A run of two classes that a mirror swaps, for a model that never saw a mirrored picture."""
    made = drawn.make_run([drawn.DrawnTrial("classical", 0.9)], samples=60, classes=("<a>", "b"))
    parts = []
    for fold in range(5):
        rows = made.folds.validation_index(fold)
        plain = np.where(np.eye(2)[made.labels[rows]], 0.9, 0.1).astype(np.float32)
        example = ChangedPicture("mirror", int(rows[0]), 0, b"plain", b"changed")
        by_kind = {"mirror": plain[np.newaxis, :, ::-1], "noise": plain[np.newaxis]}
        parts.append(AlteredPredictions(0, fold, rows, plain, by_kind, (example,)))
    settings = {**made.settings, "invariances": ("mirror", "noise")}
    return replace(made, settings=settings, altered_predictions=tuple(parts))


def section_of(run):
    facts = gather_facts(run, "x")
    page = render_page(facts, build_figures(facts))
    return page.split('<section id="data"')[1].split("</section>")[0]


def test_the_page_shows_harm_with_its_pictures_and_the_option(run):
    section = section_of(run).replace("\N{NO-BREAK SPACE}", " ")
    assert "Mirroring costs 100 points of accuracy" in section
    assert "most often &lt;a&gt; is then taken for b" in section
    assert "<code>--invariances noise</code>" in section
    shown = section.split("Changed most by mirroring")[1].split("</ul>")[0]
    assert shown.count("<li>") == 4 and shown.count("<img") == 8
    assert (
        "as it is: <bdi>&lt;a&gt;</bdi>, 90&nbsp;%" in shown
        and "then: <bdi>b</bdi>, 90&nbsp;%" in shown
    )
    assert "the best that never saw an altered picture" in section


def test_numbers_are_in_the_json_and_pictures_are_not(run):
    facts = to_json(gather(run))
    assert facts["kinds"][0]["lost"] == 1.0 and facts["option"] == "noise"
    assert "plain" not in facts["kinds"][0]["examples"][0]
    assert "cGxhaW4" not in json.dumps(facts)


def test_no_picture_where_none_were_wanted(run):
    hidden = section_of(replace(run, settings={**run.settings, "pictures": False}))
    assert "Mirroring costs" in hidden and "<img" not in hidden


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, "This was not tested"), ({"state": "running"}, "after the search")],
)
def test_why_there_is_no_answer(run, change, expected):
    found = gather(replace(run, altered_predictions=(), **change))
    assert expected in found.sentence and found.trial is None and found.kinds == ()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([MIRROR, ROTATE], "Mirroring costs 31 points of accuracy (−36.0 to −26.0); most often "
         "left is then taken for right."),
        ([ROTATE], "No kind of alteration is shown to hurt."),
        ([ROTATE, kind("zoom", UNKNOWN), kind("noise", UNKNOWN)],
         "No kind of alteration is shown to hurt. Of zooming and noise these pictures cannot "
         "tell."),
        ([kind("flip", HURTS, 0.1), MIRROR], "Mirroring costs 31 points of accuracy (−36.0 to "
         "−26.0); most often left is then taken for right. Turning upside down costs 10 points "
         "(−15.0 to −5.0)."),
    ],
)  # fmt: skip
def test_the_answer(rows, expected):
    assert answer(LabelKeeping(0, 100, 0.9, tuple(rows))) == expected


def test_advice_and_option_are_about_what_augmentation_may_use(run):
    assert option_without(run, [MIRROR]) == "noise"
    assert option_without(run, []) == ""
    flip = kind("flip", HURTS, 0.3, allowed=False)
    assert option_without(run, [flip]) == ""
    assert "leave it so" in advice([flip], "")
    assert "search again without that kind" in advice([MIRROR], "noise")
    alone = replace(run, settings={**run.settings, "invariances": ("mirror",)})
    assert option_without(alone, [MIRROR]) == "none"
    assert advice([], "") == ""


def test_kinds_that_come_in_degrees_are_not_advised_against(run):
    noise = kind("noise", HURTS, 0.4)
    assert option_without(run, [noise]) == ""
    assert option_without(run, [MIRROR, noise]) == "noise"
    assert "search again" not in advice([noise], "")
    assert "keep the kind" in advice([noise], "")


def test_a_model_that_trained_on_altered_pictures_proves_little(drawn):
    values = {"augmentation": "affine"}
    run = drawn.make_run([drawn.DrawnTrial("scratch", 0.9, values=values)], samples=20)
    assert "does not hurt proves little" in caution(run, 0)
