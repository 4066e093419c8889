"""All figures of a report, from its facts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autosmall.report.charts.curves import curves_figure
from autosmall.report.charts.effects import effect_figure
from autosmall.report.charts.front import front_figure
from autosmall.report.charts.importance import importance_figure
from autosmall.report.charts.intervals import IntervalRow, interval_figure
from autosmall.report.charts.linked import Linked, LinkedFigures, effect_scenes, link
from autosmall.report.charts.marks import color, shape
from autosmall.report.charts.rare_class import rare_class_figure
from autosmall.report.charts.reliability import reliability_figure
from autosmall.report.charts.render import Figure
from autosmall.report.charts.sample_size import sample_size_figure
from autosmall.report.charts.search import search_figure
from autosmall.report.charts.settings import find_axes, settings_figure
from autosmall.report.charts.tradeoff import gap_figure, has_sizes, has_train_scores, scatter_figure
from autosmall.report.facts import ReportFacts
from autosmall.report.gathering import FactsInMaking
from autosmall.report.sections.recommendation import Recommendation


@dataclass(frozen=True)
class Figures:
    """The figures that the facts allow; ``None`` or empty where there is nothing to draw."""

    recommendation: Figure | None
    strategies: Figure | None
    curves: tuple[Figure, ...]
    ill_curves: tuple[Figure, ...]
    reliability: Figure | None
    rare_class: Figure | None
    sample_size: Figure | None
    search: Figure | None
    scatter: Figure | None = None
    gap: Figure | None = None
    front: Figure | None = None
    effects: tuple[Figure, ...] = ()
    settings: Figure | None = None
    linked: Linked | None = None
    importance: tuple[Figure, ...] = ()


def build_figures(facts: FactsInMaking | ReportFacts) -> Figures:
    """Return all figures, those first whose facts cost least.

    Altair and vl_convert are loaded only when there is one to draw.
    """
    scaled, grown = facts.calibration, facts.sample_size.curves
    first = Figures(
        recommendation=_recommendation(facts.recommendation) if facts.recommendation else None,
        strategies=_strategies(facts),
        curves=tuple(curves_figure(leader) for leader in facts.training.leaders),
        ill_curves=tuple(curves_figure(example) for example in facts.training.examples),
        reliability=reliability_figure(scaled.before, scaled.after) if scaled else None,
        rare_class=rare_class_figure(facts.rare_class.curves) if facts.rare_class else None,
        sample_size=sample_size_figure(facts.metric, grown) if grown else None,
        search=_search(facts),
    )
    drawn = _linked_figures(facts)
    return replace(
        first,
        scatter=drawn.scatter,
        gap=drawn.gap,
        front=_front(facts),
        effects=tuple(drawn.effects),
        settings=drawn.settings,
        linked=link(facts, drawn),
        importance=tuple(importance_figure(group) for group in facts.importance.groups),
    )


def _linked_figures(facts: FactsInMaking | ReportFacts) -> LinkedFigures:
    rows = [row for row in facts.configurations.page_rows if row.rank]
    axes, scenes = find_axes(facts.metric, rows), effect_scenes(facts)
    shown = frozenset(facts.configurations.shown)
    effects = [effect_figure(scene) for scene in scenes]
    points = [point for point in facts.tradeoff.points if point.trial in shown]
    return LinkedFigures(
        scatter=scatter_figure(facts.metric, points) if has_train_scores(points) else None,
        gap=gap_figure(facts.metric, points) if has_sizes(points) else None,
        scenes=scenes,
        effects=effects,
        axes=axes,
        settings=settings_figure(facts.metric, rows, axes) if len(axes) > 1 else None,
    )


def _search(facts: FactsInMaking | ReportFacts) -> Figure | None:
    steps, shown = facts.search.steps, frozenset(facts.configurations.shown)
    return search_figure(facts.metric, steps, shown) if len(steps) > 1 else None


def _recommendation(found: Recommendation) -> Figure:
    missing = float("nan")
    low, high = found.corrected_interval
    rows = [
        IntervalRow(
            "to be expected",
            found.corrected_score,
            low,
            high,
            "var(--accent)",
            "circle",
            strong=True,
        ),
        IntervalRow("naive score", found.naive_score, missing, missing, "var(--muted)", "circle"),
    ]
    rows += [
        IntervalRow(r.short_name, r.score, r.low, r.high, "var(--muted)", "diamond")
        for r in found.references
    ]
    return interval_figure(
        found.metric,
        rows,
        "What to expect of the recommended configuration, corrected for having been picked, "
        "beside its naive score and the simplest things that one could do. Lines are 95 % "
        "intervals.",
    )


def _front(facts: FactsInMaking | ReportFacts) -> Figure | None:
    front = facts.tradeoff.choices.front
    kept = {*facts.configurations.shown, *(row.trial for row in front)}
    points = [point for point in facts.tradeoff.points if point.trial in kept]
    return front_figure(facts.metric, points, front) if points else None


def _strategies(facts: FactsInMaking | ReportFacts) -> Figure | None:
    rows = [
        IntervalRow(
            row.strategy, row.score, row.low, row.high, color(row.strategy), shape(row.strategy)
        )
        for row in facts.strategies.rows
        if row.score is not None and row.low is not None and row.high is not None
    ]
    if not rows:
        return None
    return interval_figure(
        facts.metric,
        rows,
        "The best configuration of each strategy, all on the same folds. Lines are 95 % intervals "
        "of one configuration; whether two differ is told by the paired differences below.",
    )
