"""Pooling of feature maps whose size is known only when they come."""

import keras
import numpy as np
import pytest

from autosmall.models.region_pooling import RegionPooling


def _expected(maps, cells, reduce):
    height, width = maps.shape[1:3]
    parts = [
        reduce(
            maps[
                :,
                row * height // cells : -(-(row + 1) * height // cells),
                column * width // cells : -(-(column + 1) * width // cells),
            ],
            axis=(1, 2),
        )
        for row in range(cells)
        for column in range(cells)
    ]
    return np.concatenate(parts, axis=1)


@pytest.fixture(scope="module")
def models():
    """A model of any size for each number of cells and pooling, saved and read again."""
    inputs = keras.Input((None, None, 2))
    return {
        (cells, pooling): keras.Model(inputs, RegionPooling(cells, pooling)(inputs))
        for cells in (1, 2, 4)
        for pooling in ("avg", "max")
    }


@pytest.mark.parametrize("cells", [1, 2, 4])
@pytest.mark.parametrize("size", [(4, 8), (5, 7), (1, 3), (9, 2)])
def test_one_model_pools_maps_of_all_sizes(models, cells, size):
    maps = np.random.default_rng(0).standard_normal((3, *size, 2)).astype(np.float32)
    for pooling, reduce in (("avg", np.mean), ("max", np.max)):
        pooled = models[cells, pooling].predict_on_batch(maps)
        assert pooled.shape == (3, cells**2 * 2)
        np.testing.assert_allclose(pooled, _expected(maps, cells, reduce), atol=1e-6)


def test_it_is_read_back_in_safe_mode(models, tmp_path):
    model = models[4, "max"]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    maps = np.random.default_rng(1).standard_normal((2, 6, 5, 2)).astype(np.float32)
    assert np.array_equal(again.predict_on_batch(maps), model.predict_on_batch(maps))


def test_maxima_pass_gradients_on():
    inputs = keras.Input((None, None, 1))
    features = keras.layers.Conv2D(1, 1, use_bias=False)(inputs)
    model = keras.Model(inputs, RegionPooling(2, "max")(features))
    model.compile("sgd", "mse")
    before = model.get_weights()[0].copy()
    model.train_on_batch(np.ones((2, 3, 5, 1), np.float32), np.zeros((2, 4), np.float32))
    assert not np.array_equal(before, model.get_weights()[0])
