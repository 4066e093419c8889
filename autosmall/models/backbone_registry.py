"""Which backbones this machine has: the search for weights, by name, without Keras."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autosmall.errors import BackboneError
from autosmall.models import builtin_backbone, user_registry
from autosmall.models.backbone_table import BACKBONES, BackboneEntry, backbone_of_file
from autosmall.models.hub_presets import find_preset, hub_source
from autosmall.models.keras_files import check_keras_file, foreign_objects
from autosmall.models.trust import NO_TRUST, Trust
from autosmall.models.user_registry import RegisteredBackbone, read_registry
from autosmall.models.weight_files import check_weights_file
from autosmall.schema.backbone_source import (
    BUILTIN,
    BUILTIN_AND_PATCHES,
    HUB_PREFIX,
    PATCHES,
    BackboneSource,
)

WEIGHTS_DIR_VARIABLE = "AUTOSMALL_WEIGHTS_DIR"
PACKAGE, REGISTRY, KERAS_CACHE = "the package", "your registry", "Keras's cache"


@dataclass(frozen=True)
class BackboneSearch:
    """What was found, preferred ones first and ``patches`` last, and the places looked in."""

    found: tuple[BackboneSource, ...]
    looked_in: tuple[str, ...]


@dataclass(frozen=True)
class WeightPlaces:
    """Where weights may be, in the order in which they are looked for.

    Attributes:
        folders: ``--weights-dir`` and the folder that ``AUTOSMALL_WEIGHTS_DIR`` names.
        registered: The user's registry.
        cache: Keras's cache, present or not.
    """

    folders: tuple[Path, ...]
    registered: dict[str, RegisteredBackbone]
    cache: Path

    def find(self, entry: BackboneEntry) -> tuple[Path, str] | None:
        """Return the weights of a network of keras.applications, unchecked, and the place."""
        for folder in self.folders:
            if (path := _in_folder(entry, folder)) is not None:
                return path, str(folder)
        if entry.name in self.registered:
            return Path(self.registered[entry.name].file).expanduser(), REGISTRY
        path = _in_folder(entry, self.cache)
        return None if path is None else (path, KERAS_CACHE)

    def told(self) -> tuple[str, ...]:
        """Return the places in words."""
        registry = (str(user_registry.registry_path()),) if self.registered else ()
        return (*map(str, self.folders), *registry, str(self.cache))


def find_backbones(
    requested: tuple[str, ...], weights_dir: Path | None, trust: Trust = NO_TRUST
) -> BackboneSearch:
    """Return the backbones that a search may use.

    Weights of keras.applications are looked for by the file names under which Keras stores them,
    in this order: ``weights_dir``, the folder that ``AUTOSMALL_WEIGHTS_DIR`` names, the user's
    registry, Keras's cache. Whatever is found is checked; nothing is fetched.

    Args:
        requested: Names (``mobilenet_0.75``, ``patches``, ``hub:resnet_50_imagenet``) or paths of
            ``.h5`` weights that bear Keras's file name or of ``.keras`` models; ``()`` for
            whatever is found.
        weights_dir: Folder given by the user.
        trust: The ``.keras`` files whose own code may run.

    Raises:
        BackboneError: A folder or file does not exist, is damaged or no weights file, holds
            code that is not trusted, a name is unknown, or a requested backbone has no weights.
    """
    places = weight_places(weights_dir)
    if requested:
        sources = [_requested(name, places, trust) for name in dict.fromkeys(requested)]
        return BackboneSearch(tuple(sorted(sources, key=_preference)), places.told())
    own = (registered_source(name, entry, trust) for name, entry in own_backbones(places))
    tabled = (_find(entry, places) for entry in BACKBONES.values())
    found = [source for source in (*own, *tabled) if source is not None]
    return BackboneSearch((*found, *_offline_sources()), places.told())


def weight_places(weights_dir: Path | None) -> WeightPlaces:
    """Return where weights may be; ``BackboneError`` for a named folder that is none."""
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
    return WeightPlaces(tuple(named), read_registry(), keras_cache_dir())


def keras_cache_dir() -> Path:
    """Return the folder in which Keras keeps downloaded weights, present or not."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def own_backbones(places: WeightPlaces) -> Iterator[tuple[str, RegisteredBackbone]]:
    """Yield the entries of the user's registry that are networks of their own."""
    for name, entry in places.registered.items():
        if name not in BACKBONES:
            yield name, entry


def registered_source(
    name: str, entry: RegisteredBackbone, trust: Trust = NO_TRUST
) -> BackboneSource:
    """Return the source of a registered ``.keras`` file, checked.

    What ``trust`` says of the file goes before what was trusted when it was registered.
    """
    path = Path(entry.file).expanduser()
    registered = {str(path.resolve()): entry.trusted_sha256} if entry.trusted_sha256 else {}
    source = file_source(path, Trust({**registered, **trust.digests}))
    return replace(
        source,
        name=name,
        found_in=REGISTRY,
        scaling=entry.scaling,
        last_layer=entry.last_layer,
        block_starts=entry.block_starts,
    )


def file_source(path: Path, trust: Trust = NO_TRUST) -> BackboneSource:
    """Return the source of a ``.keras`` file, checked.

    It is marked as trusted only where it holds more than Keras's own layers.
    """
    trusted_sha256 = trust.digest(path)
    if not (trusted_sha256 and foreign_objects(path)):
        check_keras_file(path)
        trusted_sha256 = ""
    return BackboneSource(
        path.name, "file", str(path.resolve()), str(path.parent), trusted_sha256=trusted_sha256
    )


def application_source(entry: BackboneEntry, path: Path, found_in: str) -> BackboneSource:
    """Return the source of weights of keras.applications, checked."""
    remark = check_weights_file(path, entry.name, entry.parameters)
    return BackboneSource(entry.name, "applications", str(path.resolve()), found_in, remark=remark)


def builtin_source(name: str) -> BackboneSource | None:
    """Return the source of ``builtin`` or ``builtin+patches`` if the package holds it."""
    path = builtin_backbone.builtin_file()
    return None if path is None else BackboneSource(name, name, str(path), PACKAGE)


def _in_folder(entry: BackboneEntry, folder: Path) -> Path | None:
    return next((folder / file for file in entry.files if (folder / file).is_file()), None)


def _find(entry: BackboneEntry, places: WeightPlaces) -> BackboneSource | None:
    found = places.find(entry)
    return None if found is None else application_source(entry, *found)


def _offline_sources() -> Iterator[BackboneSource]:
    for name in (BUILTIN, BUILTIN_AND_PATCHES):
        if (source := builtin_source(name)) is not None:
            yield source
    yield BackboneSource(PATCHES, PATCHES)


def _requested(name: str, places: WeightPlaces, trust: Trust) -> BackboneSource:
    if name == PATCHES:
        return BackboneSource(PATCHES, PATCHES)
    if name in (BUILTIN, BUILTIN_AND_PATCHES):
        return builtin_source(name) or _no_builtin(name)
    if name in BACKBONES:
        return _find(BACKBONES[name], places) or _no_weights(BACKBONES[name], places)
    if name in places.registered:
        return registered_source(name, places.registered[name], trust)
    if name.startswith(HUB_PREFIX):
        return hub_source(name, find_preset(name, (*places.folders, places.cache)))
    path = Path(name).expanduser()
    if path.suffix == ".keras":
        return file_source(path, trust)
    if path.suffix == ".h5":
        return _from_weights_file(path)
    raise unknown_backbone(name, places)


def unknown_backbone(name: str, places: WeightPlaces) -> BackboneError:
    """Return the error for a name that means nothing here, with the nearest that do."""
    known = [*BACKBONES, *places.registered, PATCHES, BUILTIN, BUILTIN_AND_PATCHES]
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.3)
    return BackboneError(
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
            "say which it is: autosmall backbones add NETWORK FILE, as in "
            f"autosmall backbones add mobilenet_0.75 {path}",
        )
    return application_source(entry, path, str(path.parent))


def _no_builtin(name: str) -> BackboneSource:
    raise BackboneError(
        f"this installation holds no built-in backbone, so there is no {name!r}",
        f"a backbone that is here, such as {PATCHES}",
        "list them with: autosmall backbones",
    )


def _no_weights(entry: BackboneEntry, places: WeightPlaces) -> BackboneSource:
    raise BackboneError(
        f"no weights for the backbone {entry.name!r} were found in: {', '.join(places.told())}",
        f"the file {entry.files[0]}",
        f"put it there, name its folder with --weights-dir, or with a network: "
        f"autosmall backbones fetch {entry.name}",
    )


def _preference(source: BackboneSource) -> int:
    """The user's own first, then as the table prefers, then what the package has."""
    order = [*BACKBONES, BUILTIN, BUILTIN_AND_PATCHES, PATCHES]
    return order.index(source.name) if source.name in order else -1
