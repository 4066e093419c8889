"""Whether a search is worth going on with: what it may still bring against what can be measured.

Cross-validation compares two configurations with an error. Once all that the rest of the budget
may be expected to bring is smaller than that error, a better configuration could not be told from
the one at hand, and the search may end. The idea is that of Makarova et al. ("Automatic
Termination for Hyperparameter Optimization", AutoML 2022, section 4), whose yardstick is the
standard error of the leader's score, corrected for overlapping training parts (Nadeau and Bengio,
Machine Learning 52, 2003). Here it is that of the paired difference between leaders, which is
smaller, as they are compared on the same folds. Their bound on what is left to gain is a Gaussian
process's; it says little in conditional spaces of dozens of dimensions. Here the gain is estimated
from what the search brought lately, by extreme values:

* The expected best of m of the last proposals (portfolio starts aside) is the mean over all their
  subsets of that size, which their order statistics give (Tang et al., "Showing Your Work Doesn't
  Always Work", ACL 2020). How fast it grows from a quarter to a half of them, per unit of ln m, is
  the scale b: for an exponential tail it stays the same for ever, for lighter ones it falls, and
  scores are bounded.
* So the best of M more proposals is about a Gumbel variable with scale b whose mean is that
  expected best, gone on with at the slope b beyond a half of what was seen. Its part above the
  best score so far has the mean ``b (ln L + 0.5772 + E1(L))`` with ``L = exp((mode - best) / b)``.
* Explorers learn: by as much as the expected best of the last proposals exceeds that of those
  before them, proposals are taken to get better once more.

Scores hold the luck of their pictures too, which widens the tail and overstates the gain: the rule
errs on the side of going on. What it costs and saves is in ``tests/benchmarks/README.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import exp1, gammaln

from autosmall.analysis.paired import corrected_standard_error
from autosmall.schema.results import COMPLETE, TrialOutcome
from autosmall.training.metrics import higher_is_better

LEAST_PROPOSALS = 24
"""Ended trials beyond the portfolio's before the rule says anything."""

LEAST_RECENT = 16
"""Proposals that count as recent at the least; beyond twice that, the later half does."""

POOLED_LEADERS = 5
"""Complete trials whose fold scores tell how large the measurement's error is."""


@dataclass(frozen=True)
class Outlook:
    """What going on may bring.

    Attributes:
        expected_gain: Expected rise of the best score over the rest of the budget, on the metric's
            scale; infinite where too little is known.
        noise: Standard error of a difference between leaders; 0 where it is not known.
        proposals_left: For how many more proposals.
    """

    expected_gain: float
    noise: float
    proposals_left: float

    @property
    def worthwhile(self) -> bool:
        """Whether the expected gain is at least as large as what can be measured."""
        return self.expected_gain >= self.noise

    def in_words(self, metric: str) -> str:
        """Return both figures in a sentence, without a full stop."""
        count = max(1, round(self.proposals_left))
        return (
            f"the next {count:,} configurations were expected to bring "
            f"{_size(metric, self.expected_gain)}, no more than the "
            f"{_size(metric, self.noise)} by which cross-validation errs between the leaders"
        )


def outlook(
    outcomes: Sequence[TrialOutcome],
    proposed: Sequence[TrialOutcome],
    proposals_left: float,
    fold_count: int,
) -> Outlook:
    """Return what ``proposals_left`` more proposals may bring.

    Args:
        outcomes: Ended trials.
        proposed: Those of them that are no starts of the portfolio, in order of their numbers.
        proposals_left: How many more the budget allows.
        fold_count: Folds in each repeat.
    """
    complete = [o for o in outcomes if o.status == COMPLETE and o.score is not None]
    if not complete or len(proposed) < LEAST_PROPOSALS:
        return Outlook(math.inf, 0.0, proposals_left)
    leader = max(complete, key=_score)
    behind = _behind(proposed, leader)
    recent = max(LEAST_RECENT, len(behind) // 2)
    better = _improvement(behind[:-recent], behind[-recent:])
    gain = expected_gain(behind[-recent:] - better, proposals_left)
    return Outlook(gain, _noise(complete, leader, fold_count), proposals_left)


def expected_gain(behind: NDArray[np.float64], draws: float) -> float:
    """Return by how much the best of ``draws`` more is expected to exceed the best so far.

    Args:
        behind: ``float64 (n,)``, how far each of the latest results is below the best so far;
            infinite for those without a score.
        draws: How many more.

    Infinite where fewer than half of :data:`LEAST_RECENT` results have a score.
    """
    ahead = np.sort(-behind[np.isfinite(behind)])
    if len(ahead) < LEAST_RECENT // 2:
        return math.inf
    half, quarter = len(ahead) // 2, len(ahead) // 4
    scale = (expected_best(ahead, half) - expected_best(ahead, quarter)) / math.log(half / quarter)
    if scale <= 0 or draws <= 0:
        return 0.0
    seen = min(max(1, round(draws)), half)
    mean = expected_best(ahead, seen) + scale * math.log(max(draws, 1) / seen)
    return scale * _gumbel_part_above_zero(mean / scale - float(np.euler_gamma))


def _improvement(earlier: NDArray[np.float64], recent: NDArray[np.float64]) -> float:
    """Return by how much the expected best of the recent proposals exceeds the earlier ones'.

    0 where there is nothing to compare.
    """
    parts = [np.sort(-part[np.isfinite(part)]) for part in (earlier, recent)]
    count = min(len(part) for part in parts) // 2
    if count < 1:
        return 0.0
    before, now = (expected_best(part, count) for part in parts)
    return max(0.0, now - before)


def expected_best(values: NDArray[np.float64], count: int) -> float:
    """Return the mean, over all subsets of ``count`` of the sorted ``values``, of their largest.

    >>> round(expected_best(np.array([1.0, 2.0, 3.0]), 2), 3)
    2.667
    """
    place = np.arange(count, len(values) + 1)
    log_shares = _log_choose(place - 1, count - 1) - _log_choose(len(values), count)
    return float(np.exp(log_shares) @ values[count - 1 :])


def _log_choose(total: NDArray[np.int64] | int, part: int) -> NDArray[np.float64]:
    whole = np.asarray(total, np.float64)
    return np.asarray(gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1))


def _gumbel_part_above_zero(mode: float) -> float:
    """Return the mean of the positive part of a Gumbel variable of scale 1 with this mode."""
    rate = math.exp(min(mode, 700.0))
    if rate < 1e-6:
        return rate
    return mode + float(np.euler_gamma) + float(exp1(rate))


def _size(metric: str, difference: float) -> str:
    if higher_is_better(metric):
        return f"{100 * difference:.1f} points"
    return f"{difference:.3f}"


def _behind(outcomes: Sequence[TrialOutcome], leader: TrialOutcome) -> NDArray[np.float64]:
    """Return how far each outcome is below ``leader`` on the folds that it finished."""
    behind = np.full(len(outcomes), math.inf)
    counts = np.array([0 if o.score is None else len(o.fold_scores) for o in outcomes])
    for count in set(counts.tolist()) - {0}:
        rows = np.flatnonzero(counts == count).tolist()
        scores = np.array([outcomes[row].fold_scores for row in rows])
        behind[rows] = (np.array(leader.fold_scores[:count]) - scores).mean(axis=1)
    return behind


def _noise(complete: Sequence[TrialOutcome], leader: TrialOutcome, fold_count: int) -> float:
    """Return the corrected standard error of a paired difference, pooled over those behind."""
    next_best = sorted(complete, key=_score, reverse=True)[1:POOLED_LEADERS]
    differences = [np.subtract(leader.fold_scores, other.fold_scores) for other in next_best]
    errors = [corrected_standard_error(d.tolist(), fold_count) for d in differences]
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0


def _score(outcome: TrialOutcome) -> tuple[float, int]:
    return (-math.inf if outcome.score is None else outcome.score, -outcome.suggestion.number)
