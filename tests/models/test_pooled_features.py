"""What pooling makes of feature maps, column by column."""

import keras
import numpy as np
import pytest

from autosmall.models.backbones import backbone_from_model
from autosmall.models.pooled_features import feature_model, pooled_tensor, used_columns

POOLINGS = ("avg", "avg_max", "pyramid")


def two_stages(side):
    """Return a backbone of maps of half and a quarter of the pictures' side, 4 and 3 channels."""
    keras.utils.set_random_seed(0)
    pictures = keras.Input((side, side, 3))
    first = keras.layers.Conv2D(4, 3, 2, padding="same", name="block1_conv")(pictures)
    second = keras.layers.Conv2D(3, 3, 2, padding="same", name="block2_conv")(first)
    return backbone_from_model(keras.Model(pictures, second))


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(0, 1, (2, 24, 24, 3)).astype(np.float32)


def pyramid_of(maps):
    """Return means of the whole and of its quarters, row by row; sides are even."""
    half = maps.shape[1] // 2
    quarters = [maps[:, y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    return np.concatenate([part.mean(axis=(1, 2)) for part in (maps, *quarters)], axis=1)


@pytest.mark.parametrize("side", [24, None])
def test_a_pyramid_is_the_mean_of_the_map_and_of_its_quarters(side, pictures):
    backbone = two_stages(side)
    maps = keras.Model(backbone.model.input, list(backbone.stages)).predict_on_batch(pictures)
    expected = np.concatenate([pyramid_of(each) for each in maps], axis=1)
    found = feature_model(backbone, "pyramid").predict_on_batch(pictures)
    assert expected.shape == (2, 5 * (3 + 4))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("layers", ["last", "multi"])
def test_columns_of_the_whole_vector_are_what_the_saved_model_pools(layers, pooling, pictures):
    backbone = two_stages(24)
    whole = feature_model(backbone, pooling).predict_on_batch(pictures)
    own = keras.Model(backbone.model.input, pooled_tensor(backbone, layers, pooling))
    columns = used_columns(backbone, layers, pooling)
    np.testing.assert_array_equal(whole[:, columns], own.predict_on_batch(pictures))


def test_a_map_of_one_pixel_has_no_quarters():
    assert feature_model(two_stages(4), "pyramid").output_shape == (None, 3 + 5 * 4)
    assert feature_model(two_stages(None), "pyramid").output_shape == (None, 5 * (3 + 4))
