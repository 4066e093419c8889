"""All settings of a configuration beside its score, on parallel axes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from autosmall.report.charts.arrange import layered
from autosmall.report.charts.live import LiveChart, live_chart
from autosmall.report.charts.marks import color
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.numbers import METRIC_WORDS, is_percent
from autosmall.report.sections.configurations import Configuration
from autosmall.report.setting_words import setting_title

MOST_AXES, NARROW_AXES = 7, 4
"""Axes that there is room for, the score's included."""

TITLE_LINE_PX = 13
"""Height of a line of an axis's title, which has a line for each word."""

MOST_LINES = 60
"""Configurations that are drawn: more lines cannot be told apart."""

LEAST_SHARE = 0.2
"""Share of the configurations that a setting must have to get an axis."""

LOG_RATIO = 20.0
"""Positive numbers whose largest is this many times the smallest get a logarithmic axis, unless
they are shares."""

SHARES = ("dropout_rate", "augmentation_strength", "momentum", "label_smoothing", "_share")
"""How the names of settings end that lie between 0 and 1."""

SCORE, STRATEGY = "score", "strategy"

PREFERRED = (
    "learning_rate", "optimizer", "augmentation_strength", "dropout_rate", "image_size_px",
    "trainable_blocks", "weight_decay", "epochs", "batch_size",
)  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """One axis: a number's range, or the names that a text takes, placed from 0 up."""

    field: str
    title: str
    low: float
    high: float
    log: bool
    names: tuple[str, ...] = ()

    def place(self, value: object) -> float | None:
        """Return where ``value`` lies from 0 (bottom) to 1 (top), ``None`` where it is missing."""
        number = self.names.index(str(value)) if value is not None and self.names else value
        if not isinstance(number, int | float) or not math.isfinite(number):
            return None
        if self.log:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return places and labels: every name, or the ends of a range."""
        if self.names:
            return [(at / self.high, name) for at, name in enumerate(self.names)]
        return [(0.0, f"{self.low:.3g}"), (1.0, f"{self.high:.3g}")]


def find_axes(metric: str, rows: Sequence[Configuration]) -> tuple[Axis, ...]:
    """Return the axes of what varies among ``rows``: strategy, settings, and the score last.

    None where no setting varies.
    """
    names = Counter(name for row in rows for name in row.config if name != STRATEGY)
    least = max(2, LEAST_SHARE * len(rows))
    order = {name: place for place, name in enumerate(PREFERRED)}
    frequent = sorted(
        (name for name, count in names.items() if count >= least),
        key=lambda name: (order.get(name, len(order)), -names[name], name),
    )
    strategy, *axes = (
        _axis(name, [row.config.get(name) for row in rows]) for name in [STRATEGY, *frequent]
    )
    score = _axis(SCORE, [_score(metric, row) for row in rows])
    if score is None or not any(axes):
        return ()
    title = METRIC_WORDS[metric] + (" (%)" if is_percent(metric) else "")
    score = Axis(score.field, title, score.low, score.high, score.log)
    return (*[axis for axis in (strategy, *axes) if axis is not None][: MOST_AXES - 1], score)


def settings_figure(metric: str, rows: Sequence[Configuration], axes: Sequence[Axis]) -> Figure:
    """Return one line per configuration across ``axes``."""
    shown = thinned(rows, MOST_LINES)
    strong = " The strong line is the recommended one." if _has_line(shown, axes) else ""
    few = f" {len(shown)} of {len(rows)} are drawn." if len(shown) < len(rows) else ""
    return figure(
        lambda width: _draw(metric, shown, axes, width),
        "Each line is a configuration that finished all its folds, coloured by strategy; it runs "
        "through the values of its settings to its score at the right, and is broken where it "
        f"has no such setting.{strong}{few}",
        f"Parallel axes of {', '.join(axis.title for axis in axes)} for {len(shown)} "
        "configurations; the numbers stand in the table of all configurations.",
    )


def _has_line(rows: Sequence[Configuration], axes: Sequence[Axis]) -> bool:
    """Tell whether the recommended one has values on two axes that are neighbours."""
    placed = [
        [axis.field in (STRATEGY, SCORE) or axis.field in row.config for axis in axes]
        for row in rows
        if row.recommended
    ]
    return any(one and other for values in placed for one, other in pairwise(values))


def settings_chart(drawn: Figure, axes: Sequence[Axis]) -> LiveChart:
    """Return the figure of ``axes`` as a chart to touch."""
    meaning = {
        axis.title: {"field": axis.field, "low": axis.low, "high": axis.high, "log": axis.log}
        for axis in axes
    }
    return live_chart("settings", drawn, {"axes": meaning})


def _axis(name: str, values: Sequence[object]) -> Axis | None:
    known = [value for value in values if value is not None]
    title = setting_title(name)
    if any(isinstance(value, str | bool) for value in known):
        names = tuple(dict.fromkeys(str(value) for value in known))
        return Axis(name, title, 0, len(names) - 1, False, names) if 1 < len(names) < 9 else None
    numbers = [float(v) for v in known if isinstance(v, int | float) and math.isfinite(v)]
    if not numbers or min(numbers) == max(numbers):
        return None
    low, high = min(numbers), max(numbers)
    log = low > 0 and high >= LOG_RATIO * low and not name.endswith(SHARES)
    return Axis(name, title, low, high, log)


def thinned(rows: Sequence[Configuration], most: int) -> list[Configuration]:
    """Return at most ``most`` rows: half of them the first, half evenly from the rest."""
    if len(rows) <= most:
        return list(rows)
    half = most // 2
    step = (len(rows) - half) / half
    return [*rows[:half], *(rows[half + int(step * i)] for i in range(half))]


def _draw(metric: str, rows: Sequence[Configuration], axes: Sequence[Axis], width: int) -> Drawing:
    import altair as alt

    narrow = width <= NARROW_PX
    drawn = _narrow(axes) if narrow else list(axes)
    titles = [axis.title for axis in drawn]
    lines_of_title = max(len(title.split(" ")) for title in titles)
    x = alt.X(
        "axis:N",
        sort=titles,
        scale=alt.Scale(domain=titles, padding=0.35, type="point"),
        axis=alt.Axis(
            orient="top", title=None, domain=False, ticks=False, labelAngle=0,
            labelPadding=10 + TITLE_LINE_PX * lines_of_title,
            labelColor="var(--ink)",
            labelExpr="split(datum.label, ' ')",
        ),
    )  # fmt: skip
    y = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[-0.02, 1.02], nice=False))
    own = alt.Stroke("color:N", scale=None, legend=None)
    rules = alt.Chart(alt.NamedData("axes")).mark_rule(stroke="var(--axis)").encode(x=x)
    kept = alt.FieldOneOfPredicate(field="axis", oneOf=titles)
    points = alt.Chart(alt.NamedData("points"))
    order = alt.Order("order:Q")
    lines = (
        points.mark_line(strokeWidth=1.1, opacity=0.65)
        .encode(x=x, y=y, stroke=own, detail=alt.Detail("trial:N"), order=order)
        .transform_filter(kept)
    )
    dots = (
        points.mark_point(filled=True, size=22, opacity=0.75)
        .encode(x=x, y=y, color=alt.Color("color:N", scale=None, legend=None))
        .transform_filter(kept)
    )
    chosen = (
        alt.Chart(alt.NamedData("chosen"))
        .mark_line(stroke="var(--ink)", strokeWidth=2.6)
        .encode(x=x, y=y, order=order)
        .transform_filter(kept)
    )
    chart = layered(
        rules,
        lines,
        dots,
        chosen,
        *_labels(x, y),
        width=width - 40,
        height=250,
        padding={"left": 16, "right": 16, "top": 4, "bottom": 10},
    )
    return Drawing(chart, _rows(metric, rows, axes, drawn))


def _narrow(axes: Sequence[Axis]) -> list[Axis]:
    """Return the first settings and the score; colours tell the strategy."""
    settings = [axis for axis in axes[:-1] if axis.field != STRATEGY]
    return [*settings[: NARROW_AXES - 1], axes[-1]]


def _labels(x: Any, y: Any) -> list[Any]:
    """Return the ends of each axis, beyond its ends, and the names of texts beside it."""
    import altair as alt

    text = alt.Chart(alt.NamedData("ticks")).encode(x=x, y=y, text=alt.Text("text:N"))
    low = text.mark_text(baseline="top", dy=7).transform_filter("datum.where == 'low'")
    high = text.mark_text(baseline="bottom", dy=-7).transform_filter("datum.where == 'high'")
    # Lines run past these: each stands on a ground of its own.
    beside = [
        text.mark_text(align="left", dx=6, fontSize=11, **look).transform_filter(
            "datum.where == 'beside'"
        )
        for look in ({"stroke": "var(--page)", "strokeWidth": 4}, {"fill": "var(--ink)"})
    ]
    return [low, high, *beside]


def _rows(
    metric: str, rows: Sequence[Configuration], axes: Sequence[Axis], drawn: Sequence[Axis]
) -> dict[str, list[Mapping[str, object]]]:
    return {
        "axes": [{"axis": axis.title} for axis in drawn],
        "points": [point for row in rows for point in _line(metric, row, axes)],
        "chosen": [p for row in rows if row.recommended for p in _line(metric, row, axes)],
        "ticks": [tick for axis in drawn for tick in _ticks(axis)],
    }


def _line(metric: str, row: Configuration, axes: Sequence[Axis]) -> list[Mapping[str, object]]:
    values = {**row.config, SCORE: _score(metric, row)}
    return [
        {
            "trial": row.trial,
            "axis": axis.title,
            "order": order,
            "place": axis.place(values.get(axis.field)),
            "color": color(row.strategy),
        }
        for order, axis in enumerate(axes)
    ]


def _ticks(axis: Axis) -> list[Mapping[str, object]]:
    where = {0.0: "low", 1.0: "high"}
    return [
        {
            "axis": axis.title,
            "place": place,
            "text": text,
            "where": where.get(place, "beside"),
        }
        for place, text in axis.ticks()
    ]


def _score(metric: str, row: Configuration) -> float:
    return (100.0 if is_percent(metric) else 1.0) * row.score
