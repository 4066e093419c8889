"""Where a configuration is wrong: confusion counts and its most confident mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autosmall.analysis.predictions import mean_over_repeats
from autosmall.analysis.ranking import Ranking
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class Mistake:
    """A picture, its row, and how sure the configuration was of a wrong class (0 to 1)."""

    row: int
    sample: str
    truth: str
    predicted: str
    probability: float


@dataclass(frozen=True)
class Mistakes:
    """Out-of-fold mistakes of one configuration, each picture counted once.

    Attributes:
        trial: Its number.
        confusion: Counts; row i holds the pictures of class i, column j what they were taken for.
        confident: The most confident mistakes, surest first.
        wrong: Number of mistakes in all.
    """

    trial: int
    confusion: tuple[tuple[int, ...], ...]
    confident: tuple[Mistake, ...]
    wrong: int


def find_mistakes(run: RunData, ranking: Ranking, trial: int, most: int = 10) -> Mistakes:
    """Return the mistakes of a ranked trial, probabilities averaged over repeats of the folds."""
    probabilities = mean_over_repeats(ranking.table, ranking.table.trials.index(trial))
    predicted = probabilities.argmax(axis=1)
    size = len(run.classes)
    confusion = np.bincount(run.labels * size + predicted, minlength=size * size)
    wrong = np.flatnonzero(predicted != run.labels)
    surest = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:most]
    return Mistakes(
        trial=trial,
        confusion=tuple(tuple(int(n) for n in row) for row in confusion.reshape(size, size)),
        confident=tuple(
            Mistake(
                int(row),
                run.sample_names[row],
                run.classes[run.labels[row]],
                run.classes[predicted[row]],
                float(probabilities[row, predicted[row]]),
            )
            for row in surest
        ),
        wrong=len(wrong),
    )
