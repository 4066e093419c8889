"""All trials of a search, with what is asked after each fold kept up to date as trials end.

So a fold costs the search as much after thousands of trials as after ten.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from itertools import islice
from statistics import median

from autosmall.schema.results import COMPLETE, FAILED, FoldResult
from autosmall.searching.trial import RUNNING, Trial

MOST_LEADERS = 5

LATEST_FOLDS = 50
"""Folds of a strategy by which the next one is expected to take."""


class Trials(Mapping[int, Trial]):
    """Trial number to trial, by rising number.

    Attributes:
        running: Those that have not ended.
        ended: How many have, by status.
        folds_done: Finished folds of all trials.
        leaders: The complete trials that lead, at most :data:`MOST_LEADERS`, best first, the
            earlier of equals before the later.
    """

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._trials: dict[int, Trial] = {}
        self._untold: set[int] = set()
        self._best_until: list[Trial | None] = []
        self._latest_seconds: dict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=LATEST_FOLDS)
        )
        self.running: dict[int, Trial] = {}
        self.ended: Counter[str] = Counter()
        self.folds_done = 0
        self.leaders: list[Trial] = []

    def __getitem__(self, number: int) -> Trial:
        """Return trial ``number``."""
        return self._trials[number]

    def __iter__(self) -> Iterator[int]:
        """Iterate over the numbers."""
        return iter(self._trials)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._trials)

    def add(self, trial: Trial) -> None:
        """Take in a trial, whose number is above those of all others, as it stands."""
        self._trials[trial.number] = trial
        self.folds_done += len(trial.folds)
        self._latest_seconds[trial.strategy].extend(fold.fit_seconds for fold in trial.results)
        if trial.status == RUNNING:
            self.running[trial.number] = trial
        else:
            self._note_end(trial)

    def end(self, trial: Trial, status: str) -> None:
        """End a running trial."""
        trial.status = status
        del self.running[trial.number]
        self._note_end(trial)

    def add_fold(self, trial: Trial, result: FoldResult) -> None:
        """Add a finished fold to a trial."""
        self.folds_done += result.fold not in trial.folds
        trial.folds[result.fold] = result
        if result.status != FAILED:
            self._latest_seconds[trial.strategy].append(result.fit_seconds)

    def drop_fold(self, trial: Trial, fold: int) -> None:
        """Take a finished fold back."""
        self.folds_done -= 1
        del trial.folds[fold]

    def fold_seconds(self, trial: Trial) -> float | None:
        """Return how long a fold of ``trial`` is expected to take; ``None`` where nothing tells.

        Its own folds tell, else the latest of its strategy's: their median.
        """
        own = [fold.fit_seconds for fold in trial.results]
        seconds = own or self._latest_seconds.get(trial.strategy)
        return median(seconds) if seconds else None

    def known(self, horizon: float) -> list[Trial]:
        """Return the ended trials up to number ``horizon``, in order."""
        return [t for t in self._trials.values() if t.number <= horizon and t.status != RUNNING]

    def best_known(self, horizon: float) -> Trial | None:
        """Return the best complete trial up to number ``horizon``, the earlier of equals."""
        if horizon == math.inf:
            return self.leaders[0] if self.leaders else None
        settled = min(len(self._best_until), int(horizon) + 1)
        best = self._best_until[settled - 1] if settled > 0 else None
        for number in range(max(settled, 0), int(horizon) + 1):
            if number in self._trials:
                best = self._better(best, self._trials[number])
        return best

    def latest_ended(self, count: int) -> list[Trial]:
        """Return the ended trials with the ``count`` highest numbers, in order."""
        ended = (t for t in reversed(self._trials.values()) if t.status != RUNNING)
        return list(islice(ended, count))[::-1]

    def take_untold(self, horizon: float) -> list[Trial]:
        """Return the ended trials up to ``horizon`` that were not returned before, in order."""
        numbers = sorted(number for number in self._untold if number <= horizon)
        self._untold.difference_update(numbers)
        return [self._trials[number] for number in numbers]

    def _note_end(self, trial: Trial) -> None:
        self.ended[trial.status] += 1
        self._untold.add(trial.number)
        if trial.status == COMPLETE:
            insort(self.leaders, trial, key=self._place)
            del self.leaders[MOST_LEADERS:]
        self._settle()

    def _settle(self) -> None:
        """Note the best trial up to each number up to which all have ended."""
        trial = self._trials.get(len(self._best_until))
        while trial is not None and trial.status != RUNNING:
            before = self._best_until[-1] if self._best_until else None
            self._best_until.append(self._better(before, trial))
            trial = self._trials.get(len(self._best_until))

    def _better(self, best: Trial | None, trial: Trial) -> Trial | None:
        if trial.status != COMPLETE:
            return best
        return trial if best is None or self._place(trial) < self._place(best) else best

    def _place(self, trial: Trial) -> tuple[float, int]:
        """Return what the ranking goes by, less being better; an undefined score comes last."""
        score = trial.score(self._metric)
        return (math.inf if math.isnan(score) else -score, trial.number)
