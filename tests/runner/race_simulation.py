"""Searches drawn with known truth, raced by the rule of ``autosmall.runner.race``.

Configurations differ in their true accuracy; each picture is as hard for all of them to a degree
(probit model: right where ``sqrt(rho) * difficulty + sqrt(1 - rho) * own < quantile(accuracy)``).
They come in random order; the incumbent is the best complete one so far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from autosmall.runner.paired_test import flip_p_value
from autosmall.runner.race import look_alpha

Rule = Callable[[int, int, int, int], bool]
"""From the pictures that only the incumbent got right, those that only the candidate did, the folds
seen and their total, to whether the candidate is dropped."""


@dataclass(frozen=True)
class Setting:
    """A kind of search. ``lag`` 1 knows all that came before, 16 is that of ``--max-trials``."""

    pictures: int
    lag: int = 1
    configurations: int = 60
    folds: int = 5
    mean_accuracy: float = 0.8
    spread: float = 0.05
    correlation: float = 0.7
    protected: int = 0


@dataclass(frozen=True)
class Search:
    """A drawn search: true accuracies and which pictures each configuration gets right."""

    accuracies: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What became of a search: share of folds run, points lost, whether the best was dropped."""

    folds_run: float
    regret_points: float
    best_dropped: bool


def never(ahead: int, behind: int, seen: int, total: int) -> bool:
    """Drop nothing."""
    return False


def spending(ahead: int, behind: int, seen: int, total: int) -> bool:
    """Drop as the search does."""
    signs = np.repeat([1.0, -1.0], [ahead, behind])
    return ahead > behind and flip_p_value(ahead - behind, signs) < look_alpha(seen, total)


def draw_search(rng: np.random.Generator, setting: Setting) -> Search:
    """Draw accuracies and answers."""
    shape = (setting.configurations, setting.pictures)
    drawn = rng.normal(setting.mean_accuracy, setting.spread, setting.configurations)
    accuracies = np.clip(drawn, 0.05, 0.995)
    difficulty = rng.standard_normal(setting.pictures)
    own = rng.standard_normal(shape)
    latent = np.sqrt(setting.correlation) * difficulty + np.sqrt(1 - setting.correlation) * own
    return Search(accuracies, latent < norm.ppf(accuracies)[:, None])


def race(search: Search, setting: Setting, rule: Rule) -> Outcome:
    """Return what becomes of the search under a rule."""
    parts = np.array_split(np.arange(setting.pictures), setting.folds)
    scores: dict[int, float] = {}
    folds_run = 0
    for number in range(setting.configurations):
        known = [other for other in scores if other <= number - setting.lag]
        done = setting.folds
        if known and number >= setting.protected:
            incumbent = max(known, key=lambda other: (scores[other], -other))
            done = _folds_until_dropped(search, parts, incumbent, number, rule)
        folds_run += done
        if done == setting.folds:
            scores[number] = float(search.right[number].mean())
    pick = max(scores, key=lambda number: (scores[number], -number))
    best = int(search.accuracies.argmax())
    return Outcome(
        folds_run / (setting.configurations * setting.folds),
        100 * float(search.accuracies[best] - search.accuracies[pick]),
        best not in scores,
    )


def _folds_until_dropped(
    search: Search, parts: list[np.ndarray], incumbent: int, candidate: int, rule: Rule
) -> int:
    ahead = behind = 0
    for seen, rows in enumerate(parts[:-1], start=1):
        theirs, own = search.right[incumbent, rows], search.right[candidate, rows]
        ahead += int(np.sum(theirs & ~own))
        behind += int(np.sum(own & ~theirs))
        if rule(ahead, behind, seen, len(parts)):
            return seen
    return len(parts)
