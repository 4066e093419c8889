from __future__ import annotations

import math

import numpy as np
import pytest


@pytest.fixture(scope="module")
def network():
    """Four ReLU channels after a 1 x 1 convolution of a bright and a dark channel."""
    import keras

    inputs = keras.Input((4, 4, 2))
    made = keras.layers.Conv2D(4, 1, activation="relu")(inputs)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(made))
    model = keras.Model(inputs, outputs)
    kernel = np.float32([[1, -1, 0, 0], [0, 0, 1, -1]]).reshape(1, 1, 2, 4)
    model.layers[1].set_weights([kernel, np.zeros(4, np.float32)])
    return model


@pytest.mark.parametrize(("second", "share"), [(0, 0.75), (1, 0.5)])
def test_channels_that_no_picture_wakes_are_dead(network, second, share):
    from autosmall.training.health.units import dead_unit_share

    pictures = np.zeros((70, 4, 4, 2), np.uint8)
    pictures[3:5, 1, 2, 0] = 9
    pictures[4, 0, 0, 1] = second
    rows = np.arange(3, 7)
    assert dead_unit_share(network, pictures, rows) == share
    assert dead_unit_share(network, pictures, np.arange(5, 70)) == 1.0


def test_a_network_without_relu_has_no_dead_units():
    import keras

    from autosmall.training.health.units import dead_unit_share

    inputs = keras.Input((3,))
    linear = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    assert math.isnan(dead_unit_share(linear, np.zeros((4, 3)), np.arange(4)))
