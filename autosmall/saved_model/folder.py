"""The files of a saved model: written beside their place and moved there whole; read with checks.

::

    model.keras or model.npz   weights; scaling and all that follows is inside
    pipeline.json              how pictures are made, classes, configuration, digest
    labels.txt                 one class per line, in the order of the outputs
    samples.npz                up to 16 prepared pictures and their predictions when saved
    model_card.md              what it is, for people
    metrics.json               what it scored
"""

from __future__ import annotations

import importlib
import json
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall import __version__
from autosmall.errors import ModelFileError, RunFolderError
from autosmall.files import file_sha256, write_text
from autosmall.models.array_model import TEMPERATURE
from autosmall.models.keras_files import CODE, SerializedObject, objects_in
from autosmall.models.trust import NO_TRUST, Trust, trust_remedy
from autosmall.quiet import import_keras
from autosmall.saved_model.decisions import Decisions
from autosmall.saved_model.ensemble import is_ensemble
from autosmall.saved_model.pipeline import (
    ARRAYS,
    KERAS,
    MODEL_FILES,
    PIPELINE_FILE,
    Pipeline,
    write_pipeline,
)
from autosmall.schema.config import Config
from autosmall.schema.mixed_pictures import MixedPictures, Pictures, ShapeBucket
from autosmall.schema.pictures import PictureSpec
from autosmall.strategies.base import ArrayModel

if TYPE_CHECKING:
    import keras

SAMPLES_FILE = "samples.npz"
_MEND = "copy the model's folder again, or write it anew with: autosmall retrain RUN"
_OWN_LAYERS = ("autosmall.models.", "autosmall.training.")
_READ_ERRORS = (ValueError, TypeError, KeyError, OSError, ImportError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class ModelDescription:
    """What a model is, apart from its weights.

    Attributes:
        picture_spec: What its pictures are made to.
        classes: Class names in the order of its outputs.
        config: The configuration it was trained with.
        decisions: The temperature that its outputs are to be scaled by, and thresholds.
    """

    picture_spec: PictureSpec
    classes: tuple[str, ...]
    config: Config
    decisions: Decisions = field(default_factory=Decisions)


@dataclass(frozen=True)
class ModelSamples:
    """Pictures that every later copy of the model has to predict alike.

    Attributes:
        names: One name per picture.
        pictures: Prepared, one row per name.
        probabilities: ``float32 (n, n_classes)``, predicted when the model was saved.
    """

    names: tuple[str, ...]
    pictures: Pictures
    probabilities: NDArray[np.float32]


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside ``folder`` that takes its place when the block ends well.

    What stood there is replaced only then, and only if it was a saved model or empty; after an
    error it is as before and nothing else is left behind. Raises
    :class:`~autosmall.errors.ModelFileError` for a folder with other things in it and
    :class:`~autosmall.errors.RunFolderError` where the disk refuses.
    """
    _check_replaceable(folder)
    staged = folder.parent / f".{folder.name}-writing-{uuid.uuid4().hex}"
    try:
        staged.mkdir(parents=True)
        yield staged
        _move_into_place(staged, folder)
    except OSError as error:
        raise RunFolderError(
            f"cannot write the model to {folder}: {error.strerror or error}",
            "a folder that can be written, with room left",
            "free some space or mend its permissions, then run the same command again",
        ) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_model_files(
    folder: Path, model: keras.Model | ArrayModel, description: ModelDescription
) -> Pipeline:
    """Write the model's own file, ``pipeline.json`` and ``labels.txt``; return the pipeline.

    The model is saved with its outputs scaled by the description's temperature.
    """
    kind = ARRAYS if isinstance(model, ArrayModel) else KERAS
    path = folder / MODEL_FILES[kind]
    scaled = _scaled(model, description.decisions.temperature)
    if isinstance(scaled, ArrayModel):
        _write_arrays(path, scaled.arrays)
    else:
        scaled.save(path)
    pipeline = Pipeline(
        picture_spec=description.picture_spec,
        classes=description.classes,
        config=description.config,
        kind=kind,
        recipe=model.recipe if isinstance(model, ArrayModel) else "",
        sha256=file_sha256(path),
        autosmall_version=__version__,
        decisions=description.decisions,
    )
    write_pipeline(folder, pipeline)
    write_text(folder / "labels.txt", "\n".join(description.classes) + "\n")
    return pipeline


def _scaled(model: keras.Model | ArrayModel, temperature: float) -> keras.Model | ArrayModel:
    if temperature == 1.0:
        return model
    if isinstance(model, ArrayModel):
        return replace(model, arrays={**model.arrays, TEMPERATURE: np.array(temperature)})
    from autosmall.models.temperature_layer import with_temperature

    return with_temperature(model, temperature)


def write_samples(folder: Path, samples: ModelSamples) -> None:
    """Write ``samples.npz``; pictures of several shapes as arrays ``pictures_0``, ..."""
    arrays: dict[str, NDArray[np.generic]] = {
        "names": np.array(samples.names),
        "probabilities": samples.probabilities,
    }
    if isinstance(samples.pictures, MixedPictures):
        for number, bucket in enumerate(samples.pictures.buckets):
            arrays[f"pictures_{number}"] = bucket.pictures
            arrays[f"rows_{number}"] = bucket.rows
    else:
        arrays["pictures"] = samples.pictures
    np.savez_compressed(folder / SAMPLES_FILE, **arrays)  # type: ignore[arg-type]


def read_samples(folder: Path) -> ModelSamples | None:
    """Return what ``samples.npz`` holds, or ``None`` where there is none."""
    path = folder / SAMPLES_FILE
    if not path.is_file():
        return None
    arrays = _read_arrays(path)
    try:
        return ModelSamples(
            tuple(str(name) for name in arrays["names"]),
            _stored_pictures(arrays),
            arrays["probabilities"].astype(np.float32),
        )
    except KeyError as error:
        raise ModelFileError(f"{path} lacks {error}", "the file as it was saved", _MEND) from error


def _stored_pictures(arrays: Mapping[str, NDArray[np.generic]]) -> Pictures:
    if "rows_0" not in arrays:
        return arrays["pictures"].astype(np.uint8)
    count = sum(name.startswith("rows_") for name in arrays)
    return MixedPictures(
        [
            ShapeBucket(
                arrays[f"rows_{number}"].astype(np.int64),
                arrays[f"pictures_{number}"].astype(np.uint8),
            )
            for number in range(count)
        ]
    )


def read_model_file(
    folder: Path, pipeline: Pipeline, trust: Trust = NO_TRUST
) -> keras.Model | ArrayModel:
    """Return the model, its digest checked before anything of it is opened.

    A ``.keras`` file is read in safe mode and only if every object in it is Keras's or
    AutoSmall's own, unless it is trusted; arrays are read without pickle. Raises
    :class:`~autosmall.errors.ModelFileError` for everything that does not fit.
    """
    path = folder / pipeline.model_file
    _check_digest(path, pipeline.sha256)
    if pipeline.kind == ARRAYS:
        return ArrayModel(pipeline.recipe, _read_arrays(path))
    return _read_keras(path, pipeline, trusted=bool(trust.digest(path)))


def _check_replaceable(folder: Path) -> None:
    if not folder.exists() or (folder / PIPELINE_FILE).is_file() or is_ensemble(folder):
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise ModelFileError(
            f"{folder} exists and is no saved model",
            "a new folder, or one that an earlier model may be replaced in",
            "move it away, then run the same command again",
        )


def _move_into_place(staged: Path, folder: Path) -> None:
    """Rename ``staged`` to ``folder``; what was there comes back if that fails."""
    if not folder.exists():
        staged.rename(folder)
        return
    old = folder.parent / f".{folder.name}-old-{uuid.uuid4().hex}"
    folder.rename(old)
    try:
        staged.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        raise TypeError(f"arrays of Python objects cannot be saved: {', '.join(objects)}")
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def _read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (*_READ_ERRORS, AttributeError) as error:
        raise ModelFileError(
            f"{path} cannot be read: {error}",
            "plain arrays without Python objects, as AutoSmall saves them",
            _MEND,
        ) from error


def _check_digest(path: Path, sha256: str) -> None:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise ModelFileError(f"cannot open {path}: {error.strerror}", "the model", _MEND) from error
    if found != sha256:
        raise ModelFileError(
            f"{path} is not the file that was saved (SHA-256 {found[:16]}…)",
            f"SHA-256 {sha256[:16]}…, as {PIPELINE_FILE} says",
            f"it was changed or cut short: {_MEND}",
        )


def _read_keras(path: Path, pipeline: Pipeline, *, trusted: bool) -> keras.Model:
    try:
        model = _load_trusted(path) if trusted else _load_safely(path)
    except _READ_ERRORS as error:
        raise ModelFileError(
            f"{path} cannot be loaded: {str(error).splitlines()[0]}",
            "a Keras model of Keras's and AutoSmall's own layers",
            _MEND,
        ) from error
    expected = ((None, *pipeline.picture_spec.input_shape), (None, len(pipeline.classes)))
    if (model.input_shape, model.output_shape) != expected:
        raise ModelFileError(
            f"{path} takes {model.input_shape} and gives {model.output_shape}",
            f"{expected[0]} and {expected[1]}, as {PIPELINE_FILE} says",
            _MEND,
        )
    return model


def _load_trusted(path: Path) -> keras.Model:
    import_keras()
    from autosmall.models.foreign_models import load_trusted

    return load_trusted(path)


def _load_safely(path: Path) -> keras.Model:
    with zipfile.ZipFile(path) as archive:
        objects = set(objects_in(json.loads(archive.read("config.json"))))
    foreign = sorted({str(each) for each in objects if not _is_own(each)})
    if foreign:
        raise ModelFileError(
            f"{path} holds what is neither Keras's nor AutoSmall's own: {', '.join(foreign)}",
            "a Keras model of their own layers, without Lambda: anything else could run code",
            f"retrain another configuration, or {trust_remedy(path)}",
        )
    import_keras()
    import keras

    _import_own_layers(objects)
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def _is_own(each: SerializedObject) -> bool:
    known = each.module.startswith(_OWN_LAYERS) or each.module.split(".")[0] == "keras_hub"
    return each.is_keras_own or (known and each.name not in CODE)


def _import_own_layers(objects: set[SerializedObject]) -> None:
    """Import the modules of AutoSmall's and KerasHub's layers, so that Keras knows them."""
    for module in sorted({each.module for each in objects}):
        if module.startswith(_OWN_LAYERS):
            importlib.import_module(module)
        elif module.split(".")[0] == "keras_hub":
            importlib.import_module("keras_hub")
