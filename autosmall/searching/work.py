"""The work of one sitting: the loop and what follows it, between opening and closing the books."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from autosmall.analysis.stopping import LEAST_PROPOSALS
from autosmall.child import ChildFailedError, ask_child
from autosmall.data.images import UnreadablePictureError
from autosmall.explorers.registry import make_explorer
from autosmall.progress import Progress, SearchView
from autosmall.report import write_report
from autosmall.run_folder.run_data import load_run_data
from autosmall.run_folder.state import FINISHED, INTERRUPTED, RUNNING, EarlyStop, RunState
from autosmall.run_folder.store import RunStore
from autosmall.run_folder.study_db import StudyDatabase
from autosmall.run_folder.tables import write_tables
from autosmall.runner.inline_pool import InlinePool
from autosmall.runner.pool import Pool
from autosmall.searching.altered_pictures import show_augmentation
from autosmall.searching.clock import Clock
from autosmall.searching.invariance_check import BUDGET_SHARE, check_invariances
from autosmall.searching.limits import Limits
from autosmall.searching.live_report import LiveReport
from autosmall.searching.loop import SearchLoop
from autosmall.searching.saliency_maps import draw_maps, reserved_map_seconds
from autosmall.searching.sample_size_fits import SampleSizeFits, reserved_seconds
from autosmall.searching.setup import PreparedSearch
from autosmall.searching.trial import Trial


def work(prepared: PreparedSearch, pool: Pool, progress: Progress, started: float) -> None:
    """Run the loop between opening and closing the run folder's books.

    ``started`` is when the search would have begun, on the monotonic clock, had it never been
    interrupted: preparations count, the time between two sittings does not.
    """
    store = prepared.store
    stored = store.trials()
    limits = _limits(prepared, started, pool.size)
    explorer = make_explorer(
        prepared.settings.explorer,
        prepared.space,
        prepared.settings.seed,
        work_dir=store.path / "explorer",
    )
    live_report = LiveReport(store.path)
    study = StudyDatabase(store.path / "study.db", prepared.space)

    clock = Clock(store)

    def on_view(view: SearchView) -> None:
        progress.update(view)
        clock.note(view.seconds, loop.asking)
        live_report.refresh_if_due()

    loop = SearchLoop(
        prepared.context,
        limits,
        explorer,
        pool,
        store,
        on_end=lambda outcome: study.add([outcome]),
        on_view=on_view,
    )
    with (
        _books(store, loop, limits),
        contextlib.closing(explorer),
        contextlib.closing(live_report),
    ):
        study.add(loop.resume(stored))
        _say_resumed(progress, len(stored))
        loop.run()
        progress.note(f"search over: {loop.end_reason}")
        _check_invariances(prepared, pool, progress, loop, limits)
        if prepared.settings.pictures:
            _draw_maps(prepared, pool, progress, loop, limits)
        if prepared.settings.sample_size:
            _fit_on_less(prepared, pool, progress, loop, limits, live_report)
        if prepared.settings.pictures:
            _show_augmentation(store.path, isinstance(pool, InlinePool), progress)


def _limits(prepared: PreparedSearch, started: float, workers: int) -> Limits:
    settings, context = prepared.settings, prepared.context
    budget = settings.time_budget_seconds
    if budget is None and settings.max_trials is None:
        budget = prepared.space.usual_minutes * 60

    def reserve(trials: Collection[Trial]) -> float:
        if budget is None:
            return 0.0
        seconds = BUDGET_SHARE * budget
        if settings.pictures:
            seconds += reserved_map_seconds(budget)
        if settings.sample_size:
            seconds += reserved_seconds(trials, context, budget, workers)
        return seconds

    return Limits(
        settings.max_trials,
        budget,
        time.monotonic() - started,
        early_stop_from=_early_stop_from(prepared, budget),
        reserve=reserve,
    )


def _early_stop_from(prepared: PreparedSearch, budget: float | None) -> int | None:
    """Return after how many trials the search may end early, ``None`` for never.

    One that did so and is now given larger limits goes on for a while before it is asked again.
    """
    settings, earlier = prepared.settings, prepared.store.state().early_stop
    if not settings.early_stop:
        return None
    if earlier is not None and earlier.is_lifted(settings.max_trials, budget):
        return earlier.trials + LEAST_PROPOSALS
    return 0


def _check_invariances(
    prepared: PreparedSearch, pool: Pool, progress: Progress, loop: SearchLoop, limits: Limits
) -> None:
    """Ask a leader's models about altered pictures, as far as the time set aside allows."""
    budget = limits.time_budget_seconds
    progress.step("asking about altered pictures", 0, 1)
    problems = check_invariances(
        prepared.context,
        pool,
        prepared.store.path,
        loop.trials,
        math.inf if budget is None else min(BUDGET_SHARE * budget, budget - loop.seconds),
        prepared.settings.pictures,
        on_late=loop.keep,
    )
    for problem in problems:
        progress.note(f"a model could not be asked about altered pictures: {problem}")


def _draw_maps(
    prepared: PreparedSearch, pool: Pool, progress: Progress, loop: SearchLoop, limits: Limits
) -> None:
    """Have the report's maps drawn, as far as the time budget allows."""
    budget = limits.time_budget_seconds
    seconds = math.inf if budget is None else budget - loop.seconds
    missing = draw_maps(pool, prepared.store.path, seconds, loop.keep)
    if missing:
        progress.note(f"the report lacks maps of what the model looked at: {missing}")


def _fit_on_less(
    prepared: PreparedSearch,
    pool: Pool,
    progress: Progress,
    loop: SearchLoop,
    limits: Limits,
    live_report: LiveReport,
) -> None:
    """Train the leaders on parts of their pictures, as far as the time budget allows."""
    budget = limits.time_budget_seconds

    def on_step(done: int, total: int) -> None:
        progress.step("training on fewer pictures", done, total)
        live_report.refresh_if_due()

    fits = SampleSizeFits(
        prepared.context,
        pool,
        prepared.store.path,
        on_late=loop.keep,
        on_step=on_step,
    )
    fits.run(loop.trials, math.inf if budget is None else budget - loop.seconds)


def _show_augmentation(run_dir: Path, in_this_process: bool, progress: Progress) -> None:
    """Have a few pictures altered for the report; it takes seconds and is part of no budget."""
    try:
        if in_this_process:
            show_augmentation(run_dir)
        else:
            no_gpu = {"CUDA_VISIBLE_DEVICES": "-1"}
            ask_child("autosmall.searching.altered_picture_child", [str(run_dir)], no_gpu)
    except (ChildFailedError, UnreadablePictureError) as error:
        progress.note(f"the report shows no augmented pictures: {error.reason}")


def _say_resumed(progress: Progress, count: int) -> None:
    if count:
        progress.note(f"going on with a search of {count} configurations; nothing is done twice")


@contextlib.contextmanager
def _books(store: RunStore, loop: SearchLoop, limits: Limits) -> Iterator[None]:
    """Write state, tables and report when the work ends, however it ends."""
    earlier = store.state().early_stop
    store.write_state(RunState(RUNNING, "", loop.seconds, earlier, loop.asking))
    try:
        yield
    except BaseException as error:
        store.write_state(RunState(INTERRUPTED, _why(error), loop.seconds, earlier, loop.asking))
        if isinstance(error, KeyboardInterrupt | SystemExit):
            _write_results(store)
        raise
    if loop.stopped_early:
        earlier = EarlyStop(len(loop.trials), limits.max_trials, limits.time_budget_seconds)
    store.write_state(RunState(FINISHED, loop.end_reason, loop.seconds, earlier, loop.asking))
    _write_results(store)


def _why(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "it was interrupted"
    return f"it failed: {type(error).__name__}: {error}"


def _write_results(store: RunStore) -> None:
    write_tables(load_run_data(store.path), store.path)
    write_report(store.path)
