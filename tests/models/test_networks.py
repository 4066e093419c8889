"""The networks trained from scratch: the compact CNN and the autoencoder."""

import keras
import numpy as np
import pytest

from autosmall.models.autoencoder import Autoencoder
from autosmall.models.pooling import HeadSpec
from autosmall.models.scratch_cnn import ScratchCnn
from autosmall.schema.pictures import PictureSpec

HEAD = HeadSpec(3, "global_average")


@pytest.mark.parametrize(
    ("size", "color", "blocks", "normalization", "pooling"),
    [
        (8, "rgb", 6, "batch", "pyramid"),
        (28, "grayscale", 3, "group", "flatten"),
        (65, "rgb", 2, "none", "global_average"),
    ],
)
def test_scratch_cnn_gives_logits_at_any_size(size, color, blocks, normalization, pooling):
    picture = PictureSpec(size, color_mode=color)
    network = ScratchCnn(picture, 6, blocks, normalization, HeadSpec(3, pooling)).build()
    assert network.input_shape == (None, size, size, picture.channels)
    assert network.output_shape == (None, 3)
    kinds = {type(layer).__name__ for layer in network.layers}
    assert ("BatchNormalization" in kinds) == (normalization == "batch")
    assert ("GroupNormalization" in kinds) == (normalization == "group")


def test_scratch_cnn_doubles_its_filters_up_to_512():
    network = ScratchCnn(PictureSpec(32), 128, 5, "none", HEAD).build()
    filters = [layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert filters == [128, 128, 256, 256, 512, 512, 512, 512, 512, 512]


def test_stem_is_strided_from_64_px():
    for size, side in ((63, 63), (64, 32)):
        network = ScratchCnn(PictureSpec(size), 4, 1, "none", HEAD).build()
        first = next(x for x in network.layers if isinstance(x, keras.layers.Conv2D))
        assert first.output.shape[1:3] == (side, side)


@pytest.mark.parametrize(("size", "blocks"), [(8, 6), (16, 2), (27, 3), (33, 4)])
def test_reconstruction_has_the_pictures_size_and_scale(size, blocks):
    networks = Autoencoder(PictureSpec(size), 4, blocks, 5, HEAD).build()
    assert networks.autoencoder.output_shape == (None, size, size, 3)
    pictures = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    restored = networks.autoencoder.predict_on_batch(pictures)
    assert restored.min() >= 0 and restored.max() <= 1
    side = size
    for _ in range(blocks):
        side = -(-side // 2)
    bottleneck = networks.autoencoder.get_layer("bottleneck")
    assert bottleneck.output.shape == (None, side, side, 5)


def test_autoencoder_and_classifier_share_the_encoder():
    networks = Autoencoder(PictureSpec(16), 4, 2, 5, HEAD).build()
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    before = networks.pooled.predict_on_batch(pictures)
    bottleneck = networks.autoencoder.get_layer("bottleneck")
    assert networks.classifier.get_layer("bottleneck") is bottleneck
    bottleneck.bias.assign(bottleneck.bias + 1)
    np.testing.assert_allclose(networks.pooled.predict_on_batch(pictures), before + 1, rtol=1e-4)


def test_rebuilt_classifier_takes_the_weights():
    architecture = Autoencoder(PictureSpec(16), 4, 2, 5, HEAD)
    weights = architecture.build().classifier.get_weights()
    rebuilt = architecture.build_classifier()
    rebuilt.set_weights(weights)
    for new, old in zip(rebuilt.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(new, old)
