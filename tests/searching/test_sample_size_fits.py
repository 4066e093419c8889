"""Fits on parts of the training pictures: which, in what time, and never twice."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from autosmall.run_folder.sample_size_store import read_subset_scores, write_subset_score
from autosmall.runner.fold_queue import IN_TURN, Place
from autosmall.runner.pool import Pool
from autosmall.runner.worker import training_rows
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import COMPLETE, FAILED, FoldResult, Suggestion
from autosmall.schema.sample_size import SHARES_PERCENT, SubsetScore
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.searching.sample_size_fits import (
    BUDGET_SHARE,
    SampleSizeFits,
    leaders,
    reserved_seconds,
)
from autosmall.searching.trial import Trial

SAMPLES, FOLDS = 60, 5


class InstantPool(Pool):
    """Ends one request at a time, the next one each time it is asked."""

    size = 1

    def __init__(self, context, late=()):
        self.context, self.queue, self.done = context, [], []
        self.late, self.fail_share = list(late), None

    def begin(self, context):
        raise NotImplementedError

    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        self.queue.append(request)

    def as_one(self, config: Config) -> bool:
        return False

    def wait(self, timeout_seconds):
        if self.late:
            return [self.late.pop()]
        request = self.queue.pop(0)
        (fold,) = request.folds
        self.done.append((request.trial, fold, request.share_percent))
        share = {"share_percent": request.share_percent}
        if request.share_percent == self.fail_share:
            return [FoldResult(request.trial, fold, FAILED, error="a\nValueError: b", **share)]
        labels = self.context.labels[self.context.folds.validation_index(fold)]
        return [
            FoldResult(
                request.trial,
                fold,
                COMPLETE,
                scores={"accuracy": 1.0},
                probabilities=np.eye(2, dtype=np.float32)[labels],
                **share,
            )
        ]

    def cancel(self, trial):
        self.queue = [request for request in self.queue if request.trial != trial]

    waiting = 0

    def statuses(self):
        return []

    def close(self):
        pass


@pytest.fixture
def context() -> SearchContext:
    labels = np.arange(SAMPLES) % 2
    plan = FoldPlan((np.arange(SAMPLES) // 2 % FOLDS)[None], FOLDS, np.arange(SAMPLES), "")
    return SearchContext(("",) * SAMPLES, labels, ("a", "b"), (), plan, "accuracy", (), (), 0, "")


def trial(number, strategy, score, seconds=1.0, status=COMPLETE):
    suggestion = Suggestion(number, Config.from_mapping({"strategy": strategy}), "t")
    folds = {
        fold: FoldResult(number, fold, COMPLETE, scores={"accuracy": score}, fit_seconds=seconds)
        for fold in range(FOLDS)
    }
    return Trial(suggestion, status, folds)


TRIALS = [
    trial(0, "baseline", 0.99),
    trial(1, "frozen", 0.8),
    trial(2, "frozen", 0.9),
    trial(3, "scratch", 0.7),
    trial(4, "fine_tune", 0.85),
    trial(5, "fine_tune", 0.95, status="raced_out"),
]


def run_fits(context, folder, pool, seconds=math.inf):
    late, steps = [], []
    fits = SampleSizeFits(context, pool, folder, late.extend, lambda *step: steps.append(step))
    fits.run(TRIALS, seconds)
    return late, steps


def test_the_leaders_are_complete_and_of_two_strategies_that_learn():
    assert [found.number for found in leaders(TRIALS, "accuracy")] == [2, 4]
    assert leaders(TRIALS[:1], "accuracy") == []


def test_all_shares_of_all_folds_of_both_leaders_are_fitted_and_stored(context, tmp_path: Path):
    pool = InstantPool(context)
    _, steps = run_fits(context, tmp_path, pool)
    expected = {(t, fold, s) for t in (2, 4) for fold in range(FOLDS) for s in SHARES_PERCENT}
    assert set(pool.done) == expected
    assert len(pool.done) == len(expected) == steps[-1][0] == steps[-1][1]
    stored = read_subset_scores(tmp_path)
    assert {score.key for score in stored} == expected
    for score in stored:
        rows = training_rows(context, score.fold, score.share_percent)
        assert score.train_counts == tuple(np.bincount(context.labels[rows]).tolist())
        assert set(rows.tolist()) < set(context.folds.train_index(score.fold).tolist())
        assert score.recalls == (1.0, 1.0)


def test_nothing_is_fitted_twice(context, tmp_path: Path):
    first = InstantPool(context)
    first.fail_share = 50
    run_fits(context, tmp_path, first)
    (tmp_path / "sample_size" / "00002" / "fold_01_025.json").write_text("{torn")
    second = InstantPool(context)
    run_fits(context, tmp_path, second)
    assert second.done == [(2, 1, 25)]
    failed = [score for score in read_subset_scores(tmp_path) if score.share_percent == 50]
    assert {score.error for score in failed} == {"ValueError: b"}
    assert all(score.scores == {} and math.isnan(score.recalls[0]) for score in failed)


def test_a_fold_is_begun_only_if_all_its_shares_fit_in(context, tmp_path: Path):
    """A fold of a leader is expected to take 1.25 * 1.5 s: 4 s have room for two at first, and as
    nothing takes any time here, for all others after them; 1.8 s have room for none.
    """
    pool = InstantPool(context)
    run_fits(context, tmp_path, pool, seconds=1.8)
    assert pool.done == []
    run_fits(context, tmp_path, pool, seconds=4.0)
    assert len(pool.done) % len(SHARES_PERCENT) == 0
    assert pool.done[:6] == [(2, 0, 25), (2, 0, 50), (2, 0, 75), (4, 0, 25), (4, 0, 50), (4, 0, 75)]


def test_late_folds_of_the_search_are_handed_on(context, tmp_path: Path):
    late_fold = FoldResult(2, 3, COMPLETE, scores={"accuracy": 1.0})
    late, _ = run_fits(context, tmp_path, InstantPool(context, [late_fold]))
    assert late == [late_fold]


def test_the_reserve_is_what_is_needed_and_no_more_than_its_share(context):
    """Two leaders, five folds, 1.5 s each for the shares, a quarter more for safety."""
    needed = 2 * FOLDS * 1.5 * 1.25
    assert reserved_seconds(TRIALS, context, 1e6, 1) == pytest.approx(needed)
    assert reserved_seconds(TRIALS, context, 1e6, 2) == pytest.approx(needed / 2)
    assert reserved_seconds(TRIALS, context, 60, 1) == pytest.approx(60 * BUDGET_SHARE)
    assert reserved_seconds(TRIALS[:1], context, 60, 1) == 0


def test_a_score_survives_the_disk(tmp_path: Path):
    score = SubsetScore(7, 11, 25, (3, 4), {"accuracy": 0.5, "roc_auc": math.nan}, (0.5, 1.0), 2.5)
    write_subset_score(tmp_path, score)
    (found,) = read_subset_scores(tmp_path)
    assert math.isnan(found.scores["roc_auc"])
    assert dataclasses.replace(found, scores=score.scores) == score
    assert (tmp_path / "sample_size" / "00007" / "fold_11_025.json").is_file()
