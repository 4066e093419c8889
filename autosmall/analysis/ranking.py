"""All trials of a run, ranked, with what they cost and how sure their scores are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.bootstrap import pooled_scores
from autosmall.analysis.differences import Differences, typical_ratio
from autosmall.analysis.exact import effective_count, widen
from autosmall.analysis.paired import (
    Estimate,
    PairedDifference,
    PictureNoise,
    combined_posterior,
    estimate,
)
from autosmall.analysis.predictions import PredictionTable, is_complete, prediction_table
from autosmall.analysis.recommendation import Contest, probability_better, true_spread
from autosmall.analysis.selection_bias import (
    CorrectedScore,
    correct_selection,
    difference_errors,
    pick,
    score_covariance,
)
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED, FoldResult
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.schema.seeds import derive_seed
from autosmall.schema.settings import PREFER_ACCURACY
from autosmall.training.metrics import oriented, score

SIGNIFICANCE = 0.05
"""A trial whose paired difference from the leader has a p-value above this is tied with it."""


@dataclass(frozen=True)
class TrialSummary:
    """One trial in numbers. Scores are on the metric's own scale, NaN where there are none.

    Attributes:
        trial: Its number.
        config: Its configuration.
        label: What the portfolio calls it, or an empty text.
        proposer: Who thought of it.
        is_default: Whether it is the plain default.
        status: ``running``, ``complete``, ``raced_out``, ``unhealthy`` or ``failed``.
        reason: Why it did not complete, in words; empty otherwise.
        score: Mean, standard error and 95 % interval over its finished folds.
        fold_scores: Fold id and score of each scored fold, in order.
        train_score: Mean over the folds of the score on the training pictures.
        gap: How much better the training score is than ``score``; positive means overfitting.
        log_loss: Mean over the folds.
        trainable_parameters: Weights that training could change (the most of any fold).
        total_parameters: All weights that a prediction needs.
        parameters_per_picture: Trainable weights per training picture of a fold.
        fit_seconds: Mean wall time per fold.
        diagnoses: Names of the health rules that fired on any fold, sorted.
    """

    trial: int
    config: Config
    label: str
    proposer: str
    is_default: bool
    status: str
    reason: str
    score: Estimate
    fold_scores: tuple[tuple[int, float], ...]
    train_score: float
    gap: float
    log_loss: float
    trainable_parameters: int
    total_parameters: int
    parameters_per_picture: float
    fit_seconds: float
    diagnoses: tuple[str, ...]

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        return self.config.strategy

    @property
    def folds_done(self) -> int:
        """Number of scored folds."""
        return len(self.fold_scores)


@dataclass(frozen=True)
class RankedTrial:
    """A trial with a place in the ranking.

    Attributes:
        rank: 1 for the recommended one, then by score.
        summary: The trial in numbers.
        to_leader: How much it exceeds the leader (0 or less), paired over pictures and folds.
        tied_with_leader: Whether these data cannot tell it from the leader.
    """

    rank: int
    summary: TrialSummary
    to_leader: PairedDifference
    tied_with_leader: bool


@dataclass(frozen=True)
class Ranking:
    """The order of a run's trials.

    Attributes:
        metric: The search's metric.
        rows: Trials complete on all folds: the recommended one, then the others by score.
        others: All that could not be ranked, by number, with their reasons.
        leader: Trial number with the best score, or ``None`` where nothing is complete.
        table: Out-of-fold predictions behind ``rows``, a column per trial by number.
        contest: What the recommendation rule weighs, in the order of the table's columns.
        differences: Compares any two of the trials in ``rows``.
        seed: Seed of the bootstrap samples.
    """

    metric: str
    rows: tuple[RankedTrial, ...]
    others: tuple[TrialSummary, ...]
    leader: int | None
    table: PredictionTable
    contest: Contest
    differences: Differences
    seed: int

    @property
    def recommended(self) -> RankedTrial | None:
        """The recommended trial, or ``None`` where nothing is complete."""
        return self.rows[0] if self.rows else None

    def oriented(self, score: float) -> float:
        """Return a score of the search's metric, turned so that higher is better."""
        return oriented(self.metric, score)

    def find(self, trial: int) -> RankedTrial:
        """Return the row of ``trial``; raises ``KeyError`` where it is not ranked."""
        for row in self.rows:
            if row.summary.trial == trial:
                return row
        raise KeyError(trial)

    @property
    def default(self) -> RankedTrial | None:
        """The plain default, or ``None`` where it is not ranked."""
        column = self.contest.default
        return None if column is None else self.find(self.contest.trials[column])

    def probability_better(self, trial: int) -> float:
        """Return P(``trial`` is better than the plain default), as the rule weighs it, or NaN."""
        column, default = self.contest.trials.index(trial), self.contest.default
        if default is None:
            return math.nan
        scores = pooled_scores(self.metric, self.table)
        lead, error = scores[column] - scores[default], self.contest.difference_errors
        return probability_better(lead, error[column, default], self.contest.spread)

    def corrected(self) -> CorrectedScore | None:
        """Return what the pick is worth (see :func:`correct_selection`); takes seconds."""
        if not self.rows:
            return None
        return correct_selection(self.metric, self.table, self.contest, seed=self.seed)


def rank(run: RunData) -> Ranking:
    """Return the ranking of ``run`` from its stored predictions; fold files' scores are not read.

    Only trials that are complete on all folds get a rank. ``rows[0]`` is the one that the rule of
    :mod:`autosmall.analysis.recommendation` picks, under the preference stored in the settings;
    the others follow by score, ties by log loss. Intervals of complete trials come from pictures
    and folds (:func:`autosmall.analysis.paired.combined_posterior`), those of others from their
    folds alone. With nothing complete, ``rows`` is empty.
    """
    summaries = {trial.number: summarize(run, trial) for trial in run.trials}
    ranked = [t for t in run.trials if is_complete(run, t) and _has_score(summaries[t.number])]
    names = {trial.number for trial in ranked}
    others = tuple(summaries[t.number] for t in run.trials if t.number not in names)
    table = prediction_table(run, ranked)
    seed = derive_seed(int(str(run.settings.get("seed", 0))), "analysis", "bootstrap")
    complete = [summaries[trial.number] for trial in ranked]
    covariance = score_covariance(run.metric, table, seed=seed) if ranked else np.zeros((0, 0))
    errors = difference_errors(covariance)
    complete = [
        _with_interval(run, summary, error)
        for summary, error in zip(complete, np.sqrt(np.diag(covariance)), strict=True)
    ]
    contest = _contest(run, errors, complete, others)
    differences = _differences(run, errors, complete)
    if not ranked:
        return Ranking(run.metric, (), others, None, table, contest, differences, seed)
    order = sorted(complete, key=lambda summary: _by_score(run.metric, summary))
    recommended = complete[pick(run.metric, table, contest)]
    differences = replace(differences, fold_ratio=typical_ratio(differences, order[0].trial))
    others_by_score = [summary for summary in order if summary is not recommended]
    rows = _ranked_rows(differences, [recommended, *others_by_score], order[0])
    leader = order[0].trial
    return Ranking(run.metric, rows, others, leader, table, contest, differences, seed)


def summarize(run: RunData, trial: TrialRecord) -> TrialSummary:
    """Return ``trial`` in numbers, scores recomputed from its stored predictions."""
    done = [fold for fold in trial.folds if fold.status != FAILED and fold.probabilities.size]
    fold_scores = _fold_scores(run, done, run.metric)
    values = [value for _, value in fold_scores]
    train_score = _mean([fold.train_scores.get(run.metric, math.nan) for fold in done])
    mean = _widened(run, estimate(values, run.folds.fold_count))
    parameters = max((fold.trainable_parameters for fold in done), default=0)
    suggestion = trial.suggestion
    return TrialSummary(
        trial=trial.number,
        config=suggestion.config,
        label=suggestion.label,
        proposer=suggestion.proposer,
        is_default=suggestion.is_default,
        status=trial.status,
        reason=_reason(run, trial),
        score=mean,
        fold_scores=fold_scores,
        train_score=train_score,
        gap=oriented(run.metric, train_score) - oriented(run.metric, mean.mean),
        log_loss=_mean([value for _, value in _fold_scores(run, done, "log_loss")]),
        trainable_parameters=parameters,
        total_parameters=max((fold.total_parameters for fold in done), default=0),
        parameters_per_picture=parameters / training_pictures(run),
        fit_seconds=_mean([fold.fit_seconds for fold in done]),
        diagnoses=tuple(sorted({name for fold in trial.folds for name in fold.diagnoses})),
    )


def training_pictures(run: RunData) -> float:
    """Return the mean number of pictures that a fold trains on."""
    return max(1.0, len(run.labels) * (1 - 1 / run.folds.fold_count))


def _fold_scores(
    run: RunData, folds: Sequence[FoldResult], metric: str
) -> tuple[tuple[int, float], ...]:
    scored = []
    for fold in folds:
        labels = run.labels[run.folds.validation_index(fold.fold)]
        if fold.probabilities.shape != (len(labels), len(run.classes)):
            continue
        value = score(metric, labels, fold.probabilities)
        if math.isfinite(value):
            scored.append((fold.fold, value))
    return tuple(scored)


def _ranked_rows(
    differences: Differences, order: Sequence[TrialSummary], leader: TrialSummary
) -> tuple[RankedTrial, ...]:
    rows = []
    for place, summary in enumerate(order, start=1):
        difference = differences.compare(summary.trial, leader.trial)
        tied = summary is leader or not difference.p_value <= SIGNIFICANCE
        rows.append(RankedTrial(place, summary, difference, tied))
    return tuple(rows)


def _contest(
    run: RunData,
    errors: NDArray[np.float64],
    complete: Sequence[TrialSummary],
    others: Sequence[TrialSummary],
) -> Contest:
    scores = np.array([oriented(run.metric, s.score.mean) for s in complete])
    defaults = [column for column, s in enumerate(complete) if s.is_default]
    return Contest(
        tuple(s.trial for s in complete),
        np.array([s.trainable_parameters for s in complete], np.float64),
        np.array([s.fit_seconds for s in complete], np.float64),
        errors,
        true_spread(scores, errors, _partial_scores(run.metric, complete, others)),
        default=defaults[0] if defaults else None,
        prefer=str(run.settings.get("prefer") or PREFER_ACCURACY),
    )


def _partial_scores(
    metric: str, complete: Sequence[TrialSummary], others: Sequence[TrialSummary]
) -> NDArray[np.float64]:
    """Return scores of trials that were dropped: the leader's, plus their distance to it so far."""
    if not complete:
        return np.zeros(0)
    leader = max(complete, key=lambda summary: oriented(metric, summary.score.mean))
    theirs = dict(leader.fold_scores)
    whole, scores = oriented(metric, leader.score.mean), []
    for summary in others:
        shared = [(value, theirs[fold]) for fold, value in summary.fold_scores if fold in theirs]
        if shared:
            apart = [oriented(metric, own) - oriented(metric, other) for own, other in shared]
            scores.append(whole + float(np.mean(apart)))
    return np.array(scores, np.float64)


def _differences(
    run: RunData, errors: NDArray[np.float64], complete: Sequence[TrialSummary]
) -> Differences:
    return Differences(
        run.metric,
        {
            s.trial: tuple(oriented(run.metric, value) for _, value in s.fold_scores)
            for s in complete
        },
        errors,
        run.folds.fold_count,
        effective_count(run.metric, run.labels, run.folds.groups),
    )


def _by_score(metric: str, summary: TrialSummary) -> tuple[float, float, int, int]:
    score = -round(oriented(metric, summary.score.mean), 9)
    return (score, summary.log_loss, summary.trainable_parameters, summary.trial)


def _widened(run: RunData, found: Estimate) -> Estimate:
    count = effective_count(run.metric, run.labels, run.folds.groups)
    low, high = widen(run.metric, found.mean, (found.low, found.high), count)
    return replace(found, low=low, high=high)


def _with_interval(run: RunData, summary: TrialSummary, error: float) -> TrialSummary:
    """Return ``summary`` with the interval that pictures, of standard ``error``, and folds give."""
    if not error > 0:
        return summary
    count = effective_count(run.metric, run.labels, run.folds.groups)
    values = [value for _, value in summary.fold_scores]
    found = combined_posterior(values, run.folds.fold_count, PictureNoise(float(error), count))
    score = Estimate(found.location, found.scale, *found.interval())
    return replace(summary, score=_widened(run, score))


def _has_score(summary: TrialSummary) -> bool:
    return math.isfinite(summary.score.mean)


def _reason(run: RunData, trial: TrialRecord) -> str:
    if trial.reason or trial.status != COMPLETE or is_complete(run, trial):
        return trial.reason
    return "its stored predictions are incomplete"


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.nan
