"""Score against one setting: trials as marks, means over bins with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autosmall.analysis.effects import Effect
from autosmall.report.charts.arrange import Specification, in_columns, layered
from autosmall.report.charts.intervals import axis_title
from autosmall.report.charts.live import LiveChart, live_chart
from autosmall.report.charts.marks import color, shape
from autosmall.report.charts.render import NARROW_PX, Drawing, Figure, figure
from autosmall.report.charts.settings import thinned
from autosmall.report.numbers import is_percent, score_text
from autosmall.report.sections.configurations import Configuration
from autosmall.report.sections.effects import SettingEffects, span

LEARNING_RATE = "learning_rate"
MOST_PANELS = 4
MOST_MARKS = 150
"""Configurations that are drawn; means are over all."""

MOST_TICKS = 6
"""A setting with at most as many values has a tick at each."""

ASIDE = 0.02
"""Part of the axis between the means of two strategies at the same value."""

COMPLETE_AREA, DROPPED_AREA = 60, 22


@dataclass(frozen=True)
class EffectScene:
    """What a chart of a setting shows.

    Attributes:
        metric: The search's metric.
        found: The setting, with its effects.
        rows: Configurations that may be drawn.
        scores: Score by trial, as if on all folds.
    """

    metric: str
    found: SettingEffects
    rows: Sequence[Configuration]
    scores: Mapping[int, float]

    @property
    def panels(self) -> list[str]:
        """Return the optimisers that get a panel each, most frequent first; none for one."""
        if self.found.setting != LEARNING_RATE:
            return []
        names = [str(row.config["optimizer"]) for row in self.drawn if "optimizer" in row.config]
        order = sorted(set(names), key=lambda name: (-names.count(name), name))
        return order[:MOST_PANELS] if len(order) > 1 else []

    @property
    def drawn(self) -> list[Configuration]:
        """Return the configurations that are drawn, of those with the setting and a score."""
        own = [r for r in self.rows if self.found.setting in r.config and r.trial in self.scores]
        return thinned(own, MOST_MARKS)

    @property
    def numbers(self) -> list[float]:
        """Return the setting's values of what is drawn."""
        return [float(str(row.config[self.found.setting])) for row in self.drawn]

    @property
    def steps(self) -> list[float]:
        """Return the setting's values in order, none where it has more than a few."""
        tried = sorted(set(self.numbers))
        return tried if len(tried) <= MOST_TICKS else []

    def beside(self, effect: Effect) -> float:
        """Return by how much an effect's means are moved aside, so that none hides another."""
        steps = self.steps
        if not steps:
            return 0.0
        shown = [other for other in self.found.effects if other.bins]
        place = shown.index(effect) - (len(shown) - 1) / 2
        return place * ASIDE * (steps[-1] - steps[0])

    @property
    def is_thinned(self) -> bool:
        """Tell whether some configurations have no mark."""
        return len(self.drawn) == MOST_MARKS


def effect_figure(scene: EffectScene) -> Figure:
    """Return marks of all trials and, by strategy, the means of bins."""
    by = ", a panel for each optimiser" if scene.panels else ""
    few = (
        f" ({MOST_MARKS} of them, half of these the first ranks, which lie above the means)"
        if scene.is_thinned
        else ""
    )
    means = (
        "Filled marks are means over neighbouring values with 95 % intervals, as far as trials "
        "vary."
        if any(_bins(scene, effect) for effect in scene.found.effects)
        else "No optimiser has trials enough for means; those over all of them stand in the table."
    )
    return figure(
        lambda width: _draw(scene, width),
        f"Score against {scene.found.title}{by}. Hollow marks are configurations{few}, small ones "
        f"those that the race dropped, placed as if they had finished. {means} A search looks "
        "longer where scores are good, and other settings differ too: this shows what went "
        "together.",
        f"Score against {scene.found.title}. {_in_words(scene)}",
    )


def effect_chart(scene: EffectScene, drawn: Figure, table: Mapping[str, Any]) -> LiveChart:
    """Return the figure of ``scene`` as a chart to touch; ``table`` is what brushes refer to."""
    names = table["optimizer"]["values"]["of"] if scene.panels else []
    parts = [{"optimizer": [names.index(name)] * 2} for name in scene.panels]
    return live_chart(scene.found.setting, drawn, {"parts": parts})


def _in_words(scene: EffectScene) -> str:
    told = [
        f"{effect.strategy}{' with ' + effect.optimizer if effect.optimizer else ''}: "
        + ", ".join(f"{score_text(scene.metric, b.mean)} at {span(b)}" for b in effect.bins)
        for effect in scene.found.effects
    ]
    return "; ".join(told) + "."


def _draw(scene: EffectScene, width: int) -> Drawing:
    narrow, panels = width <= NARROW_PX, scene.panels
    columns = 1 if narrow or len(panels) < 2 else 2
    inner = (width - 70) // columns - (0 if columns == 1 else 24)
    made = [_panel(scene, name, inner, columns) for name in panels or [""]]
    return Drawing(
        in_columns(*made, columns=columns, spacing_px=16),
        {
            "points": [_point(scene, row) for row in scene.drawn],
            "bins": [row for e in scene.found.effects for row in _bins(scene, e)],
        },
    )


def _panel(scene: EffectScene, name: str, width: int, columns: int) -> Specification:
    """Return the panel of optimiser ``name``, or the only one where it is empty."""
    import altair as alt

    field, numbers = scene.found.setting, scene.numbers
    kind = "log" if field == LEARNING_RATE else "linear"
    x_scale = alt.Scale(type=kind, domain=[min(numbers), max(numbers)], nice=False, padding=22)
    # As the format of an axis ``~r`` would be cut to few digits: 128 would be 130.
    whole = {"labelExpr": "format(datum.value, '~r')"}
    look_of_numbers = {"format": "~g"} if kind == "log" else whole
    ticks = {"values": scene.steps} if scene.steps else {"tickCount": 5}
    axis = alt.Axis(**ticks, **look_of_numbers, domain=False, ticks=False, grid=False)
    y_scale = alt.Scale(domain=_domain(scene), nice=False, zero=False, padding=4)
    y_axis = alt.Axis(tickCount=5, domain=False, ticks=False)
    x = alt.X(f"{field}:Q", scale=x_scale, axis=axis, title=scene.found.title)
    title = (
        axis_title(scene.metric)
        if columns == 1
        else axis_title(scene.metric).replace(" on held-out pictures", "")
    )
    y = alt.Y("score:Q", scale=y_scale, axis=y_axis, title=title)
    look = {
        "color": alt.Color("color:N", scale=None, legend=None),
        "shape": alt.Shape("shape:N", scale=None, legend=None),
    }
    marks = (
        alt.Chart(alt.NamedData("points"))
        .mark_point(filled=False, strokeWidth=1.1)
        .encode(
            x=x,
            y=y,
            size=alt.Size("area:Q", scale=None, legend=None),
            stroke=alt.Stroke("color:N", scale=None, legend=None),
            shape=look["shape"],
        )
    )
    bins = alt.Chart(alt.NamedData("bins"))
    rules = bins.mark_rule(strokeWidth=2.2).encode(
        x=x, y=alt.Y("low:Q", scale=y_scale, axis=y_axis, title=title), y2=alt.Y2("high:Q"),
        color=look["color"],
    )  # fmt: skip
    means = bins.mark_point(filled=True, size=110, opacity=1, stroke="var(--page)").encode(
        x=x, y=y, **look
    )
    lines = bins.mark_line(strokeWidth=1.4, strokeDash=[3, 3]).encode(
        x=x, y=y, color=look["color"], detail=alt.Detail("strategy:N")
    )
    layers = [marks, lines, rules, means]
    if name:
        own = alt.FieldEqualPredicate(field="optimizer", equal=name)
        layers = [layer.transform_filter(own) for layer in layers]
    height = 220 if columns == 1 else 190
    return layered(*layers, width=width, height=height, **({"title": name} if name else {}))


def _domain(scene: EffectScene) -> list[float]:
    factor = _factor(scene.metric)
    bins = [b for effect in scene.found.effects for b in effect.bins]
    values = [factor * scene.scores[row.trial] for row in scene.drawn]
    low = min(values + [factor * b.mean_low for b in bins])
    high = max(values + [factor * b.mean_high for b in bins])
    if is_percent(scene.metric):
        return [max(0.0, low), min(100.0, high)]
    return [max(0.0, low), high]


def _point(scene: EffectScene, row: Configuration) -> dict[str, object]:
    return {
        "trial": row.trial,
        scene.found.setting: row.config[scene.found.setting],
        "score": _factor(scene.metric) * scene.scores[row.trial],
        "optimizer": str(row.config.get("optimizer", "")),
        "color": color(row.strategy),
        "shape": shape(row.strategy),
        "area": COMPLETE_AREA if row.rank else DROPPED_AREA,
    }


def _bins(scene: EffectScene, effect: Effect) -> list[dict[str, object]]:
    """Return the means of an effect; one over all optimisers stands in no panel of one."""
    if bool(effect.optimizer) != bool(scene.panels):
        return []
    factor = _factor(scene.metric)
    logarithmic = scene.found.setting == LEARNING_RATE
    aside = 0.0 if logarithmic else scene.beside(effect)
    return [
        {
            "strategy": effect.strategy,
            "optimizer": effect.optimizer,
            scene.found.setting: math.sqrt(b.low * b.high)
            if logarithmic
            else (b.low + b.high) / 2 + aside,
            "score": factor * b.mean,
            "low": factor * b.mean_low,
            "high": factor * b.mean_high,
            "color": color(effect.strategy),
            "shape": shape(effect.strategy),
        }
        for b in effect.bins
    ]


def _factor(metric: str) -> float:
    return 100.0 if is_percent(metric) else 1.0
