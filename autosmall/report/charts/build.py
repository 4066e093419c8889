"""All figures of a report, from its facts."""

from __future__ import annotations

from dataclasses import dataclass

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
from autosmall.report.facts import DrawnFacts, ReportFacts
from autosmall.report.sections.recommendation import Recommendation


@dataclass(frozen=True)
class Figures:
    """The figures that the facts allow; ``None`` or empty where there is nothing to draw."""

    recommendation: Figure | None
    strategies: Figure | None
    scatter: Figure | None
    gap: Figure | None
    front: Figure | None
    curves: tuple[Figure, ...]
    ill_curves: tuple[Figure, ...]
    importance: tuple[Figure, ...]
    reliability: Figure | None
    rare_class: Figure | None
    sample_size: Figure | None
    search: Figure | None
    effects: tuple[Figure, ...]
    settings: Figure | None
    linked: Linked | None


def build_figures(facts: DrawnFacts | ReportFacts) -> Figures:
    """Return all figures. Altair and vl_convert are loaded only when there is one to draw."""
    shown, scaled = frozenset(facts.configurations.shown), facts.calibration
    points = [point for point in facts.tradeoff.points if point.trial in shown]
    steps = facts.search.steps
    rows = [row for row in facts.configurations.page_rows if row.rank]
    axes = find_axes(facts.metric, rows)
    grown = facts.sample_size.curves
    scenes = effect_scenes(facts)
    drawn = LinkedFigures(
        scatter=scatter_figure(facts.metric, points) if has_train_scores(points) else None,
        gap=gap_figure(facts.metric, points) if has_sizes(points) else None,
        scenes=scenes,
        effects=[effect_figure(scene) for scene in scenes],
        axes=axes,
        settings=settings_figure(facts.metric, rows, axes) if len(axes) > 1 else None,
    )
    return Figures(
        recommendation=_recommendation(facts.recommendation) if facts.recommendation else None,
        strategies=_strategies(facts),
        scatter=drawn.scatter,
        gap=drawn.gap,
        front=_front(facts),
        curves=tuple(curves_figure(leader) for leader in facts.training.leaders),
        ill_curves=tuple(curves_figure(example) for example in facts.training.examples),
        importance=tuple(importance_figure(group) for group in facts.importance.groups),
        reliability=reliability_figure(scaled.before, scaled.after) if scaled else None,
        rare_class=rare_class_figure(facts.rare_class.curves) if facts.rare_class else None,
        sample_size=sample_size_figure(facts.metric, grown) if grown else None,
        search=search_figure(facts.metric, steps, shown) if len(steps) > 1 else None,
        effects=tuple(drawn.effects),
        settings=drawn.settings,
        linked=link(facts, drawn),
    )


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


def _front(facts: DrawnFacts | ReportFacts) -> Figure | None:
    front = facts.tradeoff.choices.front
    kept = {*facts.configurations.shown, *(row.trial for row in front)}
    points = [point for point in facts.tradeoff.points if point.trial in kept]
    return front_figure(facts.metric, points, front) if points else None


def _strategies(facts: DrawnFacts | ReportFacts) -> Figure | None:
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
