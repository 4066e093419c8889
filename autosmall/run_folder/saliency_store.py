"""Maps of what fold models looked at, in the run folder: one ZIP file per fold.

``assets/00007/fold_02_maps.zip`` holds ``maps.json`` and a JPEG file for each picture that fold 2
of trial 7 held out and was asked about.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autosmall.files import write_bytes
from autosmall.schema.saliency import MOST_MAP_PX, SaliencyMap, StoredMap

QUALITY = 75
LEAST_MAP_PX = 56
"""Smaller pictures are enlarged by a whole number."""
DIMMED = 0.75
"""Brightness of the picture beneath its map."""
STRONGEST = 0.8
"""How far the strongest evidence hides the picture."""

_INDEX = "maps.json"
_SUFFIX = "_maps.zip"


def write_maps(run_dir: Path, trial: int, fold: int, maps: Sequence[SaliencyMap]) -> None:
    """Write the maps of one fold."""
    buffer = io.BytesIO()
    index = [
        {
            "row": each.row,
            "class": each.class_index,
            "method": each.method,
            "half_share": _or_none(half_share(each.evidence)),
        }
        for each in maps
    ]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_INDEX), json.dumps(index))
        for each in maps:
            archive.writestr(zipfile.ZipInfo(_member(each.row)), draw_map(each))
    write_bytes(
        run_dir / "assets" / f"{trial:05d}" / f"fold_{fold:02d}{_SUFFIX}", buffer.getvalue()
    )


def read_maps(run_dir: Path) -> tuple[StoredMap, ...]:
    """Return all maps that are stored, by trial and row; torn files are left out."""
    paths = sorted((run_dir / "assets").glob(f"*/fold_*{_SUFFIX}"))
    found = [each for path in paths for each in _read(path)]
    return tuple(sorted(found, key=lambda each: (each.trial, each.row)))


def half_share(evidence: NDArray[np.float32]) -> float:
    """Return the smallest share of the places that hold half of the evidence, NaN without any.

    >>> half_share(np.array([[4.0, 1.0], [2.0, 1.0]], np.float32))
    0.25
    """
    total = float(evidence.sum(dtype=np.float64))
    if total <= 0:
        return math.nan
    return (int(np.searchsorted(_cumulated(evidence), total / 2)) + 1) / evidence.size


def draw_map(each: SaliencyMap) -> bytes:
    """Return the picture in grey, its evidence in orange, half of it within a white line."""
    grey = each.picture.mean(axis=2)
    enlarged = max(1, MOST_MAP_PX // max(grey.shape)) if max(grey.shape) < LEAST_MAP_PX else 1
    grey, evidence = (_enlarged(part, enlarged) for part in (grey, each.evidence))
    strength = evidence / max(float(evidence.max()), 1e-30)
    opacity = STRONGEST * np.sqrt(strength)[..., None]
    colour = np.stack([np.full_like(grey, 255), 110 + 120 * strength, 30 * strength], axis=-1)
    drawn = DIMMED * grey[..., None] * (1 - opacity) + opacity * colour
    drawn[_outline(evidence)] = 255
    buffer = io.BytesIO()
    Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8)).save(
        buffer, "JPEG", quality=QUALITY, optimize=True
    )
    return buffer.getvalue()


def _cumulated(evidence: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.cumsum(np.sort(evidence, axis=None)[::-1], dtype=np.float64)


def _outline(evidence: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where the places that hold half of the evidence meet the others."""
    share = half_share(evidence)
    if math.isnan(share):
        return np.zeros(evidence.shape, np.bool_)
    least = np.sort(evidence, axis=None)[::-1][round(share * evidence.size) - 1]
    inside = np.pad(evidence >= least, 1, mode="edge")
    core = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return inside[1:-1, 1:-1] & ~core


def _enlarged(values: NDArray[np.floating], factor: int) -> NDArray[np.floating]:
    return np.repeat(np.repeat(values, factor, axis=0), factor, axis=1)


def _read(path: Path) -> list[StoredMap]:
    try:
        with zipfile.ZipFile(path) as archive:
            index = json.loads(archive.read(_INDEX))
            return [
                StoredMap(
                    int(each["row"]),
                    int(path.parent.name),
                    int(each["class"]),
                    str(each["method"]),
                    math.nan if each["half_share"] is None else float(each["half_share"]),
                    archive.read(_member(int(each["row"]))),
                )
                for each in index
            ]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return []


def _member(row: int) -> str:
    return f"{row:06d}.jpg"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
