"""Linear heads on fixed features: multinomial logistic regression and ridge regression.

Both see training rows only: standardisation, the fit and the ridge head's temperature come from
them alone. Both are a :class:`StandardisedHead`, which folds into a :class:`LinearHead`, plain
arrays that a Keras layer can hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        kernel: NDArray[np.floating],
        bias: NDArray[np.floating],
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


@dataclass(frozen=True)
class StandardisedHead:
    """A solved head, its parts apart: ``softmax(standardise(features) @ kernel + bias)``.

    ``kernel`` is ``float64 (d, k)`` on standardised features, ``bias`` is ``float64 (k,)``.
    """

    standardise: Standardisation
    kernel: Array
    bias: Array

    def folded(self) -> LinearHead:
        """Return the same head on raw features."""
        return LinearHead.folded(self.standardise, self.kernel, self.bias)


@dataclass(frozen=True)
class TrainingRows:
    """What a head is fitted on.

    Attributes:
        features: ``float32 (n, d)``.
        labels: ``int64 (n,)``, from 0 to ``class_count - 1``.
        class_count: Number of classes.
        weights: ``float64 (n,)``: how much each row's loss counts.
    """

    features: Floats
    labels: Labels
    class_count: int
    weights: Array

    @classmethod
    def weighted(
        cls, features: Floats, labels: Labels, class_count: int, class_weights: Array | None
    ) -> TrainingRows:
        """Return rows that count 1 each, or what ``class_weights`` ``(k,)`` says."""
        weights = np.ones(len(labels)) if class_weights is None else class_weights[labels]
        return cls(features, labels, class_count, weights)

    def with_features(self, features: Floats) -> TrainingRows:
        """Return the same rows with other features."""
        return replace(self, features=features)

    def at(self, index: NDArray[np.bool_] | Labels) -> TrainingRows:
        """Return some of the rows."""
        return replace(
            self,
            features=self.features[index],
            labels=self.labels[index],
            weights=self.weights[index],
        )


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
    rows = TrainingRows.weighted(features, labels, class_count, class_weights)
    return solve_linear_head(head, rows, penalty_c, standardised=standardised).folded()


def solve_linear_head(
    head: str, rows: TrainingRows, penalty_c: float, *, standardised: bool = True
) -> StandardisedHead:
    """Return the same as :func:`fit_linear_head` with kernel, mean and scale apart."""
    standardise = (Standardisation.of if standardised else Standardisation.centring)(rows.features)
    scaled = rows.with_features(standardise(rows.features))
    reduced, basis = reduce_columns(scaled.features)
    scaled = scaled.with_features(reduced)
    if head == "logistic":
        kernel, bias = solve_logistic(scaled, penalty_c)
    else:
        kernel, bias = _solve_ridge_head(scaled, penalty_c)
    return StandardisedHead(standardise, kernel if basis is None else basis @ kernel, bias)


def reduce_columns(features: Floats) -> tuple[Floats, Array | None]:
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


def solve_logistic(
    rows: TrainingRows,
    penalty_c: float,
    *,
    start: tuple[Array, Array] | None = None,
    tolerance: float = GRADIENT_TOLERANCE,
) -> tuple[Array, Array]:
    """Return kernel and bias of the softmax regression, by L-BFGS from ``start`` or zero weights.

    A class without training pictures keeps the small probability that its bias starts from.
    """
    features, class_count = rows.features, rows.class_count
    count, width = features.shape
    targets = np.eye(class_count, dtype=np.float32)[rows.labels]
    shares = (rows.weights / rows.weights.sum())[:, None].astype(np.float32)
    strength = 1.0 / (penalty_c * rows.weights.sum())

    def loss(flat: Array) -> tuple[float, Array]:
        kernel = flat[:-class_count].reshape(width, class_count)
        logits = features @ kernel.astype(np.float32) + flat[-class_count:].astype(np.float32)
        log_probabilities = log_softmax(logits, axis=1)
        value = -float((shares * targets * log_probabilities).sum(dtype=np.float64))
        errors = shares * (np.exp(log_probabilities) - targets)
        slope = (features.T @ errors).astype(np.float64) + strength * kernel
        gradient = np.concatenate([slope.ravel(), errors.sum(0, dtype=np.float64)])
        return value + 0.5 * strength * float((kernel**2).sum()), gradient

    if start is None:
        prior = np.log((shares * targets).sum(0, dtype=np.float64) + 1 / (count + class_count))
        start = np.zeros((width, class_count)), prior
    begin = np.concatenate([start[0].ravel(), start[1]])
    flat, _, _ = fmin_l_bfgs_b(
        loss, begin, pgtol=tolerance, factr=LOSS_TOLERANCE, maxiter=MAX_STEPS
    )
    kernel = flat[:-class_count].reshape(width, class_count)
    return kernel, flat[-class_count:]


def _solve_ridge_head(rows: TrainingRows, penalty_c: float) -> tuple[Array, Array]:
    """Return kernel and bias of least squares on one-hot targets, in closed form.

    Scores become logits by one temperature, chosen to fit the leave-one-out scores of the
    training rows (they follow from the hat matrix without refitting).
    """
    features = rows.features
    targets = np.eye(rows.class_count)[rows.labels]
    root = np.sqrt(rows.weights)[:, None]
    share = root**2 / (root**2).sum()
    center, offset = (share * features).sum(0), (share * targets).sum(0)
    x, y = root * (features - center), root * (targets - offset)
    kernel, leverage = _solve_ridge(x, y, 1.0 / penalty_c)
    leverage = np.minimum(leverage + share[:, 0], 1 - 1e-6)[:, None]
    scores = (features - center) @ kernel + offset
    left_out = (scores - leverage * targets) / (1 - leverage)
    sharpness = _fit_sharpness(left_out, rows.labels, rows.weights)
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
