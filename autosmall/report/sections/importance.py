"""Section: which settings mattered?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autosmall.analysis.importance import (
    EVERYTHING,
    LEAST_TRIALS,
    ImportanceGroup,
    begin_importance,
)
from autosmall.helper import Helper
from autosmall.report.numbers import counted, listed
from autosmall.report.setting_words import setting_words
from autosmall.schema.run_data import RunData

RUNNING = "This is told when the search has ended."


@dataclass(frozen=True)
class Importance:
    """How much each setting mattered.

    Attributes:
        sentence: The answer.
        groups: Comparisons with a result, among all strategies first.
        too_few: Which strategies had too few trials for one; may be empty.
        thinned: Which comparisons used a part of their trials; may be empty.
    """

    sentence: str
    groups: tuple[ImportanceGroup, ...]
    too_few: str
    thinned: str


def begin(run: RunData, helper: Helper | None = None) -> Callable[[], Importance]:
    """Return what returns the importance of all settings, worked out by ``helper`` if given."""
    if run.state == "running":
        return lambda: Importance(RUNNING, (), "", "")
    found = begin_importance(run, helper)
    return lambda: _importance(found())


def _importance(groups: Sequence[ImportanceGroup]) -> Importance:
    told = tuple(group for group in groups if group.settings)
    return Importance(
        sentence=importance_sentence(told),
        groups=told,
        too_few=_too_few(groups),
        thinned=_thinned(told),
    )


def importance_sentence(groups: Sequence[ImportanceGroup]) -> str:
    """Return what explains most of the variation, first among strategies, then within each."""
    if not groups:
        return (
            f"Too few trials to tell: it takes {LEAST_TRIALS} scored ones, of one strategy or of "
            "several."
        )
    return " ".join(_group_sentence(group) for group in groups[:3])


def _group_sentence(group: ImportanceGroup) -> str:
    first = group.settings[0]
    best = max(group.settings, key=lambda setting: setting.best_share)
    where = "Among all strategies" if group.strategy == EVERYTHING else f"Within {group.strategy}"
    stands_out = first.variance_share > group.variance_by_chance
    leads = best.best_share > group.best_by_chance
    variation = (
        f"{_words(first.name)} explains most of the variation of scores "
        f"({100 * first.variance_share:.0f} %)"
        if stands_out
        else "no setting explains more of the variation of scores than chance would"
    )
    if not leads:
        return f"{where}, {variation}; what sets the best apart cannot be told from chance."
    if stands_out and best.name == first.name:
        return f"{where}, {variation}, and matters most for getting among the best."
    return f"{where}, {variation}; for getting among the best, {_words(best.name)} matters most."


def _too_few(groups: Sequence[ImportanceGroup]) -> str:
    missing = [
        f"{_words(g.strategy)} ({counted(g.trials, 'trial')})" for g in groups if not g.settings
    ]
    if not missing or len(missing) == len(groups):
        return ""
    return f"Left out, as it takes {LEAST_TRIALS} scored trials that differ: {listed(missing)}."


def _thinned(groups: Sequence[ImportanceGroup]) -> str:
    thinned = [g for g in groups if g.used < g.trials]
    if not thinned:
        return ""
    listing = listed([f"{_words(g.strategy)} ({g.used} of {g.trials:,})" for g in thinned])
    return f"To save time, a random part of the trials was looked at: {listing}."


def _words(name: str) -> str:
    return "all strategies" if name == EVERYTHING else setting_words(name)
