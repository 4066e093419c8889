"""How often the interval of the gain by twice as many pictures holds the truth, for real learners.

    python tests/benchmarks/sample_size.py [--data-sets 200]

Two classes of normal data in 40 dimensions, five folds. The true gain of a learner is the mean over
300 training parts of n and 2n pictures; its error on new data is known in closed form. Prints the
table of ``tests/benchmarks/README.md``; some minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from autosmall.analysis.power_law import fit_power_law
from autosmall.data.subsets import training_subset

DIMENSIONS = 40
CENTRE = np.r_[np.full(8, 0.45), np.zeros(DIMENSIONS - 8)]
FOLDS = 5
SHARES = (25, 50, 75, 100)

Fitted = tuple[np.ndarray, float]
Learner = Callable[[np.ndarray, np.ndarray], Fitted]


def nearest_mean(values: np.ndarray, labels: np.ndarray) -> Fitted:
    """Return direction and offset of the nearest class mean."""
    means = [values[labels == label].mean(axis=0) for label in (0, 1)]
    direction = means[1] - means[0]
    return direction, float(-direction @ (means[0] + means[1]) / 2)


def ridge(penalty: float) -> Learner:
    """Return ridge regression on the labels with this penalty."""

    def fit(values: np.ndarray, labels: np.ndarray) -> Fitted:
        mean, targets = values.mean(axis=0), 2.0 * labels - 1
        centred = values - mean
        gram = centred.T @ centred + penalty * np.eye(DIMENSIONS)
        direction = np.linalg.solve(gram, centred.T @ (targets - targets.mean()))
        return direction, float(targets.mean() - mean @ direction)

    return fit


LEARNERS: dict[str, Learner] = {
    "nearest class mean": nearest_mean,
    "ridge, penalty 100": ridge(100.0),
    "ridge, penalty 3": ridge(3.0),
}


def draw(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw as many of both classes."""
    labels = np.arange(count) % 2
    return rng.normal(size=(count, DIMENSIONS)) + np.outer(2 * labels - 1, CENTRE), labels


def true_error(rng: np.random.Generator, learner: Learner, count: int) -> float:
    """Return the mean error on new data of 300 fits on ``count`` pictures."""
    errors = []
    for _ in range(300):
        direction, offset = learner(*draw(rng, count))
        sides = np.array([-(direction @ CENTRE + offset), -direction @ CENTRE + offset])
        errors.append(float(np.mean(norm.cdf(sides / np.linalg.norm(direction)))))
    return float(np.mean(errors))


def cross_validated(
    rng: np.random.Generator, learner: Learner, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes, and the errors of folds by sizes, on one drawn data set."""
    values, labels = draw(rng, count)
    fold_of = np.arange(count) // 2 % FOLDS
    sizes, errors = np.zeros(len(SHARES)), np.zeros((FOLDS, len(SHARES)))
    for fold in range(FOLDS):
        train, held_out = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        for column, share in enumerate(SHARES):
            rows = training_subset(train, labels, np.arange(count), share, 9 * seed + fold)
            direction, offset = learner(values[rows], labels[rows])
            predicted = values[held_out] @ direction + offset > 0
            errors[fold, column] = np.mean(predicted != labels[held_out])
            sizes[column] += len(rows) / FOLDS
    return sizes, errors


def main() -> None:
    """Print a row per learner and number of pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-sets", type=int, default=200)
    count_sets = parser.parse_args().data_sets
    print("| learner | pictures | true gain | expected, mean | width | held by the interval |")
    print("|---|---|---|---|---|---|")
    for name, learner in LEARNERS.items():
        for count in (60, 100, 300, 1000):
            rng = np.random.default_rng(0)
            size = count * (FOLDS - 1) // FOLDS
            gain = true_error(rng, learner, size) - true_error(rng, learner, 2 * size)
            drawn = [cross_validated(rng, learner, count, seed) for seed in range(count_sets)]
            found = [fit_power_law(*d, FOLDS, 0.5 * FOLDS / count).gain(2.0) for d in drawn]
            held = np.mean([f.low <= gain <= f.high for f in found])
            print(
                f"| {name} | {count:,} | {100 * gain:.1f} | "
                f"{100 * np.mean([f.value for f in found]):.1f} | "
                f"{100 * np.mean([f.high - f.low for f in found]):.1f} | {100 * held:.0f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
