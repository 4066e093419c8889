"""Users' ``.keras`` files: nested, with classifiers, grey, of one size, or of no use."""

import keras
import numpy as np
import pytest

from autosmall.errors import BackboneError
from autosmall.models.backbones import build_backbone
from autosmall.schema.backbone_source import BackboneSource


@pytest.fixture
def save(tmp_path):
    """A function that saves a model and returns its source."""

    def source(model, **told):
        path = tmp_path / "mine.keras"
        model.save(path)
        return BackboneSource("mine", "file", str(path), **told)

    return source


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)


def convolutions(channels=3, side=None):
    inputs = keras.Input((side, side, channels))
    first = keras.layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    normal = keras.layers.BatchNormalization(name="normal")(first)
    second = keras.layers.Conv2D(6, 3, 2, padding="same", name="second")(normal)
    return keras.Model(inputs, second, name="inner")


def shuffled(model, seed=0):
    """Return ``model`` with drawn weights, moving averages included."""
    draw = np.random.default_rng(seed)
    model.set_weights([draw.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def test_a_network_within_a_sequential_model_becomes_its_layers(save, pictures):
    inner = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    scaled = keras.layers.Rescaling(1 / 127.5, -1)
    top = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    whole = keras.Sequential([keras.Input((32, 32, 3)), scaled, inner, *top])
    backbone = build_backbone(save(whole), (32, 32, 3))
    assert [block.name for block in backbone.blocks[:2]] == ["conv_13", "conv_12"]
    assert all(type(layer) is not keras.Model for layer in backbone.model.layers)
    expected = inner(pictures / 127.5 - 1)
    np.testing.assert_allclose(backbone.model(pictures), expected, rtol=1e-4, atol=1e-5)


def test_names_used_twice_get_a_number(save, pictures):
    one, two = shuffled(convolutions(), 1), shuffled(convolutions(6), 2)
    two.name = "other"
    whole = keras.Sequential([keras.Input((32, 32, 3)), one, two])
    backbone = build_backbone(save(whole), (32, 32, 3))
    names = [layer.name for layer in backbone.model.layers]
    assert {"first", "first_1", "second", "second_1"} <= set(names)
    np.testing.assert_allclose(backbone.model(pictures), two(one(pictures)), rtol=1e-4)


@pytest.mark.parametrize(
    "name", ["MobileNet", pytest.param("MobileNetV3Small", marks=pytest.mark.slow)]
)
def test_a_classifier_of_keras_applications_is_left_away(name, save):
    function = getattr(keras.applications, name)
    whole = function(include_top=True, weights=None, input_shape=(64, 64, 3), classes=5)
    bare = function(include_top=False, weights=None, input_shape=(64, 64, 3))
    backbone = build_backbone(save(whole), (96, 96, 3))
    assert backbone.model.output_shape[1:3] == (3, 3)
    assert backbone.model.output_shape[3] == bare.output_shape[3]


def test_a_model_of_one_size_takes_others(save):
    inner = shuffled(convolutions(side=40))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inner.output))
    backbone = build_backbone(save(keras.Model(inner.input, outputs)), (64, 48, 3))
    assert backbone.model.output_shape == (None, 32, 24, 6)


def test_a_model_for_grey_pictures_gets_brightness(save, pictures):
    model = shuffled(convolutions(channels=1))
    source = save(model)
    brightness = pictures @ np.array([[0.299], [0.587], [0.114]], np.float32)
    of_colour, of_grey = (build_backbone(source, (32, 32, c)).model for c in (3, 1))
    np.testing.assert_allclose(of_colour(pictures), model(brightness), rtol=1e-3)
    np.testing.assert_allclose(of_grey(brightness), model(brightness), rtol=1e-4)
    of_colour.save(source.weights_path)
    again = keras.saving.load_model(source.weights_path, safe_mode=True)
    np.testing.assert_allclose(again(pictures), of_colour(pictures), rtol=1e-5)


@pytest.mark.parametrize(
    ("scaling", "prepare"),
    [
        ("tf", keras.applications.mobilenet.preprocess_input),
        ("caffe", keras.applications.vgg16.preprocess_input),
        ("torch", keras.applications.densenet.preprocess_input),
    ],
)
def test_pixels_are_scaled_as_told(scaling, prepare, save, pictures):
    model = shuffled(convolutions())
    backbone = build_backbone(save(model, scaling=scaling), (32, 32, 3))
    np.testing.assert_allclose(
        backbone.model(pictures), model(prepare(pictures.copy())), rtol=1e-3, atol=1e-2
    )


def test_statistics_of_a_normalization_layer_are_kept(save, pictures):
    normalization = keras.layers.Normalization()
    normalization.adapt(pictures)
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3)(normalization(inputs)))
    backbone = build_backbone(save(model), (32, 32, 3))
    np.testing.assert_allclose(backbone.model(pictures), model(pictures), rtol=1e-4, atol=1e-5)


def test_told_last_layer_and_blocks(save):
    source = save(convolutions(), last_layer="normal", block_starts=("first",))
    backbone = build_backbone(source, (32, 32, 3))
    assert backbone.model.output_shape == (None, 32, 32, 4)
    assert [block.layers[-1] for block in backbone.blocks] == ["normal"]
    told = BackboneSource("m", "file", source.weights_path, block_starts=("second", "normal"))
    blocks = build_backbone(told, (32, 32, 3)).blocks
    assert [(b.name, b.layers) for b in blocks[:2]] == [
        ("second", ("second",)),
        ("normal", ("normal",)),
    ]
    assert blocks[2].layers[-1] == "first"


def two_inputs():
    inputs = [keras.Input((32, 32, 3)), keras.Input((32, 32, 3))]
    return keras.Model(inputs, keras.layers.Conv2D(4, 3)(keras.layers.Add()(inputs)))


def used_twice():
    inputs = keras.Input((32, 32, 3))
    layer = keras.layers.Conv2D(3, 3, padding="same", name="twice")
    return keras.Model(inputs, layer(layer(inputs)))


def dense_only():
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (two_inputs, "does not take one picture"),
        (used_twice, "the layer twice is used more than once"),
        (dense_only, "no feature map"),
        (lambda: convolutions(channels=4), "pictures of 4 channels"),
        (lambda: keras.Sequential([keras.Input((9,)), keras.layers.Dense(2)]), "one picture"),
    ],
)
def test_what_cannot_be_used_is_one_message(model, complaint, save):
    with pytest.raises(BackboneError, match="cannot be used as a backbone") as refused:
        build_backbone(save(model()), (32, 32, 3))
    assert complaint in refused.value.received


def test_pictures_too_small_for_the_model_are_one_message(save):
    inputs = keras.Input((64, 64, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 21)(inputs))
    with pytest.raises(BackboneError, match="for pictures of 16 x 16"):
        build_backbone(save(model), (16, 16, 3))
