"""The page that compares runs, from its facts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from autosmall.report import numbers
from autosmall.report.charts.intervals import IntervalRow, interval_figure
from autosmall.report.charts.marks import color, ordered, shape
from autosmall.report.charts.render import Figure
from autosmall.report.comparison import ComparedRun, Comparison
from autosmall.report.html import render_frame

SECTIONS = (
    ("expected", "What did each run find?"),
    ("strategies", "Which strategy was best where?"),
    ("settings", "How do the runs differ?"),
)
"""Anchor and heading of each section; the template is ``comparison/<anchor>.html.j2``."""


@dataclass(frozen=True)
class ComparisonFigures:
    """``expected``: one figure per metric. ``strategies``: one per run."""

    expected: tuple[Figure, ...]
    strategies: tuple[Figure, ...]


def render_comparison(facts: Comparison) -> str:
    """Return the whole page, in the frame that a run's own report has."""
    names = [best.strategy for run in facts.runs for best in run.strategies]
    return render_frame(
        "comparison.html.j2",
        facts.runs[0].metric,
        SECTIONS,
        folder="comparison/",
        facts=facts,
        figures=build_comparison_figures(facts.runs),
        legend=ordered(names),
        metric_words=numbers.METRIC_WORDS,
        score_of=numbers.score_text,
        interval_of=numbers.interval_text,
        signed_of=numbers.signed_text,
        signed_interval_of=numbers.signed_interval_text,
    )


def build_comparison_figures(runs: Sequence[ComparedRun]) -> ComparisonFigures:
    """Return the figures; Altair is loaded only where there is something to draw."""
    return ComparisonFigures(
        tuple(_expected(runs)),
        tuple(_strategies(run) for run in runs if run.strategies),
    )


def _expected(runs: Sequence[ComparedRun]) -> Iterator[Figure]:
    known = sorted((run for run in runs if run.recommended), key=lambda run: run.metric)
    for metric, group in groupby(known, key=lambda run: run.metric):
        yield interval_figure(
            metric,
            [_dot(run) for run in group],
            "What to expect of each run's recommendation, corrected for having been picked, in "
            "the mark of its strategy. Lines are 95 % intervals.",
        )


def _dot(run: ComparedRun) -> IntervalRow:
    low, high = run.corrected_interval or (math.nan, math.nan)
    value = math.nan if run.corrected_score is None else run.corrected_score
    strategy = str(run.recommended)
    return IntervalRow(run.name, value, low, high, color(strategy), shape(strategy), strong=True)


def _strategies(run: ComparedRun) -> Figure:
    rows = [
        IntervalRow(
            best.strategy,
            best.score,
            best.low,
            best.high,
            color(best.strategy),
            shape(best.strategy),
        )
        for best in run.strategies
    ]
    caption = f"{run.name}: the best configuration of each strategy, with 95 % intervals."
    return interval_figure(run.metric, rows, caption)
