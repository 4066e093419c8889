"""The user's own backbones: ``backbones.toml`` in the user's configuration folder.

::

    [scanner]
    file = "/data/scanner.keras"
    scaling = "none"              # pixels 0 to 255, or tf, caffe, torch as in keras.applications
    last_layer = "mixed4"         # found by the program where it is not named
    block_starts = ["mixed4_conv", "mixed3_conv"]
    parameters = 1832976          # as counted when it was added
    features = 256
    trusted_sha256 = "9f86..."    # where it holds Python code that was trusted when it was added

    [vgg16]                       # a name of keras.applications: where its weights are
    file = "/data/vgg16.h5"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

import platformdirs
import tomli_w

from autosmall.errors import BackboneError
from autosmall.files import write_text
from autosmall.models.backbone_table import BACKBONES, INPUT_RANGES
from autosmall.schema.backbone_source import BUILTIN, BUILTIN_AND_PATCHES, HUB_PREFIX, PATCHES

RESERVED_NAMES = (PATCHES, BUILTIN, BUILTIN_AND_PATCHES)


@dataclass(frozen=True)
class RegisteredBackbone:
    """One table of ``backbones.toml``.

    Attributes:
        file: Absolute path of a ``.keras`` file, or of ``.h5`` weights for a name of
            keras.applications.
        scaling: What a ``.keras`` file is given instead of pixels 0 to 255.
        last_layer: Layer whose output is its last feature map; empty to find it.
        block_starts: Layers with which its blocks begin, from top to bottom; empty to find them.
        parameters: Weights up to the last feature map; 0 where unknown.
        features: Channels of that map; 0 where unknown.
        trusted_sha256: Digest of the file whose own code the user lets run, or empty.
    """

    file: str
    scaling: str = "none"
    last_layer: str = ""
    block_starts: tuple[str, ...] = ()
    parameters: int = 0
    features: int = 0
    trusted_sha256: str = ""


def registry_path() -> Path:
    """Return where the registry is, present or not."""
    return platformdirs.user_config_path("autosmall") / "backbones.toml"


def read_registry() -> dict[str, RegisteredBackbone]:
    """Return name to entry, in the file's order.

    Raises ``BackboneError`` where the file is no TOML or says something that is not understood.
    """
    path = registry_path()
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _unreadable(f"{path} is no TOML: {error}") from error
    return {name: _entry(name, table) for name, table in tables.items()}


def add_to_registry(name: str, entry: RegisteredBackbone) -> None:
    """Write ``entry`` under ``name``, in place of one that was there."""
    _write({**read_registry(), name: entry})


def remove_from_registry(name: str) -> RegisteredBackbone:
    """Forget ``name`` and return what it was; its file stays. ``BackboneError`` if unknown."""
    entries = read_registry()
    if name not in entries:
        raise BackboneError(
            f"the registry {registry_path()} has no backbone {name!r}",
            f"one of: {', '.join(entries) or 'none so far'}",
            "list them with: autosmall backbones",
        )
    removed = entries.pop(name)
    _write(entries)
    return removed


def check_new_name(name: str, file: Path) -> None:
    """Raise ``BackboneError`` unless ``name`` may stand for ``file``."""
    if file.suffix == ".h5" and name not in BACKBONES:
        raise BackboneError(
            f"weights alone do not tell which network {name!r} is",
            "the name of the network, as in: autosmall backbones add mobilenet_0.75 FILE.h5",
            "use that name, or add a .keras file, which holds the network too",
        )
    taken = name in RESERVED_NAMES or name.startswith(HUB_PREFIX) or name in BACKBONES
    if file.suffix == ".keras" and (taken or not name or "/" in name):
        raise BackboneError(
            f"the name {name!r} is taken or impossible",
            "a name of your own, without slashes",
            "choose another name",
        )
    if file.suffix not in (".h5", ".keras"):
        raise BackboneError(
            f"the file {str(file)!r} is no backbone by its name",
            "a .keras model, or .h5 weights of a network of keras.applications",
            "save the model with Keras 3: model.save('my_backbone.keras')",
        )


def _entry(name: str, table: object) -> RegisteredBackbone:
    types = {"block_starts": list, "parameters": int, "features": int}
    known = {field.name: types.get(field.name, str) for field in fields(RegisteredBackbone)}
    if not isinstance(table, dict) or not isinstance(table.get("file"), str):
        raise _unreadable(f"[{name}] in {registry_path()} names no file")
    for key, value in table.items():
        if key not in known or not isinstance(value, known[key]):
            raise _unreadable(f"[{name}] in {registry_path()} has {key} = {value!r}")
    if table.get("scaling", "none") not in INPUT_RANGES:
        raise _unreadable(f"[{name}] in {registry_path()} has scaling = {table['scaling']!r}")
    starts = tuple(str(start) for start in table.get("block_starts", ()))
    return RegisteredBackbone(**{**table, "block_starts": starts})


def _unreadable(received: str) -> BackboneError:
    return BackboneError(
        received,
        "tables with file (a path), and where needed scaling (none, tf, caffe or torch), "
        "last_layer, block_starts (a list), parameters and features (whole numbers), "
        "trusted_sha256",
        "mend the file, or delete it and use: autosmall backbones add NAME FILE",
    )


def _write(entries: dict[str, RegisteredBackbone]) -> None:
    empty = RegisteredBackbone(file="")
    tables = {}
    for name, entry in entries.items():
        told = {field.name: getattr(entry, field.name) for field in fields(entry)}
        tables[name] = {key: value for key, value in told.items() if value != getattr(empty, key)}
    write_text(registry_path(), tomli_w.dumps(tables))
