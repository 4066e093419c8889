"""What share of the variance of a random forest each setting explains by itself (fANOVA).

The numbers are those of ``optuna.importance.FanovaImportanceEvaluator``, which visits the nodes of
each tree one at a time; here all leaves of a tree are looked at together, which takes a tenth of
the time (Hutter, Hoos and Leyton-Brown, ICML 2014, algorithm 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """One setting over all trials: encoded values, and the range of each of their columns.

    Attributes:
        values: ``float64 (trials, k)``: a number in one column, a text as k columns of 0 and 1.
        bounds: ``float64 (k, 2)``: lower and upper end.
    """

    values: Floats
    bounds: Floats


@dataclass(frozen=True)
class _Leaves:
    """The leaves of a tree: what they predict, and the box of each, ``(leaves, columns)``."""

    values: Floats
    low: Floats
    high: Floats


def variance_shares(
    columns: Sequence[Column], scores: Floats, *, trees: int, seed: int
) -> list[float]:
    """Return for each setting the share of the variance that it explains by itself, 0 to 1."""
    from sklearn.ensemble import RandomForestRegressor

    values = np.concatenate([column.values for column in columns], axis=1)
    forest = RandomForestRegressor(n_estimators=trees, max_depth=64, random_state=seed)
    forest.fit(values, scores)
    bounds = np.concatenate([column.bounds for column in columns])
    ends = np.cumsum([len(column.bounds) for column in columns])
    groups = [np.arange(end - len(c.bounds), end) for c, end in zip(columns, ends, strict=True)]
    shares = [_tree_shares(estimator.tree_, bounds, groups) for estimator in forest.estimators_]
    known = [found for found in shares if found is not None]
    if not known:
        return [0.0] * len(columns)
    return [float(share) for share in np.mean(known, axis=0)]


def _tree_shares(
    tree: Any, bounds: Floats, groups: Sequence[NDArray[np.int64]]
) -> list[float] | None:
    """Return the shares of one tree, or ``None`` where it predicts the same everywhere."""
    leaves = _leaves(tree, bounds)
    volumes = (leaves.high - leaves.low).prod(axis=1)
    whole = _variance(leaves.values, volumes)
    if not whole > 0:
        return None
    return [_marginal_variance(leaves, volumes, bounds, group) / whole for group in groups]


def _leaves(tree: Any, bounds: Floats) -> _Leaves:
    low = np.tile(bounds[:, 0], (tree.node_count, 1))
    high = np.tile(bounds[:, 1], (tree.node_count, 1))
    left, right = tree.children_left.tolist(), tree.children_right.tolist()
    features = tree.feature
    for node, (feature, cut) in enumerate(
        zip(features.tolist(), tree.threshold.tolist(), strict=True)
    ):
        if feature >= 0:
            for child in (left[node], right[node]):
                low[child], high[child] = low[node], high[node]
            high[left[node], feature] = low[right[node], feature] = cut
    ends = features < 0
    return _Leaves(tree.value[ends].reshape(-1), low[ends], high[ends])


def _marginal_variance(
    leaves: _Leaves, volumes: Floats, bounds: Floats, group: NDArray[np.int64]
) -> float:
    """Return the variance of the prediction over these columns, averaged over all others."""
    inside, sizes = np.ones((len(volumes), 1), bool), np.ones(1)
    rest = volumes.copy()
    for column in group:
        cuts = np.unique(np.concatenate([bounds[column], leaves.low[:, column]]))
        middle, width = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts)
        within = (leaves.low[:, column, None] < middle) & (middle <= leaves.high[:, column, None])
        inside = (inside[:, :, None] & within[:, None, :]).reshape(len(volumes), -1)
        sizes = (sizes[:, None] * width).reshape(-1)
        rest /= leaves.high[:, column] - leaves.low[:, column]
    weights = rest @ inside
    return _variance((rest * leaves.values) @ inside / weights, weights * sizes)


def _variance(values: Floats, weights: Floats) -> float:
    whole = weights.sum()
    mean = np.multiply(values, weights).sum() / whole
    return float(np.multiply((values - mean) ** 2, weights).sum() / whole)
