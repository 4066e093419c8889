"""A trial as the search holds it in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from autosmall.schema.results import COMPLETE, FAILED, FoldResult, Suggestion, TrialOutcome
from autosmall.training.metrics import oriented

RUNNING = "running"


@dataclass
class Trial:
    """A trial in memory; ``status`` is ``running`` until it ends.

    ``sent`` are the folds that a worker has or had. Folds are judged in order; ``judged`` of them
    have been, later ones may have been done ahead of their turn.
    """

    suggestion: Suggestion
    status: str = RUNNING
    folds: dict[int, FoldResult] = field(default_factory=dict)
    sent: set[int] = field(default_factory=set)
    judged: int = 0
    _score: dict[tuple[str | int, ...], float] = field(
        default_factory=dict, repr=False, compare=False
    )
    _outcome: dict[tuple[str | int, ...], TrialOutcome] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.suggestion.number

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        return self.suggestion.config.strategy

    @property
    def results(self) -> list[FoldResult]:
        """Finished folds in order, failed ones left out."""
        return [self.folds[i] for i in sorted(self.folds) if self.folds[i].status != FAILED]

    @property
    def judged_results(self) -> list[FoldResult]:
        """Finished folds that have been judged, failed ones left out."""
        return [result for result in self.results if result.fold < self.judged]

    def unsent(self, total: int) -> list[int]:
        """Return which of ``total`` folds no worker has had."""
        return [fold for fold in range(total) if fold not in self.sent and fold not in self.folds]

    @property
    def fit_seconds(self) -> float:
        """Seconds of all finished folds together."""
        return sum(fold.fit_seconds for fold in self.results)

    def fold_scores(self, metric: str) -> tuple[float, ...]:
        """Return the scores of the finished folds, oriented so that higher is better."""
        return tuple(oriented(metric, fold.scores[metric]) for fold in self.results)

    def score(self, metric: str) -> float:
        """Return the mean of :meth:`fold_scores`, minus infinity without any."""
        # Asked of all trials after each fold of a search.
        key: tuple[str | int, ...] = (metric, *self.folds)
        if key not in self._score:
            scores = self.fold_scores(metric)
            self._score = {key: float(np.mean(scores)) if scores else -math.inf}
        return self._score[key]

    def outcome(self, metric: str) -> TrialOutcome:
        """Return the trial as explorers are told of it."""
        # Asked of all ended trials before each proposal of a search that may end early.
        key: tuple[str | int, ...] = (metric, self.status, *self.folds)
        if key not in self._outcome:
            self._outcome = {key: self._told(metric)}
        return self._outcome[key]

    def _told(self, metric: str) -> TrialOutcome:
        scores = self.fold_scores(metric)
        score = self.score(metric) if scores and self.status != FAILED else None
        if score is not None and not math.isfinite(score):
            score = None
        return TrialOutcome(self.suggestion, self.status, score, scores, self.fit_seconds)


def best_complete(trials: Iterable[Trial], metric: str) -> Trial | None:
    """Return the complete trial with the best score, the earlier of equals, or ``None``."""
    complete = (trial for trial in trials if trial.status == COMPLETE)
    return max(complete, key=lambda trial: (trial.score(metric), -trial.number), default=None)


def describe(suggestion: Suggestion) -> str:
    """Return a configuration in a few words: its label, or strategy and main parameters."""
    if suggestion.label:
        return suggestion.label
    config = suggestion.config
    shown = ("backbone", "head", "descriptors", "classifier", "encoder", "image_size_px")
    return " ".join([config.strategy, *(str(config[name]) for name in shown if name in config)])
