"""One sitting of a search, from settings to a run folder with its report."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from autosmall.errors import SearchStoppedError
from autosmall.progress import Progress, make_progress
from autosmall.run_folder.lock import RunLock
from autosmall.run_folder.run_data import load_run_data
from autosmall.run_folder.store import RunStore
from autosmall.runner.inline_pool import InlinePool
from autosmall.runner.pool import Pool
from autosmall.runner.ray_pool import RayPool
from autosmall.schema.results import COMPLETE
from autosmall.schema.run_data import RunData
from autosmall.schema.settings import SearchSettings
from autosmall.searching.clock import Clock
from autosmall.searching.input import CheckedInput, check_input
from autosmall.searching.run_dir import clear_run_dir
from autosmall.searching.setup import PreparedSearch, prepare
from autosmall.searching.source_backbone import train_source_backbone


def run_search(settings: SearchSettings) -> Path:
    """Search as ``settings`` say, write tables and report, and return the run folder.

    Raises what :func:`~autosmall.searching.input.check_input` raises, and
    :class:`~autosmall.errors.SearchStoppedError` where no configuration could be completed.
    ``KeyboardInterrupt`` and ``SystemExit`` pass through after results and report are written.
    """
    started = time.monotonic()
    checked = check_input(settings)
    with (
        contextlib.closing(make_progress(settings.quiet)) as progress,
        RunLock(checked.run_dir),
        start_pool(settings) as pool,
    ):
        prepared = _prepare(checked, progress)
        # Statistics and report take seconds to import: the folds are written before.
        from autosmall.searching.work import work

        for note in prepared.notes:
            progress.note(note)
        before = prepared.store.state().search_seconds if prepared.resumed else 0.0
        _pretrain(checked, prepared, progress, started - before)
        pool.begin(prepared.context)
        work(prepared, pool, progress, started - before)
    run = load_run_data(checked.run_dir)
    if not any(trial.status == COMPLETE for trial in run.trials):
        raise nothing_complete(run)
    return checked.run_dir


def start_pool(settings: SearchSettings) -> Pool:
    """Return the pool that the settings ask for; Ray's workers start in the background."""
    if settings.workers == 0:
        return InlinePool()
    return RayPool(
        workers=settings.workers or os.cpu_count() or 1,
        gpus_per_worker=settings.gpus_per_worker,
        address=settings.address,
    )


def nothing_complete(run: RunData) -> SearchStoppedError:
    """Return the error for a run without a single complete configuration."""
    reasons = [trial.reason for trial in run.trials if trial.reason]
    first = f"; the first to end said: {reasons[0]}" if reasons else ""
    return SearchStoppedError(
        f"no configuration was completed in {run.name} ({len(run.begun)} begun{first})",
        "at least one configuration that ends on all folds",
        "give it more time (the same command with a larger --time-budget goes on); "
        "the workers' logs are in its folder logs/",
    )


def _prepare(checked: CheckedInput, progress: Progress) -> PreparedSearch:
    """Prepare the search; where that fails for a new one, nothing half-written stays."""
    existed = RunStore(checked.run_dir).exists
    try:
        return prepare(checked, lambda done, total: progress.step("reading pictures", done, total))
    except BaseException:
        if not existed:
            clear_run_dir(checked.run_dir)
        raise


def _pretrain(
    checked: CheckedInput, prepared: PreparedSearch, progress: Progress, started: float
) -> None:
    """Train the search's own backbone, or what is left of it; its time is the search's."""
    wanted, store = checked.pretraining, prepared.store
    if wanted is None or wanted.output.is_file():
        return
    clock = Clock(store)
    train_source_backbone(
        wanted,
        store.path / "logs" / "pretraining.log",
        progress,
        on_beat=lambda: clock.note(time.monotonic() - started),
    )
