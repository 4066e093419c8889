"""Which trials' fold models stay in the run folder: those of the leaders, at most ten.

The plain default and the best configuration of each strategy come first, as a recommendation may
fall on them whatever their place; the others follow by score. What was pruned does not come back:
scores of trials that have ended do not change, so it has been overtaken for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from autosmall.run_folder.fold_models import prune_fold_models, trials_with_models
from autosmall.schema.results import COMPLETE
from autosmall.searching.trial import RUNNING, Trial

MOST_LEADERS = 10
"""Complete trials whose fold models are kept."""


def keep_leaders_models(run_dir: Path, trials: Mapping[int, Trial], metric: str) -> None:
    """Delete the fold models of all trials that are neither running nor among the leaders."""
    found = [trials[number] for number in trials_with_models(run_dir) if number in trials]
    running = [trial for trial in found if trial.status == RUNNING]
    kept = {trial.number for trial in [*running, *leaders_to_keep(found, metric)]}
    prune_fold_models(run_dir, kept)


def leaders_to_keep(trials: Iterable[Trial], metric: str) -> list[Trial]:
    """Return at most :data:`MOST_LEADERS` complete trials: default, best of strategies, best."""
    complete = [trial for trial in trials if trial.status == COMPLETE]
    by_score = sorted(complete, key=lambda trial: (-trial.score(metric), trial.number))
    defaults = [trial for trial in by_score if trial.suggestion.is_default]
    best = {trial.strategy: trial for trial in reversed(by_score)}
    order = {trial.number: trial for trial in [*defaults, *best.values(), *by_score]}
    return list(order.values())[:MOST_LEADERS]
