"""The ask / run / tell loop.

With a limit of trials the loop is reproducible: trial ``t`` is proposed, and raced, on the
results of trials up to ``t - LAG`` alone, told in order of their numbers, so that it does not
matter how many workers there are or who is quicker. Under a time budget alone each result is used
as soon as it is there.

The search may end before its limits once going on is not expected to pay
(:mod:`autosmall.analysis.stopping`); that decision looks at what a proposal looks at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from autosmall.analysis.stopping import Outlook, outlook
from autosmall.explorers.base import Explorer
from autosmall.explorers.portfolio import PROPOSER as PORTFOLIO
from autosmall.progress import SearchView
from autosmall.run_folder.state import AskingTime
from autosmall.run_folder.store import RunStore
from autosmall.runner.pool import Pool, WorkerStatus
from autosmall.runner.race import decide
from autosmall.schema.results import (
    COMPLETE,
    FAILED,
    NOT_BEGUN,
    RACED_OUT,
    UNHEALTHY,
    FoldResult,
    TrialOutcome,
)
from autosmall.schema.run_data import TrialRecord
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.searching.asking import Asking
from autosmall.searching.kept_models import keep_leaders_models
from autosmall.searching.schedule import LAST_SHARE, fold_seconds, next_ahead
from autosmall.searching.trial import RUNNING, Trial
from autosmall.searching.trials import Trials
from autosmall.searching.view import leader_row, worker_rows

LAG = 16
"""Trial t sees the results of trials up to t - LAG."""

GRACE_SHARE = 0.05
"""Share of the time budget by which folds in flight may exceed it."""

NO_TIME = "no configuration was left that fits in the remaining time"

MAX_UNSUITABLE = 5
"""Proposals in a row that may be too long for the time left before asking stops."""


@dataclass(frozen=True)
class Limits:
    """When the search ends.

    Attributes:
        max_trials: Trials in all, or ``None``.
        time_budget_seconds: Wall time, or ``None``.
        seconds_before: Spent in earlier sittings and on this one's preparations.
        early_stop_from: Trials that are proposed before the search may end early; ``None`` for
            never.
        reserve: Returns the seconds of the budget to be left for what follows, from the trials.
    """

    max_trials: int | None
    time_budget_seconds: float | None
    seconds_before: float = 0.0
    early_stop_from: int | None = None
    reserve: Callable[[Collection[Trial]], float] = lambda trials: 0.0

    @property
    def reproducible(self) -> bool:
        """Whether proposals must not depend on who is quicker."""
        return self.max_trials is not None


class SearchLoop:
    """One search in one sitting.

    ``end_reason`` says why :meth:`run` returned, ``stopped_early`` whether it could have gone on.
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
        self._asking = Asking(explorer, pool, store.state().asking)
        self._pool = pool
        self._store = store
        self._on_end = on_end
        self._on_view = on_view
        self._started = time.monotonic()
        self._trials = Trials(context.metric)
        self._unsuitable = 0
        self._given_up: set[int] = set()
        self._reserved_seconds = 0.0
        self.end_reason = ""
        self.stopped_early = False

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in order of their numbers."""
        return tuple(self._trials[number] for number in sorted(self._trials))

    @property
    def seconds(self) -> float:
        """Wall time spent, earlier sittings included."""
        return self._limits.seconds_before + time.monotonic() - self._started

    @property
    def asking(self) -> AskingTime:
        """How long explorers took and were waited for, earlier sittings included."""
        return self._asking.time

    def resume(self, records: tuple[TrialRecord, ...]) -> list[TrialOutcome]:
        """Take in what earlier sittings stored and return the outcomes of the trials that ended.

        Trials that had not ended go on.
        """
        for record in records:
            folds = {fold.fold: fold for fold in record.folds}
            self._trials.add(Trial(record.suggestion, record.status, folds))
        self._explorer.restore(record.suggestion for record in records)
        metric = self._context.metric
        ended = [t.outcome(metric) for t in self._trials.values() if t.status != RUNNING]
        self._reserve()
        keep_leaders_models(self._store.path, self._trials, metric)
        for trial in tuple(self._trials.running.values()):
            if trial.folds and not self._runs_whole(trial):
                self._judge_again(trial)
            else:
                self._go_on(trial)
        return ended

    def run(self) -> None:
        """Work until a limit is reached or nothing is left to propose."""
        while not self._out_of_time:
            self._drop_what_would_not_end()
            self._fill()
            self._send_ahead()
            if not self._trials.running:
                self.end_reason = self.end_reason or f"all {len(self._trials)} trials are done"
                return
            if not self._awaits_something:
                self.end_reason = self.end_reason or NO_TIME
                return
            self._take(self._pool.wait(0.5))
        self._finish_in_flight()
        self.end_reason = "the time budget is used up"

    @property
    def _awaits_something(self) -> bool:
        """Whether a fold is worked on, or will be."""
        busy = any(status.trial is not None for status in self._pool.statuses())
        return busy or bool(self._going_on)

    @property
    def _going_on(self) -> list[Trial]:
        return [t for n, t in self._trials.running.items() if n not in self._given_up]

    @property
    def _seconds_left(self) -> float:
        budget = self._limits.time_budget_seconds
        return math.inf if budget is None else budget - self.seconds - self._reserved_seconds

    @property
    def _out_of_time(self) -> bool:
        return self._seconds_left <= 0

    def _fill(self) -> None:
        """Ask for trials and send them off while there is room."""
        while self._room():
            self._tell_known()
            suggestion = self._asking.ask()
            self._store.add_suggestion(suggestion)
            trial = Trial(suggestion)
            self._trials.add(trial)
            if self._too_long(trial):
                self._unsuitable += 1
                self._end(trial, NOT_BEGUN, "it would not end within the time left")
            else:
                self._unsuitable = 0
                self._go_on(trial)

    def _room(self) -> bool:
        number = self._explorer.next_number
        if self._limits.max_trials is not None:
            known = not any(n <= number - LAG for n in self._trials.running)
            has_room = number < self._limits.max_trials and known
        elif self._unsuitable >= MAX_UNSUITABLE:
            self.end_reason = NO_TIME
            return False
        else:
            has_room = len(self._going_on) < self._pool.size + self._spare_trials
        return has_room and not self._ends_early(number)

    @property
    def _spare_trials(self) -> int:
        latest = [trial.fit_seconds for trial in self._trials.latest_ended(LAG)]
        return self._asking.spare_trials(float(np.mean(latest)) if latest else None)

    def _ends_early(self, number: int) -> bool:
        """Tell whether to end before trial ``number`` is proposed; once so, for good."""
        earliest = self._limits.early_stop_from
        if self.stopped_early or earliest is None or number < earliest:
            return self.stopped_early
        known = self._trials.known(self._horizon(number))
        starts = sum(t.suggestion.proposer == PORTFOLIO for t in self._trials.values())
        if sum(trial.suggestion.proposer == PORTFOLIO for trial in known) < starts:
            return False
        found = self._outlook(known, number)
        if not found.worthwhile:
            self.stopped_early = True
            self.end_reason = f"{found.in_words(self._context.metric)}; --no-early-stop goes on"
        return self.stopped_early

    def _outlook(self, known: list[Trial], number: int) -> Outlook:
        metric = self._context.metric
        proposed = [trial for trial in known if trial.suggestion.proposer != PORTFOLIO]
        limit = self._limits.max_trials
        left = self._proposals_in_time(proposed) if limit is None else limit - number
        return outlook(
            [trial.outcome(metric) for trial in known],
            [trial.outcome(metric) for trial in proposed],
            left,
            self._context.folds.fold_count,
        )

    def _proposals_in_time(self, proposed: list[Trial]) -> float:
        """Return how many more trials like these the time left has room for."""
        seconds = float(np.mean([t.fit_seconds for t in proposed])) if proposed else math.inf
        return self._seconds_left * self._pool.size / max(seconds, 1e-3)

    def _tell_known(self) -> None:
        """Tell the explorer what it may know before the next proposal, in order of numbers."""
        for trial in self._trials.take_untold(self._horizon(self._explorer.next_number)):
            self._explorer.tell(trial.outcome(self._context.metric))

    def _go_on(self, trial: Trial) -> None:
        """Send off the next fold, or all missing ones where none can be spared, or end the trial.

        With nothing complete to be compared with, no result can end a trial that goes well: its
        folds follow each other, so that there is soon something complete.
        """
        total, whole = self._context.folds.total, self._runs_whole(trial)
        if (len(trial.folds) if whole else trial.judged) == total:
            unhealthy = any(fold.status == UNHEALTHY for fold in trial.results)
            self._end(trial, UNHEALTHY if unhealthy else COMPLETE, "")
            return
        unsent = trial.unsent(total)
        if whole or (unsent and self._incumbent(trial) is None):
            self._send(trial, unsent)
        elif unsent and unsent[0] == trial.judged:
            self._send(trial, unsent[:1])

    def _send(self, trial: Trial, folds: list[int]) -> None:
        """Hand folds to the pool: a begun trial goes first, near the end whatever takes long."""
        if self._gives_up(trial):
            return
        trial.sent.update(folds)
        request = FitRequest(trial.number, trial.suggestion.config, tuple(folds))
        if self._near_end:
            seconds = fold_seconds(trial, self._trials.values()) or 0.0
            left = self._context.folds.total - len(trial.folds)
            self._pool.submit(request, seconds=left * seconds)
        else:
            self._pool.submit(request, first=bool(trial.folds))

    @property
    def _near_end(self) -> bool:
        budget = self._limits.time_budget_seconds
        return budget is not None and self._seconds_left < LAST_SHARE * budget

    def _send_ahead(self) -> None:
        """Send off folds before their turn where workers have nothing else to do.

        What comes of them is looked at in its turn; where the trial ends before, it is forgotten,
        so that results do not depend on the number of workers.
        """
        idle = sum(status.trial is None for status in self._pool.statuses())
        for _ in range(idle - self._pool.waiting):
            trial = next_ahead(self._going_on, self._context.folds.total)
            if trial is None:
                return
            self._send(trial, trial.unsent(self._context.folds.total)[:1])

    def _take(self, results: list[FoldResult]) -> None:
        for result in results:
            trial = self._stored(result)
            if trial is None or trial.status != RUNNING:
                continue
            if self._runs_whole(trial):
                self._judge(trial, result)
            else:
                self._judge_in_order(trial)
        self._on_view(self._view())

    def _stored(self, result: FoldResult) -> Trial | None:
        """Store a fold, on disk first, and return its trial; ``None`` where it came for nothing.

        A fold that is there stays as it is: what comes for it is a late answer to a question about
        its model.
        """
        trial = self._trials[result.trial]
        ended = trial.status != RUNNING and not self._runs_whole(trial)
        if ended or result.fold in trial.folds:
            return None
        self._store.append(result)
        self._trials.add_fold(trial, replace(result, learned={}))
        return trial

    def _judge_in_order(self, trial: Trial) -> None:
        """Judge the folds whose turn has come."""
        while trial.status == RUNNING and trial.judged in trial.folds:
            trial.judged += 1
            self._judge(trial, trial.folds[trial.judged - 1])

    def _judge_again(self, trial: Trial) -> None:
        """Go on with a trial that has folds from an earlier sitting.

        Where results may be told late, it is judged as it would have been; else at its last fold.
        """
        total = self._context.folds.total
        in_order = next(fold for fold in range(total + 1) if fold not in trial.folds)
        trial.judged = 0 if self._limits.reproducible else max(0, in_order - 1)
        if in_order:
            self._judge_in_order(trial)
        else:
            self._go_on(trial)

    def _judge(self, trial: Trial, result: FoldResult) -> None:
        """End the trial or send it on, after one of its folds."""
        whole = self._runs_whole(trial)
        if result.status == FAILED:
            self._pool.cancel(trial.number)
            self._end(trial, FAILED, _last_line(result.error))
        elif result.status == UNHEALTHY and not whole:
            self._end(trial, UNHEALTHY, ", ".join(result.diagnoses))
        elif not whole:
            self._race(trial)
        elif len(trial.folds) == self._context.folds.total:
            self._go_on(trial)

    def _runs_whole(self, trial: Trial) -> bool:
        """Tell whether all folds are run, whatever the first ones say."""
        return trial.suggestion.protected or self._pool.as_one(trial.suggestion.config)

    def _race(self, trial: Trial) -> None:
        incumbent = self._incumbent(trial)
        if incumbent is not None and trial.judged < self._context.folds.total:
            decision = decide(
                trial.judged_results,
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
        return self._trials.best_known(self._horizon(challenger.number))

    def _horizon(self, number: int) -> float:
        """Return up to which number results may bear on a decision on trial ``number``."""
        return number - LAG if self._limits.reproducible else math.inf

    def _end(self, trial: Trial, status: str, reason: str) -> None:
        if not self._runs_whole(trial):
            self._forget_ahead(trial)
        self._trials.end(trial, status)
        self._reserve()
        self._store.end_trial(trial.number, status, reason)
        keep_leaders_models(self._store.path, self._trials, self._context.metric)
        self._on_end(trial.outcome(self._context.metric))

    def _forget_ahead(self, trial: Trial) -> None:
        """Forget folds that were done ahead of the one at which the trial ends."""
        self._pool.cancel(trial.number)
        for fold in [fold for fold in trial.folds if fold >= trial.judged]:
            self._store.forget_fold(trial.number, fold)
            self._trials.drop_fold(trial, fold)

    def _reserve(self) -> None:
        """Set time aside for what follows the search, as its trials tell."""
        self._reserved_seconds = self._limits.reserve(self._trials.values())

    def _too_long(self, trial: Trial) -> bool:
        """Tell whether the trial would exceed the time left, judged by others of its strategy."""
        if math.isinf(self._seconds_left):
            return False
        seconds = fold_seconds(trial, self._trials.values())
        return seconds is not None and seconds * self._context.folds.total > self._seconds_left

    @property
    def _grace_seconds(self) -> float:
        return GRACE_SHARE * (self._limits.time_budget_seconds or 0.0)

    def _drop_what_would_not_end(self) -> None:
        """Take folds back that no worker has begun, where they would not end in time."""
        for trial in self._going_on:
            if self._gives_up(trial):
                self._pool.cancel(trial.number)

    def _gives_up(self, trial: Trial) -> bool:
        """Tell whether no further fold of a trial is begun, judged by its own folds.

        It stays unfinished: with a larger budget the same command goes on with it.
        """
        seconds = fold_seconds(trial, ())
        if seconds is not None and seconds > self._seconds_left + self._grace_seconds:
            self._given_up.add(trial.number)
        return trial.number in self._given_up

    def _finish_in_flight(self) -> None:
        """Drop what is queued and wait a little for begun folds that are about to end."""
        for trial in self._trials.running.values():
            self._pool.cancel(trial.number)
        deadline = time.monotonic() + self._grace_seconds
        while (left := deadline - time.monotonic()) > 0 and any(
            self._ends_within(left, status) for status in self._pool.statuses()
        ):
            self.keep(self._pool.wait(0.5))
        self.keep(self._pool.wait(0))

    def _ends_within(self, seconds: float, worker: WorkerStatus) -> bool:
        """Tell whether a worker's fold may end within so many seconds, by what others took."""
        if worker.trial is None:
            return False
        whole = fold_seconds(self._trials[worker.trial], self._trials.values())
        return whole is None or whole - worker.since_seconds <= seconds

    def keep(self, results: list[FoldResult]) -> None:
        """Store late folds; a trial that they complete ends."""
        for result in results:
            trial = self._stored(result)
            total = self._context.folds.total
            if trial is not None and trial.status == RUNNING and len(trial.results) == total:
                trial.judged = total
                self._go_on(trial)

    def _view(self) -> SearchView:
        metric, ended = self._context.metric, self._trials.ended
        leading, budget = self._trials.leaders, self._limits.time_budget_seconds
        return SearchView(
            metric=metric,
            seconds=self.seconds,
            seconds_left=None if budget is None else self._seconds_left,
            trials_ended=ended.total(),
            max_trials=self._limits.max_trials,
            folds_done=self._trials.folds_done,
            fold_count=self._context.folds.total,
            failed=ended[FAILED] + ended[UNHEALTHY],
            raced_out=ended[RACED_OUT],
            leaders=tuple(leader_row(trial, metric) for trial in leading),
            workers=worker_rows(self._pool.statuses(), self._trials),
            leading_strategy=leading[0].strategy if leading else "",
        )


def _last_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[-1] if lines else "no reason given"
