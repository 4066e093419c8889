"""The best score so far, over the trials of a search."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set

from autosmall.report.charts.arrange import layered
from autosmall.report.charts.intervals import axis_title
from autosmall.report.charts.marks import color, shape
from autosmall.report.charts.render import Drawing, Figure, figure
from autosmall.report.numbers import is_percent, score_text
from autosmall.report.sections.search import Step


def search_figure(metric: str, steps: Sequence[Step], shown: Set[int]) -> Figure:
    """Return the score of each complete trial in ``shown``, and the best up to it as a line."""
    first, last = steps[0], steps[-1]
    kept = [s for s in steps if s.trial in shown or s.score == s.best_so_far or s is last]
    return figure(
        lambda width: _draw(metric, kept, width),
        "Each mark is a configuration that finished all its folds, in the order in which they "
        "were proposed; the line is the best score so far.",
        f"Best score so far: {score_text(metric, first.best_so_far)} after trial {first.trial}, "
        f"{score_text(metric, last.best_so_far)} after trial {last.trial}.",
    )


def _ticks(steps: Sequence[Step]) -> list[int]:
    """Return round numbers of trials, evenly spaced, seven at most."""
    first, last = steps[0].trial, steps[-1].trial
    least = max(1, (last - first) / 6)
    power = 10 ** math.floor(math.log10(least))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= least)
    return list(range(-(-first // step) * step, last + 1, step))


def _draw(metric: str, steps: Sequence[Step], width: int) -> Drawing:
    import altair as alt

    x = alt.X(
        "trial:Q",
        title="trial",
        scale=alt.Scale(padding=10, nice=False),
        axis=alt.Axis(values=_ticks(steps), format="d", domain=False, ticks=False, grid=False),
    )
    scale = alt.Scale(zero=False, padding=10)
    axis = alt.Axis(tickCount=5, domain=False, ticks=False)
    title = axis_title(metric)
    line = (
        alt.Chart(alt.NamedData("steps"))
        .mark_line(interpolate="step-after", stroke="var(--ink)", strokeWidth=1.8)
        .encode(x=x, y=alt.Y("best:Q", scale=scale, title=title, axis=axis))
    )
    marks = (
        alt.Chart(alt.NamedData("steps"))
        .mark_point(filled=True, size=80, opacity=0.85)
        .encode(
            x=x,
            y=alt.Y("score:Q", scale=scale, title=title, axis=axis),
            color=alt.Color("color:N", scale=None, legend=None),
            shape=alt.Shape("shape:N", scale=None, legend=None),
        )
    )
    chart = layered(line, marks, width=width - 70, height=240)
    return Drawing(chart, {"steps": [_datum(metric, step) for step in steps]})


def _datum(metric: str, step: Step) -> dict[str, object]:
    factor = 100.0 if is_percent(metric) else 1.0
    return {
        "trial": step.trial,
        "score": factor * step.score,
        "best": factor * step.best_so_far,
        "color": color(step.strategy),
        "shape": shape(step.strategy),
    }
