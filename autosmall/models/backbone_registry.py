"""Which backbones this machine has: the search for weight files, by name, without Keras."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from autosmall.errors import BackboneError
from autosmall.models.backbone_table import BACKBONES, BackboneEntry, backbone_of_file
from autosmall.schema.backbone_source import PATCHES, BackboneSource

WEIGHTS_DIR_VARIABLE = "AUTOSMALL_WEIGHTS_DIR"
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP_SIGNATURE = b"PK\x03\x04"


@dataclass(frozen=True)
class BackboneSearch:
    """What was found, preferred ones first and ``patches`` last, and the folders looked in."""

    found: tuple[BackboneSource, ...]
    looked_in: tuple[str, ...]


def find_backbones(requested: tuple[str, ...], weights_dir: Path | None) -> BackboneSearch:
    """Return the backbones that a search may use.

    Folders are looked through in this order, by the file names under which Keras stores weights
    without classifier: ``weights_dir``, the folder that ``AUTOSMALL_WEIGHTS_DIR`` names, and
    Keras's own cache.

    Args:
        requested: Names (``mobilenet_0.75``, ``patches``) or paths of ``.h5`` weights that bear
            Keras's file name or of ``.keras`` models; ``()`` for whatever is found.
        weights_dir: Folder given by the user.

    Raises:
        BackboneError: A folder or file does not exist or is no weights file, a name is unknown,
            or a requested backbone has no weights.
    """
    folders = _folders(weights_dir)
    looked_in = tuple(str(folder) for folder in folders)
    if requested:
        sources = [_requested(name, folders) for name in dict.fromkeys(requested)]
        return BackboneSearch(tuple(sorted(sources, key=_preference)), looked_in)
    found = [
        source for entry in BACKBONES.values() if (source := _find(entry, folders)) is not None
    ]
    return BackboneSearch((*found, BackboneSource(PATCHES, PATCHES)), looked_in)


def keras_cache_dir() -> Path:
    """Return the folder in which Keras keeps downloaded weights, present or not."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def _folders(weights_dir: Path | None) -> list[Path]:
    named = [weights_dir] if weights_dir is not None else []
    if os.environ.get(WEIGHTS_DIR_VARIABLE):
        named.append(Path(os.environ[WEIGHTS_DIR_VARIABLE]))
    for folder in named:
        if not folder.is_dir():
            raise BackboneError(
                f"the weights folder {str(folder)!r} is no folder",
                "a folder that holds weight files under Keras's names",
                f"check --weights-dir and the variable {WEIGHTS_DIR_VARIABLE}",
            )
    return [*named, keras_cache_dir()]


def _find(entry: BackboneEntry, folders: list[Path]) -> BackboneSource | None:
    for folder in folders:
        for file in entry.files:
            if (folder / file).is_file():
                return _applications(entry, folder / file)
    return None


def _requested(name: str, folders: list[Path]) -> BackboneSource:
    if name == PATCHES:
        return BackboneSource(PATCHES, PATCHES)
    if name in BACKBONES:
        return _find(BACKBONES[name], folders) or _no_weights(BACKBONES[name], folders)
    path = Path(name).expanduser()
    if path.suffix == ".keras":
        _check_signature(path, _ZIP_SIGNATURE, "a model saved by Keras 3")
        return BackboneSource(path.name, "file", str(path.resolve()), str(path.parent))
    if path.suffix == ".h5":
        return _from_weights_file(path)
    nearest = difflib.get_close_matches(name, [*BACKBONES, PATCHES], n=3, cutoff=0.3)
    raise BackboneError(
        f"the backbone {name!r} is unknown",
        f"a name like {', '.join(nearest) or 'mobilenet_1'}, or a .h5 or .keras file",
        "list the names with: autosmall backbones",
    )


def _from_weights_file(path: Path) -> BackboneSource:
    entry = backbone_of_file(path.name)
    if entry is None:
        raise BackboneError(
            f"nothing tells which network the weights {path.name!r} belong to",
            "the name under which Keras stores them, such as "
            "mobilenet_7_5_224_tf_no_top.h5, or a .keras file",
            "rename the file; its names are listed by: autosmall backbones",
        )
    return _applications(entry, path)


def _applications(entry: BackboneEntry, path: Path) -> BackboneSource:
    _check_signature(path, _HDF5_SIGNATURE, "weights in the HDF5 format")
    return BackboneSource(entry.name, "applications", str(path.resolve()), str(path.parent))


def _check_signature(path: Path, signature: bytes, expected: str) -> None:
    if not path.is_file():
        raise BackboneError(f"there is no file {str(path)!r}", expected, "check the path")
    with path.open("rb") as stream:
        if stream.read(len(signature)) != signature:
            raise BackboneError(
                f"the file {str(path)!r} is something else or damaged",
                expected,
                "fetch it again (a Git LFS pointer or a web page is no weights file)",
            )


def _no_weights(entry: BackboneEntry, folders: list[Path]) -> BackboneSource:
    raise BackboneError(
        f"no weights for the backbone {entry.name!r} were found in: "
        + ", ".join(str(folder) for folder in folders),
        f"the file {entry.files[0]}",
        "put it there, or name its folder with --weights-dir",
    )


def _preference(source: BackboneSource) -> tuple[bool, int]:
    """The user's own files first, then as the table prefers, patches last."""
    order = list(BACKBONES)
    return source.name == PATCHES, order.index(source.name) if source.name in order else -1
