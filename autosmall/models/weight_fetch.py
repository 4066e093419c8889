"""Downloads of weights, by Keras's own code: the one place that uses a network.

keras.applications knows where each file lies and, mostly, its digest, so its function is asked
for the network with ``weights="imagenet"``. What it fetches goes to a folder of its own and takes
its place in the weights folder only when digest and shapes are right: a search never meets half a
file. ``AUTOSMALL_WEIGHTS_URL`` names a mirror that serves the files under the names under which
Keras stores them (any weights folder on a web server is one).
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras.src.utils import file_utils

from autosmall.errors import BackboneError
from autosmall.models.application_backbones import width_arguments
from autosmall.models.backbone_table import BackboneEntry
from autosmall.models.hub_backbones import import_keras_hub
from autosmall.models.hub_presets import CONFIG_FILE, HUB_FOLDER
from autosmall.models.weight_files import check_weights_file
from autosmall.schema.backbone_source import HUB_PREFIX

MIRROR_VARIABLE = "AUTOSMALL_WEIGHTS_URL"
STALL_SECONDS = 60.0
"""A server that sends nothing for so long is given up."""
_DEFAULT_SIDE_PX = 224
_SIDES_PX = {"NASNetLarge": 331}
"""Networks whose published weights keras.applications gives at one size only."""


@dataclass(frozen=True)
class Fetched:
    """A file or preset that is in its place now.

    Attributes:
        path: Where it is.
        downloaded: Whether it had to be downloaded.
        remark: What the user should know about it, or empty.
    """

    path: Path
    downloaded: bool
    remark: str = ""


def fetch_weights(entry: BackboneEntry, folder: Path) -> Fetched:
    """Download the weights of a network of keras.applications into ``folder``.

    A good file that is there already is left as it is. Progress goes to standard error. Raises
    ``BackboneError`` where the download fails, stalls, or brings something else; nothing is left
    behind then.
    """
    present = _present(entry, folder)
    if present is not None:
        return present
    with _staged(folder) as staging, _keras_fetches_to(staging, entry) as fetched:
        side_px = _SIDES_PX.get(entry.function, _DEFAULT_SIDE_PX)
        getattr(keras.applications, entry.function)(
            include_top=False,
            weights="imagenet",
            input_shape=(side_px, side_px, 3),
            **width_arguments(entry),
        )
        path = fetched[0]
        return Fetched(path.replace(folder / path.name), downloaded=True)


def fetch_preset(name: str, folder: Path) -> Fetched:
    """Download a preset of KerasHub, with its image converter, into ``folder/hub/PRESET``.

    KerasHub does it, from where it keeps its presets. Raises ``BackboneError`` where KerasHub is
    absent, does not know the preset, or fails.
    """
    preset = name.removeprefix(HUB_PREFIX)
    if not preset or "/" in preset:
        raise BackboneError(
            f"{name!r} names no preset", "hub:PRESET, such as hub:resnet_50_imagenet", "mend it"
        )
    place = folder / HUB_FOLDER / preset
    if (place / CONFIG_FILE).is_file():
        return Fetched(place, downloaded=False)
    keras_hub = import_keras_hub()
    place.parent.mkdir(parents=True, exist_ok=True)
    with _staged(place.parent) as staging, _patient():
        _save_preset(keras_hub, preset, staging / preset)
        return Fetched((staging / preset).replace(place), downloaded=True)


def _present(entry: BackboneEntry, folder: Path) -> Fetched | None:
    """Return the good file that is in ``folder`` already; a damaged one is downloaded again."""
    for file in entry.files:
        if (folder / file).is_file():
            with contextlib.suppress(BackboneError):
                remark = check_weights_file(folder / file, entry.name, entry.parameters)
                return Fetched(folder / file, downloaded=False, remark=remark)
    return None


@contextlib.contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Give a folder on the same disk that goes away with all that is left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as staging:
        yield Path(staging)


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    """Show progress on standard error and give up a server that stalls."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(previous)


@contextlib.contextmanager
def _keras_fetches_to(folder: Path, entry: BackboneEntry) -> Iterator[list[Path]]:
    """Let keras.applications download to ``folder``, from the mirror if there is one."""
    original, fetched = file_utils.get_file, []
    mirror = _mirror()

    def get_file(fname: str, origin: str, **options: Any) -> str:
        url = f"{mirror}/{fname}" if mirror else origin
        options |= {"cache_dir": folder, "cache_subdir": ""}
        try:
            path = Path(original(fname, url, **options))
        except Exception as error:  # Keras raises no narrower one
            print(file=sys.stderr)  # the progress bar does not end its line
            raise _failed(entry.name, url, error) from error
        check_weights_file(path, entry.name, entry.parameters)
        fetched.append(path)
        return str(path)

    file_utils.get_file = get_file
    try:
        with _patient():
            yield fetched
    finally:
        file_utils.get_file = original


def _mirror() -> str:
    url = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        raise BackboneError(
            f"{MIRROR_VARIABLE} is {url!r}",
            "the address of a web server, such as https://mirror.example/weights",
            "mend the variable, or unset it to download from where Keras does",
        )
    return url


def _failed(name: str, url: str, error: Exception) -> BackboneError:
    if isinstance(error, TimeoutError):
        what = f"nothing came for {STALL_SECONDS:g} s"
    elif isinstance(error, ValueError) and "hash" in str(error):
        what = "what came is not the file that Keras publishes (its digest differs)"
    else:
        what = str(error).removeprefix(f"URL fetch failure on {url}: ") or type(error).__name__
    return BackboneError(
        f"fetching {name} from {url} failed: {what}",
        "the weights that Keras publishes; nothing was kept of what came",
        f"try again, put the file into a folder for --weights-dir, or set {MIRROR_VARIABLE}",
    )


def _save_preset(keras_hub: Any, preset: str, folder: Path) -> None:
    try:
        keras_hub.models.Backbone.from_preset(preset).save_to_preset(str(folder))
    except Exception as error:  # KerasHub's sources raise their own kinds
        raise _failed(HUB_PREFIX + preset, "where KerasHub keeps it", error) from error
    with contextlib.suppress(ValueError):  # a preset without image converter
        keras_hub.layers.ImageConverter.from_preset(preset).save_to_preset(str(folder))
