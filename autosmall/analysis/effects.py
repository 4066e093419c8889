"""How scores go with the value of one setting, within a strategy, as far as trials can tell.

Trials are put in bins of the setting, each with its mean and 95 % interval. Whether the means
differ by more than chance is told by a permutation test of the variance between bins (scores dealt
out anew), corrected for the number of comparisons by Holm's method (Scandinavian Journal of
Statistics 6, 1979). A search looks longer where scores are good and nothing holds the other
settings fixed, so this shows what went together, not what a change alone would bring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from autosmall.analysis.scored_trials import ScoredTrial
from autosmall.schema.config import BASELINE
from autosmall.schema.seeds import derive_seed

LEAST_TRIALS = 15
"""Scored trials of a strategy that a statement about one of its settings takes."""

LEAST_IN_BIN = 4
"""Trials that a mean takes; fewer are shown as points only."""

MOST_BINS = 5

SHUFFLES = 999
"""Deals of the permutation test: the smallest p-value is 0.001."""

MOST_TRIALS = 500
"""More are thinned to this many at random."""

SIGNIFICANCE = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Trials whose setting lies from ``low`` to ``high``: their mean score with 95 % interval."""

    low: float
    high: float
    trials: int
    mean: float
    mean_low: float
    mean_high: float


@dataclass(frozen=True)
class Effect:
    """How the scores of a strategy go with a setting.

    Attributes:
        setting: Its name in configurations.
        strategy: Among whose trials.
        optimizer: Among those with this optimiser; empty for all.
        trials: Scored trials that have the setting.
        bins: By rising setting, means being better where higher; empty where the trials are too
            few.
        p_value: That the bins differ as much by chance, corrected for all comparisons; NaN
            where the trials are too few.
    """

    setting: str
    strategy: str
    optimizer: str
    trials: int
    bins: tuple[Bin, ...]
    p_value: float

    @property
    def is_told(self) -> bool:
        """Whether the bins differ by more than chance would make them."""
        return self.p_value <= SIGNIFICANCE


def find_effects(
    trials: Sequence[ScoredTrial], settings: Sequence[str], seed: int
) -> tuple[Effect, ...]:
    """Return the effects of numeric ``settings`` by setting and strategy, too few trials included.

    A setting that a strategy does not vary is left out there. For ``learning_rate`` each optimiser
    with enough trials follows its strategy.
    """
    strategies = sorted({str(t.values["strategy"]) for t in trials} - {BASELINE})
    found = []
    for setting in settings:
        for strategy in strategies:
            own = [t for t in trials if t.values["strategy"] == strategy and setting in t.values]
            found += _effects(own, setting, strategy, seed)
    return _holm(found)


def _effects(trials: Sequence[ScoredTrial], setting: str, strategy: str, seed: int) -> list[Effect]:
    if len({trial.values[setting] for trial in trials}) < 2:
        return []
    found = [find_effect(trials, setting, strategy, "", seed)]
    if setting != "learning_rate":
        return found
    optimizers = sorted({str(t.values["optimizer"]) for t in trials if "optimizer" in t.values})
    for name in optimizers if len(optimizers) > 1 else ():
        effect = find_effect(
            [t for t in trials if t.values.get("optimizer") == name], setting, strategy, name, seed
        )
        found += [effect] if effect.bins else []
    return found


def find_effect(
    trials: Sequence[ScoredTrial], setting: str, strategy: str, optimizer: str, seed: int
) -> Effect:
    """Return one effect, its p-value for this comparison alone."""
    rng = np.random.default_rng(derive_seed(seed, "effects", setting, strategy, optimizer))
    kept = [trials[row] for row in np.sort(rng.permutation(len(trials))[:MOST_TRIALS])]
    numbers = np.array([float(str(trial.values[setting])) for trial in kept])
    scores = np.array([trial.score for trial in kept])
    member = bin_of(numbers) if len(kept) >= LEAST_TRIALS else np.full(len(kept), -1)
    bins = tuple(_bin(numbers[member == b], scores[member == b]) for b in range(member.max() + 1))
    enough = len(bins) > 1
    inside = member >= 0
    return Effect(
        setting,
        strategy,
        optimizer,
        len(trials),
        bins if enough else (),
        _permutation_p(member[inside], scores[inside], rng) if enough else math.nan,
    )


def bin_of(numbers: Floats) -> NDArray[np.int64]:
    """Return the bin of each number, from 0 by rising number; -1 in a bin of too few.

    At most :data:`MOST_BINS` distinct numbers are bins of their own; more are cut into bins of
    about equally many trials, equal numbers together.
    """
    distinct = np.unique(numbers)
    if len(distinct) <= MOST_BINS:
        raw = np.searchsorted(distinct, numbers)
    else:
        count = min(MOST_BINS, len(numbers) // (2 * LEAST_IN_BIN))
        cuts = np.unique(np.quantile(numbers, np.arange(1, max(count, 2)) / max(count, 2)))
        raw = np.searchsorted(cuts, numbers, side="left")
    sizes = np.bincount(raw)
    place = np.cumsum(sizes >= LEAST_IN_BIN) - 1
    return np.where(sizes[raw] >= LEAST_IN_BIN, place[raw], -1)


def _bin(numbers: Floats, scores: Floats) -> Bin:
    mean = float(scores.mean())
    error = float(scores.std(ddof=1)) / math.sqrt(len(scores))
    reach = float(stdtrit(len(scores) - 1, 0.975)) * error
    return Bin(
        float(numbers.min()),
        float(numbers.max()),
        len(scores),
        mean,
        mean - reach,
        mean + reach,
    )


def _permutation_p(member: NDArray[np.int64], scores: Floats, rng: np.random.Generator) -> float:
    """Return the share of deals whose bins differ at least as much (the one seen included)."""
    inside = np.eye(member.max() + 1)[member]
    weights = inside / np.sqrt(inside.sum(axis=0))
    centred = scores - scores.mean()
    between = ((centred @ weights) ** 2).sum()
    deals = rng.permuted(np.tile(centred, (SHUFFLES, 1)), axis=1)
    as_much = ((deals @ weights) ** 2).sum(axis=1) >= between * (1 - 1e-9)
    return float((1 + as_much.sum()) / (1 + SHUFFLES))


def _holm(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Return the effects with p-values that hold for all of them together."""
    order = sorted(
        (row for row, effect in enumerate(effects) if effect.bins),
        key=lambda row: effects[row].p_value,
    )
    corrected, highest = list(effects), 0.0
    for place, row in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - place) * effects[row].p_value))
        corrected[row] = replace(effects[row], p_value=highest)
    return tuple(corrected)
