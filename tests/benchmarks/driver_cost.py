"""What a finished fold costs the driver, proposing aside, in searches of several lengths.

The loop is given a number of ended trials, as if a search went on, and then works on further
ones with a pool whose folds are done at once and an explorer that answers at once. What is left
is the driver's own work: storing, judging, racing, and the view of the search. Processor time, so
that other work on the machine and the disk do not count.
"""

from __future__ import annotations

import tempfile
import time
from collections import deque
from pathlib import Path

import numpy as np

from autosmall.explorers.base import Explorer
from autosmall.run_folder.store import RunStore
from autosmall.runner.fold_queue import IN_TURN, Place
from autosmall.runner.pool import Pool, WorkerStatus
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import COMPLETE, FoldResult, Suggestion, TrialOutcome
from autosmall.schema.run_data import TrialRecord
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.schema.space import ChoiceDimension, Space
from autosmall.searching.limits import Limits
from autosmall.searching.loop import SearchLoop

PICTURES, FOLDS, FURTHER = 500, 5, 40
EARLIER = (10, 1000, 5000)
SPACE = Space("drawn", "", 1, "", (ChoiceDimension("strategy", "strategy", ("s",)),))
CONFIG = Config.from_mapping({"strategy": "s"})


class Immediate(Explorer):
    """Proposes the same at once."""

    name = "immediate"

    def propose(self, number: int) -> Suggestion:
        """Return suggestion ``number``."""
        return Suggestion(number, CONFIG, self.name)

    def learn(self, outcome: TrialOutcome) -> None:
        """Take no notice."""


class InstantPool(Pool):
    """Has every fold done when somebody waits for it."""

    size = 2
    waiting = 0

    def __init__(self, context: SearchContext) -> None:
        self._context = context
        self._results: deque[FoldResult] = deque()

    def begin(self, context: SearchContext) -> None:
        """Take no notice."""

    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        """Do all folds of the request."""
        self._results.extend(drawn(self._context, request.trial, fold) for fold in request.folds)

    def as_one(self, config: Config) -> bool:
        """Tell that folds are raced."""
        return False

    def wait(self, timeout_seconds: float) -> list[FoldResult]:
        """Return one result."""
        return [self._results.popleft()] if self._results else []

    def cancel(self, trial: int) -> None:
        """Drop what is left of a trial."""
        self._results = deque(result for result in self._results if result.trial != trial)

    def statuses(self) -> list[WorkerStatus]:
        """Return two busy workers."""
        return [WorkerStatus(str(worker), 0, 0, 0.0) for worker in range(self.size)]

    def close(self) -> None:
        """Do nothing."""


def drawn(context: SearchContext, trial: int, fold: int) -> FoldResult:
    """Return a fold's result, a function of trial and fold."""
    rows = context.folds.validation_index(fold)
    right = np.random.default_rng([trial, fold]).random(len(rows)) < 0.8
    predicted = np.where(right, context.labels[rows], 1 - context.labels[rows])
    scores = {"accuracy": float(right.mean())}
    probabilities = np.eye(2, dtype=np.float32)[predicted]
    return FoldResult(trial, fold, COMPLETE, scores, scores, probabilities, fit_seconds=1.0)


def cost(context: SearchContext, earlier: int, folder: Path) -> float:
    """Return milliseconds of processor time per fold, after ``earlier`` trials."""
    records = tuple(
        TrialRecord(
            Suggestion(number, CONFIG, "drawn"),
            COMPLETE,
            "",
            tuple(drawn(context, number, fold) for fold in range(FOLDS)),
        )
        for number in range(earlier)
    )
    views: list[object] = []
    limits = Limits(earlier + FURTHER, None)
    explorer, store = Immediate(SPACE, 0), RunStore(folder)
    loop = SearchLoop(
        context, limits, explorer, InstantPool(context), store, lambda outcome: None, views.append
    )
    loop.resume(records)
    started = time.process_time()
    loop.run()
    return 1000 * (time.process_time() - started) / len(views)


def main() -> None:
    """Print the table."""
    labels = np.arange(PICTURES) % 2
    plan = FoldPlan((np.arange(PICTURES) // 2 % FOLDS)[None], FOLDS, np.arange(PICTURES), "drawn")
    context = SearchContext(
        ("",) * PICTURES, labels, ("a", "b"), (), plan, "accuracy", (), (), 0, ""
    )
    print("| trials before | ms of the driver per fold |")
    print("|---:|---:|")
    for earlier in EARLIER:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {earlier:,} | {cost(context, earlier, Path(folder)):.1f} |", flush=True)


if __name__ == "__main__":
    main()
