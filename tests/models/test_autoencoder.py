"""Autoencoders: the classic listing's counts, exact sizes, one encoder for all networks."""

import keras
import numpy as np
import pytest

from autosmall.models.autoencoder import Autoencoder, ClassicCodec, StridedCodec
from autosmall.models.pooling import HeadSpec
from autosmall.schema.pictures import PictureSpec

CODECS = [
    ClassicCodec("pooling"),
    ClassicCodec("second_convolution"),
    StridedCodec(4, 3, 5),
    StridedCodec(4, 2, 5, convolutions=2),
]


def build(codec, size=28, color="grayscale", pooling="flatten", hidden_units=0):
    picture = PictureSpec(size, color_mode=color)
    return Autoencoder(picture, codec, HeadSpec(3, pooling), hidden_units).build()


def pictures_of(size, channels):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (2, size, size, channels)).astype(np.float32)


@pytest.mark.parametrize(
    ("color", "layers", "total"),
    [("grayscale", [160, 1160, 1168, 145], 2633), ("rgb", [448, 1160, 1168, 435], 3211)],
)
def test_classic_has_the_listings_weights(color, layers, total):
    autoencoder = build(ClassicCodec("pooling"), color=color).autoencoder
    convolutions = [x for x in autoencoder.layers if isinstance(x, keras.layers.Conv2D)]
    assert [layer.count_params() for layer in convolutions] == layers
    assert autoencoder.count_params() == total


@pytest.mark.parametrize(
    ("cut", "weights", "latent"),
    [("pooling", 160, (4, 4, 16)), ("second_convolution", 1320, (4, 4, 8))],
)
def test_classic_encoder_ends_at_the_cut(cut, weights, latent):
    networks = build(ClassicCodec(cut))
    layer = networks.autoencoder.get_layer(cut)
    up_to_it = keras.Model(networks.autoencoder.input, layer.output)
    assert up_to_it.count_params() == weights
    assert layer.output.shape[1:] == latent
    assert networks.pooled.count_params() == weights
    assert networks.pooled.output_shape == (None, np.prod(latent))


@pytest.mark.parametrize("size", [8, 27, 28, 32, 50, 99, 100, 160])
@pytest.mark.parametrize("codec", CODECS[1:], ids=str)
def test_reconstruction_has_the_pictures_shape(codec, size):
    for picture in (PictureSpec(size), PictureSpec(size, color_mode="grayscale")):
        pictures = keras.Input((size, size, picture.channels))
        code, _ = codec.encode(pictures)
        assert codec.decode(code, picture).shape == pictures.shape


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_reconstruction_has_the_scale_of_0_to_1(codec):
    restored = build(codec, 27, "rgb").autoencoder.predict_on_batch(pictures_of(27, 3))
    assert restored.shape == (2, 27, 27, 3)
    assert restored.min() >= 0 and restored.max() <= 1
    assert restored.std() > 0


def test_classic_reconstruction_lies_over_its_picture():
    """A bright cell of the code lights up what the pooling had looked at to make it.

    Weights that copy: each convolution passes its first channel on.
    """
    autoencoder = build(ClassicCodec("pooling"), 28).autoencoder
    for layer in autoencoder.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = np.zeros(layer.kernel.shape)
            kernel[1, 1, 0, 0] = 1
            layer.set_weights([kernel, np.zeros(layer.bias.shape)])
    picture = np.zeros((1, 28, 28, 1), np.float32)
    picture[0, 10, 16] = 255  # rows 6 to 13, columns 14 to 21: windows of 8 from -2
    restored = autoencoder.predict_on_batch(picture)[0, ..., 0]
    rows, columns = np.nonzero(restored > 0.6)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 13, 14, 21)


@pytest.mark.parametrize(("size", "blocks"), [(8, 6), (16, 2), (27, 3), (33, 4)])
def test_each_block_halves_the_sides_rounded_up(size, blocks):
    networks = build(StridedCodec(4, blocks, 5), size, "rgb")
    side = -(-size // 2**blocks)
    assert networks.autoencoder.get_layer("bottleneck").output.shape == (None, side, side, 5)


def test_deep_has_two_convolutions_where_compact_has_one():
    def kernels(convolutions):
        networks = build(StridedCodec(4, 3, 5, convolutions), 16)
        return sum(w.ndim == 4 for w in networks.autoencoder.get_weights())

    assert kernels(1) == 2 * 3 + 2
    assert kernels(2) == 2 * 3 * 2 + 2


@pytest.mark.parametrize(
    ("codec", "last"), [(ClassicCodec("pooling"), "first_convolution"), (CODECS[2], "bottleneck")]
)
def test_autoencoder_and_classifier_share_the_encoder(codec, last):
    networks = build(codec, 16, pooling="global_average")
    pictures = pictures_of(16, 1)
    before = networks.pooled.predict_on_batch(pictures)
    layer = networks.autoencoder.get_layer(last)
    assert networks.classifier.get_layer(last) is layer
    layer.bias.assign(layer.bias + 1)
    assert (networks.pooled.predict_on_batch(pictures) > before).all()


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("hidden_units", [0, 7])
def test_classifier_holds_encoder_and_head_and_can_be_rebuilt(codec, hidden_units):
    architecture = Autoencoder(PictureSpec(16), codec, HeadSpec(3, "flatten"), hidden_units)
    networks = architecture.build()
    encoder, head = networks.pooled.count_params(), networks.head.count_params()
    assert networks.classifier.count_params() == encoder + head
    names = [layer.name for layer in networks.classifier.layers]
    assert "reconstruction" not in names
    assert ("head_hidden" in names) == (hidden_units > 0)
    weights = networks.classifier.get_weights()
    rebuilt = architecture.build_classifier()
    rebuilt.set_weights(weights)
    for new, old in zip(rebuilt.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(new, old)
