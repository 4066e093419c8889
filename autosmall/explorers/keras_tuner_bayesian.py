"""Keras Tuner's Bayesian oracle, made fit for few, noisy and foreign results at a bounded cost.

Kept from ``BayesianOptimizationOracle`` (Keras Tuner 1.4.8): the embedding of configurations, the
Gaussian process (Matern 5/2), its confidence bound, the random first points, and the trials
through which it is told. Changed:

- *Noise.* Its ``alpha`` of 1e-4 presumes nearly exact scores; here it comes from the folds
  (:func:`noise_variances`).
- *Cost.* It restarts the kernel's fit 20 times and optimises the bound by 50 runs of L-BFGS with
  numerical gradients: seconds to minutes in 60 dimensions. Here the process sees the best and the
  latest :data:`WINDOW_TRIALS` trials, the fit restarts :data:`FIT_RESTARTS` times, and the bound
  is compared over random configurations and neighbours of the best ones.
- *Conditions.* Those candidates are configurations, so inactive dimensions stand at their default
  as they do in the data; the original moves them freely, away from all that was seen.
- *Pending trials.* They count at one standard deviation below their predicted score, as in the
  original, but predicted by the process of this proposal and not of the one before, so that a
  proposal is a function of what is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as kt_trial
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor

from autosmall.explorers.base import random_config
from autosmall.explorers.keras_tuner_hosts import NEVER, ToldHost, finite_score, objective
from autosmall.explorers.keras_tuner_messages import Opening
from autosmall.explorers.keras_tuner_space import TranslatedSpace
from autosmall.schema.config import Config
from autosmall.schema.results import TrialOutcome

INITIAL_TRIALS = 8
"""Finite scores before the process is used; until then proposals are random."""

WINDOW_TRIALS = 200
"""Trials that the process sees: half of them the best, the others the latest."""

FIT_RESTARTS = 2

RANDOM_CANDIDATES = 300
PARENTS = 10
CHILDREN_PER_PARENT = 30
"""Candidates: random ones, and neighbours of the best configurations."""

BETA = 1.0
"""Standard deviations of the bound. Keras Tuner's 2.6 spends a short search on corners."""

LEAST_NOISE = 1e-4
"""Least variance of a mean score, in units of the variance of all scores (Keras Tuner's alpha)."""

Array = NDArray[np.float64]


class CandidateOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """The oracle, with ``choose`` in place of its own fit and optimisation.

    ``choose`` returns the values of the next trial, or ``None`` for a random one.
    """

    def __init__(self, choose: Callable[[], dict[str, object] | None], **settings: object) -> None:
        super().__init__(**settings)
        self._choose = choose

    def populate_space(self, trial_id: str) -> dict[str, object]:
        """Return Keras Tuner's answer: a status, and the values of trial ``trial_id``."""
        values = self._choose()
        if values is None:
            return self._random_populate_space()
        return {"status": kt_trial.TrialStatus.RUNNING, "values": values}

    def process(self, alpha: Array, seed: int) -> GaussianProcessRegressor:
        """Return Keras Tuner's Gaussian process, with noise and a bounded fit."""
        return self._make_gpr().set_params(
            alpha=alpha, n_restarts_optimizer=FIT_RESTARTS, random_state=seed
        )


class BayesianHost(ToldHost):
    """Keras Tuner's Bayesian oracle, told of every result."""

    def __init__(self, opening: Opening) -> None:
        translated = TranslatedSpace(opening.space)
        self._oracle = CandidateOracle(
            self._choose,
            objective=objective(),
            hyperparameters=translated.hyperparameters(),
            beta=BETA,
            max_trials=None,
            max_consecutive_failed_trials=NEVER,
        )
        self._number = 0
        super().__init__(opening, self._oracle, translated)

    def propose(self, number: int) -> Config | None:
        """Return the candidate with the best bound, or a random one at first."""
        self._number = number
        return super().propose(number)

    def _choose(self) -> dict[str, object] | None:
        told = self._window()
        if len(told) < INITIAL_TRIALS:
            return None
        known = {suggestion.config for suggestion in self.suggestions.values()}
        candidates = [config for config in self._candidates(told) if config not in known]
        if not candidates:
            return None
        mean, deviation = self._fit(told).predict(self._vectors(candidates), return_std=True)
        best = int(np.argmax(mean + self._oracle.beta * deviation))
        return dict(self.translated.values(candidates[best]))

    def _window(self) -> list[TrialOutcome]:
        """Return the best and the latest outcomes with finite scores, in order of numbers."""
        finite = [o for _, o in sorted(self.outcomes.items()) if finite_score(o) is not None]
        latest = finite[-WINDOW_TRIALS // 2 :]
        best = _best(finite, WINDOW_TRIALS // 2)
        kept = {outcome.suggestion.number for outcome in (*latest, *best)}
        return [outcome for outcome in finite if outcome.suggestion.number in kept]

    def _candidates(self, told: list[TrialOutcome]) -> list[Config]:
        seed = self.seed_for(self._number)
        source = np.random.default_rng(seed)
        space = self.opening.space
        candidates = [random_config(space, seed + i) for i in range(RANDOM_CANDIDATES)]
        for parent in _best(told, PARENTS):
            config = parent.suggestion.config
            candidates += self.translated.neighbours(config, CHILDREN_PER_PARENT, source)
        return candidates

    def _fit(self, told: list[TrialOutcome]) -> GaussianProcessRegressor:
        """Return the process fitted to what was told, pending trials guessed low."""
        seed = self.seed_for(self._number)
        x = self._vectors([outcome.suggestion.config for outcome in told])
        y = np.array([outcome.score for outcome in told], dtype=np.float64)
        noise = noise_variances(told)
        pending = [s for n, s in sorted(self.suggestions.items()) if n not in self.outcomes]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            process = self._oracle.process(noise, seed).fit(x, y)
            if not pending:
                return process
            guessed_x = self._vectors([suggestion.config for suggestion in pending])
            mean, deviation = process.predict(guessed_x, return_std=True)
            alpha = np.concatenate([noise, np.full(len(pending), LEAST_NOISE)])
            believer = self._oracle.process(alpha, seed)
            believer.set_params(kernel=process.kernel_, optimizer=None)
            y_all = np.concatenate([y, mean - deviation])
            return believer.fit(np.concatenate([x, guessed_x]), y_all)

    def _vectors(self, configs: Sequence[Config]) -> Array:
        return np.stack([self.translated.vector(config) for config in configs])


def _best(outcomes: list[TrialOutcome], count: int) -> list[TrialOutcome]:
    return sorted(outcomes, key=lambda o: (-(finite_score(o) or 0.0), o.suggestion.number))[:count]


def noise_variances(told: Sequence[TrialOutcome]) -> Array:
    """Return the noise variance of each finite score, ``(n,)``, for standardised scores.

    The variance of fold scores is pooled over trials (weights: folds less one) and divided by the
    trial's number of folds and by the variance of all scores. At least :data:`LEAST_NOISE`.
    """
    folds = [np.asarray(outcome.fold_scores, dtype=np.float64) for outcome in told]
    spread = sum(float(((f - f.mean()) ** 2).sum()) for f in folds if len(f) > 1)
    freedom = sum(len(f) - 1 for f in folds if len(f) > 1)
    scores = np.array([outcome.score for outcome in told], dtype=np.float64)
    scale = float(scores.var()) or 1.0
    pooled = spread / freedom if freedom else 0.0
    counts = np.array([max(len(f), 1) for f in folds])
    return np.asarray(np.maximum(pooled / counts / scale, LEAST_NOISE))
