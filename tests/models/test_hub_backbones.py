"""Presets of KerasHub, saved by the test itself; skipped where KerasHub is absent."""

import sys

import numpy as np
import pytest

from autosmall.errors import BackboneError
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbones import build_backbone
from autosmall.models.weight_fetch import fetch_preset
from autosmall.schema.backbone_source import BackboneSource


def test_without_kerashub_the_message_tells_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    source = BackboneSource("hub:x", "keras-hub", str(tmp_path / "model.weights.h5"))
    with pytest.raises(BackboneError, match="KerasHub cannot be imported") as refused:
        build_backbone(source, (32, 32, 3))
    assert refused.value.remedy == "pip install 'autosmall[keras-hub]'"


@pytest.fixture(scope="module")
def keras_hub():
    return pytest.importorskip("keras_hub")


def resnet(keras_hub):
    return keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=(None, None, 3),
    )


@pytest.fixture
def weights_dir(keras_hub, tmp_path):
    folder = tmp_path / "hub" / "tiny"
    resnet(keras_hub).save_to_preset(str(folder))
    keras_hub.layers.ImageConverter(image_size=(64, 64), scale=1 / 255, offset=-0.5).save_to_preset(
        str(folder)
    )
    return tmp_path


def test_a_preset_is_found_and_built_with_its_scaling(keras_hub, weights_dir):
    (source,) = find_backbones(("hub:tiny",), weights_dir).found
    backbone = build_backbone(source, (32, 32, 3))
    original = keras_hub.models.Backbone.from_preset(str(weights_dir / "hub" / "tiny"))
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(
        backbone.model(pictures), original(pictures / 255 - 0.5), rtol=1e-3, atol=1e-4
    )
    assert len(backbone.blocks) > 1


def test_a_network_without_feature_maps_is_refused(keras_hub, tmp_path):
    vit = keras_hub.models.ViTBackbone(
        image_shape=(32, 32, 3), patch_size=8, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8
    )
    vit.save_to_preset(str(tmp_path / "vit"))
    (source,) = find_backbones((f"hub:{tmp_path / 'vit'}",), None).found
    with pytest.raises(BackboneError, match="cannot be used as a backbone"):
        build_backbone(source, (32, 32, 3))


def test_fetch_puts_the_preset_where_it_is_found(keras_hub, weights_dir, tmp_path, monkeypatch):
    local = str(weights_dir / "hub" / "tiny")
    for kind in (keras_hub.models.Backbone, keras_hub.layers.ImageConverter):
        load = kind.from_preset
        monkeypatch.setattr(kind, "from_preset", lambda _name, load=load: load(local))
    fetched = fetch_preset("hub:named", tmp_path / "w")
    assert fetched.path == tmp_path / "w" / "hub" / "named"
    assert find_backbones(("hub:named",), tmp_path / "w").found
    assert (fetched.path / "image_converter.json").is_file()
    assert not fetch_preset("hub:named", tmp_path / "w").downloaded


def test_a_preset_that_cannot_be_fetched_leaves_nothing(keras_hub, tmp_path, monkeypatch):
    def fail(_name):
        raise ConnectionError("no network here")

    monkeypatch.setattr(keras_hub.models.Backbone, "from_preset", fail)
    with pytest.raises(BackboneError, match="no network here"):
        fetch_preset("hub:named", tmp_path)
    assert list((tmp_path / "hub").iterdir()) == []
