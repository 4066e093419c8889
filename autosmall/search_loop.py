"""The ask / run / tell loop.

With a limit of trials the loop is reproducible: trial ``t`` is proposed, and raced, on the
results of trials up to ``t - LAG`` alone, told in order of their numbers, so that it does not
matter how many workers there are or who is quicker. Under a time budget alone each result is used
as soon as it is there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from autosmall.explorers.base import Explorer
from autosmall.progress import LeaderRow, SearchView, WorkerRow
from autosmall.run_store import RunStore
from autosmall.runner.pool import Pool
from autosmall.runner.race import decide
from autosmall.schema.results import (
    COMPLETE,
    FAILED,
    RACED_OUT,
    UNHEALTHY,
    FoldResult,
    Suggestion,
    TrialOutcome,
)
from autosmall.schema.run_data import TrialRecord
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.training.metrics import oriented

LAG = 16
"""Trial t sees the results of trials up to t - LAG."""

SPARE_TRIALS = 2
"""Trials kept ready beyond the number of workers, so that nobody waits for a proposal."""

GRACE_SHARE = 0.05
"""Share of the time budget by which folds in flight may exceed it."""

MAX_UNSUITABLE = 5
"""Proposals in a row that may be too long for the time left before asking stops."""


@dataclass(frozen=True)
class Limits:
    """When the search ends.

    ``seconds_before`` were spent in earlier sittings and on this one's preparations.
    """

    max_trials: int | None
    time_budget_seconds: float | None
    seconds_before: float = 0.0

    @property
    def reproducible(self) -> bool:
        """Whether proposals must not depend on who is quicker."""
        return self.max_trials is not None


@dataclass
class Trial:
    """A trial in memory; ``status`` is ``running`` until it ends."""

    suggestion: Suggestion
    status: str = "running"
    folds: dict[int, FoldResult] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.suggestion.number

    @property
    def results(self) -> list[FoldResult]:
        """Finished folds in order, failed ones left out."""
        return [self.folds[i] for i in sorted(self.folds) if self.folds[i].status != FAILED]


class SearchLoop:
    """One search in one sitting.

    ``end_reason`` says why :meth:`run` returned.
    """

    def __init__(
        self,
        context: SearchContext,
        limits: Limits,
        explorer: Explorer,
        pool: Pool,
        store: RunStore,
        on_end: Callable[[TrialOutcome], None],
        on_view: Callable[[SearchView], None],
    ) -> None:
        self._context = context
        self._limits = limits
        self._explorer = explorer
        self._pool = pool
        self._store = store
        self._on_end = on_end
        self._on_view = on_view
        self._started = time.monotonic()
        self._trials: dict[int, Trial] = {}
        self._told: set[int] = set()
        self._unsuitable = 0
        self.end_reason = ""

    @property
    def seconds(self) -> float:
        """Wall time spent, earlier sittings included."""
        return self._limits.seconds_before + time.monotonic() - self._started

    def resume(self, records: tuple[TrialRecord, ...]) -> list[TrialOutcome]:
        """Take in what earlier sittings stored and return the outcomes of the trials that ended.

        Trials that had not ended go on.
        """
        for record in records:
            folds = {fold.fold: fold for fold in record.folds}
            self._trials[record.number] = Trial(record.suggestion, record.status, folds)
        self._explorer.restore(record.suggestion for record in records)
        ended = [self._outcome(t) for t in self._trials.values() if t.status != "running"]
        for number in sorted(self._trials):
            trial = self._trials[number]
            if trial.status != "running":
                continue
            if trial.folds and not trial.suggestion.protected:
                self._judge(trial, trial.folds[max(trial.folds)])
            else:
                self._go_on(trial)
        return ended

    def run(self) -> None:
        """Work until a limit is reached or nothing is left to propose."""
        while not self._out_of_time:
            self._fill()
            if not self._open_trials:
                self.end_reason = self.end_reason or f"all {len(self._trials)} trials are done"
                return
            self._take(self._pool.wait(0.5))
        self._finish_in_flight()
        self.end_reason = "the time budget is used up"

    @property
    def _open_trials(self) -> list[Trial]:
        return [trial for trial in self._trials.values() if trial.status == "running"]

    @property
    def _seconds_left(self) -> float:
        budget = self._limits.time_budget_seconds
        return math.inf if budget is None else budget - self.seconds

    @property
    def _out_of_time(self) -> bool:
        return self._seconds_left <= 0

    def _fill(self) -> None:
        """Ask for trials and send them off while there is room."""
        while self._room():
            self._tell_known()
            suggestion = self._explorer.ask(1)[0]
            self._store.add_suggestion(suggestion)
            trial = self._trials[suggestion.number] = Trial(suggestion)
            if self._too_long(trial):
                self._unsuitable += 1
                self._end(trial, RACED_OUT, "not begun: it would not end within the time left")
            else:
                self._unsuitable = 0
                self._go_on(trial)

    def _room(self) -> bool:
        number = self._explorer.next_number
        if self._limits.max_trials is not None:
            known = all(self._trials[n].status != "running" for n in range(number - LAG + 1))
            return number < self._limits.max_trials and known
        if self._unsuitable >= MAX_UNSUITABLE:
            self.end_reason = "no configuration was left that fits in the remaining time"
            return False
        return len(self._open_trials) < self._pool.size + SPARE_TRIALS

    def _tell_known(self) -> None:
        """Tell the explorer what it may know before the next proposal, in order of numbers."""
        horizon = self._explorer.next_number - LAG if self._limits.reproducible else math.inf
        for number in sorted(self._trials):
            trial = self._trials[number]
            if number <= horizon and number not in self._told and trial.status != "running":
                self._explorer.tell(self._outcome(trial))
                self._told.add(number)

    def _go_on(self, trial: Trial) -> None:
        """Send off the next fold, or all missing folds of a protected trial, or end the trial."""
        missing = [f for f in range(self._context.folds.total) if f not in trial.folds]
        if not missing:
            unhealthy = any(fold.status == UNHEALTHY for fold in trial.results)
            self._end(trial, UNHEALTHY if unhealthy else COMPLETE, "")
            return
        config = trial.suggestion.config
        if trial.suggestion.protected:
            self._pool.submit(FitRequest(trial.number, config, tuple(missing)))
        else:
            self._pool.submit(
                FitRequest(trial.number, config, (missing[0],)), first=bool(trial.folds)
            )

    def _take(self, results: list[FoldResult]) -> None:
        for result in results:
            trial = self._stored(result)
            if trial.status == "running":
                self._judge(trial, result)
        self._on_view(self._view())

    def _stored(self, result: FoldResult) -> Trial:
        """Store a fold, on disk first, and return its trial."""
        self._store.append(result)
        trial = self._trials[result.trial]
        trial.folds[result.fold] = result
        return trial

    def _judge(self, trial: Trial, result: FoldResult) -> None:
        """End the trial or send it on, after one of its folds."""
        protected = trial.suggestion.protected
        if result.status == FAILED:
            self._pool.cancel(trial.number)
            self._end(trial, FAILED, _last_line(result.error))
        elif result.status == UNHEALTHY and not protected:
            self._end(trial, UNHEALTHY, ", ".join(result.diagnoses))
        elif not protected:
            self._race(trial)
        elif len(trial.folds) == self._context.folds.total:
            self._go_on(trial)

    def _race(self, trial: Trial) -> None:
        incumbent = self._incumbent(trial)
        if incumbent is not None and len(trial.folds) < self._context.folds.total:
            decision = decide(
                trial.results,
                incumbent.results,
                self._context.labels,
                self._context.folds,
                self._context.metric,
            )
            if not decision.go_on:
                self._end(trial, RACED_OUT, decision.reason)
                return
        self._go_on(trial)

    def _incumbent(self, challenger: Trial) -> Trial | None:
        """Return the best complete trial that the challenger may know of."""
        horizon = challenger.number - LAG if self._limits.reproducible else math.inf
        known = [
            trial
            for number, trial in self._trials.items()
            if number <= horizon and trial.status == COMPLETE
        ]
        return max(known, key=lambda trial: (self._score(trial), -trial.number), default=None)

    def _end(self, trial: Trial, status: str, reason: str) -> None:
        trial.status = status
        self._store.end_trial(trial.number, status, reason)
        self._on_end(self._outcome(trial))

    def _too_long(self, trial: Trial) -> bool:
        """Tell whether the trial would exceed the time left, judged by others of its strategy."""
        if math.isinf(self._seconds_left):
            return False
        strategy = trial.suggestion.config.strategy
        seconds = [
            fold.fit_seconds
            for other in self._trials.values()
            if other.suggestion.config.strategy == strategy
            for fold in other.results
        ]
        if not seconds:
            return False
        return float(np.median(seconds)) * self._context.folds.total > self._seconds_left

    def _finish_in_flight(self) -> None:
        """Drop what is queued and wait a little for the folds that have begun."""
        for trial in self._open_trials:
            self._pool.cancel(trial.number)
        budget = self._limits.time_budget_seconds or 0.0
        deadline = time.monotonic() + GRACE_SHARE * budget
        while time.monotonic() < deadline and any(
            status.trial is not None for status in self._pool.statuses()
        ):
            self._keep(self._pool.wait(0.5))
        self._keep(self._pool.wait(0))

    def _keep(self, results: list[FoldResult]) -> None:
        """Store late folds; a trial that they complete ends."""
        for result in results:
            trial = self._stored(result)
            if trial.status == "running" and len(trial.results) == self._context.folds.total:
                self._go_on(trial)

    def _score(self, trial: Trial) -> float:
        scores = self._fold_scores(trial)
        return float(np.mean(scores)) if scores else -math.inf

    def _fold_scores(self, trial: Trial) -> tuple[float, ...]:
        metric = self._context.metric
        return tuple(oriented(metric, fold.scores[metric]) for fold in trial.results)

    def _outcome(self, trial: Trial) -> TrialOutcome:
        scores = self._fold_scores(trial)
        score = float(np.mean(scores)) if scores and trial.status != FAILED else None
        if score is not None and not math.isfinite(score):
            score = None
        seconds = sum(fold.fit_seconds for fold in trial.results)
        return TrialOutcome(trial.suggestion, trial.status, score, scores, seconds)

    def _view(self) -> SearchView:
        complete = [t for t in self._trials.values() if t.status == COMPLETE]
        complete.sort(key=self._score, reverse=True)
        ended = [t for t in self._trials.values() if t.status != "running"]
        budget = self._limits.time_budget_seconds
        return SearchView(
            metric=self._context.metric,
            seconds=self.seconds,
            seconds_left=None if budget is None else self._seconds_left,
            trials_ended=len(ended),
            max_trials=self._limits.max_trials,
            folds_done=sum(len(t.folds) for t in self._trials.values()),
            fold_count=self._context.folds.total,
            failed=sum(t.status in (FAILED, UNHEALTHY) for t in ended),
            raced_out=sum(t.status == RACED_OUT for t in ended),
            leaders=tuple(self._leader_row(trial) for trial in complete[:5]),
            workers=tuple(self._worker_rows()),
            leading_strategy=complete[0].suggestion.config.strategy if complete else "",
        )

    def _leader_row(self, trial: Trial) -> LeaderRow:
        metric = self._context.metric
        return LeaderRow(
            trial.number,
            describe(trial.suggestion),
            float(np.mean([fold.scores[metric] for fold in trial.results])),
            float(np.mean([fold.train_scores[metric] for fold in trial.results])),
            len(trial.results),
            float(np.mean([fold.fit_seconds for fold in trial.results])),
        )

    def _worker_rows(self) -> list[WorkerRow]:
        rows = []
        for status in self._pool.statuses():
            doing = "idle"
            if status.trial is not None and status.trial in self._trials:
                suggestion = self._trials[status.trial].suggestion
                doing = f"trial {status.trial} fold {status.fold}: {describe(suggestion)}"
            rows.append(WorkerRow(status.worker, doing, status.since_seconds))
        return rows


def describe(suggestion: Suggestion) -> str:
    """Return a configuration in a few words: its label, or strategy and main parameters."""
    if suggestion.label:
        return suggestion.label
    config = suggestion.config
    shown = ("backbone", "head", "descriptors", "classifier", "encoder", "image_size_px")
    return " ".join([config.strategy, *(str(config[name]) for name in shown if name in config)])


def _last_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[-1] if lines else "no reason given"
