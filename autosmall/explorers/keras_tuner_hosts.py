"""What runs in Keras Tuner's process: an oracle, kept up to date and asked.

Every answer is a function of the seed, the number, and the suggestions and outcomes known so far,
in the order of their numbers; not of when they became known. So a process started anew and told
the same goes on the same.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import keras_tuner
from keras_tuner.engine import trial as kt_trial

from autosmall.explorers.keras_tuner_messages import Event, Opening, Question
from autosmall.explorers.keras_tuner_space import KerasTunerValue, TranslatedSpace
from autosmall.schema.config import Config
from autosmall.schema.results import Suggestion, TrialOutcome
from autosmall.schema.seeds import derive_seed

SCORE = "score"
"""The metric that the oracles aim at; higher is better."""

NEVER = 10**9
"""Consecutive failures after which Keras Tuner would give up (its default is 3)."""


def objective() -> keras_tuner.Objective:
    """Return what the oracles aim at."""
    return keras_tuner.Objective(SCORE, direction="max")


class OracleHost(ABC):
    """Keeps suggestions and outcomes by number and answers questions."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.suggestions: dict[int, Suggestion] = {}
        self.outcomes: dict[int, TrialOutcome] = {}

    def answer(self, question: Question) -> Config | None:
        """Take in the question's events and return what :meth:`propose` finds."""
        for event in question.events:
            self.take(event)
        return self.propose(question.number)

    def take(self, event: Event) -> None:
        """Take in a suggestion or an outcome."""
        if isinstance(event, TrialOutcome):
            self.suggestions.setdefault(event.suggestion.number, event.suggestion)
            self.outcomes[event.suggestion.number] = event
        else:
            self.suggestions.setdefault(event.number, event)

    def seed_for(self, number: int) -> int:
        """Return the seed of a proposal, above 0 as Keras Tuner takes 0 for none."""
        return derive_seed(self.opening.seed, self.opening.name, number) or 1

    @abstractmethod
    def propose(self, number: int) -> Config | None:
        """Return the oracle's configuration, or ``None`` where it has no new one."""


class ToldHost(OracleHost):
    """An oracle that has a trial of its own for every suggestion, whoever made it."""

    def __init__(
        self, opening: Opening, oracle: keras_tuner.Oracle, translated: TranslatedSpace
    ) -> None:
        super().__init__(opening)
        set_up(oracle, opening)
        self.oracle = oracle
        self.translated = translated
        self._save, oracle.save = oracle.save, _do_nothing
        self._trials: dict[int, kt_trial.Trial] = {}

    def answer(self, question: Question) -> Config | None:
        """Answer, and save the oracle's state once instead of twice per trial."""
        config = super().answer(question)
        self._save()
        return config

    def take(self, event: Event) -> None:
        """Take in a suggestion as an ongoing trial, or an outcome as its end."""
        super().take(event)
        if isinstance(event, TrialOutcome):
            self._end(self._trial(event.suggestion), finite_score(event))
        else:
            self._trial(event)

    def propose(self, number: int) -> Config | None:
        """Return the configuration of a trial that the oracle makes."""
        self.oracle._seed_state = self.seed_for(number)
        trial = self.oracle.create_trial(str(number))
        if trial.status != kt_trial.TrialStatus.RUNNING:
            return None
        config = self.translated.config(trial.hyperparameters.values)
        trial.hyperparameters.values = self.translated.values(config)
        self._trials[number] = trial
        return config

    def _trial(self, suggestion: Suggestion) -> kt_trial.Trial:
        """Return the oracle's trial for a suggestion; another's is added as an ongoing one."""
        if suggestion.number not in self._trials:
            values = self.translated.values(suggestion.config)
            trial = light_trial(f"told_{suggestion.number:04d}", values)
            self.oracle.trials[trial.trial_id] = trial
            self.oracle.ongoing_trials[str(suggestion.number)] = trial
            self.oracle.start_order.append(trial.trial_id)
            self.oracle._tried_so_far.add(self.oracle._compute_values_hash(values))
            self._trials[suggestion.number] = trial
        return self._trials[suggestion.number]

    def _end(self, trial: kt_trial.Trial, score: float | None) -> None:
        trial.status = kt_trial.TrialStatus.FAILED
        if score is not None:
            self.oracle.update_trial(trial.trial_id, {SCORE: score})
            trial.status = kt_trial.TrialStatus.COMPLETED
        self.oracle.end_trial(trial)


class RandomHost(ToldHost):
    """Keras Tuner's random oracle. It learns from no result; it only avoids what is known."""

    def __init__(self, opening: Opening) -> None:
        translated = TranslatedSpace(opening.space)
        oracle = keras_tuner.oracles.RandomSearchOracle(
            objective=objective(),
            hyperparameters=translated.hyperparameters(),
            max_trials=None,
            max_consecutive_failed_trials=NEVER,
        )
        super().__init__(opening, oracle, translated)


def _do_nothing() -> None:
    """Stand in for a method that is called too often."""


def set_up(oracle: keras_tuner.Oracle, opening: Opening) -> None:
    """Give an oracle its folder and silence it.

    ``_set_project_dir`` is private, but the only way without a ``Tuner`` (Keras Tuner 1.4.8).
    """
    oracle._set_project_dir(str(opening.work_dir), opening.name)
    oracle.verbose = 0


def finite_score(outcome: TrialOutcome | None) -> float | None:
    """Return the score, or ``None`` where there is no finite one."""
    if outcome is None or outcome.score is None or not math.isfinite(outcome.score):
        return None
    return outcome.score


def light_trial(trial_id: str, values: dict[str, KerasTunerValue]) -> kt_trial.Trial:
    """Return a running trial with values alone, without a copy of the space."""
    parameters = keras_tuner.HyperParameters()
    parameters.values = values
    return kt_trial.Trial(parameters, trial_id=trial_id, status=kt_trial.TrialStatus.RUNNING)
