"""Grad-CAM: gradients as derived by hand, the right maps, and no map that weights do not make."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from autosmall.models.backbones import backbone_from_model
from autosmall.models.dense_head import classifier_model
from autosmall.models.grad_cam import classifier_maps, evidence_gradients, grad_cam
from autosmall.models.heads import LinearHead

SIDE = 24
CLASSES = np.array([1, 0, 1])


def network(head: str, seed: int = 0, *, side: int | None = SIDE, dropout: float = 0.0):
    """Return a small network whose last map has 12 rows and columns, and that map."""
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((side, side, 1))
    maps = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(pictures)
    maps = keras.layers.MaxPooling2D(2)(maps)
    maps = keras.layers.Conv2D(6, 3, padding="same", activation="relu")(maps)
    vector = {
        "average": keras.layers.GlobalAveragePooling2D,
        "flatten": keras.layers.Flatten,
    }[head]()(maps)
    if dropout:
        vector = keras.layers.Dropout(dropout)(vector)
    logits = keras.layers.Dense(3, kernel_initializer="glorot_normal", name="logits")(vector)
    return keras.Model(pictures, keras.layers.Softmax()(logits)), maps


def pictures(count: int = 3, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (count, side, side, 1)).astype(np.float32)


@pytest.mark.parametrize("head", ["average", "flatten"])
def test_gradients_are_those_of_the_log_odds(head):
    model, maps = network(head, dropout=0.5)
    values = keras.Model(model.input, maps).predict_on_batch(pictures())
    (found,) = evidence_gradients(keras.Model(maps, model.output), [values], CLASSES)
    kernel = model.get_layer("logits").get_weights()[0]
    probabilities = model.predict_on_batch(pictures())
    others = probabilities * (np.arange(3) != CLASSES[:, None])
    weights = np.eye(3)[CLASSES] - others / others.sum(axis=1, keepdims=True)
    # d(log p_c - log(1 - p_c)) = dz_c - sum of the others' dz, weighed by their probabilities.
    expected = weights @ kernel.T
    if head == "average":
        expected = np.broadcast_to(expected[:, None, None] / 12**2, values.shape)
    np.testing.assert_allclose(found, expected.reshape(values.shape), rtol=2e-3, atol=1e-6)


def test_a_spot_that_decides_holds_the_evidence():
    model, _ = network("average")
    kernels = model.get_weights()
    kernels = [np.zeros_like(each) for each in kernels]
    kernels[0][1, 1, 0, 0] = kernels[2][1, 1, 0, 0] = 1.0  # both convolutions pass brightness on
    kernels[4][0, 1] = 500.0  # which speaks for class 1
    model.set_weights(kernels)
    spots = np.zeros((2, SIDE, SIDE, 1), np.float32)
    spots[0, 4:8, 14:18] = spots[1, 16:20, 2:6] = 1.0
    found = grad_cam(model, spots, np.array([1, 1]), SIDE, SIDE)
    for evidence, (top, left) in zip(found, [(4, 14), (16, 2)], strict=True):
        assert evidence[top - 1 : top + 5, left - 1 : left + 5].sum() > 0.9 * evidence.sum()
    # What the spot adds to the log-odds: 500 times its share of the picture.
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 500 * 16 / SIDE**2, rtol=0.02)
    assert grad_cam(model, spots, np.array([0, 0]), SIDE, SIDE).max() == 0


def test_randomised_weights_change_the_map():
    """Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3.1."""
    images = pictures(8)
    classes = np.ones(8, np.int64)
    first, again, other = (
        grad_cam(network("flatten", seed)[0], images, classes, SIDE, SIDE) for seed in (0, 0, 1)
    )
    np.testing.assert_allclose(first, again, rtol=1e-4, atol=1e-7)
    # Smooth maps of 12 x 12 places: independent ones correlate by about 1 / sqrt(144) = 0.08 in
    # standard deviation; 0.4 is five of these.
    correlations = [
        spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, other, strict=True)
    ]
    assert np.abs(correlations).mean() < 0.4


def test_pooling_and_maps_of_one_place_are_passed_by():
    inputs = keras.Input((SIDE, SIDE, 3))
    first = keras.layers.Conv2D(4, 3, name="first")(inputs)
    # A squeeze-and-excitation branch inside the network is none of the classifier's maps.
    squeezed = keras.layers.GlobalAveragePooling2D(keepdims=True)(first)
    gate = keras.layers.Conv2D(4, 1, activation="sigmoid")(squeezed)
    second = keras.layers.Conv2D(4, 3, name="second")(keras.layers.Multiply()([first, gate]))
    quarters = keras.layers.Flatten()(keras.layers.AveragePooling2D(10)(second))
    whole = keras.layers.GlobalMaxPooling2D()(first)
    vector = keras.layers.Concatenate()([quarters, whole])
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(vector))
    names = {each._keras_history.operation.name for each in classifier_maps(model)}
    assert names == {"first", "second"}


def test_a_mirror_image_that_is_looked_at_too_has_its_map_turned_back():
    model, maps = network("average")
    head = LinearHead(np.random.default_rng(3).normal(size=(6, 2)).astype(np.float32), np.zeros(2))
    backbone = backbone_from_model(keras.Model(model.input, maps))
    images, classes = pictures(2), np.array([0, 1])
    once, both = (
        classifier_model(backbone, "last", "avg", head, mirrored=mirrored)
        for mirrored in (False, True)
    )
    straight, turned = (
        grad_cam(both, each, classes, SIDE, SIDE) for each in (images, images[:, :, ::-1])
    )
    np.testing.assert_allclose(turned[:, :, ::-1], straight, rtol=1e-3, atol=1e-6)
    alone = grad_cam(once, images, classes, SIDE, SIDE)
    assert np.abs(alone - straight).max() > 0.1 * straight.max() > 0


def test_pictures_of_any_shape_and_maps_too_coarse():
    model, _ = network("average", side=None)
    assert grad_cam(model, pictures(2, 16), CLASSES[:2], 10, 20).shape == (2, 10, 20)
    assert grad_cam(model, pictures(2, 4), CLASSES[:2], 4, 4) is None
    flat = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    flat.add(keras.layers.Dense(2, activation="softmax"))
    assert grad_cam(flat, pictures(2, 4), CLASSES[:2], 4, 4) is None
