"""Which settings mattered, by two questions that have different answers.

* fANOVA: what explains the variation of scores over the whole space? The share of the variance of
  a random forest, fitted to the scores, that a setting explains by itself (Hutter, Hoos and
  Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014).
* PED-ANOVA: what matters for getting among the best? How far the values of a setting among the
  best trials differ from those among all (Watanabe, Bansal and Hutter, IJCAI 2023).

Both give Optuna's numbers (:mod:`autosmall.analysis.fanova`). fANOVA leaves out settings that some
trials do not have, so the settings of each strategy are judged among its own trials, and the choice
of strategy, with the settings that all strategies share, among all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.fanova import Column, variance_shares
from autosmall.analysis.scored_trials import ScoredTrial, scored_trials
from autosmall.helper import Helper, begin
from autosmall.schema.config import Value
from autosmall.schema.run_data import RunData
from autosmall.schema.seeds import derive_seed

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


def find_importance(run: RunData) -> tuple[ImportanceGroup, ...]:
    """Return the importance of settings among all strategies, then within each, by name.

    Trials dropped by the race count too, on the scale of
    :func:`~autosmall.analysis.scored_trials.scored_trials`.
    """
    return begin_importance(run, None)()


def begin_importance(
    run: RunData, helper: Helper | None
) -> Callable[[], tuple[ImportanceGroup, ...]]:
    """Return what returns :func:`find_importance`; begun at once where a process is given."""
    return begin(helper, compare_all, scored_trials(run), _seed(run))


def _seed(run: RunData) -> int:
    return derive_seed(int(str(run.settings.get("seed", 0))), "analysis", "importance")


def compare_all(trials: Sequence[ScoredTrial], seed: int) -> tuple[ImportanceGroup, ...]:
    """Return how much settings mattered among all ``trials``, then within each strategy."""
    names = sorted({str(trial.values["strategy"]) for trial in trials})
    groups = [compare_settings(EVERYTHING, trials, seed)] if len(names) > 1 else []
    for name in names:
        own = [
            replace(t, values={k: v for k, v in t.values.items() if k != "strategy"})
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
    columns = {name: _encoded([trial.values[name] for trial in kept]) for name in names}
    study = _study(columns, len(kept))
    values = np.array([trial.score for trial in kept])
    variance, best = _evaluate(study, columns, values, seed, TREES)
    chance = [
        _evaluate(study, columns, rng.permutation(values), seed, SHUFFLED_TREES)
        for _ in range(SHUFFLES)
    ]
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


def _varying(trials: Sequence[ScoredTrial]) -> list[str]:
    """Return the settings that every trial has and that not all have alike."""
    if not trials:
        return []
    shared = set.intersection(*(set(trial.values) for trial in trials))
    return sorted(name for name in shared if len({trial.values[name] for trial in trials}) > 1)


def _study(columns: Mapping[str, Encoded], count: int) -> Any:
    """Return a study that holds the settings of the trials; their scores are told later."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: column.values[row] for name, column in columns.items()},
                distributions={name: column.distribution for name, column in columns.items()},
                value=0.0,
            )
            for row in range(count)
        ]
    )
    return study


def _evaluate(
    study: Any, columns: Mapping[str, Encoded], scores: Floats, seed: int, trees: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return what fANOVA and PED-ANOVA say of each column for these scores."""
    from optuna.importance import PedAnovaImportanceEvaluator

    shares = variance_shares(
        [column.numbers() for column in columns.values()], scores, trees=trees, seed=seed % 2**32
    )
    best_share = min(0.5, max(BEST_SHARE, LEAST_BEST / len(scores)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = PedAnovaImportanceEvaluator(target_quantile=best_share).evaluate(
            study, list(columns), target=lambda trial: -float(scores[trial.number])
        )
    return dict(zip(columns, shares, strict=True)), best


@dataclass(frozen=True)
class Encoded:
    """A setting's distribution over what was tried, and its values in that."""

    distribution: Any
    values: list[Any]

    def numbers(self) -> Column:
        """Return the values as a forest takes them: texts as one column of 0 and 1 each."""
        if not hasattr(self.distribution, "choices"):
            bounds = [self.distribution.low, self.distribution.high]
            return Column(np.array(self.values, np.float64)[:, None], np.array([bounds]))
        choices = np.array(self.distribution.choices)
        own = (np.array(self.values)[:, None] == choices).astype(np.float64)
        return Column(own, np.tile([0.0, 1.0], (len(choices), 1)))


def _encoded(values: Sequence[Value]) -> Encoded:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        choices = sorted({str(value) for value in values})
        return Encoded(CategoricalDistribution(choices), [str(value) for value in values])
    numbers = np.array(values, np.float64)
    if numbers.min() > 0 and numbers.max() >= LOG_RATIO * numbers.min():
        numbers = np.log10(numbers)
    distribution = FloatDistribution(float(numbers.min()), float(numbers.max()))
    return Encoded(distribution, numbers.tolist())
