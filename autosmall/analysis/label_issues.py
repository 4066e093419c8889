"""Which labels may be wrong, by confident learning on predictions for held-out pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.predictions import mean_over_repeats
from autosmall.analysis.ranking import Ranking
from autosmall.helper import Helper, begin
from autosmall.schema.config import BASELINE
from autosmall.schema.run_data import RunData

MOST_WITNESSES = 20
"""Configurations that are asked: the recommended one and the best of those tied with the leader."""


@dataclass(frozen=True)
class SuspectedLabel:
    """A picture whose label may be wrong.

    Attributes:
        row: Its row in the data set.
        sample: Its name.
        label: Its label.
        suggested: The class that the recommended configuration finds most probable.
        label_probability: What it gives the label, 0 to 1.
        agreeing: Configurations, of ``witnesses``, that find ``suggested`` most probable too.
        witnesses: Configurations asked.
        agreeing_trials: Numbers of those that agree, best first.
    """

    row: int
    sample: str
    label: str
    suggested: str
    label_probability: float
    agreeing: int
    witnesses: int
    agreeing_trials: tuple[int, ...] = ()


Suspected = tuple[int, tuple[SuspectedLabel, ...]]
"""How many labels are suspected, and those least believable, the first one first."""


def find_suspected_labels(run: RunData, ranking: Ranking, most: int = 12) -> Suspected:
    """Return how many labels are suspected, and those that are least believable, first one first.

    Confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in
    Dataset Labels", JAIR 70, 2021) as cleanlab has it: a picture counts as of another class where
    that class is more probable than it is on average for the pictures labelled so; as many are
    taken from each class as the estimated joint distribution says ("prune by noise rate"). Each
    picture is judged by models that did not train on it. Of the suspected ones only those are kept
    for which most of the tied configurations find the same other class most probable. With
    nothing complete, or a recommendation that learned nothing, there are none.
    """
    return begin_suspected_labels(run, ranking, None, most)()


def begin_suspected_labels(
    run: RunData, ranking: Ranking, helper: Helper | None, most: int = 12
) -> Callable[[], Suspected]:
    """Return what returns :func:`find_suspected_labels`; begun at once with a process given."""
    recommended = ranking.recommended
    if recommended is None or recommended.summary.strategy == BASELINE:
        return lambda: (0, ())
    chosen = ranking.table.trials.index(recommended.summary.trial)
    probabilities = mean_over_repeats(ranking.table, chosen)
    rows = begin(helper, suspected_rows, run.labels, probabilities)
    return lambda: _agreed(run, ranking, probabilities, rows(), most)


def _agreed(
    run: RunData,
    ranking: Ranking,
    probabilities: NDArray[np.float64],
    rows: NDArray[np.int64],
    most: int,
) -> Suspected:
    """Return those of the suspected ``rows`` for which most of the tied configurations agree."""
    trials, votes = tied_votes(ranking)
    suggested = probabilities.argmax(axis=1)
    found = [row for row in rows if (votes[:, row] == suggested[row]).mean() > 0.5]
    return len(found), tuple(
        SuspectedLabel(
            row=int(row),
            sample=run.sample_names[row],
            label=run.classes[run.labels[row]],
            suggested=run.classes[suggested[row]],
            label_probability=float(probabilities[row, run.labels[row]]),
            agreeing=int((votes[:, row] == suggested[row]).sum()),
            witnesses=len(votes),
            agreeing_trials=tuple(
                trial
                for trial, vote in zip(trials, votes[:, row], strict=True)
                if vote == suggested[row]
            ),
        )
        for row in found[:most]
    )


def suspected_rows(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the rows that cleanlab suspects and whose most probable class is another one."""
    from cleanlab.filter import find_label_issues

    sums = np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-12)
    found = find_label_issues(
        labels, probabilities / sums, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    rows = np.asarray(found, np.int64)
    return rows[probabilities[rows].argmax(axis=1) != labels[rows]]


def tied_trials(ranking: Ranking) -> list[int]:
    """Return the trials that cannot be told from the leader, the recommended one first."""
    return [row.summary.trial for row in ranking.rows if row.tied_with_leader or row.rank == 1]


def tied_votes(ranking: Ranking) -> tuple[tuple[int, ...], NDArray[np.int64]]:
    """Return who is asked, at most :data:`MOST_WITNESSES` trials, and what each of them says.

    That is ``int64 (witnesses, n_samples)``: the most probable class, configuration by row.
    """
    trials = tuple(tied_trials(ranking)[:MOST_WITNESSES])
    columns = [ranking.table.trials.index(trial) for trial in trials]
    said = [mean_over_repeats(ranking.table, column).argmax(axis=1) for column in columns]
    return trials, np.stack(said)
