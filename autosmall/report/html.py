"""The page, rendered from facts and figures alone; every text from data is escaped."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from functools import partial
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autosmall.report import numbers
from autosmall.report.charts import marks
from autosmall.report.charts.build import Figures
from autosmall.report.charts.small_curves import in_words as curves_in_words
from autosmall.report.charts.small_curves import small_curves
from autosmall.report.facts import ReportFacts
from autosmall.report.sections.effects import span
from autosmall.report.setting_words import setting_words

SECTIONS = (
    ("use", "What should I use, and how good will it be?"),
    ("trust", "Can I trust this number?"),
    ("next", "What should I do next?"),
    ("strategies", "Which strategy suits my pictures?"),
    ("price", "What is the price of a bigger model here?"),
    ("training", "Did training go well?"),
    ("settings", "Which settings mattered?"),
    ("mistakes", "Where is it wrong, and how sure is it?"),
    ("data", "What is in my data?"),
    ("more", "Would more pictures help?"),
    ("configurations", "All configurations, ranked"),
    ("search", "How did the search go?"),
    ("repeat", "How do I repeat it?"),
)
"""Anchor and heading of each section, in reading order; the template is ``<anchor>.html.j2``."""


def render_page(facts: ReportFacts, figures: Figures) -> str:
    """Return the whole page: one file, no request, scripts for what one may touch."""
    return render_frame(
        "page.html.j2",
        facts.metric,
        SECTIONS,
        scripts=_scripts(figures),
        facts=facts,
        figures=figures,
        strategy_names=marks.ordered([row.strategy for row in facts.strategies.rows]),
        drawn_strategies=marks.ordered([point.strategy for point in facts.tradeoff.points]),
    )


def render_frame(
    template: str,
    metric: str,
    sections: Sequence[tuple[str, str]],
    *,
    folder: str = "",
    scripts: Sequence[str] = (),
    **values: object,
) -> str:
    """Return the page that ``template`` fills the frame with; ``metric`` is what filters assume.

    ``sections`` are anchor and heading each, and ``folder`` is where their templates are, with a
    slash at its end. ``scripts`` run in their order, after the one that every page has; ``values``
    are for the templates.
    """
    all_scripts = [read_template("page.js"), *scripts]
    environment = _environment(metric)
    # Compiled before rendering, which may have to wait for figures that are still being drawn.
    for anchor, _ in sections:
        environment.get_template(f"{folder}{anchor}.html.j2")
    return environment.get_template(template).render(
        sections=sections,
        folder=folder,
        scripts=[Markup(script) for script in all_scripts],
        script_hashes=[_digest(script) for script in all_scripts],
        style=Markup(read_template("page.css")),
        **values,
    )


def _scripts(figures: Figures) -> list[str]:
    """Return the scripts of the table and, where there are linked charts, what draws them."""
    table = read_template("ranking.js")
    if figures.linked is None:
        return [table]
    return [table, figures.linked.bundle, read_template("linked.js")]


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def template_environment() -> Environment:
    """Return what reads the templates: every text is escaped, and what is not given is an error."""
    return Environment(
        loader=PackageLoader("autosmall.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _environment(metric: str) -> Environment:
    environment = template_environment()
    environment.filters |= {
        "score": partial(numbers.score_text, metric),
        "points": partial(numbers.points_text, metric),
        "signed": partial(numbers.signed_text, metric),
        "recall_points": partial(numbers.signed_text, "accuracy"),
        "signed_loss": partial(numbers.signed_text, "log_loss"),
        "count": numbers.count_text,
        "range_share": numbers.range_share_text,
        "seconds": numbers.seconds_text,
        "short": lambda value: f"{value:.4g}" if isinstance(value, float) else value,
        "words": lambda name: name.replace("_", " "),
        "setting_words": setting_words,
        "breakable": breakable,
        "whole_options": whole_options,
        "sortable": lambda value: f"{value:.6g}" if isinstance(value, float) else value,
        "unbroken": unbroken,
    }
    environment.tests["finite"] = math.isfinite
    environment.globals |= {
        "interval": partial(numbers.interval_text, metric),
        "interval_in_column": partial(numbers.interval_text, metric, decimals=1),
        "signed_interval": partial(numbers.signed_interval_text, metric),
        "counted": numbers.counted,
        "symbol": marks.symbol,
        "symbols": marks.symbols,
        "cell_places": lambda cells: {(cell.truth, cell.predicted) for cell in cells},
        "small_curves": small_curves,
        "curves_in_words": curves_in_words,
        "span": span,
        "marks_of": marks.ordered,
        "metric_words": numbers.METRIC_WORDS[metric],
        "in_points": " (points)" if numbers.is_percent(metric) else "",
    }
    return environment


def breakable(path: str) -> Markup:
    """Return a path, escaped, that breaks after its separators rather than inside of words.

    >>> breakable("ring/img_<1>.png")
    Markup('ring/<wbr>img_<wbr>&lt;1&gt;.png')
    """
    return Markup(re.sub(r"([/\\_-])(?=.)", r"\1<wbr>", str(escape(path))))


def unbroken(sentence: str) -> Markup:
    r"""Return a sentence, escaped, that parts no number from its % and no option at its hyphens.

    >>> unbroken("95 % with --test")
    Markup('95\xa0% with <span class="whole">--test</span>')
    """
    kept = str(escape(sentence)).replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(re.sub(_OPTION, r'<span class="whole">\g<0></span>', kept))


def whole_options(command: str) -> Markup:
    """Return a command, escaped, that breaks before its options and not after their hyphens.

    >>> whole_options("autosmall retrain 'a & b' --trial 3")
    Markup('autosmall retrain &#39;a &amp; b&#39; <span>--trial</span> 3')
    """
    return Markup(re.sub(rf"(?<= ){_OPTION}", r"<span>\g<0></span>", str(escape(command))))


_OPTION = r"--[a-z]+(?:-[a-z]+)*"


def read_template(name: str) -> str:
    """Return a file of the folder of templates, as text."""
    return (resources.files("autosmall.report") / "templates" / name).read_text(encoding="utf-8")
