"""What a worker's process does about TensorFlow's memory."""

from __future__ import annotations

import keras
import pytest

from autosmall.runner.process import _registered_gradients, custom_gradients_forgotten

if keras.backend.backend() != "tensorflow":
    pytest.skip("only TensorFlow registers gradients", allow_module_level=True)


def square_with_its_gradient(tf):
    @tf.custom_gradient
    def square(x):
        return x * x, lambda upstream: 2 * x * upstream

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = square(x)
        return tape.gradient(y, x)

    return slope


def test_a_traced_gradient_is_forgotten_and_still_runs():
    import tensorflow as tf

    mine = square_with_its_gradient(tf)
    assert mine(tf.constant(3.0)) == 6.0
    before = set(_registered_gradients())
    with custom_gradients_forgotten():
        traced = square_with_its_gradient(tf)
        assert traced(tf.constant(3.0)) == 6.0
        assert set(_registered_gradients()) > before
    assert set(_registered_gradients()) == before
    assert traced(tf.constant(4.0)) == 8.0
    assert traced(tf.constant([1.0, 2.0])).numpy().tolist() == [2.0, 4.0]
