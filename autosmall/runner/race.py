"""The race over folds: a configuration goes on only while it may still be the best.

After each fold the candidate is compared with the incumbent (the best complete trial) on the
held-out pictures that both have predicted. It is dropped when its score there is below the
incumbent's and a paired one-sided test (see :mod:`autosmall.runner.paired_test`) says that
this is no chance.

**What is promised.** A candidate is looked at after every fold but the last, ``plan.total - 1``
times. :func:`look_alpha` says how often each look may err; together that is :data:`ALPHA`, so by
Bonferroni's inequality a candidate that is in truth as good as the incumbent is dropped with
probability at most :data:`ALPHA`, and one that is better with less. Early looks may err more
often than late ones, as a drop after the first fold saves the most (spending of alpha over looks
as in Lan and DeMets, Biometrika 70, 1983). The promise is about the luck of pictures and one given
incumbent: that an incumbent was itself picked for its score on these pictures, and the luck of a
single training run, come on top. How often the truly best of many is dropped, and what that costs,
is simulated (``tests/runner/test_race_simulation.py``, ``tests/benchmarks/racing.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.runner.paired_test import PairedPictures, p_value
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import FAILED, FoldResult
from autosmall.training.metrics import higher_is_better, oriented

ALPHA = 0.1
"""Largest probability of dropping a candidate that is as good as its incumbent."""


@dataclass(frozen=True)
class RaceDecision:
    """Whether a candidate goes on, the test's p-value, and both in words."""

    go_on: bool
    p_value: float
    reason: str


def decide(
    candidate: Sequence[FoldResult],
    incumbent: Sequence[FoldResult],
    labels: NDArray[np.int64],
    plan: FoldPlan,
    metric: str,
) -> RaceDecision:
    """Return whether a candidate goes on after the folds it has.

    Args:
        candidate: Its finished folds.
        incumbent: The finished folds of the trial to beat.
        labels: ``int64 (n_samples,)``, true classes of all samples.
        plan: The fold plan.
        metric: The search's metric, never ``auto``.

    A pure function: the same results give the same decision. Failed folds and folds that only one
    of the two has are left out; with nothing to compare, or nothing left to save, it goes on.
    """
    theirs = _finished(incumbent)
    pairs = [(r, theirs[r.fold]) for r in _finished(candidate).values() if r.fold in theirs]
    if not pairs:
        return RaceDecision(True, 1.0, "no fold to compare yet")
    pictures = _pair(pairs, labels, plan)
    behind = float(
        np.mean([oriented(metric, b.scores[metric] - a.scores[metric]) for a, b in pairs])
    )
    p = p_value(metric, pictures)
    hopeless = behind > 0 and p < look_alpha(len(pairs), plan.total)
    reason = (
        f"after {len(pairs)} of {plan.total} folds, {_distance(metric, behind)} trial "
        f"{pairs[0][1].trial} on the same {len(np.unique(pictures.pictures))} pictures, "
        f"{_p_in_words(p)}"
    )
    return RaceDecision(not hopeless, p, reason)


def look_alpha(folds_seen: int, fold_total: int) -> float:
    """Return how often the look after ``folds_seen`` of ``fold_total`` folds may err.

    Falls evenly from look to look; all of them add up to :data:`ALPHA`. 0 after the last fold,
    where nothing is left to save.

    >>> [round(look_alpha(seen, 5), 2) for seen in (1, 2, 3, 4, 5)]
    [0.04, 0.03, 0.02, 0.01, 0.0]
    """
    looks = fold_total - 1
    return ALPHA * 2 * (fold_total - folds_seen) / (looks * (looks + 1)) if looks else 0.0


def _finished(results: Sequence[FoldResult]) -> dict[int, FoldResult]:
    """Return fold id to result, in order of folds, for all that did not fail."""
    return {r.fold: r for r in sorted(results, key=lambda r: r.fold) if r.status != FAILED}


def _pair(
    pairs: Sequence[tuple[FoldResult, FoldResult]], labels: NDArray[np.int64], plan: FoldPlan
) -> PairedPictures:
    rows = [plan.validation_index(candidate.fold) for candidate, _ in pairs]
    pictures = np.concatenate(rows)
    return PairedPictures(
        pictures=pictures,
        folds=np.repeat([candidate.fold for candidate, _ in pairs], [len(r) for r in rows]),
        labels=labels[pictures],
        incumbent=np.concatenate([b.probabilities for _, b in pairs]).astype(np.float64),
        candidate=np.concatenate([a.probabilities for a, _ in pairs]).astype(np.float64),
    )


def _distance(metric: str, behind: float) -> str:
    """Return "31 points below", or for a loss "a loss of 0.310 more than"."""
    if not higher_is_better(metric):
        return f"a loss of {abs(behind):.3f} {'more' if behind > 0 else 'less'} than"
    points = f"{abs(behind) * 100:.0f}" if abs(behind) >= 0.01 else f"{abs(behind) * 100:.1f}"
    return f"{points} points {'below' if behind > 0 else 'above'}"


def _p_in_words(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
