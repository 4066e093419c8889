"""Does the interval hold the model that is trained on all pictures? Learners with known error.

    python tests/benchmarks/final_model.py [--data-sets 200]

The learners and data of ``sample_size.py``: one configuration, five folds, so that nothing is
picked. The truth is the accuracy on new data of the very model that is fitted to all pictures of
the data set, in closed form. Prints the table of ``tests/benchmarks/README.md``: how often the
interval of the folds' models holds it, and how often the one that the learning curve drew out.
"""

from __future__ import annotations

import argparse

import numpy as np
from sample_size import CENTRE, FOLDS, LEARNERS, SHARES, Fitted, Learner, draw
from scipy.stats import norm

from autosmall.analysis.difference_errors import DifferenceErrors
from autosmall.analysis.final_model import drawn_out_interval
from autosmall.analysis.power_law import fit_power_law
from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.recommendation import Contest
from autosmall.analysis.selection_bias import CorrectedScore, correct_selection
from autosmall.data.subsets import training_subset


def accuracy(fitted: Fitted) -> float:
    """Return a model's accuracy on new data."""
    direction, offset = fitted
    sides = np.array([direction @ CENTRE + offset, direction @ CENTRE - offset])
    return float(np.mean(norm.cdf(sides / np.linalg.norm(direction))))


def cross_validate(
    learner: Learner, values: np.ndarray, labels: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sizes ``(S,)``, errors of folds by sizes, and who is right out of its fold."""
    count = len(labels)
    fold_of = np.arange(count) // 2 % FOLDS
    sizes, errors = np.zeros(len(SHARES)), np.zeros((FOLDS, len(SHARES)))
    right = np.zeros(count, bool)
    for fold in range(FOLDS):
        train, held_out = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        for column, share in enumerate(SHARES):
            rows = training_subset(train, labels, np.arange(count), share, 9 * seed + fold)
            direction, offset = learner(values[rows], labels[rows])
            found = (values[held_out] @ direction + offset > 0) == labels[held_out]
            errors[fold, column] = 1 - found.mean()
            sizes[column] += len(rows) / FOLDS
        right[held_out] = found
    return sizes, errors, right


def corrected(right: np.ndarray, seed: int) -> CorrectedScore:
    """Return the corrected score of a single configuration."""
    count = len(right)
    sure = np.where(right, 0.8, 0.2).astype(np.float32)
    table = PredictionTable(
        trials=(0,),
        probabilities=np.stack([sure, 1 - sure], axis=1)[None],
        samples=np.arange(count),
        folds=np.arange(count) // 2 % FOLDS,
        labels=np.zeros(count, np.int64),
        groups=np.arange(count),
    )
    contest = Contest(
        (0,), np.ones(1), np.ones(1), DifferenceErrors(np.zeros((1, 1))), 0.0, default=None
    )
    return correct_selection("accuracy", table, contest, seed=seed, repetitions=300)


def judge(learner: Learner, count: int, data_sets: int) -> np.ndarray:
    """Return ``float64 (data_sets, 6)``: truth less score, expected gain, holds, width, twice."""
    rows = []
    for seed in range(data_sets):
        values, labels = draw(np.random.default_rng([count, seed]), count)
        truth = accuracy(learner(values, labels))
        sizes, errors, right = cross_validate(learner, values, labels, seed)
        plain = corrected(right, seed)
        gain = fit_power_law(sizes, errors, FOLDS, 0.5 * FOLDS / count).gain(count / sizes[-1])
        ends = ((plain.low, plain.high), drawn_out_interval("accuracy", plain, gain))
        rows.append(
            (
                truth - plain.score,
                gain.value,
                *(value for low, high in ends for value in (low <= truth <= high, high - low)),
            )
        )
    return np.array(rows, np.float64)


def main() -> None:
    """Print a row per learner and number of pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-sets", type=int, default=200)
    data_sets = parser.parse_args().data_sets
    heads = "learner | pictures | final model better by | expected | folds' interval holds | width"
    print(f"| {heads} | drawn out, holds | width |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, learner in LEARNERS.items():
        for count in (60, 100, 300):
            better, gain, held, width, held_out, width_out = judge(learner, count, data_sets).mean(
                axis=0
            )
            print(
                f"| {name} | {count} | {100 * better:.1f} | {100 * gain:.1f} | {100 * held:.1f} % "
                f"| {100 * width:.1f} | {100 * held_out:.1f} % | {100 * width_out:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
