"""Several configurations that vote: which ones, with what weights, and whether it pays.

Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble Selection from Libraries of Models", ICML
2004, section 2: begin with nothing, add again and again whichever candidate raises the score of
the averaged probabilities most, the same one as often as it helps; keep the best stage on the
way. Fractions of the additions are the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.bootstrap import bootstrap_scores, draw_counts, pooled_scores
from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.recommendation import Contest, recommend
from autosmall.analysis.selection_bias import LEFT_OUT_SCALE
from autosmall.helper import Helper, begin
from autosmall.schema.seeds import derive_seed

MOST_CANDIDATES = 10
"""Configurations that may vote: those with the best scores."""

MOST_ADDITIONS, PATIENCE = 20, 5
"""Additions at most, and how many in a row may bring nothing before it ends."""

REPETITIONS = 200
"""Bootstrap samples behind the corrected gain."""

VOTE = -1
"""Trial number of the vote in the tables of :func:`vote`."""


@dataclass(frozen=True)
class Ensemble:
    """A vote and what it is worth beside the recommended configuration, on the metric's scale.

    Attributes:
        trials: The members' numbers, the weightiest first.
        weights: Their weights, which sum to 1.
        naive_score: Score on the very pictures that the members were chosen with.
        corrected_score: Mean over bootstrap samples of the score on the pictures left out of
            one, of the members chosen on those in it.
        low: Lower end of its middle 95 % over the samples.
        high: Upper end.
        gain: How much better that is than what the recommendation rule picks on the same
            samples; more is better for every metric.
        gain_low: Lower end of its 95 % interval: of the middle of the gain over the samples,
            drawn in as ``gain_error`` is.
        gain_high: Upper end.
        gain_error: Standard error of ``gain``.
    """

    trials: tuple[int, ...]
    weights: tuple[float, ...]
    naive_score: float
    corrected_score: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    gain_error: float

    @property
    def pays(self) -> bool:
        """Whether there is a vote and its gain is positive by more than its standard error."""
        return len(self.trials) > 1 and self.gain > self.gain_error and self.gain > 0


def choose_ensemble(ranking: Ranking, *, repetitions: int = REPETITIONS) -> Ensemble | None:
    """Return the ensemble of a ranking's configurations; ``None`` with fewer than two of them.

    The gain is corrected as the recommended score is (BBC-CV, see
    :func:`autosmall.analysis.selection_bias.correct_selection`): on each bootstrap sample the
    candidates are picked, the greedy selection is made and the recommendation rule is applied
    anew, and both are scored on the pictures left out. The standard error is the standard
    deviation over the samples times :data:`~autosmall.analysis.selection_bias.LEFT_OUT_SCALE`.
    """
    return begin_ensemble(ranking, None, repetitions=repetitions)()


def begin_ensemble(
    ranking: Ranking, helper: Helper | None, *, repetitions: int = REPETITIONS
) -> Callable[[], Ensemble | None]:
    """Return what returns :func:`choose_ensemble`; begun at once where a process is given."""
    if len(ranking.table.trials) < 2:
        return lambda: None
    seed = derive_seed(ranking.seed, "ensemble")
    given = (ranking.metric, ranking.table, ranking.contest, seed, repetitions)
    return begin(helper, ensemble_of, *given)


def ensemble_of(
    metric: str, table: PredictionTable, contest: Contest, seed: int, repetitions: int
) -> Ensemble:
    """Return the ensemble of the columns of ``table``, at least two (:func:`choose_ensemble`)."""
    once = np.ones((1, table.sample_count))
    columns, weights = _select(metric, table, bootstrap_scores(metric, table, once)[0], once[0])
    counts = draw_counts(table.groups, repetitions, seed)
    pairs = _out_of_bag_scores(metric, table, contest, counts)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    gains = pairs[:, 0] - pairs[:, 1]
    sign = -1.0 if metric == "log_loss" else 1.0
    low, high = sorted(sign * _middle(pairs[:, 0]))
    # All pictures tell more than the ones that a sample leaves out.
    gain_low, gain_high = _mean(gains) + LEFT_OUT_SCALE * (_middle(gains) - _mean(gains))
    return Ensemble(
        trials=tuple(table.trials[column] for column in columns),
        weights=tuple(weights.tolist()),
        naive_score=sign * float(pooled_scores(metric, _vote_table(table, columns, weights))[0]),
        corrected_score=sign * _mean(pairs[:, 0]),
        low=float(low),
        high=float(high),
        gain=_mean(gains),
        gain_low=float(gain_low),
        gain_high=float(gain_high),
        gain_error=LEFT_OUT_SCALE * float(np.std(gains)) if len(gains) else np.nan,
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return both ends of the middle 95 % of ``values``, NaN where there are none."""
    return np.percentile(values, [2.5, 97.5]) if len(values) else np.full(2, np.nan)


def vote(
    table: PredictionTable, trials: Sequence[int], weights: Sequence[float]
) -> PredictionTable:
    """Return a table of one column, :data:`VOTE`: the weighted mean of these trials."""
    columns = np.array([table.trials.index(trial) for trial in trials], np.int64)
    return _vote_table(table, columns, np.asarray(weights, np.float64))


def greedy_weights(
    metric: str,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    row_weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return ``float64 (candidates,)``: the share of the additions that each candidate got.

    ``probabilities`` are ``(candidates, rows, n_classes)``. What is raised is accuracy, or the
    recall averaged over classes for ``balanced_accuracy``, each with ``row_weights (rows,)``,
    ties broken by log loss; for all other metrics it is log loss.
    """
    weights = _balanced(labels, row_weights) if metric == "balanced_accuracy" else row_weights
    by_log_loss = metric not in ("accuracy", "balanced_accuracy")
    total = np.zeros(probabilities.shape[1:], np.float32)
    added, best_added = np.zeros(len(probabilities)), np.zeros(len(probabilities))
    best, since = (-np.inf, -np.inf), 0
    for size in range(1, MOST_ADDITIONS + 1):
        scores = _stage_scores(total + probabilities, size, labels, weights, by_log_loss)
        chosen = max(range(len(scores)), key=lambda candidate: scores[candidate])
        total = total + probabilities[chosen]
        added[chosen] += 1
        since += 1
        if scores[chosen] > best:
            best, best_added, since = scores[chosen], added.copy(), 0
        if since >= PATIENCE:
            break
    return best_added / best_added.sum()


def _stage_scores(
    sums: NDArray[np.float32],
    size: int,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    by_log_loss: bool,
) -> list[tuple[float, float]]:
    """Return each candidate's score and log score with it added; ``sums`` hold ``size`` votes."""
    of_truth = sums[:, np.arange(len(labels)), labels] / size
    log_scores = np.log(np.maximum(of_truth, 1e-7)) @ weights
    if by_log_loss:
        return [(round(float(value), 9), 0.0) for value in log_scores]
    right = (sums.argmax(axis=2) == labels) @ weights
    return [(round(float(r), 9), float(v)) for r, v in zip(right, log_scores, strict=True)]


def _balanced(labels: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    totals = np.bincount(labels, weights=weights)
    return np.asarray(weights / np.maximum(totals, 1e-12)[labels], np.float64)


def _select(
    metric: str,
    table: PredictionTable,
    scores: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the columns chosen on a sample of the pictures and their weights, falling."""
    known = np.where(np.isfinite(scores), scores, -np.inf)
    candidates = np.argsort(-known, kind="stable")[:MOST_CANDIDATES]
    row_weights = counts[table.samples]
    drawn = row_weights > 0
    weights = greedy_weights(
        metric,
        table.probabilities[candidates][:, drawn],
        table.labels[drawn],
        row_weights[drawn] / row_weights.sum(),
    )
    order = np.argsort(-weights, kind="stable")[: int((weights > 0).sum())]
    return candidates[order], weights[order]


def _out_of_bag_scores(
    metric: str, table: PredictionTable, contest: Contest, counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``float64 (repetitions, 2)``: oriented scores of the vote and of the picked one."""
    in_bag = bootstrap_scores(metric, table, counts)
    picked = recommend(in_bag, bootstrap_scores("log_loss", table, counts), contest)
    pairs = np.empty((len(counts), 2))
    for row, drawn in enumerate(counts):
        columns, weights = _select(metric, table, in_bag[row], drawn)
        both = _beside(_vote_table(table, columns, weights), table, int(picked[row]))
        pairs[row] = bootstrap_scores(metric, both, (drawn == 0).astype(np.float64)[None])[0]
    return pairs


def _vote_table(
    table: PredictionTable, columns: NDArray[np.int64], weights: NDArray[np.float64]
) -> PredictionTable:
    mean = np.tensordot(weights.astype(np.float32), table.probabilities[columns], axes=1)
    return replace(table, trials=(VOTE,), probabilities=mean[np.newaxis])


def _beside(voted: PredictionTable, table: PredictionTable, column: int) -> PredictionTable:
    both = np.stack([voted.probabilities[0], table.probabilities[column]])
    return replace(table, trials=(VOTE, table.trials[column]), probabilities=both)
