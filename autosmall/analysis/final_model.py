"""What the model trained on all pictures may be worth, beyond those of the folds.

A fold's model learns from all folds but its own, the final one from all pictures, so that
cross-validation is too low for it by what the learning curve rises in between (Hastie, Tibshirani
and Friedman, "The Elements of Statistical Learning", 2nd edition, section 7.10.1). Where the
curve was measured (:mod:`autosmall.analysis.sample_size`), the interval is drawn out to hold what
the curve expects. The score itself stays that of the folds' models, which were seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autosmall.analysis.power_law import Expected
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.sample_size import LearningCurve, learning_curves
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.schema.run_data import RunData
from autosmall.training.metrics import higher_is_better, oriented


def expected_of_final_model(run: RunData, ranking: Ranking) -> CorrectedScore | None:
    """Return the corrected score, its interval drawn out to the model trained on all pictures.

    The curve is the recommended configuration's own, or that of the leader of its strategy. With
    neither, the interval is that of the folds' models and ``final_gain`` is ``None``; the result
    is ``None`` where nothing is complete.
    """
    corrected = ranking.corrected()
    if corrected is None or ranking.recommended is None:
        return None
    chosen = ranking.recommended.summary
    curves = [c for c in learning_curves(run, ranking) if c.strategy == chosen.strategy]
    curves.sort(key=lambda curve: curve.trial != chosen.trial)
    return _drawn_out(run.metric, corrected, curves[0]) if curves else corrected


def _drawn_out(metric: str, corrected: CorrectedScore, curve: LearningCurve) -> CorrectedScore:
    low, high = drawn_out_interval(metric, corrected, curve.final_gain)
    return replace(corrected, low=low, high=high, final_gain=curve.final_gain)


def drawn_out_interval(
    metric: str, corrected: CorrectedScore, gain: Expected
) -> tuple[float, float]:
    """Return the ends of an interval that holds the folds' models and the final one.

    It is the interval of ``corrected`` joined with the same one moved by ``gain``, whose arms are
    lengthened by those of ``gain``, in quadrature: the curve's slope comes from differences
    between training sizes on the same held-out pictures, so its error has little to do with that
    of the level. For shares of pictures it ends at 1, for a loss at 0.

    Args:
        metric: The metric of ``corrected``.
        corrected: The folds' models.
        gain: Improvement by learning from all pictures; positive is better for any metric.
    """
    score = oriented(metric, corrected.score)
    ends = sorted(oriented(metric, end) for end in (corrected.low, corrected.high))
    moved = score + gain.value
    low = min(ends[0], moved - np.hypot(score - ends[0], gain.value - gain.low))
    high = max(ends[1], moved + np.hypot(ends[1] - score, gain.high - gain.value))
    best = 1.0 if higher_is_better(metric) else 0.0
    own = (oriented(metric, float(low)), oriented(metric, min(float(high), best)))
    return min(own), max(own)
