"""All trials of a run, ranked, with what they cost and how sure their scores are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.bootstrap import pooled_scores
from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.differences import Differences, typical_ratio
from autosmall.analysis.exact import effective_count
from autosmall.analysis.paired import (
    PairedDifference,
)
from autosmall.analysis.predictions import PredictionTable, is_complete, prediction_table
from autosmall.analysis.recommendation import Contest, probability_better, true_spread
from autosmall.analysis.selection_bias import (
    CorrectedScore,
    correct_selection,
    pick,
    score_errors,
)
from autosmall.analysis.trial_summary import TrialSummary, summarize, with_interval
from autosmall.schema.run_data import RunData
from autosmall.schema.seeds import derive_seed
from autosmall.schema.settings import PREFER_ACCURACY
from autosmall.training.metrics import oriented

NOTHING_RANKED = DifferenceErrors(np.zeros((1, 0)))

SIGNIFICANCE = 0.05
"""A trial whose paired difference from the leader has a p-value above this is tied with it."""


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
        return self._by_trial[trial]

    @cached_property
    def _by_trial(self) -> dict[int, RankedTrial]:
        return {row.summary.trial: row for row in self.rows}

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
        error = self.contest.difference_errors.row(default)[column]
        return probability_better(scores[column] - scores[default], error, self.contest.spread)

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
    errors = score_errors(run.metric, table, seed=seed) if ranked else NOTHING_RANKED
    complete = [
        with_interval(run, summary, error)
        for summary, error in zip(complete, errors.alone(), strict=True)
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
    errors: DifferenceErrors,
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
    run: RunData, errors: DifferenceErrors, complete: Sequence[TrialSummary]
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


def _has_score(summary: TrialSummary) -> bool:
    return math.isfinite(summary.score.mean)
