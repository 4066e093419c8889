import keras
import numpy as np
import pytest

from autosmall.models.backbones import build_untrained
from autosmall.models.fine_tuning import build_networks, head_layer, learning_rate_factors
from autosmall.models.pooling import HeadSpec


@pytest.fixture
def networks():
    backbone = build_untrained("mobilenet_0.25", (32, 32, 3))
    return build_networks(backbone, 2, HeadSpec(3, "global_average"))


def test_only_the_top_blocks_and_the_head_are_trainable(networks):
    paths = {variable.path for variable in networks.classifier.trainable_variables}
    assert paths == {
        "conv_dw_12/kernel",
        "conv_pw_12/kernel",
        "conv_dw_13/kernel",
        "conv_pw_13/kernel",
        "classifier/kernel",
        "classifier/bias",
    }
    assert {v.path for v in networks.upper.trainable_variables} == paths
    assert not networks.lower.trainable_variables


def test_learning_rate_falls_from_block_to_block(networks):
    factors = learning_rate_factors(networks, 0.5)
    assert factors == {
        "conv_dw_13/kernel": 0.5,
        "conv_pw_13/kernel": 0.5,
        "conv_dw_12/kernel": 0.25,
        "conv_pw_12/kernel": 0.25,
    }


def test_lower_and_upper_make_up_the_classifier(networks):
    rng = np.random.default_rng(0)
    layer = head_layer(networks)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    pictures = rng.uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    whole = networks.classifier(pictures)
    np.testing.assert_allclose(networks.upper(networks.lower(pictures)), whole, atol=1e-5)


def test_training_leaves_all_below_the_cut_as_it_was(networks):
    trained = {variable.path for variable in networks.upper.trainable_variables}
    before = {v.path: np.array(v) for v in networks.classifier.variables}
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)
    networks.classifier.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    for _ in range(3):
        networks.classifier.train_on_batch(pictures, np.eye(3)[rng.integers(3, size=8)])
    changed = {
        v.path
        for v in networks.classifier.variables
        if v.path in before and (np.array(v) != before[v.path]).any()
    }
    assert "classifier/kernel" in changed
    assert changed <= trained


def test_more_blocks_than_there_are_means_all():
    backbone = build_untrained("mobilenet_0.25", (32, 32, 3))
    networks = build_networks(backbone, 20, HeadSpec(3, "global_average"))
    assert len(networks.lower.layers) == 1
    assert "conv1/kernel" in {v.path for v in networks.classifier.trainable_variables}
