"""Charts of one row per name: the axis that names them, and the room that names take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def row_names(field: str, names: Sequence[str], width: int) -> Any:
    """Return the encoding of rows by the data's ``field``, in the order of ``names``."""
    import altair as alt

    return alt.Y(
        f"{field}:N",
        sort=list(names),
        title=None,
        axis=alt.Axis(
            domain=False,
            ticks=False,
            labelPadding=8,
            labelLimit=width // 2,
            labelColor="var(--ink)",
        ),
    )


def overhang_px(names: Sequence[str]) -> int:
    """Return by how much names may exceed the room that Vega measures for them.

    Browsers' fonts run up to a third wider than the one that it measures with.
    """
    return round(2.4 * max(map(len, names)))


def name_px(names: Sequence[str]) -> int:
    """Return about how wide the longest name is by Vega's measure."""
    return round(6.2 * max(map(len, names)))


def row_padding(names: Sequence[str]) -> dict[str, int]:
    """Return the chart's padding in pixels, the names' overhang included."""
    return {"left": 4 + overhang_px(names), "right": 24, "top": 4, "bottom": 4}
