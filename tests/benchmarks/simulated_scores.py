"""Draws cross-validations of many configurations with known truth: who is right on which picture.

The model: a configuration of true accuracy ``p`` is right on a picture where
``sqrt(rho) shared + sqrt(1 - rho) own < probit(p)``, with ``shared`` the picture's difficulty, the
same for all configurations, and ``own`` drawn for each. With ``rho = 0.7`` two configurations of
80 % disagree on 16 % of the pictures. Scores are those of :mod:`autosmall.analysis.bootstrap`,
races those of :mod:`autosmall.runner.race`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.recommendation import Contest, true_spread
from autosmall.analysis.selection_bias import correct_selection, pick
from autosmall.runner.race import decide
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import COMPLETE, FoldResult

RHO = 0.7
MEAN_ACCURACY = 0.8
EPOCH_RHO = 0.9
"""Part of ``own`` that candidate epoch counts of one fit share."""

PROTECTED = 8
"""Configurations that always complete: a portfolio's starts, the default the first of them."""


@dataclass(frozen=True)
class Scene:
    """What is drawn: ``spread`` is the standard deviation of true accuracies, 0 to 1.

    ``epoch_counts`` is the number of columns that are read off each fit; ``default_at`` places the
    default's truth, in spreads above the mean, or draws it like the others (``None``).
    """

    samples: int
    configurations: int
    spread: float
    folds: int = 5
    epoch_counts: int = 1
    default_at: float | None = None


@dataclass(frozen=True)
class Drawn:
    """One cross-validation: ``truths (C,)`` and ``right``, ``bool (n, C)``."""

    truths: np.ndarray
    right: np.ndarray
    parameters: np.ndarray
    plan: FoldPlan


def draw(scene: Scene, rng: np.random.Generator) -> Drawn:
    """Return one cross-validation; column 0 is the plain default."""
    fits, n = scene.configurations, scene.samples
    truths = MEAN_ACCURACY + scene.spread * rng.normal(size=fits)
    if scene.default_at is not None:
        truths[0] = MEAN_ACCURACY + scene.spread * scene.default_at
    truths = np.repeat(np.clip(truths, 0.02, 0.98), scene.epoch_counts)
    own = rng.normal(size=(n, fits)).repeat(scene.epoch_counts, axis=1)
    if scene.epoch_counts > 1:
        apart = rng.normal(size=own.shape)
        own = np.sqrt(EPOCH_RHO) * own + np.sqrt(1 - EPOCH_RHO) * apart
    latent = np.sqrt(RHO) * rng.normal(size=(n, 1)) + np.sqrt(1 - RHO) * own
    folds = rng.permutation(np.arange(n) % scene.folds)
    plan = FoldPlan(folds[None], scene.folds, np.arange(n), "drawn")
    parameters = np.repeat(10 ** rng.uniform(3, 7, fits), scene.epoch_counts)
    return Drawn(truths, latent < norm.ppf(truths), parameters, plan)


def race(drawn: Drawn) -> np.ndarray:
    """Return ``int64 (C,)``: folds that each configuration finished, raced in turn.

    The incumbent is the best of those that have completed before, as in a search.
    """
    total = drawn.plan.total
    labels = np.zeros(len(drawn.right), np.int64)
    done = np.full(len(drawn.truths), total)
    best: list[FoldResult] = []
    for column in range(len(drawn.truths)):
        folds = [_fold(drawn, column, fold) for fold in range(total)]
        for count in range(1, total):
            if column < PROTECTED or not best:
                break
            if not decide(folds[:count], best, labels, drawn.plan, "accuracy").go_on:
                done[column] = count
                break
        if done[column] == total and (not best or _mean(folds) > _mean(best)):
            best = folds
    return done


def table_of(drawn: Drawn, columns: np.ndarray) -> PredictionTable:
    """Return the predictions of ``columns``: the true class with 0.8 or with 0.2."""
    sure = np.where(drawn.right[:, columns].T, 0.8, 0.2).astype(np.float32)
    n = len(drawn.right)
    return PredictionTable(
        trials=tuple(int(column) for column in columns),
        probabilities=np.stack([sure, 1 - sure], axis=2),
        samples=np.arange(n),
        folds=drawn.plan.assignments[0],
        labels=np.zeros(n, np.int64),
        groups=drawn.plan.groups,
    )


def contest_of(
    drawn: Drawn, columns: np.ndarray, partial_scores: np.ndarray | None = None, **options: object
) -> Contest:
    """Return what the rule weighs beside the scores; standard errors as from the bootstrap."""
    right = drawn.right[:, columns].astype(np.float64)
    errors = DifferenceErrors((right - right.mean(axis=0)) / len(right))
    rest = np.zeros(0) if partial_scores is None else partial_scores
    spread = true_spread(right.mean(axis=0), errors, rest)
    return Contest(
        tuple(int(column) for column in columns),
        drawn.parameters[columns],
        drawn.parameters[columns] / 1e5,
        errors,
        spread,
        **{"default": 0, **options},
    )


def partial_scores(drawn: Drawn, done: np.ndarray) -> np.ndarray:
    """Return scores of dropped configurations: the leader's, plus their distance to it so far."""
    total, means = drawn.plan.total, drawn.right.mean(axis=0)
    leader = int(np.argmax(np.where(done == total, means, -1)))
    scores = []
    for column in np.flatnonzero(done < total):
        seen = drawn.plan.assignments[0] < done[column]
        ahead = drawn.right[seen, column].mean() - drawn.right[seen, leader].mean()
        scores.append(means[leader] + ahead)
    return np.array(scores)


@dataclass(frozen=True)
class Judged:
    """How the corrected score did in many runs; biases are against the truth of the pick.

    ``unraced_bias`` is that of the correction with every configuration completed, for the pick of
    the same rule; equal to ``corrected_bias`` where nothing was raced. ``width`` is that of the
    interval, ``folds_share`` the part of all folds that were trained.
    """

    naive_bias: float
    corrected_bias: float
    coverage: float
    width: float
    unraced_bias: float
    folds_share: float


def judge_correction(
    scene: Scene,
    runs: int,
    *,
    default: int | None,
    raced: bool = False,
    repetitions: int = 300,
    seed: int = 0,
) -> Judged:
    """Return the mean of ``runs`` runs of the project's own correction on drawn predictions."""
    rows = []
    for run in range(runs):
        drawn = draw(scene, np.random.default_rng([seed, run, scene.samples]))
        done = race(drawn) if raced else np.full(len(drawn.truths), scene.folds)
        naive, corrected, covered, width = _corrected(drawn, done, default, repetitions, run)
        unraced = corrected
        if raced:
            whole = np.full_like(done, scene.folds)
            unraced = _corrected(drawn, whole, default, repetitions, run)[1]
        rows.append((naive, corrected, covered, width, unraced, done.mean() / scene.folds))
    return Judged(*np.mean(rows, axis=0).tolist())


def _corrected(
    drawn: Drawn, done: np.ndarray, default: int | None, repetitions: int, seed: int
) -> tuple[float, float, bool, float]:
    """Return bias of the naive and the corrected score, whether it is covered, and the width."""
    columns = np.flatnonzero(done == drawn.plan.total)
    table = table_of(drawn, columns)
    contest = replace(contest_of(drawn, columns, partial_scores(drawn, done)), default=default)
    truth = drawn.truths[columns[pick("accuracy", table, contest)]]
    found = correct_selection("accuracy", table, contest, seed=seed, repetitions=repetitions)
    covered = found.low <= truth <= found.high
    return found.pooled_score - truth, found.score - truth, covered, found.high - found.low


def _fold(drawn: Drawn, column: int, fold: int) -> FoldResult:
    right = drawn.right[drawn.plan.validation_index(fold), column]
    sure = np.where(right, 0.8, 0.2).astype(np.float32)
    scores = {"accuracy": float(right.mean())}
    probabilities = np.stack([sure, 1 - sure], axis=1)
    return FoldResult(column, fold, COMPLETE, scores=scores, probabilities=probabilities)


def _mean(folds: list[FoldResult]) -> float:
    return float(np.mean([fold.scores["accuracy"] for fold in folds]))
