"""Which settings mattered, by two questions that have different answers.

* fANOVA: what explains the variation of scores over the whole space? The share of the variance of
  a random forest, fitted to the scores, that a setting explains by itself (Hutter, Hoos and
  Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014).
* PED-ANOVA: what matters for getting among the best? How far the values of a setting among the
  best trials differ from those among all (Watanabe, Bansal and Hutter, IJCAI 2023).

Both give Optuna's numbers (:mod:`autosmall.analysis.fanova`, :mod:`autosmall.analysis.ped_anova`).
fANOVA leaves out settings that some trials do not have, so the settings of each strategy are judged
among its own trials, and the choice of strategy, with the settings that all strategies share, among
all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.fanova import Column, variance_shares
from autosmall.analysis.ped_anova import ComparedSetting, best_of
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
    """Return how much each setting that all ``trials`` have mattered among them.

    Of more than :data:`MOST_TRIALS` some are looked at, and those settings that vary among these.
    """
    rng = np.random.default_rng(seed)
    kept = [trials[row] for row in np.sort(rng.permutation(len(trials))[:MOST_TRIALS])]
    names, scores = _varying(kept), np.array([trial.score for trial in kept])
    if len(kept) < LEAST_TRIALS or not names or np.ptp(scores) < 1e-9:
        return ImportanceGroup(strategy, len(trials), 0, ())
    settings = [_setting([trial.values[name] for trial in kept]) for name in names]
    variance, best = _evaluate(settings, scores, seed, TREES)
    chance = [
        _evaluate(settings, rng.permutation(scores), seed, SHUFFLED_TREES) for _ in range(SHUFFLES)
    ]
    total = sum(best) or 1.0
    found = [
        SettingImportance(name, share, difference / total)
        for name, share, difference in zip(names, variance, best, strict=True)
    ]
    return ImportanceGroup(
        strategy=strategy,
        trials=len(trials),
        used=len(kept),
        settings=tuple(sorted(found, key=lambda s: (-s.variance_share, s.name))),
        variance_by_chance=max(max(shares) for shares, _ in chance),
        best_by_chance=min(1.0, max(max(differences) for _, differences in chance) / total),
    )


def _varying(trials: Sequence[ScoredTrial]) -> list[str]:
    """Return the settings that every trial has and that not all have alike."""
    if not trials:
        return []
    shared = set.intersection(*(set(trial.values) for trial in trials))
    return sorted(name for name in shared if len({trial.values[name] for trial in trials}) > 1)


@dataclass(frozen=True)
class _Setting:
    """What a setting was in each trial, as a forest takes it and as it is compared."""

    column: Column
    compared: ComparedSetting


def _evaluate(
    settings: Sequence[_Setting], scores: Floats, seed: int, trees: int
) -> tuple[list[float], list[float]]:
    """Return what fANOVA and PED-ANOVA say of each setting for these scores."""
    shares = variance_shares(
        [setting.column for setting in settings], scores, trees=trees, seed=seed % 2**32
    )
    best = best_of(scores, min(0.5, max(BEST_SHARE, LEAST_BEST / len(scores))))
    return shares, [setting.compared.divergence(best) for setting in settings]


def _setting(values: Sequence[Value]) -> _Setting:
    """Return a setting's values; texts as one column of 0 and 1 each."""
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        choices, places = np.unique([str(value) for value in values], return_inverse=True)
        own = (places[:, None] == np.arange(len(choices))).astype(np.float64)
        column = Column(own, np.tile([0.0, 1.0], (len(choices), 1)))
        return _Setting(column, ComparedSetting.of_choices(places, len(choices)))
    numbers = np.array(values, np.float64)
    if numbers.min() > 0 and numbers.max() >= LOG_RATIO * numbers.min():
        numbers = np.log10(numbers)
    column = Column(numbers[:, None], np.array([[numbers.min(), numbers.max()]]))
    return _Setting(column, ComparedSetting.of_numbers(numbers))
