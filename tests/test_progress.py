"""What a person sees: plain lines without control codes, a live view on a terminal, or nothing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from autosmall.progress import (
    LeaderRow,
    LiveProgress,
    NoProgress,
    PlainProgress,
    SearchView,
    WorkerRow,
    format_duration,
    make_progress,
)


def view(folds_done: int = 7, leaders: bool = True) -> SearchView:
    row = LeaderRow(4, "frozen [bold]mobilenet", 0.987654, 1.0, 5, 3.25)
    return SearchView(
        metric="accuracy",
        seconds=75,
        seconds_left=45,
        trials_ended=3,
        max_trials=None,
        folds_done=folds_done,
        fold_count=5,
        failed=1,
        raced_out=2,
        leaders=(row,) if leaders else (),
        workers=(WorkerRow("worker 0", "trial 5 fold 1: scratch", 2.0),),
        leading_strategy="frozen" if leaders else "",
    )


def test_plain_lines_tell_counts_time_and_the_best() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, lines_every_seconds=0)
    progress.update(view())
    progress.update(view())
    text = stream.getvalue()
    assert text.count("\n") == 1  # nothing new, nothing said
    assert "1 min 15 s" in text
    assert "7 folds done" in text
    assert "2 dropped by the race" in text
    assert "1 failed" in text
    assert "45 s left" in text
    assert "best: frozen [bold]mobilenet (trial 4), accuracy 0.988" in text
    assert "\x1b" not in text


def test_plain_lines_keep_their_distance() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, lines_every_seconds=1000)
    progress.update(view(1, leaders=False))
    progress.update(view(2))
    assert stream.getvalue().count("\n") == 1


def test_the_live_view_shows_leaders_and_workers() -> None:
    stream = io.StringIO()
    progress = LiveProgress(Console(file=stream, force_terminal=True, width=120))
    progress.step("reading pictures", 3, 10)
    progress.update(view())
    progress.note("a remark")
    progress.close()
    for part in ("0.988", "scratch", "worker 0", "a remark", "mobilenet"):
        assert part in stream.getvalue()


def test_the_stream_decides() -> None:
    assert isinstance(make_progress(False, io.StringIO()), PlainProgress)
    assert isinstance(make_progress(True, io.StringIO()), NoProgress)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
