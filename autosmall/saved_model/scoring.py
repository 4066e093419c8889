"""What labelled pictures show of a saved model: scores, calibration, and the rare class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from autosmall.analysis.calibration import bin_count, calibration_error, confidence_bins
from autosmall.saved_model.decisions import Decisions, decide
from autosmall.training.metrics import all_scores


def score_document(
    decisions: Decisions,
    classes: tuple[str, ...],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> dict[str, object]:
    """Return plain JSON values: what is undefined is ``None``.

    One entry per metric of :mod:`autosmall.training.metrics`, ``calibration_error`` (see
    :func:`autosmall.analysis.calibration.calibration_error`), and ``rare_class`` where the model
    knows one: ``name``, ``pictures``, ``average_precision``, ``recall``, ``precision``, and for
    each stored threshold ``goal``, ``wanted`` and the ``recall`` and ``precision`` it reaches here.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    bins = confidence_bins(confidence, bin_count(len(labels)))
    right = probabilities.argmax(axis=1) == labels
    return {
        **{name: _or_none(value) for name, value in all_scores(labels, probabilities).items()},
        "calibration_error": calibration_error(confidence, right, bins),
        **_rare_class(decisions, classes, labels, probabilities),
    }


def _rare_class(
    decisions: Decisions,
    classes: tuple[str, ...],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> dict[str, object]:
    rare = decisions.rare_class
    if rare is None:
        return {}
    index = classes.index(rare.name)
    truth = labels == index
    ranked = average_precision_score(truth, probabilities[:, index]) if truth.any() else np.nan
    thresholds = [
        {
            "goal": threshold.goal,
            "wanted": threshold.wanted,
            **_rates(truth, decide(probabilities, index, threshold) == index),
        }
        for threshold in rare.thresholds
    ]
    return {
        "rare_class": {
            "name": rare.name,
            "pictures": int(truth.sum()),
            "average_precision": _or_none(ranked),
            **_rates(truth, decide(probabilities, index, None) == index),
            "thresholds": thresholds,
        }
    }


def _rates(truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> dict[str, float | None]:
    hits = int((truth & called).sum())
    return {
        "recall": hits / int(truth.sum()) if truth.any() else None,
        "precision": hits / int(called.sum()) if called.any() else None,
    }


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
