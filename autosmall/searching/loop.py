"""The ask / run / tell loop.

With a limit of trials the loop is reproducible: trial ``t`` is proposed, and raced, on the
results of trials up to ``t - LAG`` alone, told in order of their numbers, so that it does not
matter how many workers there are or who is quicker. Under a time budget alone each result is used
as soon as it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autosmall.explorers.base import Explorer
from autosmall.progress import SearchView
from autosmall.run_folder.state import AskingTime
from autosmall.run_folder.store import RunStore
from autosmall.runner.fold_queue import Place
from autosmall.runner.pool import Pool
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
from autosmall.searching.early_end import EarlyEnd
from autosmall.searching.kept_models import keep_leaders_models
from autosmall.searching.limits import LAG, Limits
from autosmall.searching.schedule import next_ahead
from autosmall.searching.time_left import TimeLeft
from autosmall.searching.trial import RUNNING, Trial
from autosmall.searching.trials import Trials
from autosmall.searching.view import leader_row, worker_rows

NO_TIME = "no configuration was left that fits in the remaining time"

MAX_UNSUITABLE = 5
"""Proposals in a row too long for one worker, from which on all are thought of together."""


class SearchLoop:
    """One search in one sitting; ``end_reason`` says why :meth:`run` returned."""

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
        self._trials = Trials(context.metric)
        self._time_left = TimeLeft(limits, self._trials, context.folds.total)
        self._early_end = EarlyEnd(context, limits, self._trials, self._time_left)
        self._unsuitable = 0
        self._none_fits = False
        self._given_up: set[int] = set()
        self.end_reason = ""

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in order of their numbers."""
        return tuple(self._trials[number] for number in sorted(self._trials))

    @property
    def seconds(self) -> float:
        """Wall time spent, earlier sittings included."""
        return self._time_left.spent_seconds

    @property
    def stopped_early(self) -> bool:
        """Whether the search ended before its limits."""
        return bool(self._early_end.reason)

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
        self._time_left.reserve()
        keep_leaders_models(self._store.path, self._trials, metric)
        for trial in tuple(self._trials.running.values()):
            if trial.folds and not self._runs_whole(trial):
                self._judge_again(trial)
            else:
                self._go_on(trial)
        return ended

    def run(self) -> None:
        """Work until a limit is reached or nothing is left to propose."""
        while self._time_left.seconds > 0:
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

    def _fill(self) -> None:
        """Ask for trials and send them off while there is room."""
        while self._room():
            self._tell_known()
            suggestion = self._asking.ask()
            self._store.add_suggestion(suggestion)
            trial = Trial(suggestion)
            self._trials.add(trial)
            if self._would_not_end(trial):
                self._end(trial, NOT_BEGUN, "it would not end within the time left")
            else:
                self._go_on(trial)

    def _would_not_end(self, trial: Trial) -> bool:
        """Tell whether a new trial is too long for one worker and the time left.

        After several such proposals one is taken that all workers together would end: rather that
        than idle workers. Where they would not either, asking stops.
        """
        if not self._time_left.is_too_short_for(trial):
            self._unsuitable = 0
            return False
        self._unsuitable += 1
        if self._unsuitable < MAX_UNSUITABLE:
            return True
        self._none_fits = self._time_left.is_too_short_for_rest_of(trial, self._pool.statuses())
        return self._none_fits

    def _room(self) -> bool:
        number = self._explorer.next_number
        if self._limits.max_trials is not None:
            known = not any(n <= self._limits.horizon(number) for n in self._trials.running)
            has_room = number < self._limits.max_trials and known
        elif self._none_fits:
            self.end_reason = NO_TIME
            return False
        else:
            has_room = len(self._going_on) < self._pool.size + self._spare_trials
        return has_room and not self._ends_early(number)

    def _ends_early(self, number: int) -> bool:
        ends = self._early_end.comes_before(number, self._pool.size)
        self.end_reason = self._early_end.reason or self.end_reason
        return ends

    @property
    def _spare_trials(self) -> int:
        latest = [trial.fit_seconds for trial in self._trials.latest_ended(LAG)]
        return self._asking.spare_trials(float(np.mean(latest)) if latest else None)

    def _tell_known(self) -> None:
        """Tell the explorer what it may know before the next proposal, in order of numbers."""
        for trial in self._trials.take_untold(self._limits.horizon(self._explorer.next_number)):
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
        """Hand folds to the pool, unless they would not end in time."""
        if self._gives_up(trial):
            return
        trial.sent.update(folds)
        request = FitRequest(trial.number, trial.suggestion.config, tuple(folds))
        self._pool.submit(request, self._place(trial))

    def _place(self, trial: Trial) -> Place:
        """Return where folds of a trial stand in the queue.

        The first trial is helped with: the sooner something is complete, the sooner there is a
        result, and something to be compared with.
        """
        if trial.folds:
            return Place(first=True)
        if self._time_left.near_end:
            return Place(seconds=self._time_left.missing_seconds(trial))
        return Place(helped=len(self._trials) == 1)

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
        return self._trials.best_known(self._limits.horizon(challenger.number))

    def _end(self, trial: Trial, status: str, reason: str) -> None:
        if not self._runs_whole(trial):
            self._forget_ahead(trial)
        self._trials.end(trial, status)
        self._time_left.reserve()
        self._store.end_trial(trial.number, status, reason)
        keep_leaders_models(self._store.path, self._trials, self._context.metric)
        self._on_end(trial.outcome(self._context.metric))

    def _forget_ahead(self, trial: Trial) -> None:
        """Forget folds that were done ahead of the one at which the trial ends."""
        self._pool.cancel(trial.number)
        for fold in [fold for fold in trial.folds if fold >= trial.judged]:
            self._store.forget_fold(trial.number, fold)
            self._trials.drop_fold(trial, fold)

    def _drop_what_would_not_end(self) -> None:
        """Take back what no worker has begun of trials that would not end in time."""
        for trial in self._going_on:
            if self._gives_up(trial):
                self._pool.cancel(trial.number)

    def _gives_up(self, trial: Trial) -> bool:
        """Tell whether no further fold of a trial is begun, as it would not end in time.

        It stays unfinished: with a larger budget the same command goes on with it.
        """
        if self._time_left.is_too_short_for_rest_of(trial, self._pool.statuses()):
            self._given_up.add(trial.number)
        return trial.number in self._given_up

    def _finish_in_flight(self) -> None:
        """Drop what is queued and wait a little for begun folds that are about to end."""
        for trial in self._trials.running.values():
            self._pool.cancel(trial.number)
        deadline = time.monotonic() + self._time_left.grace_seconds
        while (left := deadline - time.monotonic()) > 0 and any(
            self._time_left.ends_within(left, status) for status in self._pool.statuses()
        ):
            self.keep(self._pool.wait(0.5))
        self.keep(self._pool.wait(0))

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
            seconds_left=None if budget is None else self._time_left.seconds,
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
