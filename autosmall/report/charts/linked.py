"""The charts that are brushed together with the table, and what the page's script needs for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autosmall.report.charts.bundle import vega_bundle
from autosmall.report.charts.effects import EffectScene, effect_chart
from autosmall.report.charts.live import (
    LiveChart,
    columns,
    live_chart,
    page_data,
)
from autosmall.report.charts.render import Figure
from autosmall.report.charts.settings import Axis, settings_chart
from autosmall.report.facts import ReportFacts
from autosmall.report.gathering import FactsInMaking
from autosmall.report.numbers import METRIC_WORDS, is_percent
from autosmall.report.sections.configurations import Configuration
from autosmall.report.setting_words import setting_title
from autosmall.schema.config import Value


@dataclass(frozen=True)
class Linked:
    """What the page embeds: the charts' names, their data as JSON, and the script that draws."""

    names: tuple[str, ...]
    data: str
    bundle: str


def link(facts: FactsInMaking | ReportFacts, drawn: LinkedFigures) -> Linked | None:
    """Return the linked charts of what the page shows, or ``None`` where there is none."""
    table = quantities(facts.metric, scored_rows(facts), facts.effects.by_trial)
    charts = drawn.charts(table)
    if not charts:
        return None
    names = tuple(chart.name for chart in charts)
    return Linked(names, page_data(charts, table), vega_bundle())


@dataclass(frozen=True)
class LinkedFigures:
    """The static figures that get a live chart in their place; ``None`` where there is nothing."""

    scatter: Figure | None
    gap: Figure | None
    scenes: Sequence[EffectScene]
    effects: Sequence[Figure]
    axes: Sequence[Axis]
    settings: Figure | None

    def charts(self, table: Mapping[str, Any]) -> list[LiveChart]:
        """Return them as live charts, whose brushes refer to ``table``."""
        plain = {"scatter": self.scatter, "gap": self.gap}
        charts = [live_chart(name, drawn) for name, drawn in plain.items() if drawn is not None]
        for scene, drawn in zip(self.scenes, self.effects, strict=True):
            charts.append(effect_chart(scene, drawn, table))
        if self.settings is not None:
            charts.append(settings_chart(self.settings, self.axes))
        return charts


def effect_scenes(facts: FactsInMaking | ReportFacts) -> list[EffectScene]:
    """Return what the charts of single settings show, in the order of the facts."""
    rows, found = scored_rows(facts), facts.effects
    return [EffectScene(facts.metric, one, rows, found.by_trial) for one in found.settings]


def scored_rows(facts: FactsInMaking | ReportFacts) -> list[Configuration]:
    """Return the configurations on the page that have a score on some fold."""
    scores = facts.effects.by_trial
    return [row for row in facts.configurations.page_rows if row.rank or row.trial in scores]


def quantities(
    metric: str, rows: Sequence[Configuration], scores: Mapping[int, float]
) -> dict[str, Any]:
    """Return by field what can be brushed: a label for the reader, and a value per trial.

    Scores are in the unit of the charts (percent and points, or plain log losses); those of
    ``scores`` stand for configurations that did not finish.
    """
    settings = sorted({name for row in rows for name in row.config})
    found = columns([_values(metric, row, settings, scores) for row in rows])
    labels = _labels(metric) | {name: setting_title(name) for name in settings}
    return {
        name: {"label": labels.get(name, ""), "values": values} for name, values in found.items()
    }


def _values(
    metric: str, row: Configuration, settings: Sequence[str], scores: Mapping[int, float]
) -> Mapping[str, object]:
    factor = 100.0 if is_percent(metric) else 1.0
    numbers = {
        "score": factor * (row.score if row.rank else scores[row.trial]),
        "train": factor * row.train_score,
        "gap": factor * row.gap,
        "size": row.parameters_per_picture,
        "parameters": float(row.trainable_parameters),
        "seconds": row.fit_seconds,
    }
    finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return {
        "trial": row.trial,
        **finite,
        **{name: _plain(row.config.get(name)) for name in settings},
    }


def _plain(value: Value | None) -> Value | None:
    return str(value) if isinstance(value, bool) else value


def _labels(metric: str) -> dict[str, str]:
    words, percent = METRIC_WORDS[metric], is_percent(metric)
    return {
        "score": f"{words} on held-out pictures" + (" (%)" if percent else ""),
        "train": f"{words} in training" + (" (%)" if percent else ""),
        "gap": "gap" + (" (points)" if percent else ""),
        "size": "trainable parameters per picture",
        "parameters": "trainable parameters",
        "seconds": "seconds per fit",
    }
