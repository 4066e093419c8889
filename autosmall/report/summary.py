"""The report on one picture, for a slide or a chat."""

from __future__ import annotations

import re
import textwrap

from markupsafe import Markup

from autosmall.report.charts.render import Figure
from autosmall.report.facts import ReportFacts
from autosmall.report.html import read_template, template_environment
from autosmall.report.numbers import (
    METRIC_WORDS,
    count_text,
    counted,
    interval_text,
    score_text,
    seconds_text,
)

WIDTH_PX, HEIGHT_PX = 1280, 720
SCALE = 1.5
"""Pixels of the file per unit of the drawing."""

HEADLINE_LETTERS, VERDICT_LETTERS, NAME_LETTERS = 76, 78, 120
CHART_PX = (740.0, 330.0)
"""The room that the chart has."""

Tile = tuple[str, str, str]


def render_summary(facts: ReportFacts, strategies: Figure | None) -> bytes:
    """Return the summary as a PNG file of 1920 x 1080 pixels, in the light colours of the page."""
    import vl_convert

    return bytes(vl_convert.svg_to_png(_with_colours(summary_svg(facts, strategies)), scale=SCALE))


def summary_svg(facts: ReportFacts, strategies: Figure | None) -> str:
    """Return the drawing, its colours still those variables that the page defines."""
    headline = _wrapped(facts.headline, HEADLINE_LETTERS, 4)
    verdict = _wrapped(facts.strategies.sentence, VERDICT_LETTERS, 2)
    chart = strategies.wide if strategies else Markup()
    return (
        template_environment()
        .get_template("summary.svg.j2")
        .render(
            width=WIDTH_PX,
            height=HEIGHT_PX,
            name=_shortened(f"AutoSmall: {facts.run} ({facts.dataset})"),
            headline=headline,
            top=104 + 40 * len(headline) + 24,
            verdict=verdict,
            chart=chart,
            scale=_chart_scale(chart),
            tiles=_tiles(facts),
            footer=[_shortened(line) for line in _footer(facts)],
        )
    )


def _tiles(facts: ReportFacts) -> list[Tile]:
    found, trust = facts.recommendation, facts.trust
    folds = counted(trust.fold_count, "fold")
    repeats = f", {trust.repeats} times" if trust.repeats > 1 else ""
    classes = counted(len(trust.class_counts), "class", "classes")
    data = ("Pictures", f"{trust.pictures:,}", f"{classes}, {folds}{repeats}")
    tried = (
        "Tried",
        counted(len(facts.configurations.rows), "configuration"),
        f"in {seconds_text(facts.search.search_seconds)}",
    )
    if found is None:
        return [data, tried]
    low, high = found.corrected_interval
    metric = found.metric
    expected = score_text(metric, found.corrected_score, (high - low) / 2)
    naive = score_text(metric, found.naive_score, (high - low) / 2)
    return [
        (
            f"To be expected ({METRIC_WORDS[metric]})",
            expected,
            f"{interval_text(metric, low, high)}, 95 % interval",
        ),
        ("Before the correction for picking", naive, ""),
        data,
        tried,
        (
            "Size",
            f"{count_text(found.trainable_parameters)} trained",
            f"of {count_text(found.total_parameters)} parameters",
        ),
    ]


def _footer(facts: ReportFacts) -> list[str]:
    """Return the main action, where there is one, and how to make the model."""
    if facts.recommendation is None:
        return [facts.effort]
    actions = facts.next_steps.actions
    first = [f"Next: {actions[0].action}"] if actions else []
    return [*first, f"To make the model: {facts.recommendation.retrain_command}"]


def _wrapped(text: str, letters: int, lines: int) -> list[str]:
    return textwrap.wrap(text, letters, max_lines=lines, placeholder=" \N{HORIZONTAL ELLIPSIS}")


def _shortened(text: str) -> str:
    return textwrap.shorten(text, NAME_LETTERS, placeholder=" \N{HORIZONTAL ELLIPSIS}")


def _chart_scale(chart: str) -> float:
    """Return what makes the chart fill its room."""
    size = re.search(r'width="([\d.]+)" height="([\d.]+)"', chart)
    if size is None:
        return 1.0
    return min(room / float(own) for room, own in zip(CHART_PX, size.groups(), strict=True))


def _with_colours(svg: str) -> str:
    """Return ``svg`` with the page's variables replaced by their values in light mode."""
    light = read_template("page.css").split("@media")[0]
    colours = dict(re.findall(r"(--[\w-]+): ([^;]+);", light))
    return re.sub(r"var\((--[\w-]+)\)", lambda found: str(colours[found.group(1)]), svg)
