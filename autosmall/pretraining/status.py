"""How a pretraining stands, in words: one line for logs, and a little more on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autosmall.progress import format_duration

if TYPE_CHECKING:
    from autosmall.training.pretraining import PretrainingView

PROBES_SHOWN = 6


def status_lines(view: PretrainingView) -> list[str]:
    """Return the line that says all, and below it the last probes."""
    of = f" of {view.steps:,}" if view.steps else ""
    parts = [f"step {view.step:,}{of}"]
    if view.loss is not None:
        parts.append(f"loss {view.loss:.4f}")
    if view.pictures_per_second is not None:
        parts.append(f"{view.pictures_per_second:.0f} pictures/s")
    if view.history:
        parts.append(f"probe {view.history[-1].score:.3f} (untrained {view.history[0].score:.3f})")
    if view.seconds_left is not None:
        parts.append(f"{format_duration(view.seconds_left)} left")
    shown = view.history[-PROBES_SHOWN:]
    return [" · ".join(parts), *(f"  step {p.step:>7,}  probe {p.score:.3f}" for p in shown)]
