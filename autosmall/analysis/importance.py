"""Which settings mattered, by two questions that have different answers.

* fANOVA: what explains the variation of scores over the whole space? The share of the variance of
  a random forest, fitted to the scores, that a setting explains by itself (Hutter, Hoos and
  Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014).
* PED-ANOVA: what matters for getting among the best? How far the values of a setting among the
  best trials differ from those among all (Watanabe, Bansal and Hutter, IJCAI 2023).

Both are Optuna's. fANOVA leaves out settings that some trials do not have, so the settings of each
strategy are judged among its own trials, and the choice of strategy, with the settings that all
strategies share, among all.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.config import Value
from autosmall.schema.results import FAILED
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.schema.seeds import derive_seed
from autosmall.training.metrics import oriented, score

LEAST_TRIALS = 30
"""Scored trials that a statement takes. With one of six settings behind 80 % of the variance,
fANOVA put it first in 40 of 40 draws of 30 trials and PED-ANOVA in 37; of 20 trials in 38 and 33
(``tests/benchmarks/importance.py``)."""

MOST_TRIALS = 100
"""More are thinned to this many at random: a forest's time grows with their square."""

BEST_SHARE, LEAST_BEST = 0.1, 8
"""PED-ANOVA looks at the best tenth, or at the best eight where these are more: with Optuna's five
it put the planted setting first in 27 of 40 draws of 30 trials instead of 37."""

TREES, SHUFFLED_TREES = 32, 8
"""Trees of the forests for the scores as they are, and for each shuffling of them."""

SHUFFLES = 9
"""Times that the scores are dealt out anew to tell what chance alone would show: a share above
the largest of all nine has a probability of 10 % where no setting matters."""

LOG_RATIO = 20.0
"""Positive numbers whose largest is this many times the smallest are compared by logarithm."""

NO_SETTINGS = "baseline"
"""The strategy that has nothing to set."""

EVERYTHING = "all"
"""Name of the comparison among all strategies."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SettingImportance:
    """How much one setting mattered.

    Attributes:
        name: Its name in configurations.
        variance_share: fANOVA: share of the variance of scores that it explains by itself, 0 to
            1; the shares leave out what settings do together, so they may sum to less than 1.
        best_share: PED-ANOVA: its share of the difference between the best trials and all, 0 to
            1; these sum to 1 (or are all 0).
    """

    name: str
    variance_share: float
    best_share: float


@dataclass(frozen=True)
class ImportanceGroup:
    """Settings compared among the same trials.

    Attributes:
        strategy: Whose settings they are, or :data:`EVERYTHING`.
        trials: Scored trials that there are.
        used: How many of them entered; 0 where they are too few or nothing varies.
        settings: By ``variance_share``, falling; empty where ``used`` is 0.
        variance_by_chance: The largest ``variance_share`` of any setting where the scores were
            shuffled: forests explain noise too, the more so the fewer trials there are.
        best_by_chance: Likewise for ``best_share``, at most 1: the largest difference of any
            setting there, over the sum of the differences here.
    """

    strategy: str
    trials: int
    used: int
    settings: tuple[SettingImportance, ...]
    variance_by_chance: float = 0.0
    best_by_chance: float = 0.0


@dataclass(frozen=True)
class ScoredTrial:
    """The settings of a trial and its score, more being better."""

    values: Mapping[str, Value]
    score: float


def find_importance(run: RunData) -> tuple[ImportanceGroup, ...]:
    """Return the importance of settings among all strategies, then within each, by name.

    Trials with at least one scored fold count, those dropped by the race too: leaving them out
    would hide what made them bad. As they have different folds, a trial's score is its mean
    distance from the median over trials of each of its folds. Log losses above that of guessing
    count as guessing, or a few that diverged would be all that there is to explain.
    """
    trials = _scored(run)
    names = sorted({str(trial.values["strategy"]) for trial in trials})
    seed = derive_seed(int(str(run.settings.get("seed", 0))), "analysis", "importance")
    groups = [compare_settings(EVERYTHING, trials, seed)] if len(names) > 1 else []
    for name in names:
        own = [
            ScoredTrial({k: v for k, v in t.values.items() if k != "strategy"}, t.score)
            for t in trials
            if t.values["strategy"] == name
        ]
        groups.append(compare_settings(name, own, seed))
    return tuple(groups)


def compare_settings(strategy: str, trials: Sequence[ScoredTrial], seed: int) -> ImportanceGroup:
    """Return how much each setting that all ``trials`` have mattered among them."""
    names = _varying(trials)
    scores = np.array([trial.score for trial in trials])
    if len(trials) < LEAST_TRIALS or not names or np.ptp(scores) < 1e-9:
        return ImportanceGroup(strategy, len(trials), 0, ())
    rng = np.random.default_rng(seed)
    used = np.sort(rng.permutation(len(trials))[:MOST_TRIALS])
    kept = [trials[row] for row in used]
    variance, best = _evaluate(kept, names, seed, TREES)
    chance = [_evaluate(_shuffled(kept, rng), names, seed, SHUFFLED_TREES) for _ in range(SHUFFLES)]
    total = sum(best.values()) or 1.0
    settings = [
        SettingImportance(name, variance.get(name, 0.0), best.get(name, 0.0) / total)
        for name in names
    ]
    return ImportanceGroup(
        strategy=strategy,
        trials=len(trials),
        used=len(kept),
        settings=tuple(sorted(settings, key=lambda s: (-s.variance_share, s.name))),
        variance_by_chance=max(max(shares.values()) for shares, _ in chance),
        best_by_chance=min(1.0, max(max(found.values()) for _, found in chance) / total),
    )


def _shuffled(trials: Sequence[ScoredTrial], rng: np.random.Generator) -> list[ScoredTrial]:
    order = rng.permutation(len(trials))
    return [ScoredTrial(t.values, trials[row].score) for t, row in zip(trials, order, strict=True)]


def _varying(trials: Sequence[ScoredTrial]) -> list[str]:
    """Return the settings that every trial has and that not all have alike."""
    if not trials:
        return []
    shared = set.intersection(*(set(trial.values) for trial in trials))
    return sorted(name for name in shared if len({trial.values[name] for trial in trials}) > 1)


def _evaluate(
    trials: Sequence[ScoredTrial], names: Sequence[str], seed: int, trees: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return what fANOVA and PED-ANOVA say of ``names``, as Optuna gives it."""
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    columns = {name: _encoded([trial.values[name] for trial in trials]) for name in names}
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: columns[name][1][row] for name in names},
                distributions={name: columns[name][0] for name in names},
                value=trial.score,
            )
            for row, trial in enumerate(trials)
        ]
    )
    best_share = min(0.5, max(BEST_SHARE, LEAST_BEST / len(trials)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        variance = FanovaImportanceEvaluator(n_trees=trees, seed=seed % 2**32).evaluate(study)
        best = PedAnovaImportanceEvaluator(target_quantile=best_share).evaluate(study)
    return variance, best


def _encoded(values: Sequence[Value]) -> tuple[Any, list[Any]]:
    """Return a column's distribution over what was tried, and its values in that."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        choices = sorted({str(value) for value in values})
        return CategoricalDistribution(choices), [str(value) for value in values]
    numbers = np.array(values, np.float64)
    if numbers.min() > 0 and numbers.max() >= LOG_RATIO * numbers.min():
        numbers = np.log10(numbers)
    return FloatDistribution(float(numbers.min()), float(numbers.max())), numbers.tolist()


def _scored(run: RunData) -> list[ScoredTrial]:
    scores = {trial.number: _fold_scores(run, trial) for trial in run.trials}
    folds = {fold for found in scores.values() for fold in found}
    medians = {
        fold: float(np.median([found[fold] for found in scores.values() if fold in found]))
        for fold in folds
    }
    return [
        ScoredTrial(
            trial.suggestion.config.to_dict(),
            float(np.mean([value - medians[fold] for fold, value in scores[trial.number].items()])),
        )
        for trial in run.trials
        if scores[trial.number] and trial.suggestion.config.strategy != NO_SETTINGS
    ]


def _fold_scores(run: RunData, trial: TrialRecord) -> dict[int, float]:
    found = {}
    for fold in trial.folds:
        labels = run.labels[run.folds.validation_index(fold.fold)]
        if fold.status == FAILED or fold.probabilities.shape != (len(labels), len(run.classes)):
            continue
        value = oriented(run.metric, score(run.metric, labels, fold.probabilities))
        if run.metric == "log_loss":
            value = max(value, -math.log(len(run.classes)))
        if math.isfinite(value):
            found[fold.fold] = value
    return found
