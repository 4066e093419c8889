"""Values of settings as people read them."""

from __future__ import annotations


def brief_number(value: float) -> str:
    """Return a number in two digits, those before its point in full.

    >>> brief_number(192), brief_number(0.0491), brief_number(153.2), brief_number(1.8e-5)
    ('192', '0.049', '153', '1.8e-05')
    """
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.2g}"
