"""``study.db``: the trials as an Optuna study, for optuna-dashboard and other Optuna tools.

It is a copy, never the truth: it is made again from the stored trials whenever a search opens its
folder, so that a torn or missing database costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from autosmall.schema.results import COMPLETE, NOT_BEGUN, RACED_OUT, TrialOutcome
from autosmall.schema.space import Dimension, FloatDimension, IntegerDimension, Space, chosen_values

STUDY_NAME = "autosmall"


class StudyDatabase:
    """Copies finished trials into ``study.db``. Scores there are oriented: higher is better."""

    def __init__(self, path: Path, space: Space) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        path.unlink(missing_ok=True)
        self._dimensions = {dimension.key: dimension for dimension in space.dimensions}
        self._space = space
        self._study = optuna.create_study(
            storage=f"sqlite:///{path.resolve()}", study_name=STUDY_NAME, direction="maximize"
        )

    def add(self, outcomes: Iterable[TrialOutcome]) -> None:
        """Copy finished trials."""
        self._study.add_trials([self._frozen(outcome) for outcome in outcomes])

    def _frozen(self, outcome: TrialOutcome) -> FrozenTrial:
        parameters = chosen_values(self._space, outcome.suggestion.config)
        distributions = {key: _distribution(self._dimensions[key]) for key in parameters}
        return create_trial(
            state=_state(outcome),
            value=outcome.score if _state(outcome) == TrialState.COMPLETE else None,
            params=parameters,
            distributions=distributions,
            intermediate_values=dict(enumerate(outcome.fold_scores)),
            user_attrs={
                "trial": outcome.suggestion.number,
                "proposer": outcome.suggestion.proposer,
                "label": outcome.suggestion.label,
                "status": outcome.status,
            },
        )


def _state(outcome: TrialOutcome) -> TrialState:
    if outcome.status == COMPLETE and outcome.score is not None:
        return TrialState.COMPLETE
    return TrialState.PRUNED if outcome.status in (RACED_OUT, NOT_BEGUN) else TrialState.FAIL


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, FloatDimension):
        return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    if isinstance(dimension, IntegerDimension):
        return IntDistribution(
            dimension.low, dimension.high, log=dimension.log, step=dimension.step
        )
    return CategoricalDistribution(dimension.choices)
