"""Section: which settings mattered?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autosmall.analysis.importance import (
    EVERYTHING,
    LEAST_TRIALS,
    ImportanceGroup,
    SettingImportance,
    begin_importance,
)
from autosmall.helper import Helper
from autosmall.report.numbers import counted, listed
from autosmall.report.setting_words import setting_words
from autosmall.schema.run_data import RunData

RUNNING = "This is told when the search has ended."

MOST_TOLD = 3
"""Comparisons with a finding that the answer names."""


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
    """Return what explains most of the variation, first among strategies, then within each.

    Comparisons without a finding are named together, at last.
    """
    if not groups:
        return (
            f"Too few trials to tell: it takes {LEAST_TRIALS} scored ones, of one strategy or of "
            "several."
        )
    telling = [group for group in groups if _explained(group) or _leads(group)]
    told = [_group_sentence(group) for group in telling[:MOST_TOLD]]
    silent = [group for group in groups if not (_explained(group) or _leads(group))]
    if silent:
        told.append(
            f"{_where(silent)}, no setting explains more of the variation of scores than chance "
            "would; what sets the best apart cannot be told from chance."
        )
    return " ".join(told)


def _group_sentence(group: ImportanceGroup) -> str:
    first, best = group.settings[0], _best(group)
    variation = "no setting explains more of the variation of scores than chance would"
    if _explained(group):
        variation = (
            f"{_words(first.name)} explains most of the variation of scores "
            f"({100 * first.variance_share:.0f} %)"
        )
    start = f"{_where([group])}, {variation}"
    if not _leads(group):
        return f"{start}; what sets the best apart cannot be told from chance."
    if _explained(group) and best.name == first.name:
        return f"{start}, and matters most for getting among the best."
    return f"{start}; for getting among the best, {_words(best.name)} matters most."


def _explained(group: ImportanceGroup) -> bool:
    return group.settings[0].variance_share > group.variance_by_chance


def _leads(group: ImportanceGroup) -> bool:
    return _best(group).best_share > group.best_by_chance


def _best(group: ImportanceGroup) -> SettingImportance:
    return max(group.settings, key=lambda setting: setting.best_share)


def _where(groups: Sequence[ImportanceGroup]) -> str:
    """Return among whose trials, as the beginning of a sentence."""
    names = [group.strategy for group in groups if group.strategy != EVERYTHING]
    if len(names) == len(groups):
        return f"Within {listed(names)}"
    return f"Among all strategies and within {listed(names)}" if names else "Among all strategies"


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
