"""Keras Tuner's Hyperband oracle, its budget being the number of epochs.

Hyperband (Li et al., JMLR 18, 2018) tries many configurations at a small budget and promotes the
best to larger ones. Here the budget is a share of the longest training that the space allows: in
a round with share ``r`` a configuration's ``epochs`` is ``r`` times the upper end of its range,
or the nearest value in the range. ``epochs`` is therefore no dimension for the oracle.

- A promoted configuration is trained anew with more epochs, a trial of its own.
- A configuration that is known is not run again: where promotion changes nothing (``classical``
  has no epochs, or the range's edge was reached), the oracle is told the known score and asked
  again.
- Trials that others proposed stand in no bracket and teach the oracle nothing.

Brackets are rebuilt for every proposal from this explorer's own suggestions in the order of their
numbers. Keras Tuner's own record of them depends on when each result arrived, which a search that
goes on after an interruption no longer knows.
"""

from __future__ import annotations

from typing import TypedDict

import keras_tuner
from keras_tuner.engine import trial as kt_trial

from autosmall.explorers.keras_tuner_hosts import (
    NEVER,
    SCORE,
    OracleHost,
    finite_score,
    light_trial,
    objective,
    set_up,
)
from autosmall.explorers.keras_tuner_messages import Opening
from autosmall.explorers.keras_tuner_space import KerasTunerValue, TranslatedSpace
from autosmall.schema.config import Config, Value
from autosmall.schema.results import Suggestion
from autosmall.schema.space import IntegerDimension

FULL_SHARE = 9
"""Budget of the last round, in units of the first of the longest bracket.

With a factor of 3 one iteration holds three brackets, of 9 + 3 + 1, 5 + 2 and 3 trials, which
suits a search of some dozens of trials.
"""

FACTOR = 3


class HyperbandHost(OracleHost):
    """Answers with random configurations at small budgets and promoted ones at larger ones."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._budgets = {
            dimension.key: dimension
            for dimension in opening.space.dimensions
            if isinstance(dimension, IntegerDimension) and dimension.name == "epochs"
        }
        self._translated = TranslatedSpace(opening.space, left_out=frozenset(self._budgets))

    def propose(self, number: int) -> Config | None:
        """Return the next configuration that is not known, having passed over known ones."""
        brackets = Brackets(self._new_oracle(number), self._translated)
        for _, suggestion in sorted(self.suggestions.items()):
            if suggestion.proposer == self.opening.name:
                brackets.place(suggestion, *self._end_of(suggestion))
        known = {suggestion.config: suggestion for suggestion in self.suggestions.values()}
        while True:
            trial = brackets.oracle.create_trial(f"{number}/{len(brackets.oracle.trials)}")
            if trial.status != kt_trial.TrialStatus.RUNNING:
                return None
            config = self._config(trial.hyperparameters.values)
            if config not in known:
                return config
            _, score = self._end_of(known[config])
            brackets.end(trial, score)

    def _end_of(self, suggestion: Suggestion) -> tuple[bool, float | None]:
        outcome = self.outcomes.get(suggestion.number)
        return outcome is not None, finite_score(outcome)

    def _config(self, values: dict[str, KerasTunerValue]) -> Config:
        share = int(values["tuner/epochs"]) / FULL_SHARE
        epochs: dict[str, Value] = {
            key: dimension.nearest(dimension.high * share)
            for key, dimension in self._budgets.items()
        }
        return self._translated.config(values, epochs)

    def _new_oracle(self, number: int) -> keras_tuner.oracles.HyperbandOracle:
        oracle = keras_tuner.oracles.HyperbandOracle(
            objective=objective(),
            max_epochs=FULL_SHARE,
            factor=FACTOR,
            hyperband_iterations=None,
            hyperparameters=self._translated.hyperparameters(),
            seed=self.seed_for(number),
            max_consecutive_failed_trials=NEVER,
        )
        set_up(oracle, self.opening)
        return oracle


class Bracket(TypedDict):
    """Keras Tuner's record of a bracket: per round, each trial's id and its parent's."""

    bracket_num: int
    rounds: list[list[dict[str, str | None]]]


class Brackets:
    """An oracle into whose brackets earlier suggestions are put back."""

    def __init__(
        self, oracle: keras_tuner.oracles.HyperbandOracle, translated: TranslatedSpace
    ) -> None:
        self.oracle = oracle
        self._translated = translated
        self._latest: dict[str, tuple[Bracket, int, str]] = {}

    def place(self, suggestion: Suggestion, ended: bool, score: float | None) -> None:
        """Put a suggestion into the round that it was made for.

        The same values as an earlier one's, epochs aside, make it that one's promotion; any other
        was a random trial of the first round.
        """
        values = self._translated.values(suggestion.config)
        digest = self.oracle._compute_values_hash(values)
        trial = light_trial(f"known_{suggestion.number:04d}", dict(values))
        if digest in self._latest:
            bracket, last_round, past_id = self._latest[digest]
            round_number = last_round + 1
        else:
            bracket, round_number, past_id = self._open_bracket(), 0, None
        rounds = bracket["rounds"]
        if round_number < len(rounds):
            rounds[round_number].append({"past_id": past_id, "id": trial.trial_id})
            trial.hyperparameters.values["tuner/epochs"] = self.oracle._get_epochs(
                bracket["bracket_num"], round_number
            )
            self._latest[digest] = (bracket, round_number, trial.trial_id)
        self.oracle.trials[trial.trial_id] = trial
        self.oracle._tried_so_far.add(digest)
        if ended:
            trial.status = kt_trial.TrialStatus.FAILED
            if score is not None:
                trial.status, trial.score = kt_trial.TrialStatus.COMPLETED, score

    def end(self, trial: kt_trial.Trial, score: float | None) -> None:
        """End a trial that need not be run, with the score that is known, else as failed."""
        trial.status = kt_trial.TrialStatus.FAILED
        if score is not None:
            self.oracle.update_trial(trial.trial_id, {SCORE: score})
            trial.status = kt_trial.TrialStatus.COMPLETED
        self.oracle.end_trial(trial)

    def _open_bracket(self) -> Bracket:
        """Return the bracket whose first round has room, begun if need be."""
        last = self.oracle._brackets[-1]
        if len(last["rounds"][0]) >= self.oracle._get_size(last["bracket_num"], 0):
            self.oracle._increment_bracket_num()
            self.oracle._start_new_bracket()
        bracket: Bracket = self.oracle._brackets[-1]
        return bracket
