"""The loop: reproducible whatever the order in which work ends, racing, limits, going on."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autosmall.analysis.stopping import LEAST_PROPOSALS
from autosmall.explorers.base import Explorer
from autosmall.explorers.portfolio import PROPOSER as PORTFOLIO
from autosmall.run_folder.fold_models import read_fold_model, trials_with_models
from autosmall.run_folder.store import RunStore
from autosmall.runner.fold_queue import IN_TURN, Place
from autosmall.runner.pool import Pool, WorkerStatus
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import (
    COMPLETE,
    FAILED,
    NOT_BEGUN,
    RACED_OUT,
    FoldResult,
    Suggestion,
    TrialOutcome,
)
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.schema.seeds import derive_seed
from autosmall.schema.space import ChoiceDimension, FloatDimension, Space
from autosmall.searching.kept_models import MOST_LEADERS
from autosmall.searching.limits import LAG, Limits
from autosmall.searching.loop import MAX_UNSUITABLE, NO_TIME, SearchLoop

SPACE = Space(
    "test",
    "",
    1,
    "",
    (ChoiceDimension("strategy", "strategy", ("s",)), FloatDimension("skill", "skill", 0.5, 1.0)),
)
SAMPLES = 60


class LearningExplorer(Explorer):
    """Proposes a skill that depends on everything it was told, so that any difference shows."""

    name = "learning"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(SPACE, seed)
        self.history: list[tuple[int, str, float | None]] = []

    def propose(self, number: int) -> Suggestion:
        mixed = derive_seed(self.seed, number, repr(self.history), repr(sorted(self.pending)))
        skill = 0.5 + 0.5 * (mixed % 1000) / 1000
        return Suggestion(
            number,
            Config.from_mapping({"strategy": "s", "skill": skill}),
            "t",
            protected=number < 2,
        )

    def learn(self, outcome: TrialOutcome) -> None:
        self.history.append((outcome.suggestion.number, outcome.status, outcome.score))


class FlatExplorer(LearningExplorer):
    """Two portfolio starts, then proposals that are all alike: nothing is left to gain."""

    def propose(self, number: int) -> Suggestion:
        config = Config.from_mapping({"strategy": "s", "skill": 0.8 + number / 1e6})
        return Suggestion(number, config, PORTFOLIO if number < 2 else "t", protected=number < 2)


class ShuffledPool(Pool):
    """Ends requests in a random order; a fold's result depends on trial and fold alone."""

    def __init__(self, context: SearchContext, size: int, order_seed: int) -> None:
        self.context = context
        self._size = size
        self._queue: list[FitRequest] = []
        self._random = random.Random(order_seed)
        self.submitted: list[FitRequest] = []
        self.helped: list[int] = []
        self.worked: list[tuple[int, int]] = []
        self.ending = (False, "")
        self.fail_trials: set[int] = set()
        self.as_one_trials = False

    @property
    def size(self) -> int:
        return self._size

    def begin(self, context: SearchContext) -> None:
        raise NotImplementedError

    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        self.helped += [request.trial] * place.helped
        self._queue.append(request)
        self.submitted.append(request)

    def as_one(self, config: Config) -> bool:
        return self.as_one_trials

    def wait(self, timeout_seconds: float) -> list[FoldResult]:
        if not self._queue:
            return []
        request = self._queue.pop(self._random.randrange(min(len(self._queue), self._size)))
        return [self._work(request, fold) for fold in request.folds]

    def _work(self, request: FitRequest, fold: int) -> FoldResult:
        self.worked.append((request.trial, fold))
        if request.trial in self.fail_trials:
            return FoldResult(
                request.trial, fold, FAILED, error="Traceback\nValueError: on purpose"
            )
        rng = np.random.default_rng([request.trial, fold])
        rows = self.context.folds.validation_index(fold)
        right = rng.random(len(rows)) < request.config.number("skill")
        truth = self.context.labels[rows]
        predicted = np.where(right, truth, 1 - truth)
        return FoldResult(
            request.trial,
            fold,
            COMPLETE,
            scores={"accuracy": float(right.mean())},
            train_scores={"accuracy": 1.0},
            probabilities=np.eye(2, dtype=np.float32)[predicted],
            fit_seconds=1.0,
            learned={"place": np.array([request.trial, fold])},
        )

    def cancel(self, trial: int) -> None:
        self._queue = [request for request in self._queue if request.trial != trial]

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def statuses(self) -> list[WorkerStatus]:
        return [WorkerStatus(str(worker), None, None, 0.0) for worker in range(self._size)]

    def close(self) -> None:
        self._queue = []


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of small files: do not wait for the disk to have them."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def context() -> SearchContext:
    labels = np.arange(SAMPLES) % 2
    plan = FoldPlan((np.arange(SAMPLES) // 2 % 5)[None], 5, np.arange(SAMPLES), "five folds")
    return SearchContext(("",) * SAMPLES, labels, ("a", "b"), (), plan, "accuracy", (), (), 0, "")


def run_loop(
    context: SearchContext,
    folder: Path,
    max_trials: int | None,
    *,
    time_budget_seconds: float | None = None,
    size: int = 1,
    order_seed: int = 0,
    fail_trials: Sequence[int] = (),
    explorer: LearningExplorer | None = None,
    early_stop_from: int | None = None,
    as_one: bool = False,
) -> tuple[RunStore, ShuffledPool, LearningExplorer]:
    store, explorer = RunStore(folder), explorer or LearningExplorer()
    pool = ShuffledPool(context, size, order_seed)
    pool.fail_trials = set(fail_trials)
    pool.as_one_trials = as_one
    loop = SearchLoop(
        context,
        Limits(max_trials, time_budget_seconds, early_stop_from=early_stop_from),
        explorer,
        pool,
        store,
        on_end=lambda outcome: None,
        on_view=lambda view: None,
    )
    loop.resume(store.trials())
    loop.run()
    pool.ending = (loop.stopped_early, loop.end_reason)
    pool.keep = loop.keep
    return store, pool, explorer


def summary(store: RunStore) -> list[tuple[object, ...]]:
    return [
        (t.suggestion, t.status, t.reason, [f.fold for f in t.folds], [f.scores for f in t.folds])
        for t in store.trials()
    ]


def test_the_same_with_any_number_of_workers_and_any_order(
    context: SearchContext, tmp_path: Path
) -> None:
    first, _, _ = run_loop(context, tmp_path / "1", 60, size=1)
    expected = summary(first)
    assert len({skill for s, *_ in expected for _, skill in s.config.items}) > 20
    for order_seed in range(4):
        other, _, _ = run_loop(
            context, tmp_path / f"8-{order_seed}", 60, size=8, order_seed=order_seed
        )
        assert summary(other) == expected


def test_trials_are_told_in_order_and_with_the_lag(context: SearchContext, tmp_path: Path) -> None:
    _, _, explorer = run_loop(context, tmp_path, 40, size=8)
    assert [number for number, _, _ in explorer.history] == list(range(40 - LAG))


def test_the_race_drops_the_worse_and_never_the_protected(
    context: SearchContext, tmp_path: Path
) -> None:
    store, _, _ = run_loop(context, tmp_path, 60)
    statuses = {trial.number: trial.status for trial in store.trials()}
    assert statuses[0] == statuses[1] == COMPLETE
    dropped = [trial for trial in store.trials() if trial.status == "raced_out"]
    assert dropped
    assert all(1 <= len(trial.folds) < 5 and trial.reason for trial in dropped)


def test_folds_are_asked_for_together_until_there_is_something_to_race_against(
    context: SearchContext, tmp_path: Path
) -> None:
    _, pool, _ = run_loop(context, tmp_path, LAG + 20)
    folds = {r.trial: len(r.folds) for r in reversed(pool.submitted)}
    assert {folds[number] for number in range(LAG)} == {context.folds.total}
    assert {folds[number] for number in range(LAG, LAG + 20)} == {1}


def test_all_workers_help_with_the_first_trial(context: SearchContext, tmp_path: Path) -> None:
    _, pool, _ = run_loop(context, tmp_path, 20, size=2)
    assert pool.helped == [0]


def test_idle_workers_do_folds_ahead_and_what_comes_too_late_is_forgotten(
    context: SearchContext, tmp_path: Path
) -> None:
    alone, worked_alone, _ = run_loop(context, tmp_path / "1", 40, size=1)
    many, worked_ahead, _ = run_loop(context, tmp_path / "99", 40, size=99)
    assert summary(many) == summary(alone)
    raced_out = [trial for trial in many.trials() if trial.status == RACED_OUT]
    assert any(len(trial.folds) < 5 for trial in raced_out)
    assert len(worked_ahead.worked) > len(worked_alone.worked)
    stored = len(list((tmp_path / "99" / "predictions").rglob("*.npz")))
    assert stored == sum(len(trial.folds) for trial in many.trials())


def test_folds_trained_as_one_are_asked_for_together_and_not_raced(
    context: SearchContext, tmp_path: Path
) -> None:
    store, pool, _ = run_loop(context, tmp_path, 40, size=2, as_one=True, fail_trials=[7])
    trials = store.trials()
    assert {trial.status for trial in trials} == {COMPLETE, FAILED}
    assert all(len(trial.folds) == 5 for trial in trials)
    assert len(pool.worked) == len(set(pool.worked)) == 5 * 40


def test_what_would_not_end_in_time_is_not_begun(context: SearchContext, tmp_path: Path) -> None:
    """Folds say that they took a second each, so five of them do not fit in four.

    What was proposed before any had ended waits for a larger budget.
    """
    store, pool, _ = run_loop(context, tmp_path, None, time_budget_seconds=4.0)
    begun = {trial for trial, _ in pool.worked}
    others = [trial for trial in store.trials() if trial.number not in begun]
    refused = [trial for trial in others if trial.status == NOT_BEGUN]
    assert len(refused) == MAX_UNSUITABLE
    assert {trial.reason for trial in refused} == {"it would not end within the time left"}
    assert {trial.status for trial in others} <= {NOT_BEGUN, "running"}
    assert {trial.status for trial in store.trials() if trial.number in begun} == {COMPLETE}
    assert pool.ending[1] == NO_TIME


def test_what_only_all_workers_together_would_end_is_begun_rather_than_nothing(
    context: SearchContext, tmp_path: Path
) -> None:
    """Folds say that they took a second each: five of them fit for five workers, not for one."""
    store, pool, _ = run_loop(context, tmp_path, None, time_budget_seconds=3.0, size=5)
    statuses = [trial.status for trial in store.trials()]
    first = statuses.index(NOT_BEGUN)
    refused = [status == NOT_BEGUN for status in statuses[first : first + MAX_UNSUITABLE]]
    assert refused == [True] * (MAX_UNSUITABLE - 1) + [False]
    assert statuses.count(NOT_BEGUN) == MAX_UNSUITABLE
    assert pool.ending[1] == NO_TIME


def test_folds_that_would_not_end_in_time_are_not_begun(
    context: SearchContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first fold says that it took a second, with half a one left: the others wait for a larger
    budget, which the same command may bring."""
    one_by_one = ShuffledPool.submit

    def submit(pool: ShuffledPool, request: FitRequest, place: Place) -> None:
        for fold in request.folds:
            one_by_one(pool, replace(request, folds=(fold,)), place)

    monkeypatch.setattr(ShuffledPool, "submit", submit)
    store, pool, _ = run_loop(context, tmp_path, None, time_budget_seconds=0.5)
    begun = [trial for trial in store.trials() if trial.folds]
    assert begun
    assert {trial.status for trial in begun} == {"running"}
    assert all(len(trial.folds) < 5 for trial in begun)
    assert pool.ending[1] == NO_TIME
    store, pool, _ = run_loop(context, tmp_path, None, time_budget_seconds=6.0)
    statuses = {trial.number: trial.status for trial in store.trials()}
    assert statuses[begun[0].number] == COMPLETE
    assert all(statuses[trial.number] != "running" for trial in begun)


@pytest.mark.parametrize(("since_seconds", "waits"), [(0.1, 0), (0.99, 1)])
def test_only_folds_that_are_about_to_end_are_waited_for(
    context: SearchContext, tmp_path: Path, since_seconds: float, waits: int
) -> None:
    """The budget is over while a worker is at a fold that takes a second; 0.02 s are its grace."""
    waited = []

    class BusyPool(ShuffledPool):
        def wait(self, timeout_seconds: float) -> list[FoldResult]:
            if self.worked and timeout_seconds:
                waited.append(timeout_seconds)
                time.sleep(0.5)
                return []
            return super().wait(timeout_seconds)

        def statuses(self) -> list[WorkerStatus]:
            return [WorkerStatus("0", 0, 1, since_seconds)]

    pool = BusyPool(context, 1, 0)
    loop = SearchLoop(
        context, Limits(None, 0.4), LearningExplorer(), pool, RunStore(tmp_path),
        on_end=lambda outcome: None, on_view=lambda view: None,
    )  # fmt: skip
    loop.run()
    assert len(waited) - 1 == waits


def test_a_failed_fold_ends_its_trial_alone(context: SearchContext, tmp_path: Path) -> None:
    store, _, explorer = run_loop(context, tmp_path, 30, fail_trials=[5])
    trials = {trial.number: trial for trial in store.trials()}
    assert trials[5].status == FAILED
    assert trials[5].reason == "ValueError: on purpose"
    assert all(trial.status != FAILED for number, trial in trials.items() if number != 5)
    assert (5, FAILED, None) in explorer.history


@pytest.mark.parametrize("kept", [0, 1, 7, 40, 90])
def test_going_on_repeats_no_fold_and_changes_nothing(
    context: SearchContext, tmp_path: Path, kept: int
) -> None:
    whole, pool, _ = run_loop(context, tmp_path / "whole", 30)
    expected, all_work = summary(whole), sorted(pool.worked)
    broken = tmp_path / "broken"
    _interrupt_after(context, broken, 30, kept)
    done = {(f.trial, f.fold) for t in RunStore(broken).trials() for f in t.folds}
    store, pool, _ = run_loop(context, broken, 30)
    assert not done & set(pool.worked)
    assert sorted([*done, *pool.worked]) == all_work
    assert summary(store) == expected


def _interrupt_after(context: SearchContext, folder: Path, max_trials: int, folds: int) -> None:
    """Run until ``folds`` folds are stored, then stop as if killed between two writes."""

    class Killed(BaseException):
        pass

    class MortalStore(RunStore):
        left = folds

        def append(self, result: FoldResult) -> None:
            if self.left == 0:
                raise Killed
            self.left -= 1
            super().append(result)

    pool = ShuffledPool(context, 2, 1)
    loop = SearchLoop(
        context,
        Limits(max_trials, None),
        LearningExplorer(),
        pool,
        MortalStore(folder),
        on_end=lambda outcome: None,
        on_view=lambda view: None,
    )
    with pytest.raises(Killed):
        loop.run()


def test_models_of_the_leaders_stay_also_after_going_on(
    context: SearchContext, tmp_path: Path
) -> None:
    whole, _, _ = run_loop(context, tmp_path / "whole", 40, size=3)
    broken = tmp_path / "broken"
    _interrupt_after(context, broken, 40, 40)
    store, _, _ = run_loop(context, broken, 40)
    complete = [trial for trial in whole.trials() if trial.status == COMPLETE]
    score = {t.number: np.mean([f.scores["accuracy"] for f in t.folds]) for t in complete}
    leaders = sorted(score, key=lambda number: (-score[number], number))[:MOST_LEADERS]
    assert 0 < len(leaders) == min(MOST_LEADERS, len(complete))
    for run_dir in (whole.path, store.path):
        assert trials_with_models(run_dir) == sorted(leaders)
        for number in leaders:
            for fold in range(5):
                learned = read_fold_model(run_dir, number, fold)
                assert learned is not None and learned["place"].tolist() == [number, fold]


@pytest.mark.parametrize("status", [COMPLETE, "failed"])
def test_a_late_answer_about_a_model_takes_no_fold_away(
    context: SearchContext, tmp_path: Path, status: str
) -> None:
    store, pool, _ = run_loop(context, tmp_path, 20)
    before = summary(store)
    protected, dropped = store.trials()[0], next(t for t in store.trials() if len(t.folds) < 5)
    for trial in (protected, dropped):
        pool.keep([replace(trial.folds[0], status=status, scores={}, train_scores={})])
    assert summary(store) == before


def test_more_trials_extend_a_finished_search(context: SearchContext, tmp_path: Path) -> None:
    short, _, _ = run_loop(context, tmp_path / "a", 20)
    before = summary(short)
    longer, pool, _ = run_loop(context, tmp_path / "a", 25)
    assert summary(longer)[:20] == before
    assert {trial for trial, _ in pool.worked} == set(range(20, 25))
    whole, _, _ = run_loop(context, tmp_path / "b", 25)
    assert summary(whole) == summary(longer)


def test_it_ends_early_at_the_same_trial_with_any_number_of_workers(
    context: SearchContext, tmp_path: Path
) -> None:
    """Never before two starts, what the rule needs, and the lag."""
    found = []
    for size in (1, 8):
        options = {"size": size, "order_seed": size, "early_stop_from": 0}
        store, pool, _ = run_loop(
            context, tmp_path / str(size), 100, explorer=FlatExplorer(), **options
        )
        found.append(summary(store))
        stopped, reason = pool.ending
        assert stopped
        assert "were expected to bring" in reason
    assert found[0] == found[1]
    assert 2 + LEAST_PROPOSALS + LAG - 1 <= len(found[0]) < 100
    assert {status for _, status, *_ in found[0]} <= {COMPLETE, "raced_out"}


@pytest.mark.parametrize("earliest", [None, 60])
def test_it_never_ends_earlier_than_it_may(
    context: SearchContext, tmp_path: Path, earliest: int | None
) -> None:
    store, pool, _ = run_loop(
        context, tmp_path, 70, explorer=FlatExplorer(), early_stop_from=earliest
    )
    assert len(store.trials()) == (earliest or 70)
    assert pool.ending[0] == (earliest is not None)


def test_an_early_end_is_kept_by_the_same_command_and_lifted_by_another(
    context: SearchContext, tmp_path: Path
) -> None:
    first, _, _ = run_loop(context, tmp_path, 100, explorer=FlatExplorer(), early_stop_from=0)
    before = summary(first)
    again, pool, _ = run_loop(context, tmp_path, 100, explorer=FlatExplorer(), early_stop_from=0)
    assert summary(again) == before
    assert not pool.worked
    further, pool, _ = run_loop(
        context, tmp_path, 60, explorer=FlatExplorer(), early_stop_from=None
    )
    assert summary(further)[: len(before)] == before
    assert len(summary(further)) == 60
