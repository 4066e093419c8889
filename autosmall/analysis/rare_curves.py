"""ROC and precision-recall curves of the rare class, on held-out pictures, all folds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.predictions import PredictionTable

MOST_POINTS = 80
"""Points of a curve that are kept, spread evenly along it."""

READ_RECALLS = (0.5, 0.8, 0.9, 0.95, 1.0)
"""Recalls at which the curves are read off for a table."""


@dataclass(frozen=True)
class Reading:
    """The curves at the highest threshold that finds a share of the class's pictures.

    Attributes:
        recall: Share found, at least as asked for.
        precision: Share of the pictures called so that are of the class.
        false_positive_rate: Share of all other pictures that are called so.
    """

    recall: float
    precision: float
    false_positive_rate: float


@dataclass(frozen=True)
class RareCurves:
    """Both curves of one class against all others.

    Attributes:
        name: The class.
        share: Its share of the pictures: the precision of guessing.
        roc_auc: Area under the ROC curve; 0.5 is guessing.
        roc: False-positive rate and recall, from (0, 0) to (1, 1).
        precision_recall: Recall and precision, from the lowest recall to 1.
        readings: By recall, for :data:`READ_RECALLS`; where few pictures are of the class, several
            recalls take the same one, told once.
    """

    name: str
    share: float
    roc_auc: float
    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]
    readings: tuple[Reading, ...]


def rare_curves(
    table: PredictionTable, trial: int, classes: Sequence[str], name: str
) -> RareCurves:
    """Return the curves of class ``name`` for a trial of ``table``."""
    # Half a second to import, for the runs that have a rare class.
    from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

    index = list(classes).index(name)
    truth = table.labels == index
    scores = table.probabilities[table.trials.index(trial)][:, index]
    false_rate, recall, _ = roc_curve(truth, scores)
    # The last point is no threshold's: recall 0 with precision 1 by definition.
    precision, found, _ = (values[::-1] for values in precision_recall_curve(truth, scores))
    return RareCurves(
        name=name,
        share=float(truth.mean()),
        roc_auc=float(roc_auc_score(truth, scores)),
        roc=_thinned(false_rate, recall),
        precision_recall=_thinned(found[1:], precision[1:]),
        readings=tuple(dict.fromkeys(_reading(truth, scores, wanted) for wanted in READ_RECALLS)),
    )


def _reading(truth: NDArray[np.bool_], scores: NDArray[np.float32], wanted: float) -> Reading:
    own = np.sort(scores[truth])[::-1]
    threshold = own[int(np.ceil(round(wanted * len(own), 9))) - 1]
    called = scores >= threshold
    return Reading(
        recall=float(called[truth].mean()),
        precision=float(truth[called].mean()),
        false_positive_rate=float(called[~truth].mean()),
    )


def _thinned(
    across: NDArray[np.float64], up: NDArray[np.float64]
) -> tuple[tuple[float, float], ...]:
    """Return at most :data:`MOST_POINTS` of the points, the ends among them."""
    kept = np.unique(np.rint(np.linspace(0, len(across) - 1, MOST_POINTS)).astype(int))
    return tuple((float(across[i]), float(up[i])) for i in kept)
