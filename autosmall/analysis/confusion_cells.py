"""The pictures behind each cell of a confusion matrix, as many as a page has room for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autosmall.analysis.predictions import mean_over_repeats
from autosmall.analysis.ranking import Ranking
from autosmall.schema.run_data import RunData

MOST_WRONG = 8
"""Pictures of a cell of mistakes."""
MOST_RIGHT = 4
"""Pictures of a cell of right answers."""
MOST_PICTURES = 120
"""Pictures of all cells together; cells with more mistakes come first."""


@dataclass(frozen=True)
class CellPicture:
    """A picture of a cell: its row, name, and the probability of the predicted class (0 to 1)."""

    row: int
    sample: str
    probability: float


@dataclass(frozen=True)
class Cell:
    """Some of the pictures of one class that were taken for one class, surest first.

    ``truth`` and ``predicted`` are positions of classes; ``count`` is how many there are in all.
    """

    truth: int
    predicted: int
    count: int
    pictures: tuple[CellPicture, ...]


def confusion_cells(run: RunData, ranking: Ranking, trial: int) -> tuple[Cell, ...]:
    """Return the cells of a ranked trial that have pictures to show, by row and column."""
    probabilities = mean_over_repeats(ranking.table, ranking.table.trials.index(trial))
    predicted = probabilities.argmax(axis=1)
    pairs, counts = np.unique(np.stack([run.labels, predicted]), axis=1, return_counts=True)
    order = sorted(range(len(counts)), key=lambda i: (pairs[0, i] == pairs[1, i], -counts[i], i))
    left, cells = MOST_PICTURES, []
    for place in order:
        truth, called = (int(index) for index in pairs[:, place])
        rows = np.flatnonzero((run.labels == truth) & (predicted == called))
        rows = rows[np.argsort(-probabilities[rows, called], kind="stable")]
        shown = rows[: min(left, MOST_RIGHT if truth == called else MOST_WRONG)].tolist()
        left -= len(shown)
        pictures = tuple(
            CellPicture(row, run.sample_names[row], float(probabilities[row, called]))
            for row in shown
        )
        if pictures:
            cells.append(Cell(truth, called, int(counts[place]), pictures))
    return tuple(sorted(cells, key=lambda cell: (cell.truth, cell.predicted)))
