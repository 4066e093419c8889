"""From a feature map to class logits: pooling, dropout, and the last layer."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from autosmall.models.region_pooling import pool_regions, regions_fit

PYRAMID_LEVELS = (1, 2, 4)
CLASSIFIER_NAME = "classifier"


@dataclass(frozen=True)
class HeadSpec:
    """The head of a network.

    Attributes:
        class_count: Number of logits.
        pooling: ``global_average``, ``flatten`` (maps of known size only) or ``pyramid``.
        dropout_rate: Dropout before the last layer.
        l1: L1 penalty on the last layer's kernel.
    """

    class_count: int
    pooling: str
    dropout_rate: float = 0.0
    l1: float = 0.0


def classify(feature_map: keras.KerasTensor, head: HeadSpec) -> keras.KerasTensor:
    """Return logits ``(b, class_count)`` of a feature map ``(b, h, w, c)``."""
    return classify_vector(pool(feature_map, head.pooling), head)


def classify_vector(features: keras.KerasTensor, head: HeadSpec) -> keras.KerasTensor:
    """Return logits ``(b, class_count)`` of feature vectors ``(b, d)``.

    The last layer starts at zero, so training starts at the loss of chance.
    """
    if head.dropout_rate > 0:
        features = keras.layers.Dropout(head.dropout_rate, name="head_dropout")(features)
    return keras.layers.Dense(
        head.class_count,
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L1(head.l1) if head.l1 > 0 else None,
        name=CLASSIFIER_NAME,
    )(features)


def pool(feature_map: keras.KerasTensor, pooling: str) -> keras.KerasTensor:
    """Return one vector ``(b, d)`` per feature map ``(b, h, w, c)``.

    Raises ``ValueError`` for ``flatten`` where height or width is not known.
    """
    if pooling == "global_average":
        return keras.layers.GlobalAveragePooling2D()(feature_map)
    if pooling == "flatten":
        if None in feature_map.shape[1:]:
            raise ValueError("maps of several sizes cannot be flattened: pool them instead")
        return keras.layers.Flatten()(feature_map)
    return spatial_pyramid(feature_map)


def spatial_pyramid(
    feature_map: keras.KerasTensor, levels: tuple[int, ...] = PYRAMID_LEVELS
) -> keras.KerasTensor:
    """Return the maxima over 1, 2 x 2 and 4 x 4 cells, side by side: ``(b, 21 c)``.

    Spatial pyramid pooling (He et al. 2014, section 2.2). Cells overlap where the side is no
    multiple of the level. Of maps of known size, levels with more cells than there are rows or
    columns are left out; maps of several sizes have all levels, so that all vectors are as long.
    """
    parts = [
        pool_regions(feature_map, level, "max")
        for level in levels
        if regions_fit(feature_map, level)
    ]
    return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
