"""Numbers as people read them: percent and points, with the digits that the uncertainty allows."""

from __future__ import annotations

import math

from autosmall.analysis.paired import PairedDifference
from autosmall.schema.settings import METRICS

METRIC_WORDS = {name: name.replace("_", " ") for name in METRICS} | {
    "roc_auc": "area under the ROC curve",
    "f1_macro": "macro F1",
}
"""Metric to its name in a sentence."""

MISSING = "–"


def is_percent(metric: str) -> bool:
    """Tell whether scores of ``metric`` are shown in percent: all but ``log_loss``."""
    return metric != "log_loss"


def decimals_for(half_width: float) -> int:
    """Return how many decimals a percentage deserves whose interval reaches this far (0 to 1).

    >>> decimals_for(0.08), decimals_for(0.01), decimals_for(0.001)
    (0, 1, 2)
    """
    if not math.isfinite(half_width) or half_width <= 0:
        return 1
    if half_width >= 0.02:
        return 0
    return 1 if half_width >= 0.002 else 2


def score_text(metric: str, value: float, half_width: float = math.nan) -> str:
    """Return a score with its unit.

    >>> score_text("accuracy", 0.8333), score_text("accuracy", 0.8333, 0.09)
    ('83.3 %', '83 %')
    >>> score_text("log_loss", 0.6436)
    '0.644'
    """
    if not math.isfinite(value):
        return MISSING
    if is_percent(metric):
        return f"{100 * value:.{decimals_for(half_width)}f} %"
    return f"{value:.{2 if half_width >= 0.02 else 3}f}"


def interval_text(metric: str, low: float, high: float, decimals: int | None = None) -> str:
    """Return both ends of an interval; shares are cut to what is possible.

    ``decimals`` of a percentage are as many as the interval allows unless given, as for a column
    of a table.

    >>> interval_text("accuracy", 0.742, 1.02), interval_text("accuracy", 0.742, 0.9, 1)
    ('74 to 100 %', '74.2 to 90.0 %')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    if not is_percent(metric):
        return f"{max(0.0, low):.2f} to {high:.2f}"
    if decimals is None:
        decimals = decimals_for((high - low) / 2)
    low, high = max(0.0, low), min(1.0, high)
    return f"{100 * low:.{decimals}f} to {100 * high:.{decimals}f} %"


def points_text(metric: str, difference: float, half_width: float = math.nan) -> str:
    """Return the size of a difference of scores, without its sign.

    >>> points_text("accuracy", -0.031, 0.01), points_text("accuracy", 0.01, 0.05)
    ('3.1 points', '1 point')
    """
    if not math.isfinite(difference):
        return MISSING
    if not is_percent(metric):
        return f"{abs(difference):.2f}"
    number = f"{abs(100 * difference):.{decimals_for(half_width)}f}"
    return f"{number} point" if number == "1" else f"{number} points"


def signed_text(metric: str, difference: float) -> str:
    """Return a difference with its sign, in points, for tables.

    >>> signed_text("accuracy", -0.031), signed_text("log_loss", 0.2)
    ('−3.1', '+0.200')
    """
    if not math.isfinite(difference):
        return MISSING
    number = f"{100 * difference:+.1f}" if is_percent(metric) else f"{difference:+.3f}"
    if float(number) == 0:
        return number[1:]
    return number.replace("-", "−")


def signed_interval_text(metric: str, low: float, high: float) -> str:
    """Return both ends of the interval of a difference, signed, for tables and sentences.

    >>> signed_interval_text("accuracy", -0.031, 0.012)
    '−3.1 to +1.2'
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    return f"{signed_text(metric, low)} to {signed_text(metric, high)}"


def span_text(metric: str, found: PairedDifference) -> str:
    """Return a difference with its interval, both with the digits that it allows.

    >>> span_text("accuracy", PairedDifference(0.041, 0.012, 0.068, 0.01))
    '4 (1 to 7) points'
    >>> span_text("log_loss", PairedDifference(-0.1, -0.3, 0.1, 0.3))
    '−0.10 (−0.30 to +0.10)'
    """
    values = (found.difference, found.low, found.high)
    if not all(map(math.isfinite, values)):
        return MISSING
    sign = "" if found.low > 0 else "+"
    if not is_percent(metric):
        middle, low, high = (f"{value:{sign}.2f}".replace("-", "−") for value in values)
        return f"{middle} ({low} to {high})"
    digits = decimals_for((found.high - found.low) / 2)
    middle, low, high = (_signless_zero(f"{100 * v:{sign}.{digits}f}") for v in values)
    return f"{middle} ({low} to {high}) points"


def _signless_zero(number: str) -> str:
    return number[1:] if float(number) == 0 and number[0] in "+-" else number.replace("-", "−")


def range_share_text(share: float) -> str:
    """Return a share of the range from black to white, in percent.

    >>> range_share_text(0.0314), range_share_text(0.182)
    ('3.1 %', '18 %')
    """
    if not math.isfinite(share):
        return MISSING
    return f"{100 * share:.{0 if share >= 0.1 else 1}f} %"


def count_text(value: float) -> str:
    """Return a count in three digits at most, with its unit of thousands.

    >>> count_text(972), count_text(1539), count_text(1843000), count_text(0.031)
    ('972', '1,539', '1.84 million', '0.03')
    """
    if not math.isfinite(value):
        return MISSING
    if 0 < value < 0.095:
        return f"{value:.1g}"
    if value < 10_000:
        return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
    if value < 999_500:
        return f"{value / 1000:.3g} thousand"
    return f"{value / 1e6:,.3g} million" if value < 1e9 else f"{value / 1e9:,.3g} billion"


def seconds_text(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> seconds_text(0.04), seconds_text(31), seconds_text(312.5), seconds_text(7260)
    ('0.04 s', '31 s', '5 min 13 s', '2 h 1 min')
    >>> seconds_text(0.0042), seconds_text(0.0002), seconds_text(0.0)
    ('4 ms', 'under 1 ms', '0 s')
    """
    if not math.isfinite(seconds):
        return MISSING
    if 0 < seconds < 0.001:
        return "under 1 ms"
    if 0 < seconds < 0.01:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def chance_text(probability: float) -> str:
    """Return a probability in percent, never as certain.

    >>> chance_text(0.424), chance_text(0.9996), chance_text(0.0), chance_text(math.nan)
    ('42 %', 'over 99 %', 'under 1 %', '–')
    """
    if not math.isfinite(probability):
        return MISSING
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "fold"), counted(5, "fold"), counted(2, "class", "classes")
    ('1 fold', '5 folds', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: list[str]) -> str:
    """Return words joined as in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
