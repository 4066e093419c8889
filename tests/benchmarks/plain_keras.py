"""The networks of the comparisons with other tools, as a careful user of Keras writes them.

No AutoSmall here. :data:`CHOICES` is what all tools choose from, :data:`FIXED` what is the same in
every fit, by the names that AutoSmall has for them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRATEGIES = ("frozen", "fine_tune", "scratch")
SIDES_PX = {"frozen": 128, "fine_tune": 128, "scratch": 64}
EPOCHS = {"frozen": 30, "fine_tune": 12, "scratch": 20}
HEAD_EPOCHS, HEAD_RATE = 5, 1e-3
"""Fine-tuning begins with a head on the frozen backbone, as Keras's guide to it does."""
ALPHA = 0.75


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, equally likely or, with ``log``, their logarithms."""

    low: float
    high: float
    log: bool = False


COMMON: dict[str, list[Any] | Range] = {
    "optimizer": ["adam", "adamw", "sgd"],
    "batch_size": [16, 32, 64],
    "dropout_rate": Range(0.0, 0.6),
}
CHOICES: dict[str, dict[str, list[Any] | Range]] = {
    "frozen": {
        **COMMON,
        "learning_rate": Range(1e-4, 1e-1, log=True),
        "bottleneck_units": [0, 64, 256],
    },
    "fine_tune": {
        **COMMON,
        "learning_rate": Range(1e-5, 1e-2, log=True),
        "trainable_blocks": [1, 2, 3, 4],
    },
    "scratch": {
        **COMMON,
        "learning_rate": Range(1e-4, 3e-2, log=True),
        "width": [8, 16, 24],
        "blocks": [3, 4],
        "head": ["global_average", "flatten"],
        "augmentation_strength": Range(0.1, 1.0),
    },
}

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


def read_split(folder: Path, side_px: int) -> tuple[Images, Labels, int]:
    """Return pictures 0 to 255 ``(n, side, side, 3)`` in class folders, labels, and classes."""
    import keras

    data = keras.utils.image_dataset_from_directory(
        folder, image_size=(side_px, side_px), batch_size=64, shuffle=False, verbose=False
    )
    parts = [(images.numpy(), labels.numpy()) for images, labels in data]
    images = np.concatenate([part[0] for part in parts])
    return images, np.concatenate([part[1] for part in parts]), len(data.class_names)


def build(strategy: str, values: dict[str, Any], classes: int, weights: str) -> Any:
    """Return the compiled model of a strategy: pictures 0 to 255 in, logits out."""
    model = {"frozen": frozen, "fine_tune": fine_tune, "scratch": scratch}[strategy](
        values, classes, weights
    )
    return compiled(model, values["optimizer"], values["learning_rate"])


def compiled(model: Any, optimizer: str, rate: float) -> Any:
    """Compile ``model`` for integer labels and return it."""
    import keras

    makers = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    }
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(makers[optimizer](rate), loss, metrics=["accuracy"])
    return model


def backbone(weights: str, side_px: int) -> Any:
    """Return MobileNet 0.75 with weights from a file and without classifier."""
    import keras

    shape = (side_px, side_px, 3)
    return keras.applications.MobileNet(shape, ALPHA, include_top=False, weights=weights)


def frozen(values: dict[str, Any], classes: int, weights: str) -> Any:
    """Return a head on the frozen backbone."""
    import keras

    side = SIDES_PX["frozen"]
    base = backbone(weights, side)
    base.trainable = False
    pictures = keras.Input((side, side, 3))
    features = base(keras.layers.Rescaling(1 / 127.5, -1.0)(pictures), training=False)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(pictures, dense_head(pooled, values, classes))


def feature_head(values: dict[str, Any], classes: int, width: int) -> Any:
    """Return the same head for features that were computed before."""
    import keras

    features = keras.Input((width,))
    head = keras.Model(features, dense_head(features, values, classes))
    return compiled(head, values["optimizer"], values["learning_rate"])


def features_of(images: Images, weights: str) -> NDArray[np.float32]:
    """Return the backbone's pooled features of pictures."""
    base = backbone(weights, images.shape[1])
    maps = base.predict(images / 127.5 - 1, batch_size=64, verbose=0)
    return maps.mean(axis=(1, 2))


def dense_head(features: Any, values: dict[str, Any], classes: int) -> Any:
    """Return logits of pooled features."""
    import keras

    if values["bottleneck_units"]:
        features = keras.layers.Dense(values["bottleneck_units"], activation="relu")(features)
    features = keras.layers.Dropout(values["dropout_rate"])(features)
    return keras.layers.Dense(classes)(features)


def fine_tune(values: dict[str, Any], classes: int, weights: str) -> Any:
    """Return backbone and head; the head alone can be trained until :func:`unfreeze`."""
    return frozen({**values, "bottleneck_units": 0}, classes, weights)


def unfreeze(model: Any, values: dict[str, Any]) -> Any:
    """Let the top blocks be trained too, batch normalisation aside, and compile anew."""
    import keras

    base = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    base.trainable = True
    names = tuple(f"_{13 - block}" for block in range(values["trainable_blocks"]))
    for layer in base.layers:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not is_norm and layer.name.removesuffix("_bn").endswith(names)
    return compiled(model, values["optimizer"], values["learning_rate"])


def scratch(values: dict[str, Any], classes: int, weights: str) -> Any:
    """Return a compact CNN behind augmentation layers; ``weights`` are not used."""
    import keras

    side, strength = SIDES_PX["scratch"], values["augmentation_strength"]
    features = pictures = keras.Input((side, side, 3))
    for layer in (
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(0.1 * strength),
        keras.layers.RandomTranslation(0.2 * strength, 0.2 * strength),
        keras.layers.RandomZoom(0.2 * strength),
        keras.layers.Rescaling(1 / 127.5, -1.0),
    ):
        features = layer(features)
    features = convolve(features, values["width"], strides=2)
    features = convolve(features, values["width"])
    for block in range(1, values["blocks"]):
        features = keras.layers.MaxPooling2D(padding="same")(features)
        features = convolve(features, values["width"] * 2**block)
        features = convolve(features, values["width"] * 2**block)
    average = values["head"] == "global_average"
    pool = keras.layers.GlobalAveragePooling2D() if average else keras.layers.Flatten()
    features = keras.layers.Dropout(values["dropout_rate"])(pool(features))
    return keras.Model(pictures, keras.layers.Dense(classes)(features))


def convolve(features: Any, filters: int, strides: int = 1) -> Any:
    """Return a 3 x 3 convolution, normalised, after a ReLU."""
    import keras

    features = keras.layers.Conv2D(
        filters, 3, strides, "same", use_bias=False, kernel_initializer="he_normal"
    )(features)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(features))


def fit(
    strategy: str,
    model: Any,
    values: dict[str, Any],
    data: tuple[Any, Labels],
    validation: tuple[Any, Labels],
    callbacks: list[Any],
) -> tuple[Any, int]:
    """Train ``model`` as its strategy wants and return Keras's history and the epochs done."""
    settings: dict[str, Any] = {
        "batch_size": values["batch_size"],
        "validation_data": validation,
        "verbose": 0,
    }
    before = 0
    if strategy == "fine_tune":
        before = HEAD_EPOCHS
        compiled(model, "adam", HEAD_RATE).fit(*data, epochs=before, **settings)
        unfreeze(model, values)
    history = model.fit(*data, epochs=EPOCHS[strategy], callbacks=callbacks, **settings)
    return history, before + len(history.epoch)


def quiet() -> None:
    """Keep TensorFlow from telling what it found; call before it is imported."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
