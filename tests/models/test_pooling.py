import keras
import numpy as np
import pytest

from autosmall.models.pooling import HeadSpec, classify, pool, spatial_pyramid


def outputs_of(shape, function):
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (5, 6), (7, 13), (12, 12)])
def test_pyramid_is_the_maxima_over_cells_that_cover_the_map(height, width):
    maps = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype(np.float32)
    pyramid = outputs_of((height, width, 3), spatial_pyramid).predict_on_batch(maps)
    assert pyramid.shape == (2, 21 * 3)
    levels = np.split(pyramid.reshape(2, 21, 3), [1, 5], axis=1)
    for level in levels:
        # Cells that cover the map have the map's maximum among their maxima.
        np.testing.assert_array_equal(level.max(axis=1), maps.max(axis=(1, 2)))


def test_pyramid_tells_quarters_apart():
    maps = np.zeros((1, 8, 8, 1), np.float32)
    maps[0, 6, 1, 0] = 1
    pyramid = outputs_of((8, 8, 1), spatial_pyramid).predict_on_batch(maps)[0]
    assert pyramid[:5].tolist() == [1, 0, 0, 1, 0]
    assert np.flatnonzero(pyramid[5:]).tolist() == [12]


@pytest.mark.parametrize(("side", "cells"), [(1, 1), (2, 5), (3, 5), (4, 21)])
def test_levels_finer_than_the_map_are_left_out(side, cells):
    assert outputs_of((side, side, 2), spatial_pyramid).output_shape == (None, cells * 2)


@pytest.mark.parametrize(
    ("pooling", "length"), [("global_average", 3), ("flatten", 48), ("pyramid", 63)]
)
def test_vector_lengths(pooling, length):
    network = outputs_of((4, 4, 3), lambda maps: pool(maps, pooling))
    assert network.output_shape == (None, length)


def test_classifier_starts_at_chance_and_holds_its_penalties():
    head = HeadSpec(5, "flatten", dropout_rate=0.3, l1=0.01)
    network = outputs_of((4, 4, 3), lambda maps: classify(maps, head))
    maps = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(network.predict_on_batch(maps), np.zeros((2, 5)))
    last = network.get_layer("classifier")
    last.kernel.assign(np.ones(last.kernel.shape))
    assert float(network.losses[0]) == pytest.approx(0.01 * 48 * 5)
    assert network.get_layer("head_dropout").rate == 0.3
