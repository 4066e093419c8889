"""Durations as people write them."""

from __future__ import annotations

import re

from autosmall.errors import SettingsError

_SECONDS = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> float:
    """Return seconds for texts such as ``90s``, ``10m``, ``2h`` and ``1h30m``.

    Raises :class:`~autosmall.errors.SettingsError` for anything else, and for a total of 0.
    """
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip())
    values = parts.groups() if parts else ()
    seconds = sum(int(v) * _SECONDS[unit] for v, unit in zip(values, "hms", strict=False) if v)
    if seconds <= 0:
        raise SettingsError(
            f"the duration {text!r}",
            "hours, minutes, seconds, more than nothing: 90s, 10m, 2h, 1h30m",
            "give for example --time-budget 10m",
        )
    return float(seconds)
