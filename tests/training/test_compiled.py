import keras
import numpy as np
import pytest

from autosmall.training.compiled import NetworkCache


def build() -> keras.Model:
    inputs = keras.Input((3,))
    hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(4)(inputs))
    return keras.Model(inputs, keras.layers.BatchNormalization()(hidden))


def state(network: keras.Model) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in network.variables]


def test_a_kept_network_starts_as_a_new_one_would():
    cache = NetworkCache()
    kept = cache.get("a", build, seed=1)
    kept.compile("adam", "mse")
    kept.train_on_batch(np.ones((2, 3), np.float32), np.ones((2, 4), np.float32))
    again = cache.get("a", build, seed=2)
    assert again is kept
    fresh = NetworkCache().get("a", build, seed=2)
    for mine, theirs in zip(state(again), state(fresh), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_keeps_the_latest_and_tells_keys_apart():
    cache = NetworkCache(kept=2)
    first, second = (cache.get(key, build, 0) for key in "ab")
    assert first is not second
    assert cache.get("a", build, 0) is first
    cache.get("c", build, 0)
    assert cache.get("a", build, 0) is first
    assert cache.get("b", build, 0) is not second


@pytest.mark.parametrize("seed", [0, 1])
def test_seed_decides_the_weights(seed):
    one, other = (NetworkCache().get("a", build, s).get_weights()[0] for s in (seed, seed + 1))
    assert not np.array_equal(one, other)
