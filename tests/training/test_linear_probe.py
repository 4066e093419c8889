"""The probe: high for features that tell, chance for those that do not, and the held-out part."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from autosmall.data.probe_tasks import ProbeTask
from autosmall.training.linear_probe import LinearProbe, hold_out


def colour_task(per_class: int = 12) -> ProbeTask:
    """Three classes by colour alone."""
    labels = np.repeat(np.arange(3), per_class)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 60, (len(labels), 16, 16, 3)).astype(np.uint8)
    pictures[np.arange(len(labels)), :, :, labels] += 150
    return ProbeTask("colours", pictures, labels)


def backbone(kernel: np.ndarray) -> keras.Model:
    pictures = keras.Input((16, 16, 3))
    layer = keras.layers.Conv2D(kernel.shape[-1], 1, use_bias=False)
    model = keras.Model(pictures, layer(pictures))
    layer.set_weights([kernel[None, None]])
    return model


def test_telling_features_score_high_and_blind_ones_chance():
    probe = LinearProbe([colour_task()])
    assert probe.picture_count == 36 and probe.names == ("colours",)
    assert probe(backbone(np.eye(3, dtype=np.float32))) == 1.0
    assert probe(backbone(np.zeros((3, 3), np.float32))) == pytest.approx(1 / 3, abs=0.2)


def test_features_that_are_no_numbers_score_nothing():
    probe = LinearProbe([colour_task()])
    assert probe(backbone(np.full((3, 3), np.nan, np.float32))) == 0.0


def test_the_backbone_is_left_as_it_is():
    model = backbone(np.eye(3, dtype=np.float32))
    LinearProbe([colour_task()])(model)
    assert model.trainable and all(layer.trainable for layer in model.layers)


def test_a_share_of_each_class_is_held_out_and_small_classes_keep_all():
    labels = np.repeat([0, 1, 2], [1000, 100, 10])
    train, held = hold_out(labels, seed=0)
    assert np.bincount(labels[held], minlength=3).tolist() == [40, 15, 0]
    assert sorted([*train, *held]) == list(range(len(labels)))
    assert all(
        np.array_equal(a, b) for a, b in zip(hold_out(labels, 0), (train, held), strict=True)
    )


def test_nothing_is_held_out_where_it_could_not_be_scored():
    train, held = hold_out(np.repeat([0, 1], [100, 9]), seed=0)
    assert len(held) == 0 and len(train) == 109
