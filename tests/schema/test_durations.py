"""Durations as people write them."""

from __future__ import annotations

import pytest

from autosmall.errors import SettingsError
from autosmall.schema.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1m05s", 65)]
)
def test_understood(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "-5m", "0s", "5d", "1.5h", "m", "10m5"])
def test_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="duration"):
        parse_duration(text)
