"""Networks that ``pretrain`` trains: names, how to choose one, and how to build it.

``compact_16`` is the CNN of the strategy ``scratch`` with 16 filters in its first block and no
head; every name of the table of backbones stands for that architecture with random weights, and
``mobilenet_0.375`` for a MobileNet of any width up to 1. Keras is imported only where one is built.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from autosmall.errors import SettingsError
from autosmall.models.backbone_table import BACKBONES, SMALLEST_FILE_PX

if TYPE_CHECKING:
    import keras

COMPACT_UP_TO_PX = 64
"""Median side up to which pictures get a compact CNN at their own size."""
COMPACT_BLOCKS = 4
COMPACT_WIDTHS = (4, 128)
SMALL_STUDENT = "compact_32"
LARGE_STUDENT = "mobilenet_0.25"
LARGE_SIZE_PX = 96
SIZE_STEP_PX = 4
LEAST_SIZE_PX = 16
LEAST_OWN_SIZE_PX = SMALLEST_FILE_PX
"""Smaller pictures are enlarged to this: as large as a search makes them for a backbone's file."""

_COMPACT = re.compile(r"compact_(\d+)")
_MOBILENET = re.compile(r"mobilenet_(0\.\d+|1)")
MOBILENET_SMALLEST_PX = 32
LEAST_WIDTH_FACTOR = 0.05


def suggest_size_px(median_size_px: int, student: str | None) -> int:
    """Return the side at which pictures of that median side are learned from."""
    if median_size_px > COMPACT_UP_TO_PX:
        return LARGE_SIZE_PX
    own = max(LEAST_OWN_SIZE_PX, -(-median_size_px // SIZE_STEP_PX) * SIZE_STEP_PX)
    return own if student is None else max(own, smallest_size_px(student))


def suggest_student(image_size_px: int) -> str:
    """Return the name of a student that suits pictures of that side and a processor."""
    return SMALL_STUDENT if image_size_px <= COMPACT_UP_TO_PX else LARGE_STUDENT


def smallest_size_px(student: str) -> int:
    """Return the smallest side that the student can take."""
    if _MOBILENET.fullmatch(student):
        return MOBILENET_SMALLEST_PX
    return BACKBONES[student].smallest_px if student in BACKBONES else LEAST_SIZE_PX


def check_student(student: str, image_size_px: int | None) -> None:
    """Raise ``SettingsError`` for an unknown student, or a side that is too small for it."""
    width = _COMPACT.fullmatch(student)
    low, high = COMPACT_WIDTHS
    is_compact = width is not None and low <= int(width[1]) <= high
    if student not in BACKBONES and not is_compact and width_factor(student) is None:
        near = difflib.get_close_matches(student, [SMALL_STUDENT, *BACKBONES], n=3, cutoff=0.3)
        raise SettingsError(
            f"architecture is {student!r}",
            f"compact_{low} to compact_{high}, or a backbone's name"
            + (f", such as {', '.join(near)}" if near else ""),
            "correct --architecture; names are listed by: autosmall backbones",
        )
    if image_size_px is not None and image_size_px < smallest_size_px(student):
        raise SettingsError(
            f"image_size is {image_size_px} px",
            f"at least {smallest_size_px(student)} px for {student}",
            "correct --image-size, or choose another --architecture",
        )


def build_student(student: str, image_size_px: int) -> keras.Model:
    """Return the network with random weights: RGB 0 to 255 to its last feature map, trainable."""
    width = _COMPACT.fullmatch(student)
    if width:
        return _build_compact(int(width[1]), image_size_px)
    shape = (image_size_px, image_size_px, 3)
    factor = width_factor(student)
    if factor is not None:
        from autosmall.models.builtin_backbone import build_mobilenet

        return build_mobilenet(shape, factor)
    from autosmall.models.backbones import build_untrained

    model = build_untrained(student, shape).model
    model.trainable = True
    return model


def width_factor(student: str) -> float | None:
    """Return the width of a MobileNet by its name, in (0, 1], or ``None`` for other students."""
    match = _MOBILENET.fullmatch(student)
    factor = float(match[1]) if match else 0.0
    return factor if factor >= LEAST_WIDTH_FACTOR else None


def _build_compact(width: int, image_size_px: int) -> keras.Model:
    import keras

    from autosmall.models.pooling import HeadSpec
    from autosmall.models.scratch_cnn import ScratchCnn
    from autosmall.schema.pictures import PictureSpec

    head = HeadSpec(class_count=1, pooling="global_average")
    network = ScratchCnn(PictureSpec(image_size_px), width, COMPACT_BLOCKS, "batch", head).build()
    maps = [layer.output for layer in network.layers if len(layer.output.shape) == 4]
    model = keras.Model(network.input, maps[-1], name="backbone")
    return keras.models.clone_model(model, clone_function=_Namer())


class _Namer:
    """Copies layers under names that tell their block: ``block2_conv1``, ``block2_bn1``."""

    def __init__(self) -> None:
        self._block, self._layer = 1, 0

    def __call__(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = type(layer).__name__
        if kind == "MaxPooling2D":
            self._block, self._layer = self._block + 1, 0
        if kind == "Conv2D":
            self._layer += 1
        number = self._layer or ""
        names = {
            "Conv2D": f"block{self._block}_conv{number}",
            "BatchNormalization": f"block{self._block}_bn{number}",
            "Activation": f"block{self._block}_relu{number}",
            "MaxPooling2D": f"block{self._block}_pool",
            "Rescaling": "scaling",
        }
        return type(layer).from_config({**layer.get_config(), "name": names.get(kind, layer.name)})
