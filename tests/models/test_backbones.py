import itertools
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from autosmall.errors import BackboneError
from autosmall.models.backbone_blocks import find_blocks
from autosmall.models.backbone_table import BACKBONES
from autosmall.models.backbones import build_backbone, build_untrained
from autosmall.schema.backbone_source import BackboneSource

SOME = {
    "mobilenet_0.25": 32,
    "vgg16": 32,
    "resnet50": 32,
    "xception": 71,
    "inception_v3": 75,
    "efficientnet_b0": 32,
}
TOP_BLOCKS = {
    "mobilenet_0.25": ["conv_13", "conv_12", "conv_11"],
    "vgg16": ["block5", "block4", "block3"],
    "resnet50": ["conv5_block3", "conv5_block2", "conv5_block1"],
    "xception": ["block14", "block13", "block12"],
    "inception_v3": ["mixed10", "mixed9", "mixed8"],
    "efficientnet_b0": ["top_conv", "block7a", "block6d"],
}


def save_as_downloaded(model, path):
    """Write weights in the form of the files that keras.applications downloads."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(0, 255, (2, 75, 75, 3)).astype(np.float32)


def test_every_function_of_the_table_exists():
    assert all(hasattr(keras.applications, entry.function) for entry in BACKBONES.values())


@pytest.mark.parametrize("name", SOME)
def test_blocks_are_named_by_their_layers_from_top_to_bottom(name, untrained):
    assert [block.name for block in untrained(name, SOME[name]).blocks[:3]] == TOP_BLOCKS[name]


@pytest.mark.parametrize("name", SOME)
def test_blocks_chain_and_hold_every_layer_once(name, untrained):
    backbone = untrained(name, SOME[name])
    blocks = backbone.blocks
    for above, below in itertools.pairwise(blocks):
        assert above.input is below.output
    assert blocks[-1].input is backbone.model.input
    assert blocks[0].output is backbone.model.output
    held = [layer for block in blocks for layer in block.layers]
    assert sorted(held) == sorted(op.name for op in backbone.model.operations[1:])


@pytest.mark.parametrize("name", ["mobilenet_0.25", "resnet50"])
def test_cutting_at_a_block_changes_nothing(name, untrained, pictures):
    backbone = untrained(name, SOME[name])
    cut = backbone.blocks[1].input
    lower = keras.Model(backbone.model.input, cut)
    upper = keras.Model(cut, backbone.model.output)
    batch = pictures[:, : SOME[name], : SOME[name]]
    np.testing.assert_allclose(upper(lower(batch)), backbone.model(batch), atol=1e-5)


@pytest.mark.parametrize("name", SOME)
def test_stages_shrink_from_the_last_map_on(name, untrained):
    backbone = untrained(name, SOME[name])
    sides = [int(stage.shape[1]) for stage in backbone.stages]
    assert len(sides) == 4
    assert sides == sorted(set(sides))
    assert backbone.stages[0] is backbone.model.output


@pytest.mark.parametrize(
    ("name", "module"),
    [("vgg16", "vgg16"), ("mobilenet_0.25", "mobilenet")],
)
def test_scaling_is_that_of_keras_applications(name, module, pictures, tmp_path):
    """A network by its own preprocess_input and by our layers."""
    pictures = pictures[:, :32, :32]
    entry = BACKBONES[name]
    function = getattr(keras.applications, entry.function)
    width = {"alpha": entry.alpha} if entry.alpha else {}
    reference = function(include_top=False, weights=None, input_shape=(32, 32, 3), **width)
    path = tmp_path / entry.files[0]
    save_as_downloaded(reference, path)
    backbone = build_backbone(BackboneSource(name, "applications", str(path)), (32, 32, 3))
    preprocess = getattr(keras.applications, module).preprocess_input
    expected = reference(preprocess(pictures.copy()))
    np.testing.assert_allclose(backbone.model(pictures), expected, rtol=1e-3, atol=1e-4)


def test_densenet_scaling_is_that_of_keras_applications(untrained, pictures):
    model = untrained("densenet121", 32).model
    scaled = keras.Model(model.input, model.get_layer("scaling").output)(pictures[:, :32, :32])
    expected = keras.applications.densenet.preprocess_input(pictures[:, :32, :32].copy())
    np.testing.assert_allclose(scaled, expected, rtol=1e-4, atol=1e-5)


def test_grey_pictures_are_repeated(untrained, pictures):
    grey = pictures[:, :32, :32, :1]
    narrow, wide = untrained("mobilenet_0.25", 32, 1), untrained("mobilenet_0.25", 32)
    narrow.model.set_weights(wide.model.get_weights())
    np.testing.assert_allclose(
        narrow.model(grey), wide.model(np.repeat(grey, 3, axis=3)), atol=1e-5
    )


def test_nothing_is_trainable_and_batch_statistics_are_not_used(untrained, pictures):
    model = untrained("mobilenet_0.25", 32).model
    assert not model.trainable_variables
    batch = pictures[:, :32, :32]
    np.testing.assert_array_equal(model(batch, training=True), model(batch, training=False))


def test_model_survives_safe_mode(untrained, pictures, tmp_path):
    model = untrained("mobilenet_0.25", 32, 1).model
    model.save(tmp_path / "backbone.keras")
    again = keras.saving.load_model(tmp_path / "backbone.keras", safe_mode=True)
    batch = pictures[:, :32, :32, :1]
    np.testing.assert_allclose(again(batch), model(batch), atol=1e-6)


def test_weights_of_another_network_are_refused(tmp_path):
    other = keras.applications.MobileNet(
        alpha=0.5, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    path = tmp_path / "m.h5"
    save_as_downloaded(other, path)
    with pytest.raises(BackboneError, match="do not fit"):
        build_backbone(BackboneSource("mobilenet_0.25", "applications", str(path)), (32, 32, 3))


def test_own_file_is_used_up_to_its_last_map_at_another_size(tmp_path, pictures):
    inputs = keras.Input((40, 40, 3))
    maps = keras.layers.Conv2D(5, 3, name="first")(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "mine.keras")
    source = BackboneSource("mine.keras", "file", str(tmp_path / "mine.keras"))
    backbone = build_backbone(source, (75, 75, 3))
    assert backbone.model.output_shape == (None, 73, 73, 5)
    expected = keras.Model(inputs, maps)(pictures[:, :40, :40])
    np.testing.assert_allclose(backbone.model(pictures)[:, :38, :38], expected, atol=1e-5)


def test_own_file_with_a_lambda_is_refused(tmp_path):
    inputs = keras.Input((16, 16, 3))
    outputs = keras.layers.Lambda(lambda x: x * 2, output_shape=(16, 16, 3))(inputs)
    keras.Model(inputs, outputs).save(tmp_path / "mine.keras")
    with zipfile.ZipFile(tmp_path / "mine.keras") as archive:
        assert "Lambda" in json.dumps(json.loads(archive.read("config.json")))
    source = BackboneSource("mine.keras", "file", str(tmp_path / "mine.keras"))
    with pytest.raises(BackboneError, match="cannot be used"):
        build_backbone(source, (16, 16, 3))


def test_blocks_of_a_model_with_plain_operations():
    inputs = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    second = keras.layers.Conv2D(4, 3, padding="same", name="second")(first)
    joined = keras.ops.relu(second + first)
    third = keras.layers.Conv2D(4, 3, name="third")(joined)
    blocks = find_blocks(keras.Model(inputs, third))
    assert [block.layers[0] for block in blocks] == ["third", "second", "first"]
    assert blocks[0].input is joined


def test_efficientnet_file_gets_the_division_its_weights_expect(tmp_path, pictures):
    """keras.applications divides by the root of the deviations only for its own download."""
    untrained = build_untrained("efficientnet_b0", (32, 32, 3))
    path = tmp_path / "b0.h5"
    reference = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    save_as_downloaded(reference, path)
    source = BackboneSource("efficientnet_b0", "applications", str(path))
    loaded = build_backbone(source, (32, 32, 3))
    values = []
    for backbone in (untrained, loaded):
        layer = next(x for x in backbone.model.layers if isinstance(x, keras.layers.Normalization))
        values.append(
            np.asarray(keras.Model(backbone.model.input, layer.output)(pictures[:, :32, :32]))
        )
    deviation = np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(values[1], values[0] / np.sqrt(deviation), rtol=1e-5)
    loaded.model.save(tmp_path / "whole.keras")
    again = keras.saving.load_model(tmp_path / "whole.keras", safe_mode=True)
    np.testing.assert_allclose(
        again(pictures[:, :32, :32]), loaded.model(pictures[:, :32, :32]), atol=1e-5
    )
