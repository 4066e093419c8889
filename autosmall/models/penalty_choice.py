"""A logistic head's penalty and layers, decided by cross-validation among training rows.

The best strength depends on the number of pictures, on how unequal classes are and on the
backbone, by factors of a thousand from set to set, so no constant will do. It is chosen from the
rows that the head may see, and is then chosen anew wherever a head is fitted: what judges a fold
has no part in it. Strengths are tried from strong to weak, each solved from the one before
(Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via
coordinate descent", J. Stat. Software 2010, section 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from autosmall.models.heads import (
    Standardisation,
    TrainingRows,
    reduce_columns,
    solve_logistic,
)

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

FOLDS = 5
STRONGEST = 0.1
STEPS = 9
"""Values of C times the number of features: 0.1, 0.32, 1, ... 1000."""
PATIENCE = 2
"""The path ends when so many steps in a row were worse than the best."""
TOLERANCE = 1e-3
"""Of the gradient: where losses are compared, a tenth of the precision will do."""


@dataclass(frozen=True)
class PenaltyChoice:
    """A chosen C and the weighted mean loss of held-out rows under it, in nats.

    Losses on the same rows and seed can be compared, whatever the features.
    """

    penalty_c: float
    loss: float


def choose_penalty(rows: TrainingRows, pictures: Labels, seed: int) -> PenaltyChoice:
    """Return the C under which held-out rows of ``rows`` are likeliest.

    C is tried on a grid relative to the number of features: with standardised features, the
    variance of a logit under a kernel of given size grows with it.

    Args:
        rows: The training rows, classes weighted as for the head itself.
        pictures: ``int64 (n,)``: which picture each row shows, so that views of one stay together.
        seed: Seed of the division into :data:`FOLDS` parts, stratified by class.
    """
    scaled, _ = reduce_columns(Standardisation.of(rows.features)(rows.features))
    prepared = rows.with_features(scaled)
    folds = _folds(rows.labels, pictures, seed)
    parts = [(prepared.at(folds != fold), prepared.at(folds == fold)) for fold in np.unique(folds)]
    starts: list[tuple[Array, Array] | None] = [None] * len(parts)
    grid = STRONGEST * 10.0 ** (0.5 * np.arange(STEPS)) / rows.features.shape[1]
    losses: list[float] = []
    for penalty_c in grid:
        solved = [
            solve_logistic(train, penalty_c, start=start, tolerance=TOLERANCE)
            for (train, _), start in zip(parts, starts, strict=True)
        ]
        losses.append(
            sum(_loss(held_out, *head) for (_, held_out), head in zip(parts, solved, strict=True))
        )
        starts = list(solved)
        if len(losses) - int(np.argmin(losses)) > PATIENCE:
            break
    best = int(np.argmin(losses))
    return PenaltyChoice(float(grid[best]), losses[best] / float(rows.weights.sum()))


def _folds(labels: Labels, pictures: Labels, seed: int) -> Labels:
    """Return the part of every row: classes are dealt out in turn, a picture's rows together."""
    names, first, inverse = np.unique(pictures, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    by_class = shuffled[np.argsort(labels[first][shuffled], kind="stable")]
    part = np.empty(len(names), np.int64)
    part[by_class] = np.arange(len(names)) % min(FOLDS, len(names))
    folds: Labels = part[inverse]
    return folds


def _loss(rows: TrainingRows, kernel: Array, bias: Array) -> float:
    """Return the weighted sum of the rows' losses."""
    log_probabilities = log_softmax(rows.features @ kernel + bias, axis=1)
    picked = log_probabilities[np.arange(len(rows.labels)), rows.labels]
    return -float((rows.weights * picked).sum())
