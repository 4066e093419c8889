"""What a strategy reads from a configuration: names, kinds, legal ranges, defaults.

Parameters that several strategies share are declared once, here, so that a name means the same
everywhere and a search-space file can be checked without importing Keras.
"""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.schema.config import Value
from autosmall.schema.pictures import NATIVE


@dataclass(frozen=True)
class FloatParameter:
    """A real number in ``[low, high]``. ``meaning`` is one line for the report's glossary."""

    name: str
    default: float
    low: float
    high: float
    meaning: str


@dataclass(frozen=True)
class IntegerParameter:
    """A whole number in ``[low, high]``."""

    name: str
    default: int
    low: int
    high: int
    meaning: str


@dataclass(frozen=True)
class ChoiceParameter:
    """One of ``choices``; an empty tuple admits any text (names of backbones)."""

    name: str
    default: Value
    choices: tuple[Value, ...]
    meaning: str


Parameter = FloatParameter | IntegerParameter | ChoiceParameter


def defaults(parameters: tuple[Parameter, ...]) -> dict[str, Value]:
    """Return parameter name to default value."""
    return {parameter.name: parameter.default for parameter in parameters}


_COLOR_MODE = ChoiceParameter("color_mode", "rgb", ("rgb", "grayscale"), "colour or grey")
_SQUARE = ("stretch", "letterbox", "center_crop")

INPUT: tuple[Parameter, ...] = (
    IntegerParameter("image_size_px", 96, 8, 1024, "side of the square the picture is resized to"),
    ChoiceParameter(
        "resize_policy",
        "stretch",
        _SQUARE,
        "how a picture is made square: stretched, padded, or cut",
    ),
    _COLOR_MODE,
)

INPUT_OF_ANY_SHAPE: tuple[Parameter, ...] = (
    IntegerParameter(
        "image_size_px",
        96,
        8,
        1024,
        "side of the square the picture is resized to, or that is as large as it may be at most",
    ),
    ChoiceParameter(
        "resize_policy",
        "stretch",
        (*_SQUARE, NATIVE),
        "how a picture is made square (stretched, padded, cut), or kept in its own shape",
    ),
    _COLOR_MODE,
)
"""For strategies whose networks can take pictures that differ in shape."""

OPTIMIZATION: tuple[Parameter, ...] = (
    ChoiceParameter("optimizer", "adamw", ("adam", "adamw", "sgd", "rmsprop"), "the optimiser"),
    FloatParameter("learning_rate", 1e-3, 1e-7, 10.0, "peak learning rate"),
    ChoiceParameter(
        "learning_rate_schedule",
        "cosine",
        ("constant", "cosine", "step", "bit"),
        "how the learning rate falls over training, after a short warm-up",
    ),
    FloatParameter("momentum", 0.9, 0.0, 0.999, "momentum of SGD"),
    FloatParameter(
        "weight_decay", 0.0, 0.0, 1.0, "decoupled weight decay (L2 for other optimisers)"
    ),
    FloatParameter("l1", 0.0, 0.0, 1.0, "L1 penalty on the head's weights"),
    IntegerParameter("batch_size", 32, 1, 1024, "pictures per step"),
    IntegerParameter("epochs", 20, 1, 2000, "passes over the training pictures"),
)

REGULARIZATION: tuple[Parameter, ...] = (
    FloatParameter("dropout_rate", 0.0, 0.0, 0.95, "dropout before the last layer"),
    FloatParameter("label_smoothing", 0.0, 0.0, 0.5, "share of each label spread over all classes"),
    ChoiceParameter(
        "class_balance",
        "none",
        ("none", "weights", "sampling", "focal"),
        "what is done about unequal classes",
    ),
)

AUGMENTATION: tuple[Parameter, ...] = (
    ChoiceParameter(
        "augmentation",
        "affine",
        ("none", "affine", "random_resized_crop", "rand_augment", "trivial_augment"),
        "policy that alters training pictures at random",
    ),
    FloatParameter(
        "augmentation_strength", 0.5, 0.0, 1.0, "0 leaves pictures alone, 1 is strongest"
    ),
)
