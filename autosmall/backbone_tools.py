"""What ``autosmall backbones`` does with one backbone: look inside, fetch, register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autosmall.errors import BackboneError
from autosmall.models.backbone_registry import (
    REGISTRY,
    application_source,
    find_backbones,
    keras_cache_dir,
    registered_source,
    unknown_backbone,
    weight_places,
)
from autosmall.models.backbone_table import BACKBONES, INPUT_RANGES
from autosmall.models.trust import Trust
from autosmall.models.user_registry import (
    RegisteredBackbone,
    add_to_registry,
    check_new_name,
    registry_path,
)
from autosmall.quiet import import_keras
from autosmall.schema.backbone_source import HUB_PREFIX, PATCHES

if TYPE_CHECKING:
    from autosmall.models.backbone_summary import BackboneSummary


def summarize_backbone(
    name: str, weights_dir: Path | None, trust: Sequence[Path] = ()
) -> BackboneSummary:
    """Return what is inside the backbone called ``name``, or in the file of that name.

    A network of keras.applications need not have its weights here. The code in the files
    ``trust`` may run. Raises ``BackboneError``, and ``SettingsError`` for trust in another file.
    """
    trusted = Trust.named(trust)
    if name in BACKBONES:
        trusted.check_used((), "a model to be shown")
        import_keras()
        from autosmall.models.backbone_summary import summarize_architecture

        return summarize_architecture(name)
    (source,) = find_backbones((name,), weights_dir, trusted).found
    trusted.check_used((source.weights_path,), "the model to be shown")
    if PATCHES in source.kind:
        raise BackboneError(
            f"{name!r} is learned from the pictures of each training part",
            "a backbone with weights of its own",
            "list them with: autosmall backbones",
        )
    import_keras()
    from autosmall.models.backbone_summary import summarize_source

    return summarize_source(source)


def fetch_backbone(name: str, weights_dir: Path | None) -> str:
    """Download the weights of ``name`` into ``weights_dir`` or Keras's cache; say where they are.

    Raises ``BackboneError`` where there is nothing to download or the download fails.
    """
    folder = weights_dir if weights_dir is not None else keras_cache_dir()
    if name not in BACKBONES and not name.startswith(HUB_PREFIX):
        raise unknown_backbone(name, weight_places(None))
    import_keras()
    from autosmall.models.weight_fetch import fetch_preset, fetch_weights

    if name in BACKBONES:
        fetched = fetch_weights(BACKBONES[name], folder)
    else:
        fetched = fetch_preset(name, folder)
    what = "Fetched" if fetched.downloaded else "Already there"
    where = "" if weights_dir is None else f"; search with: --weights-dir {weights_dir}"
    remark = f" ({fetched.remark})" if fetched.remark else ""
    return f"{what}: {fetched.path}{remark}{where}"


def add_backbone(
    name: str,
    file: Path,
    *,
    scaling: str = "none",
    last_layer: str = "",
    block_starts: tuple[str, ...] = (),
    trust: Sequence[Path] = (),
) -> str:
    """Put ``file`` into the user's registry as ``name`` if it can be built; say how to use it.

    Where ``trust`` names it too, its code may run as long as it stays the same. Raises
    ``BackboneError`` for a name or file that cannot be used, or for options that make no sense
    for it, and ``SettingsError`` for trust in another file.
    """
    path = file.expanduser().resolve()
    check_new_name(name, path)
    trusted = Trust.named(trust)
    trusted.check_used((str(path),), "the file to be registered")
    entry = RegisteredBackbone(str(path), scaling, last_layer, block_starts)
    _check_told(entry)
    source = (
        registered_source(name, entry, trusted)
        if path.suffix == ".keras"
        else application_source(BACKBONES[name], path, REGISTRY)
    )
    import_keras()
    from autosmall.models.backbone_summary import summarize_source

    summary = summarize_source(source)
    counted = replace(entry, parameters=summary.parameters, features=summary.features)
    add_to_registry(name, replace(counted, trusted_sha256=source.trusted_sha256))
    return f"Registered in {registry_path()}; search with: --backbone {name}"


def _check_told(entry: RegisteredBackbone) -> None:
    told = entry.scaling != "none" or entry.last_layer or entry.block_starts
    if entry.scaling not in INPUT_RANGES:
        raise BackboneError(
            f"the scaling {entry.scaling!r}", f"one of {', '.join(INPUT_RANGES)}", "choose one"
        )
    if told and entry.file.endswith(".h5"):
        raise BackboneError(
            "a scaling, last layer or block starts for weights of keras.applications",
            "these for a .keras model only: the networks of keras.applications are known",
            "leave these options away",
        )
