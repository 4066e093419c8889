"""All known backbones and where their weights are, without Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from autosmall.errors import BackboneError
from autosmall.models import builtin_backbone
from autosmall.models.backbone_registry import (
    PACKAGE,
    WeightPlaces,
    application_source,
    own_backbones,
    registered_source,
    weight_places,
)
from autosmall.models.backbone_table import (
    APACHE,
    BACKBONES,
    INPUT_RANGES,
    BackboneEntry,
    smallest_input_px,
)
from autosmall.models.hub_presets import find_preset, hub_source, presets_in
from autosmall.models.user_registry import RegisteredBackbone
from autosmall.schema.backbone_source import (
    BUILTIN,
    BUILTIN_AND_PATCHES,
    PATCHES,
    BackboneSource,
)

TO_DOWNLOAD, MISSING, DAMAGED, LEARNED = "to be downloaded", "missing", "damaged", "learned"
_YOURS = "yours"


@dataclass(frozen=True)
class BackboneRow:
    """One known backbone.

    Attributes:
        name: What configurations call it.
        parameters: Weights without classifier; ``None`` where unknown.
        features: Channels of the last feature map; ``None`` where unknown.
        input_range: What its network is given instead of pixels 0 to 255.
        smallest_px: Smallest side of its pictures.
        licence: SPDX identifier, or whose it is.
        weights: The place where its weights are, :data:`TO_DOWNLOAD`, :data:`MISSING`,
            :data:`DAMAGED`, or :data:`LEARNED` from the user's pictures.
        remark: What is wrong or particular with them, or empty.
    """

    name: str
    parameters: int | None
    features: int | None
    input_range: str
    smallest_px: int
    licence: str
    weights: str
    remark: str = ""

    @property
    def is_here(self) -> bool:
        """Whether a search can use it."""
        return self.weights not in (TO_DOWNLOAD, MISSING, DAMAGED)


@dataclass(frozen=True)
class BackboneListing:
    """The rows, usable ones first, and the places looked in."""

    rows: tuple[BackboneRow, ...]
    looked_in: tuple[str, ...]


def list_backbones(weights_dir: Path | None) -> BackboneListing:
    """Return all backbones that are known here; ``BackboneError`` for a folder that is none."""
    places = weight_places(weights_dir)
    rows = [
        *(_own(name, entry) for name, entry in own_backbones(places)),
        *(_preset(name, places) for name in presets_in((*places.folders, places.cache))),
        *(_application(entry, places) for entry in BACKBONES.values()),
        *(_builtin(name) for name in (BUILTIN, BUILTIN_AND_PATCHES)),
        _row(PATCHES, None, None, "none", "", LEARNED),
    ]
    return BackboneListing(tuple(sorted(rows, key=lambda row: not row.is_here)), places.told())


def _own(name: str, entry: RegisteredBackbone) -> BackboneRow:
    weights, remark = _checked(Path(entry.file), lambda: registered_source(name, entry))
    parameters, features = entry.parameters or None, entry.features or None
    return _row(name, parameters, features, entry.scaling, _YOURS, weights, remark)


def _preset(name: str, places: WeightPlaces) -> BackboneRow:
    folder = find_preset(name, (*places.folders, places.cache))
    weights, remark = _checked(folder, lambda: hub_source(name, folder))
    return _row(name, None, None, "none", "its preset's", weights, remark)


def _application(entry: BackboneEntry, places: WeightPlaces) -> BackboneRow:
    weights, remark = TO_DOWNLOAD, ""
    found = places.find(entry)
    if found is not None:
        path, place = found
        weights, remark = _checked(path, lambda: application_source(entry, path, place))
    return _row(
        entry.name,
        entry.parameters,
        entry.features,
        entry.scaling,
        entry.licence,
        weights,
        remark,
    )


def _builtin(name: str) -> BackboneRow:
    path = builtin_backbone.builtin_file()
    if path is None:
        return _row(name, None, None, "none", APACHE, MISSING)
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = sorted(set(stored.files) - {builtin_backbone.WIDTH_FACTOR})
            sizes = [int(stored[array].size) for array in names]
    except (ValueError, OSError, BadZipFile) as error:
        return _row(name, None, None, "none", APACHE, DAMAGED, f"{path}: {error}")
    # The last array is one value per channel of the last map's normalisation.
    return _row(name, sum(sizes), sizes[-1] if name == BUILTIN else None, "none", APACHE, PACKAGE)


def _checked(path: Path, check: Callable[[], BackboneSource]) -> tuple[str, str]:
    """Return the place that ``check`` tells and its remark, or what is wrong with the file."""
    try:
        source = check()
    except BackboneError as error:
        gone = not path.expanduser().exists()
        return MISSING if gone else DAMAGED, error.received
    return source.found_in, source.remark


def _row(
    name: str,
    parameters: int | None,
    features: int | None,
    scaling: str,
    licence: str,
    weights: str,
    remark: str = "",
) -> BackboneRow:
    smallest_px = smallest_input_px(name)
    return BackboneRow(
        name, parameters, features, INPUT_RANGES[scaling], smallest_px, licence, weights, remark
    )
