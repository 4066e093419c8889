"""Batch normalisation in batches of one shape, of which some hold a single picture."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from autosmall.models.shape_normalization import ENOUGH_PICTURES, ShapeBatchNormalization


def layers():
    """Return ours and Keras's layer with the same moving statistics."""
    pair = [
        kind(momentum=0.9) for kind in (ShapeBatchNormalization, keras.layers.BatchNormalization)
    ]
    for layer in pair:
        layer.build((None, None, None, 3))
        layer.moving_mean.assign([1.0, -2.0, 0.5])
        layer.moving_variance.assign([4.0, 1.0, 0.25])
    return pair


def maps(count, height=4, width=6, seed=0):
    draw = np.random.default_rng(seed).normal([1, -2, 0.5], [2, 1, 0.5], (count, height, width, 3))
    return draw.astype(np.float32)


def moving(layer):
    return np.stack([layer.moving_mean.numpy(), layer.moving_variance.numpy()])


def test_a_batch_of_enough_pictures_is_normalised_as_keras_does():
    own, theirs = layers()
    batch = maps(ENOUGH_PICTURES)
    np.testing.assert_allclose(own(batch, training=True), theirs(batch, training=True), atol=1e-5)
    np.testing.assert_allclose(moving(own), moving(theirs), atol=1e-5)


@pytest.mark.parametrize("count", [1, 3, ENOUGH_PICTURES - 1])
def test_a_batch_of_few_is_normalised_as_in_prediction(count):
    own, _ = layers()
    batch = maps(count)
    expected = own(batch, training=False)
    np.testing.assert_allclose(own(batch, training=True), expected, atol=1e-5)


def test_pictures_one_by_one_move_the_statistics_like_a_batch_of_them():
    """Equal pictures: a batch's moments are then each picture's."""
    one_by_one, together = layers()[0], layers()[0]
    picture = maps(1)
    for _ in range(ENOUGH_PICTURES):
        one_by_one(picture, training=True)
    together(np.repeat(picture, ENOUGH_PICTURES, axis=0), training=True)
    np.testing.assert_allclose(moving(one_by_one), moving(together), atol=1e-5)


def test_a_picture_whose_map_is_one_pixel_is_not_wiped_out():
    """Its own mean and variance would leave nothing of it."""
    own, theirs = layers()
    pixel = np.array([[[[3.0, -1.0, 0.0]]]], np.float32)
    np.testing.assert_array_equal(theirs(pixel, training=True)[0, 0, 0], np.zeros(3))
    np.testing.assert_allclose(own(pixel, training=True)[0, 0, 0], [1, 1, -1], atol=0.01)


def test_what_lies_far_from_all_that_was_seen_is_limited():
    own, _ = layers()
    assert np.abs(own(1e4 + maps(1), training=True)).max() < 5 + 3 * 5


def test_gradients_do_not_see_a_shift_of_the_whole_batch():
    """As in batch normalisation: they pass through the batch's own statistics."""
    tf = pytest.importorskip("tensorflow")
    own, _ = layers()
    batch = tf.constant(maps(2))
    weights = np.random.default_rng(1).normal(size=batch.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        loss = tf.reduce_sum(own(batch, training=True) * weights)
    gradient = tape.gradient(loss, batch).numpy()
    assert np.abs(gradient).max() > 0.1
    np.testing.assert_allclose(gradient.sum(axis=(0, 1, 2)), np.zeros(3), atol=1e-3)


def test_rare_shapes_do_not_drown_the_common_one():
    """32 pictures of one shape, then 10 of ten others, twenty times over; brightness varies.

    The moving mean is to be that of all pictures, 0. Each mean of 32 has a standard error of 0.18,
    each picture alone of 1. Keras's momentum of 0.9 has forgotten all but the last ten batches,
    which are ten pictures: its standard error is sqrt(0.1 / 1.9) = 0.23 from them alone. Ours
    weighs them an eighth each: 1.25 batches against 10, so the common shape decides.
    """
    errors = {}
    for kind in (ShapeBatchNormalization, keras.layers.BatchNormalization):
        layer = kind(momentum=0.9)
        layer.build((None, None, None, 1))
        rng, seen = np.random.default_rng(0), []
        for _ in range(20):
            for count in [32] * 3 + [1] * 10:
                brightness = rng.normal(size=(count, 1, 1, 1))
                layer(
                    np.broadcast_to(brightness, (count, 4, 4, 1)).astype(np.float32), training=True
                )
            seen.append(float(layer.moving_mean.numpy()[0]))
        errors[kind] = np.sqrt(np.mean(np.square(seen[1:])))
    assert errors[ShapeBatchNormalization] < 0.6 * errors[keras.layers.BatchNormalization]


def test_only_networks_of_any_shape_have_it_and_it_is_read_back(tmp_path):
    from autosmall.models.pooling import HeadSpec
    from autosmall.models.scratch_cnn import ScratchCnn
    from autosmall.schema.pictures import PictureSpec

    head = HeadSpec(2, "pyramid")
    fixed = ScratchCnn(PictureSpec(32), 4, 2, "batch", head).build()
    free = ScratchCnn(PictureSpec(32, "native"), 4, 2, "batch", head).build()
    kinds = [{type(layer) for layer in network.layers} for network in (fixed, free)]
    assert ShapeBatchNormalization not in kinds[0]
    assert keras.layers.BatchNormalization not in kinds[1]
    free.save(tmp_path / "free.keras")
    again = keras.saving.load_model(tmp_path / "free.keras", safe_mode=True)
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 24, 40, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.predict_on_batch(pictures), free.predict_on_batch(pictures))
