"""After the search: its leaders trained on parts of their training pictures.

For the best configuration of each of the two best strategies, each fold is trained anew on nested
shares of its training part (:data:`~autosmall.schema.sample_size.SHARES_PERCENT`) and judged on
the same held-out pictures. What the whole training part gives is known from the search.

**Time.** Under a time budget, at most :data:`BUDGET_SHARE` of it is set aside, and no more than the
fits are expected to take; a fold is begun only if all its shares fit in. A search limited by
``--max-trials`` alone has no clock: there all fits are done, at most three cross-validations'
worth.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autosmall.analysis.sample_size import class_recalls
from autosmall.run_folder.sample_size_store import read_subset_scores, write_subset_score
from autosmall.runner.pool import Pool
from autosmall.runner.worker import training_rows
from autosmall.schema.config import BASELINE
from autosmall.schema.results import COMPLETE, FoldResult
from autosmall.schema.sample_size import SHARES_PERCENT, SubsetScore
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.searching.trial import Trial, best_complete

BUDGET_SHARE = 0.15
"""Largest part of the time budget that the search leaves for these fits."""

SLOWER = 1.25
"""How much longer than in proportion to its pictures a fit is expected to take."""

STRATEGIES = 2
"""Of how many strategies the leader is looked at."""


Key = tuple[int, int, int]
"""Trial, fold and share in percent."""


@dataclass(frozen=True)
class _Unit:
    """A fold of a leader, with the shares that are to be trained on: of use only together."""

    trial: Trial
    fold: int
    shares: tuple[int, ...] = SHARES_PERCENT

    @property
    def keys(self) -> list[Key]:
        return [(self.trial.number, self.fold, share) for share in self.shares]

    @property
    def seconds(self) -> float:
        """How long the fits are expected to take, one after the other."""
        per_fold = float(np.mean([fold.fit_seconds for fold in self.trial.results]))
        return SLOWER * per_fold * sum(self.shares) / 100

    def without(self, stored: Collection[Key]) -> _Unit:
        """Return the unit without the fits that are done."""
        return replace(self, shares=tuple(key[2] for key in self.keys if key not in stored))


def leaders(trials: Collection[Trial], metric: str) -> list[Trial]:
    """Return the best complete trial of each of the best strategies, best first."""
    names = {trial.strategy for trial in trials if trial.status == COMPLETE} - {BASELINE}
    best = [
        best_complete((t for t in trials if t.strategy == name), metric) for name in sorted(names)
    ]
    found = [trial for trial in best if trial is not None]
    return sorted(found, key=lambda t: (-t.score(metric), t.number))[:STRATEGIES]


def reserved_seconds(
    trials: Collection[Trial], context: SearchContext, budget_seconds: float, workers: int
) -> float:
    """Return how much of a time budget to leave for the fits of the leaders as they stand."""
    units = _units(leaders(trials, context.metric), context)
    needed = sum(unit.seconds for unit in units) / workers
    return min(needed, BUDGET_SHARE * budget_seconds)


class SampleSizeFits:
    """Does the fits that are not stored yet, in a pool that the search no longer needs.

    Args:
        context: The search's facts.
        pool: The search's pool; results of the search that still come are handed to ``on_late``.
        run_dir: The run folder.
        on_late: Takes folds of the search that ended late.
        on_step: Told how many fits of how many are done.
    """

    def __init__(
        self,
        context: SearchContext,
        pool: Pool,
        run_dir: Path,
        on_late: Callable[[list[FoldResult]], None],
        on_step: Callable[[int, int], None],
    ) -> None:
        self._context = context
        self._pool = pool
        self._run_dir = run_dir
        self._on_late = on_late
        self._on_step = on_step
        self._done = 0
        self._in_flight: dict[Key, _Unit] = {}

    def run(self, trials: Collection[Trial], seconds: float) -> None:
        """Do the fits of the leaders of ``trials`` for which ``seconds`` have room."""
        stored = {score.key for score in read_subset_scores(self._run_dir)}
        units = _units(leaders(trials, self._context.metric), self._context)
        todo = deque(left for unit in units if (left := unit.without(stored)).shares)
        deadline, total = time.monotonic() + seconds, sum(len(unit.shares) for unit in todo)
        while time.monotonic() < deadline:
            self._submit(todo, deadline)
            if not self._in_flight:
                break
            self._take(self._pool.wait(0.5))
            self._on_step(self._done, total)
        for trial, _, _ in self._in_flight:
            self._pool.cancel(trial)

    def _submit(self, todo: deque[_Unit], deadline: float) -> None:
        """Send off the next folds, leaving out those that would not end in time."""
        while todo and len(self._in_flight) < self._pool.size + len(SHARES_PERCENT):
            unit = todo.popleft()
            ahead = sum(
                other.seconds * key[2] / sum(other.shares) for key, other in self._in_flight.items()
            )
            if time.monotonic() + (ahead + unit.seconds) / self._pool.size > deadline:
                continue
            for key in unit.keys:
                self._in_flight[key] = unit
                config = unit.trial.suggestion.config
                self._pool.submit(FitRequest(key[0], config, (unit.fold,), key[2]))

    def _take(self, results: list[FoldResult]) -> None:
        for result in results:
            key = (result.trial, result.fold, result.share_percent)
            if self._in_flight.pop(key, None) is None:
                self._on_late([result])
            else:
                write_subset_score(self._run_dir, _score(result, self._context))
                self._done += 1


def _units(found: list[Trial], context: SearchContext) -> list[_Unit]:
    """Return all folds of the leaders, fold by fold."""
    return [_Unit(trial, fold) for fold in range(context.folds.total) for trial in found]


def _score(result: FoldResult, context: SearchContext) -> SubsetScore:
    rows = training_rows(context, result.fold, result.share_percent)
    counts = np.bincount(context.labels[rows], minlength=len(context.classes))
    labels = context.labels[context.folds.validation_index(result.fold)]
    lines = result.error.strip().splitlines()
    return SubsetScore(
        trial=result.trial,
        fold=result.fold,
        share_percent=result.share_percent,
        train_counts=tuple(counts.tolist()),
        scores=dict(result.scores),
        recalls=class_recalls(labels, result.probabilities, len(context.classes)),
        fit_seconds=result.fit_seconds,
        error=lines[-1] if lines else "",
    )
