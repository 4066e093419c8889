"""Values of settings as people read them."""

from __future__ import annotations

import numpy as np


def brief_number(value: float) -> str:
    """Return a number in two digits, those before its point in full.

    >>> brief_number(192), brief_number(0.0491), brief_number(153.2), brief_number(1.8e-5)
    ('192', '0.049', '153', '0.000018')
    """
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return np.format_float_positional(float(f"{value:.2g}"), trim="-")
