"""Learning curves of a run, from drawn predictions and drawn fits on fewer pictures."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autosmall.analysis.ranking import rank
from autosmall.analysis.sample_size import class_recalls, learning_curves

_SPEC = importlib.util.spec_from_file_location(
    "autosmall_tests_grown_run", Path(__file__).with_name("grown_run.py")
)
assert _SPEC is not None and _SPEC.loader is not None
grown = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(grown)


def curves_of(run):
    return learning_curves(run, rank(run))


@pytest.fixture(scope="module")
def run(drawn):
    return drawn.make_run(samples=400)


def test_recalls_are_parts_of_each_class_and_nan_without_any():
    probabilities = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]], np.float32)
    recalls = class_recalls(np.array([0, 0, 1]), probabilities, 3)
    assert recalls[:2] == (0.5, 0.0)
    assert math.isnan(recalls[2])


def test_nothing_without_fits_or_with_a_single_fold(run):
    assert curves_of(run) == ()
    assert curves_of(grown.with_subset_scores(run, {2: 0.1}, folds=1)) == ()


def test_sizes_scores_and_gain_are_those_that_were_drawn(run):
    """A loss of 6 points at a quarter and exponent 0.5: twice as many bring 6 / 3.41 points."""
    (curve,) = curves_of(grown.with_subset_scores(run, {2: 0.06}))
    whole = np.mean([fold.scores["accuracy"] for fold in run.trials[2].folds])
    assert [s.pictures for s in curve.sizes] == pytest.approx([80, 160, 240, 320], abs=1)
    assert curve.sizes[-1].score == pytest.approx(whole)
    assert curve.sizes[0].score == pytest.approx(whole - 0.06)
    assert curve.gain.value == pytest.approx(0.06 / 3.41, abs=0.005)
    assert curve.gain.low < 0.06 / 3.41 < curve.gain.high
    assert curve.predicted.value == pytest.approx(whole + curve.gain.value, abs=0.01)
    assert curve.predicted.low < whole < curve.predicted.high


def test_the_best_configuration_comes_first(run):
    curves = curves_of(grown.with_subset_scores(run, {2: 0.1, 4: 0.1, 6: 0.1}))
    assert [curve.trial for curve in curves] == [4, 2, 6]


def test_a_loss_falls(drawn):
    run = drawn.make_run(samples=400, metric="log_loss")
    (curve,) = curves_of(grown.with_subset_scores(run, {2: -0.3}))
    assert curve.sizes[0].score > curve.sizes[-1].score > curve.predicted.value > 0
    assert curve.gain.value > 0


def test_failed_fits_leave_their_fold_out(run):
    whole = grown.with_subset_scores(run, {2: 0.1})
    first, *others = whole.subset_scores
    failed = replace(first, scores={}, recalls=(math.nan,) * 3, error="ValueError: too few")
    (curve,) = curves_of(replace(whole, subset_scores=(failed, *others)))
    assert curve.folds == 4


def test_the_class_that_brings_most_comes_first(run):
    """One class loses three times as much with fewer pictures as the others."""
    whole = grown.with_subset_scores(run, {2: 0.08})
    ends = class_ends(run)
    steeper = tuple(
        replace(s, recalls=(*s.recalls[:2], 3 * s.recalls[2] - 2 * ends[s.fold]))
        for s in whole.subset_scores
    )
    (curve,) = curves_of(replace(whole, subset_scores=steeper))
    first, *others = curve.classes
    assert first.name == run.classes[2]
    assert first.gain.value > 2 * max(other.gain.value for other in others)
    assert sum(found.weight for found in curve.classes) == pytest.approx(1)


def class_ends(run):
    """Return the last class's recall of trial 2 on each fold, with all pictures."""
    return [
        class_recalls(run.labels[run.folds.validation_index(f.fold)], f.probabilities, 3)[2]
        for f in run.trials[2].folds
    ]


def test_a_class_counts_by_its_pictures_for_accuracy_alone(drawn):
    weights = {}
    for metric in ("accuracy", "balanced_accuracy"):
        run = drawn.make_run(samples=400, metric=metric)
        labels = np.where(np.arange(400) < 300, 0, run.labels)
        run = replace(run, labels=labels)
        folds = tuple(
            replace(t, folds=tuple(replace(f, trial=t.number) for f in t.folds)) for t in run.trials
        )
        (curve,) = curves_of(grown.with_subset_scores(replace(run, trials=folds), {2: 0.1}))
        weights[metric] = {found.name: found.weight for found in curve.classes}
    assert weights["accuracy"]["apart"] > 0.75
    assert weights["balanced_accuracy"]["apart"] == pytest.approx(1 / 3)
