"""Which units of a network ever answer: a ReLU that is zero for every picture cannot learn again.

Lu, Shin, Su and Karniadakis, "Dying ReLU and initialization", Communications in Computational
Physics 28, 2020.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import same_shape_parts
from autosmall.training.loop import Inputs

MOST_PICTURES = 32


def dead_unit_share(network: keras.Model, inputs: Inputs, rows: NDArray[np.int64]) -> float:
    """Return the share of ReLU channels that are zero everywhere, for all of 32 of ``rows``.

    NaN for a network without ReLU layers. Channels of convolutions and units of dense layers count
    alike. The rows are spread evenly over those of the most frequent shape.
    """
    outputs = [layer.output for layer in network.layers if _is_relu(layer)]
    if not outputs:
        return float("nan")
    part = max(same_shape_parts(inputs, rows), key=len)
    chosen = rows[part[:: math.ceil(len(part) / MOST_PICTURES)]]
    probe = keras.Model(network.input, outputs)
    answers = keras.tree.flatten(probe(inputs[chosen].astype(np.float32), training=False))
    strongest = [keras.ops.max(a, axis=range(len(a.shape) - 1)) for a in answers]
    return float(np.mean(np.concatenate([np.asarray(s) for s in strongest]) <= 0))


def _is_relu(layer: keras.Layer) -> bool:
    relu = keras.activations.relu
    return isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) is relu
