"""The tables that ``autosmall backbones`` prints, within 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autosmall.models.backbone_listing import BackboneListing, BackboneRow

if TYPE_CHECKING:
    from autosmall.models.backbone_summary import BackboneSummary

WIDTH = 100
_NOTES = (
    "weights: without classifier. pixels: what the network is given; scaling is done for you.",
    "Licences: as the weights were published; ImageNet's pictures have terms of their own.",
    "Download one: autosmall backbones fetch NAME, or a preset of KerasHub: fetch hub:PRESET.",
    "Its blocks: autosmall backbones show NAME. A file of yours: autosmall backbones add.",
)


def listing_lines(listing: BackboneListing) -> Iterator[str]:
    """Yield the table of all backbones, what is wrong with some, and what to do next."""
    head = ("backbone", "weights", "map", "pixels", "min", "licence", "where")
    yield from _table([head, *(_cells(row) for row in listing.rows)], right={1, 2, 4})
    yield ""
    for row in listing.rows:
        if row.remark:
            yield from textwrap.wrap(f"{row.name}: {row.remark}", WIDTH)
    looked = "; ".join(_short(place) for place in listing.looked_in)
    yield from textwrap.wrap(f"Looked in: {looked}", WIDTH, break_long_words=False)
    yield from _NOTES


def summary_lines(name: str, summary: BackboneSummary, layers: bool) -> Iterator[str]:
    """Yield the blocks from top to bottom, with all their layers where asked for."""
    yield f"{name}: {summary.parameters:,} weights, {summary.features} features"
    yield ""
    head = ("depth", "block", "begins with", "gives", "weights")
    rows = [
        (
            str(depth),
            block.name,
            block.begins_with,
            " x ".join(map(str, block.map_shape)),
            f"{block.parameters:,}",
        )
        for depth, block in enumerate(summary.blocks, 1)
    ]
    table = list(_table([head, *rows], right={0, 4}))
    yield table[0]
    for line, block in zip(table[1:], summary.blocks, strict=True):
        yield line
        if layers:
            yield from _wrapped(block.layers)
    yield ""
    sizes = (f"{name} {last:,} or {several:,}" for name, (last, several) in summary.pooled.items())
    yield f"Features by pooling, of the last layer or several: {'; '.join(sizes)}"
    yield "fine_tune trains from the top down to depth trainable_blocks. Pictures here: 224 x 224."
    count = len(summary.batch_normalizations)
    yield f"BatchNormalization, always in inference mode: {count or 'none'}"
    yield from _wrapped(summary.batch_normalizations)


def _cells(row: BackboneRow) -> tuple[str, ...]:
    return (
        row.name,
        _millions(row.parameters),
        str(row.features or "?"),
        row.input_range,
        str(row.smallest_px),
        row.licence,
        _short(row.weights),
    )


def _millions(parameters: int | None) -> str:
    if parameters is None:
        return "?"
    millions = parameters / 1e6
    return f"{millions:.2f} M" if millions < 10 else f"{millions:.1f} M"


def _short(place: str) -> str:
    home = str(Path.home())
    return "~" + place[len(home) :] if place.startswith(home + "/") else place


def _table(rows: Sequence[tuple[str, ...]], right: set[int]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _wrapped(names: Sequence[str]) -> Iterator[str]:
    yield from textwrap.wrap(
        ", ".join(names), WIDTH, initial_indent="       ", subsequent_indent="       "
    )
