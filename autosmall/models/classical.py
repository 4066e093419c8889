"""Linear and radial-basis classifiers on classical descriptors, as plain arrays.

The radial-basis classifier is logistic regression in the span of the kernel functions of at most
:data:`MAX_LANDMARKS` training pictures (Williams and Seeger, NIPS 2001): exact kernel logistic
regression up to that many pictures, the Nystroem approximation beyond.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from autosmall.models.heads import Standardisation, fit_linear_head

Arrays = dict[str, NDArray[np.generic]]
Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

MAX_LANDMARKS = 500
EIGENVALUE_FLOOR = 1e-6


def fit_classical(
    classifier: str,
    features: Floats,
    labels: Labels,
    class_count: int,
    penalty_c: float,
    class_weights: NDArray[np.float64] | None,
    seed: int,
) -> Arrays:
    """Return the arrays of a ``linear`` or ``rbf`` classifier fitted on ``float32 (n, d)``."""
    curved = classifier == "rbf"
    arrays = _landmark_map(features, seed) if curved else {}
    if curved:
        features = _map(arrays, features)
    head = fit_linear_head(
        "logistic",
        features,
        labels,
        class_count,
        penalty_c,
        class_weights,
        standardised=not curved,
    )
    return {**arrays, "kernel": head.kernel, "bias": head.bias}


def classical_probabilities(arrays: Arrays, features: Floats) -> Floats:
    """Return ``float32 (n, k)``, rows summing to 1, for descriptors ``float32 (n, d)``."""
    if "landmarks" in arrays:
        features = _map(arrays, features)
    logits = features @ arrays["kernel"].astype(np.float32) + arrays["bias"].astype(np.float32)
    return softmax(logits, axis=1).astype(np.float32)


def _landmark_map(features: Floats, seed: int) -> Arrays:
    standardise = Standardisation.of(features)
    points = standardise(features)
    if len(points) > MAX_LANDMARKS:
        chosen = np.random.default_rng(seed).choice(len(points), MAX_LANDMARKS, replace=False)
        points = points[np.sort(chosen)]
    arrays: Arrays = {
        "mean": standardise.mean,
        "scale": standardise.scale,
        "landmarks": points,
        "gamma": np.array(1.0 / max(points.var() * points.shape[1], 1e-12), np.float32),
    }
    values, vectors = np.linalg.eigh(_kernel(points, points, arrays["gamma"]))
    kept = values > EIGENVALUE_FLOOR * values[-1]
    arrays["whitening"] = (vectors[:, kept] / np.sqrt(values[kept])).astype(np.float32)
    return arrays


def _map(arrays: Arrays, features: Floats) -> Floats:
    standardise = Standardisation(
        arrays["mean"].astype(np.float32), arrays["scale"].astype(np.float32)
    )
    similarities = _kernel(
        standardise(features), arrays["landmarks"].astype(np.float32), arrays["gamma"]
    )
    return (similarities @ arrays["whitening"].astype(np.float64)).astype(np.float32)


def _kernel(left: Floats, right: Floats, gamma: NDArray[np.generic]) -> NDArray[np.float64]:
    squared = (
        (left**2).sum(1, dtype=np.float64)[:, None]
        + (right**2).sum(1, dtype=np.float64)[None, :]
        - 2.0 * (left @ right.T).astype(np.float64)
    )
    return np.exp(-gamma.astype(np.float64) * np.maximum(squared, 0))
