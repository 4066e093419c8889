"""Which pictures are worth a map of what the model looked at: mistakes, doubts, and right ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autosmall.analysis.label_issues import find_suspected_labels
from autosmall.analysis.mistakes import find_mistakes
from autosmall.analysis.predictions import mean_over_repeats
from autosmall.analysis.ranking import Ranking
from autosmall.schema.run_data import RunData

MOST_PAIRS = 6
"""Mistakes that are shown beside a picture of the class they were taken for."""


@dataclass(frozen=True)
class RightAndWrong:
    """A mistake beside a picture that was rightly taken for the same class.

    Attributes:
        wrong: Row of the mistake.
        right: Row of a right one, the surest that stands beside no other mistake; ``None``
            without one.
        class_index: The class that both were taken for.
    """

    wrong: int
    right: int | None
    class_index: int


def right_and_wrong(run: RunData, ranking: Ranking) -> tuple[RightAndWrong, ...]:
    """Return the recommended configuration's surest mistakes, each beside a right picture."""
    recommended = ranking.recommended
    if recommended is None:
        return ()
    trial = recommended.summary.trial
    probabilities = mean_over_repeats(ranking.table, ranking.table.trials.index(trial))
    predicted = probabilities.argmax(axis=1)
    found: list[RightAndWrong] = []
    used: set[int] = set()
    for mistake in find_mistakes(run, ranking, trial, most=MOST_PAIRS).confident:
        index = int(predicted[mistake.row])
        rows = np.flatnonzero((run.labels == index) & (predicted == index))
        order = rows[np.argsort(-probabilities[rows, index], kind="stable")].tolist()
        right = next((row for row in order if row not in used), None)
        used |= {right} if right is not None else set()
        found.append(RightAndWrong(mistake.row, right, index))
    return tuple(found)


def pictures_to_explain(run: RunData, ranking: Ranking) -> dict[int, int]:
    """Return row to class: all pictures that the report shows a map of, and what is explained.

    That is the class that the recommended configuration takes a picture for. Without a complete
    configuration there are none.
    """
    found: dict[int, int] = {}
    for pair in right_and_wrong(run, ranking):
        for row in (pair.wrong, pair.right):
            if row is not None:
                found[row] = pair.class_index
    positions = {name: index for index, name in enumerate(run.classes)}
    for label in find_suspected_labels(run, ranking)[1]:
        found[label.row] = positions[label.suggested]
    return found
