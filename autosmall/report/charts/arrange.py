"""Marks made with Altair, arranged as plain Vega-Lite.

Altair copies all parts of a chart several times over on each level of an arrangement, which took
longer than everything else about the figures of a report. For the same reason encodings are
given as channels, ``text=alt.Text("text:N")``: for each plain text Altair goes through all of its
classes, which takes it 6 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Specification = dict[str, Any]


def layered(
    *layers: Any, width: int, height: int | Mapping[str, float], **properties: object
) -> Specification:
    """Return Altair charts of one kind of mark each as layers, the first at the bottom.

    ``width`` and ``height`` are the plot's in pixels, the latter possibly ``{"step": pixels}``;
    ``properties`` are more of Vega-Lite's, such as ``title`` and ``padding``.
    """
    parts = [_part(layer) for layer in layers]
    return {"layer": parts, "width": width, "height": height, **properties}


def in_columns(*parts: Specification, columns: int, spacing_px: int) -> Specification:
    """Return plots in rows of ``columns`` each, or the only one alone."""
    if len(parts) == 1:
        return parts[0]
    return {"concat": list(parts), "columns": columns, "spacing": spacing_px}


def _part(chart: Any) -> Specification:
    """Return a chart as a part of a larger one: without what only a whole one has."""
    whole: Specification = chart.to_dict(validate=False)
    return {name: value for name, value in whole.items() if name not in ("$schema", "config")}
