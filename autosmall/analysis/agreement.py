"""How far the configurations that cannot be told from the leader agree, picture by picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.label_issues import tied_trials, tied_votes
from autosmall.analysis.predictions import mean_over_repeats
from autosmall.analysis.ranking import Ranking
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class Agreement:
    """What the tied configurations say of held-out pictures.

    Attributes:
        trials: Numbers of those asked, the recommended one first where it is among them.
        tied: How many there are, those not asked included.
        pictures: Pictures in all.
        united: Pictures of which all say the same class.
        right_united: Share of these that the common answer is right for; NaN without any.
        right_divided: Share of the others that the recommended configuration is right for; NaN
            without any.
    """

    trials: tuple[int, ...]
    tied: int
    pictures: int
    united: int
    right_united: float
    right_divided: float


def find_agreement(run: RunData, ranking: Ranking) -> Agreement | None:
    """Return the agreement of the tied configurations, ``None`` where there are fewer than two."""
    recommended = ranking.recommended
    if recommended is None:
        return None
    trials, votes = tied_votes(ranking)
    if len(trials) < 2:
        return None
    column = ranking.table.trials.index(recommended.summary.trial)
    own = mean_over_repeats(ranking.table, column).argmax(axis=1) == run.labels
    united = (votes == votes[0]).all(axis=0)
    return Agreement(
        trials,
        len(tied_trials(ranking)),
        len(run.labels),
        int(united.sum()),
        _mean((votes[0] == run.labels)[united]),
        _mean(own[~united]),
    )


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    return float(values.mean()) if len(values) else math.nan
