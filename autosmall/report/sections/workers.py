"""Section: how busy the workers were, and which faults the search survived."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autosmall.report.numbers import chance_text, counted, listed, seconds_text
from autosmall.schema.results import FAILED
from autosmall.schema.run_data import RunData

WITHOUT_NAME = "unnamed"

UNNOTICED_SECONDS = 0.01
"""Waiting for less than this in a whole search is none."""


@dataclass(frozen=True)
class WorkerRow:
    """What one worker did: ``busy_share`` is of the search's wall time, NaN where none is known."""

    name: str
    folds: int
    failed: int
    seconds: float
    busy_share: float


@dataclass(frozen=True)
class Fault:
    """Fits that ended with the same kind of error, and the trials that they were of."""

    kind: str
    fits: int
    trials: tuple[int, ...]


@dataclass(frozen=True)
class Workers:
    """How the work was shared.

    Attributes:
        sentence: How busy the workers were; empty where nothing has been done.
        rows: By seconds, most first.
        asking_sentence: How long explorers took to propose, and who waited for that; empty where
            that is not known.
        asked_seconds: How long they took, over all sittings.
        waited_worker_seconds: How long idle workers waited for that, added up over workers.
        fault_sentence: Which faults the search survived.
        faults: By kind, most frequent first.
    """

    sentence: str
    rows: tuple[WorkerRow, ...]
    asking_sentence: str
    asked_seconds: float
    waited_worker_seconds: float
    fault_sentence: str
    faults: tuple[Fault, ...]


def gather(run: RunData) -> Workers:
    """Return what each worker did, and every kind of error."""
    rows, faults = _rows(run), _faults(run)
    return Workers(
        busy_sentence(run, rows),
        rows,
        asking_sentence(run, _worker_count(run, rows)),
        run.asked_seconds,
        run.waited_worker_seconds,
        fault_sentence(faults),
        faults,
    )


def busy_sentence(run: RunData, rows: Sequence[WorkerRow]) -> str:
    """Return which share of their time the workers spent on fits.

    What a search does besides (start, proposals, fits on fewer pictures afterwards) is in its
    wall time, so the share stays below 1.
    """
    workers = _worker_count(run, rows)
    if not rows or run.search_seconds <= 0:
        return ""
    share = sum(row.seconds for row in rows) / (workers * run.search_seconds)
    return (
        f"{counted(workers, 'worker')} spent {min(100, 100 * share):.0f} % of the search's time "
        "on fits."
    )


def asking_sentence(run: RunData, workers: int) -> str:
    """Return how long proposing took in all, and how much of their time workers waited for it."""
    if run.asked_seconds <= 0:
        return ""
    proposed = counted(len(run.trials), "configuration")
    text = f"Explorers took {seconds_text(run.asked_seconds)} to propose {proposed}"
    waited = run.waited_worker_seconds
    if waited < UNNOTICED_SECONDS:
        return f"{text}; no worker waited for them."
    said = f"{text}; workers waited for them for {seconds_text(waited)}"
    if run.search_seconds <= 0:
        return f"{said} in all."
    return f"{said} in all, {chance_text(waited / (workers * run.search_seconds))} of their time."


def _worker_count(run: RunData, rows: Sequence[WorkerRow]) -> int:
    return max(len(rows), int(str(run.settings.get("workers") or 0)), 1)


def fault_sentence(faults: Sequence[Fault]) -> str:
    """Return which errors ended fits; the search went on after each of them."""
    if not faults:
        return "No fit ended with an error."
    kinds = [f"{fault.kind} ({fault.fits})" for fault in faults]
    fits = sum(fault.fits for fault in faults)
    ended = f"{counted(fits, 'fit')} that ended with an error"
    return f"The search went on after {ended}: {listed(kinds)}."


def _rows(run: RunData) -> tuple[WorkerRow, ...]:
    folds = [fold for trial in run.trials for fold in trial.folds]
    names = sorted({fold.worker or WITHOUT_NAME for fold in folds})
    rows = []
    for name in names:
        own = [fold for fold in folds if (fold.worker or WITHOUT_NAME) == name]
        seconds = sum(fold.fit_seconds for fold in own)
        share = seconds / run.search_seconds if run.search_seconds > 0 else float("nan")
        failed = sum(fold.status == FAILED for fold in own)
        rows.append(WorkerRow(name, len(own), failed, seconds, share))
    return tuple(sorted(rows, key=lambda row: (-row.seconds, row.name)))


def _faults(run: RunData) -> tuple[Fault, ...]:
    kinds: Counter[str] = Counter()
    trials: dict[str, set[int]] = {}
    for trial in run.trials:
        for fold in trial.folds:
            if fold.error:
                kind = _kind(fold.error)
                kinds[kind] += 1
                trials.setdefault(kind, set()).add(trial.number)
    return tuple(Fault(k, count, tuple(sorted(trials[k]))) for k, count in kinds.most_common())


def _kind(error: str) -> str:
    """Return the error's class, without its module, or its first words."""
    last = error.strip().splitlines()[-1]
    found = re.match(r"(?:[\w.]*\.)?([A-Za-z_]\w*)(?::|$)", last)
    return found[1] if found else last[:60]
