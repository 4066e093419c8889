"""``pipeline.json``: all that a saved model needs besides its weights.

How a picture becomes the model's input (the one decode-and-resize of :mod:`autosmall.data.images`
and its settings), what its outputs mean, and what it was made from. The model's own file is named
by its digest, so that the two cannot be mixed up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from autosmall.errors import ModelFileError
from autosmall.files import write_json
from autosmall.saved_model.decisions import Decisions, read_decisions
from autosmall.schema.config import Config
from autosmall.schema.pictures import NATIVE, SMALLEST_CELL_PX, PictureSpec

FORMAT_VERSION = 2
"""Version 2 tells the temperature and the thresholds."""
PIPELINE_FILE = "pipeline.json"

KERAS = "keras"
ARRAYS = "arrays"
MODEL_FILES = {KERAS: "model.keras", ARRAYS: "model.npz"}
"""Kind of model to the name of its file; the name is never read from ``pipeline.json``."""

_POLICIES = ("stretch", "letterbox", "center_crop", NATIVE)
_COLORS = ("rgb", "grayscale")


@dataclass(frozen=True)
class Pipeline:
    """What stands beside a saved model.

    Attributes:
        picture_spec: What pictures are made to. The model takes them as ``float32`` with values
            from 0 to 255; scaling is inside it.
        classes: Class names in the order of the model's outputs.
        config: The configuration that was trained, its strategy included.
        kind: ``keras`` or ``arrays``.
        recipe: Which function predicts from the arrays; empty for a Keras model.
        sha256: Digest of the model's file, 64 hexadecimal digits.
        autosmall_version: Version that saved it.
        decisions: The temperature, which the model's own file holds and applies, and thresholds.
    """

    picture_spec: PictureSpec
    classes: tuple[str, ...]
    config: Config
    kind: str
    recipe: str
    sha256: str
    autosmall_version: str
    decisions: Decisions = field(default_factory=Decisions)

    @property
    def model_file(self) -> str:
        """Name of the model's file inside its folder."""
        return MODEL_FILES[self.kind]


def write_pipeline(folder: Path, pipeline: Pipeline) -> None:
    """Write ``pipeline.json`` into ``folder``."""
    spec = pipeline.picture_spec
    write_json(
        folder / PIPELINE_FILE,
        {
            "format_version": FORMAT_VERSION,
            "autosmall_version": pipeline.autosmall_version,
            "kind": pipeline.kind,
            "recipe": pipeline.recipe,
            "model_file": pipeline.model_file,
            "sha256": pipeline.sha256,
            "picture": {
                "image_size_px": spec.image_size_px,
                "resize_policy": spec.resize_policy,
                "color_mode": spec.color_mode,
                "smallest_side_px": spec.smallest_side_px,
                "dtype": "float32",
                "value_range": [0, 255],
            },
            "classes": list(pipeline.classes),
            "strategy": pipeline.config.strategy,
            "config": pipeline.config.to_dict(),
            **pipeline.decisions.to_document(),
        },
    )


def read_pipeline(folder: Path) -> Pipeline:
    """Return what ``pipeline.json`` in ``folder`` says.

    Raises :class:`~autosmall.errors.ModelFileError` where it is missing, no JSON, of a newer
    format, or holds impossible values.
    """
    path = folder / PIPELINE_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        check_format(path, document, FORMAT_VERSION)
        return _from_document(document)
    except OSError as error:
        raise ModelFileError(
            f"{folder} holds no {PIPELINE_FILE}",
            "the folder of a saved model, as written by: autosmall retrain",
            "name the folder `model` inside a run",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{path} cannot be used: {type(error).__name__}: {error}",
            "the file as AutoSmall wrote it",
            "copy the model's folder again, or write it anew with: autosmall retrain RUN",
        ) from error


def check_format(path: Path, document: dict[str, object], wanted: int) -> None:
    """Raise :class:`~autosmall.errors.ModelFileError` where a document has another format."""
    version = document["format_version"]
    if version != wanted:
        raise ModelFileError(
            f"{path} has format version {version!r}",
            f"format version {wanted}",
            "use the version of AutoSmall that saved the model: "
            f"{document.get('autosmall_version', 'unknown')}",
        )


def _from_document(document: dict[str, object]) -> Pipeline:
    picture, classes, config = document["picture"], document["classes"], document["config"]
    if not isinstance(picture, dict) or not isinstance(classes, list):
        raise TypeError("picture or classes of the wrong kind")
    if len(classes) < 2 or not all(isinstance(name, str) for name in classes):
        raise ValueError(f"classes {classes!r}")
    if not isinstance(config, dict):
        raise TypeError("config of the wrong kind")
    return Pipeline(
        picture_spec=_picture_spec(picture),
        classes=tuple(classes),
        config=Config.from_mapping(config),
        kind=_one_of("kind", document["kind"], tuple(MODEL_FILES)),
        recipe=str(document["recipe"]),
        sha256=str(document["sha256"]),
        autosmall_version=str(document["autosmall_version"]),
        decisions=read_decisions(document, tuple(classes)),
    )


def _picture_spec(picture: dict[str, object]) -> PictureSpec:
    return PictureSpec(
        _side("image_size_px", picture["image_size_px"]),
        _one_of("resize_policy", picture["resize_policy"], _POLICIES),
        _one_of("color_mode", picture["color_mode"], _COLORS),
        _side("smallest_side_px", picture.get("smallest_side_px", SMALLEST_CELL_PX)),
    )


def _side(name: str, value: object) -> int:
    if not isinstance(value, int) or not 1 <= value <= 4096:
        raise ValueError(f"{name} {value!r}")
    return value


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, none of {', '.join(allowed)}")
    return str(value)
