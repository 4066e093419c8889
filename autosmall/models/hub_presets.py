"""Presets of KerasHub in folders, found without KerasHub.

``autosmall backbones fetch hub:PRESET`` puts a preset into a folder ``hub/PRESET``; a search reads
it from there, or from any folder named as ``hub:PATH``. KerasHub itself is asked for nothing, so
nothing is downloaded behind the user's back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from autosmall.errors import BackboneError
from autosmall.models.weight_files import HDF5_SIGNATURE, check_signature
from autosmall.schema.backbone_source import HUB_PREFIX, BackboneSource

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
HUB_FOLDER = "hub"


def find_preset(name: str, folders: Sequence[Path]) -> Path:
    """Return the folder of the preset ``name`` (``hub:PRESET`` or ``hub:PATH``).

    Raises ``BackboneError`` where no folder of ``folders`` holds it under ``hub/``.
    """
    preset = name.removeprefix(HUB_PREFIX)
    candidates = [Path(preset).expanduser(), *(folder / HUB_FOLDER / preset for folder in folders)]
    for folder in candidates:
        if preset and (folder / CONFIG_FILE).is_file():
            return folder
    raise BackboneError(
        f"KerasHub's preset {preset!r} was not found in: "
        + ", ".join(str(folder / HUB_FOLDER) for folder in folders),
        f"a folder {preset or 'PRESET'} with {CONFIG_FILE} and {WEIGHTS_FILE}",
        f"with a network: autosmall backbones fetch {name}; or name the folder: hub:PATH",
    )


def hub_source(name: str, folder: Path) -> BackboneSource:
    """Return the source of the preset in ``folder``, checked without KerasHub."""
    try:
        description = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        backbone = str(description["class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(
            f"{folder / CONFIG_FILE} describes no preset: {error}",
            "a folder written by KerasHub's save_to_preset",
            "fetch it again, or save it again",
        ) from error
    if not backbone.endswith("Backbone"):
        raise BackboneError(
            f"the preset in {folder} is of the kind {backbone}",
            "a preset of a backbone",
            "save the backbone alone: model.backbone.save_to_preset(folder)",
        )
    weights = folder / WEIGHTS_FILE
    check_signature(weights, HDF5_SIGNATURE, "the preset's weights")
    return BackboneSource(name, "keras-hub", str(weights.resolve()), str(folder))


def presets_in(folders: Sequence[Path]) -> list[str]:
    """Return the names of the presets in the folders' ``hub/``, in order, without repeats."""
    found = [
        HUB_PREFIX + path.parent.name
        for folder in folders
        for path in sorted((folder / HUB_FOLDER).glob(f"*/{CONFIG_FILE}"))
    ]
    return list(dict.fromkeys(found))
