"""Linear heads on fixed features: multinomial logistic regression and ridge regression.

Both see training rows only: standardisation, the fit and the ridge head's temperature come from
them alone. Both end as a :class:`LinearHead`, plain arrays that a Keras layer can hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import fmin_l_bfgs_b, minimize_scalar
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Labels = NDArray[np.int64]

RELATIVE_SCALE_FLOOR = 0.01
GRADIENT_TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e6
"""Relative, in units of the machine precision."""
MAX_STEPS = 150
RANK_TOLERANCE = 1e-9
TEMPERATURE_RANGE = (1e-2, 1e2)


@dataclass(frozen=True)
class Standardisation:
    """Mean and scale per feature, ``float32 (d,)`` each."""

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, features: Floats) -> Standardisation:
        """Return that of ``(n, d)``; scales below a hundredth of their mean are raised to it.

        The floor keeps a feature that hardly ever moves from being blown up where it does.
        """
        mean = features.mean(0, dtype=np.float64)
        spread = features.std(0, dtype=np.float64)
        floor = RELATIVE_SCALE_FLOOR * spread.mean() or 1.0
        return cls(mean.astype(np.float32), np.maximum(spread, floor).astype(np.float32))

    @classmethod
    def centring(cls, features: Floats) -> Standardisation:
        """Return the one that takes the mean of ``(n, d)`` off and keeps the scale."""
        mean = features.mean(0, dtype=np.float64).astype(np.float32)
        return cls(mean, np.ones_like(mean))

    def __call__(self, features: Floats) -> Floats:
        """Return the standardised features."""
        return (features - self.mean) / self.scale


@dataclass(frozen=True)
class LinearHead:
    """``softmax(features @ kernel + bias)``; ``kernel`` is ``(d, k)``, standardisation inside."""

    kernel: Floats
    bias: Floats

    @classmethod
    def folded(
        cls,
        standardise: Standardisation,
        kernel: Array,
        bias: Array,
    ) -> LinearHead:
        """Return the head on raw features that equals one on standardised features."""
        raw = kernel.astype(np.float64) / standardise.scale.astype(np.float64)[:, None]
        return cls(
            raw.astype(np.float32),
            (bias - standardise.mean.astype(np.float64) @ raw).astype(np.float32),
        )

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        return int(self.kernel.size + self.bias.size)

    def probabilities(self, features: Floats) -> Floats:
        """Return ``float32 (n, k)``, rows summing to 1."""
        return softmax(features @ self.kernel + self.bias, axis=1).astype(np.float32)


def balanced_weights(labels: Labels, class_count: int) -> Array:
    """Return ``(class_count,)``: weights that give every class present the same total.

    Over the training pictures they average 1; classes without pictures get 0.
    """
    counts = np.bincount(labels, minlength=class_count).astype(np.float64)
    weights = np.zeros(class_count)
    present = counts > 0
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights


def fit_linear_head(
    head: str,
    features: Floats,
    labels: Labels,
    class_count: int,
    penalty_c: float,
    class_weights: Array | None = None,
    *,
    standardised: bool = True,
) -> LinearHead:
    """Return the head called ``logistic`` or ``ridge``, fitted on ``float32 (n, d)``.

    ``penalty_c`` is the inverse strength of the L2 penalty, as in scikit-learn: the objective is
    ``sum of losses + |kernel|^2 / (2 penalty_c)``, on standardised features unless
    ``standardised`` is false.
    """
    standardise = (Standardisation.of if standardised else Standardisation.centring)(features)
    fit = _fit_logistic if head == "logistic" else _fit_ridge
    weights = np.ones(len(labels)) if class_weights is None else class_weights[labels]
    rows, basis = _reduce(standardise(features))
    kernel, bias = fit(rows, labels, class_count, penalty_c, weights)
    kernel = kernel if basis is None else basis @ kernel
    return LinearHead.folded(standardise, kernel, bias)


def _reduce(features: Floats) -> tuple[Floats, Array | None]:
    """Return features in an orthonormal basis of their rows, and the basis ``(d, r)``.

    With an L2 penalty the kernel lies in the span of the rows, so nothing changes but the time.
    Done only where there are far fewer rows than columns.
    """
    if 2 * len(features) > features.shape[1]:
        return features, None
    gram = features.astype(np.float64) @ features.T
    values, vectors = np.linalg.eigh(gram)
    kept = values > RANK_TOLERANCE * values[-1]
    roots = np.sqrt(values[kept])
    return (vectors[:, kept] * roots).astype(np.float32), features.T @ (vectors[:, kept] / roots)


def _fit_logistic(
    features: Floats,
    labels: Labels,
    class_count: int,
    penalty_c: float,
    weights: Array,
) -> tuple[Array, Array]:
    """Return kernel and bias of the softmax regression, by L-BFGS from zero weights.

    A class without training pictures keeps the small probability that its bias starts from.
    """
    count, width = features.shape
    targets = np.eye(class_count, dtype=np.float32)[labels]
    shares = weights[:, None].astype(np.float32) / count
    strength = 1.0 / (penalty_c * count)

    def loss(flat: Array) -> tuple[float, Array]:
        kernel = flat[:-class_count].reshape(width, class_count)
        logits = features @ kernel.astype(np.float32) + flat[-class_count:].astype(np.float32)
        log_probabilities = log_softmax(logits, axis=1)
        value = -float((shares * targets * log_probabilities).sum(dtype=np.float64))
        errors = shares * (np.exp(log_probabilities) - targets)
        slope = (features.T @ errors).astype(np.float64) + strength * kernel
        gradient = np.concatenate([slope.ravel(), errors.sum(0, dtype=np.float64)])
        return value + 0.5 * strength * float((kernel**2).sum()), gradient

    start = np.zeros((width + 1) * class_count)
    start[-class_count:] = np.log((shares * targets).sum(0) + 1 / (count + class_count))
    flat, _, _ = fmin_l_bfgs_b(
        loss, start, pgtol=GRADIENT_TOLERANCE, factr=LOSS_TOLERANCE, maxiter=MAX_STEPS
    )
    kernel = flat[:-class_count].reshape(width, class_count)
    return kernel, flat[-class_count:]


def _fit_ridge(
    features: Floats,
    labels: Labels,
    class_count: int,
    penalty_c: float,
    weights: Array,
) -> tuple[Array, Array]:
    """Return kernel and bias of least squares on one-hot targets, in closed form.

    Scores become logits by one temperature, chosen to fit the leave-one-out scores of the
    training rows (they follow from the hat matrix without refitting).
    """
    targets = np.eye(class_count)[labels]
    root = np.sqrt(weights / weights.mean())[:, None]
    share = root**2 / (root**2).sum()
    center, offset = (share * features).sum(0), (share * targets).sum(0)
    x, y = root * (features - center), root * (targets - offset)
    kernel, leverage = _solve_ridge(x, y, 1.0 / penalty_c)
    leverage = np.minimum(leverage + share[:, 0], 1 - 1e-6)[:, None]
    scores = (features - center) @ kernel + offset
    left_out = (scores - leverage * targets) / (1 - leverage)
    sharpness = _fit_sharpness(left_out, labels, weights)
    return kernel * sharpness, (offset - center @ kernel) * sharpness


def _solve_ridge(x: Array, y: Array, strength: float) -> tuple[Array, Array]:
    """Return the kernel and the hat matrix's diagonal, in the smaller of n and d dimensions."""
    if len(x) <= x.shape[1]:
        gram = x @ x.T
        inverse = np.linalg.inv(gram + strength * np.eye(len(x)))
        return x.T @ (inverse @ y), 1 - strength * np.diag(inverse)
    inverse = np.linalg.inv(x.T @ x + strength * np.eye(x.shape[1]))
    return inverse @ (x.T @ y), np.einsum("ij,jk,ik->i", x, inverse, x, optimize=True)


def _fit_sharpness(scores: Array, labels: Labels, weights: Array) -> float:
    """Return the factor on the scores that makes the labels likeliest."""
    rows = np.arange(len(labels))

    def loss(log_factor: float) -> float:
        log_probabilities = log_softmax(np.exp(log_factor) * scores, axis=1)
        return -float((weights * log_probabilities[rows, labels]).mean())

    low, high = np.log(TEMPERATURE_RANGE)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
