"""What a person sees while a search runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class LeaderRow:
    """One row of the live leaderboard. ``score`` is the metric's mean over ``folds_done``."""

    trial: int
    description: str
    score: float
    train_score: float
    folds_done: int
    fit_seconds: float


@dataclass(frozen=True)
class WorkerRow:
    """What one worker does, in words, and for how long."""

    worker: str
    doing: str
    seconds: float


@dataclass(frozen=True)
class SearchView:
    """A search at one moment.

    ``seconds_left`` is ``None`` without a time budget, ``max_trials`` without a limit of trials.
    ``leaders`` hold only configurations that are complete on all folds, best first.
    """

    metric: str
    seconds: float
    seconds_left: float | None
    trials_ended: int
    max_trials: int | None
    folds_done: int
    fold_count: int
    failed: int
    raced_out: int
    leaders: tuple[LeaderRow, ...]
    workers: tuple[WorkerRow, ...]
    leading_strategy: str


class Progress(Protocol):
    """Told of what happens; shows it or not."""

    def note(self, text: str) -> None:
        """Say something once."""
        ...

    def step(self, name: str, done: int, total: int) -> None:
        """Say how far a step before the search proper is."""
        ...

    def update(self, view: SearchView) -> None:
        """Show the search as it stands."""
        ...

    def status(self, lines: Sequence[str]) -> None:
        """Show how a single long job stands: one line for logs first, then what a screen adds."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class NoProgress:
    """Shows nothing (``--quiet``)."""

    def note(self, text: str) -> None:
        """Ignore."""

    def step(self, name: str, done: int, total: int) -> None:
        """Ignore."""

    def update(self, view: SearchView) -> None:
        """Ignore."""

    def status(self, lines: Sequence[str]) -> None:
        """Ignore."""

    def close(self) -> None:
        """Ignore."""


class PlainProgress:
    """One line per event, for logs and pipes."""

    def __init__(self, stream: TextIO, lines_every_seconds: float = 10.0) -> None:
        self._stream = stream
        self._every = lines_every_seconds
        self._last_line = -lines_every_seconds
        self._last_view = ""

    def note(self, text: str) -> None:
        """Print the text."""
        print(text, file=self._stream, flush=True)

    def step(self, name: str, done: int, total: int) -> None:
        """Print a line at the end of the step."""
        if done == total:
            self.note(f"{name}: {total} done")

    def update(self, view: SearchView) -> None:
        """Print one line, at most every ``lines_every_seconds`` and only if something is new."""
        line = _headline(view)
        now = time.monotonic()
        if now - self._last_line < self._every or _news(view) == self._last_view:
            return
        self._last_line, self._last_view = now, _news(view)
        best = f"; best: {_leader_text(view, view.leaders[0])}" if view.leaders else ""
        self.note(line + best)

    def status(self, lines: Sequence[str]) -> None:
        """Print the first line, at most every ``lines_every_seconds`` and only if it is new."""
        now = time.monotonic()
        if now - self._last_line >= self._every and lines[0] != self._last_view:
            self._last_line, self._last_view = now, lines[0]
            self.note(lines[0])

    def close(self) -> None:
        """Nothing to undo."""


class LiveProgress:
    """A table that redraws itself, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def note(self, text: str) -> None:
        """Print the text above the live view."""
        self._live.console.print(Text(text))

    def step(self, name: str, done: int, total: int) -> None:
        """Show how far the step is."""
        self._live.update(Text(f"{name}: {done} of {total}"))

    def update(self, view: SearchView) -> None:
        """Redraw."""
        self._live.update(Group(Text(_headline(view), style="bold"), _leaders(view), _work(view)))

    def status(self, lines: Sequence[str]) -> None:
        """Redraw."""
        self._live.update(Group(Text(lines[0], style="bold"), *map(Text, lines[1:])))

    def close(self) -> None:
        """Stop redrawing."""
        self._live.stop()


def make_progress(quiet: bool, stream: TextIO | None = None) -> Progress:
    """Return what suits the stream (standard error by default): live, plain, or nothing."""
    stream = sys.stderr if stream is None else stream
    if quiet:
        return NoProgress()
    console = Console(file=stream)
    return LiveProgress(console) if console.is_terminal else PlainProgress(stream)


def format_duration(seconds: float) -> str:
    """Return a duration as people write it: ``48 s``, ``3 min 20 s``, ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _news(view: SearchView) -> str:
    return f"{view.folds_done} {view.trials_ended}"


def _headline(view: SearchView) -> str:
    of = f" of {view.max_trials}" if view.max_trials is not None else ""
    parts = [
        format_duration(view.seconds),
        f"{view.trials_ended}{of} configurations ended",
        f"{view.folds_done} folds done",
    ]
    if view.raced_out:
        parts.append(f"{view.raced_out} dropped by the race")
    if view.failed:
        parts.append(f"{view.failed} failed")
    if view.seconds_left is not None:
        parts.append(f"{format_duration(max(view.seconds_left, 0))} left")
    if view.leading_strategy:
        parts.append(f"{view.leading_strategy} leads")
    return " · ".join(parts)


def _leader_text(view: SearchView, row: LeaderRow) -> str:
    return f"{row.description} (trial {row.trial}), {view.metric} {row.score:.3f}"


def _leaders(view: SearchView) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("trial", justify="right")
    table.add_column("configuration", no_wrap=True, overflow="ellipsis")
    for name in (view.metric, "training", "s per fold"):
        table.add_column(name, justify="right")
    for row in view.leaders:
        table.add_row(
            str(row.trial),
            row.description,
            f"{row.score:.3f}",
            f"{row.train_score:.3f}",
            f"{row.fit_seconds:.1f}",
        )
    return table


def _work(view: SearchView) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in view.workers:
        table.add_row(row.worker, row.doing, f"{row.seconds:.0f} s")
    return table
