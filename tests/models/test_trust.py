"""``.keras`` files with code of their own: refused, and run only where the user trusts them."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from autosmall.backbone_tools import add_backbone, summarize_backbone
from autosmall.errors import BackboneError, SettingsError
from autosmall.models import user_registry
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbones import build_backbone
from autosmall.models.trust import Trust
from autosmall.pretraining.plan import make_plan
from autosmall.schema.pretrain_settings import PretrainSettings


@pytest.fixture(autouse=True)
def own_registry(monkeypatch, tmp_path):
    monkeypatch.setattr(user_registry, "registry_path", lambda: tmp_path / "cfg" / "backbones.toml")


def save_with_lambda(path: Path, factor: float) -> Path:
    """Save a network whose first layer, a lambda, multiplies pixels by ``factor``."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    scaled = keras.layers.Lambda(lambda x: x * factor, name="scaled")(inputs)
    maps = keras.layers.Conv2D(4, 3, 2, padding="same", name="only")(scaled)
    keras.Model(inputs, maps).save(path)
    return path


@pytest.fixture
def file(tmp_path):
    return save_with_lambda(tmp_path / "lambda.keras", 0.5)


def source_of(path, trust):
    return find_backbones((str(path),), None, trust).found[0]


def test_a_lambda_is_refused_with_the_option_and_what_it_means(file):
    with pytest.raises(BackboneError, match=r"holds what is not Keras's own: Lambda") as refused:
        source_of(file, Trust())
    assert f"--trust {file}" in refused.value.remedy
    assert "may then run any code" in refused.value.remedy


def test_a_trusted_lambda_is_computed(file):
    backbone = build_backbone(source_of(file, Trust.named([file])), (48, 48, 3)).model
    layer = backbone.get_layer("only")
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 3)).astype(np.float32)
    np.testing.assert_allclose(backbone(pictures), layer(pictures * 0.5), rtol=1e-5)


def test_a_file_without_code_is_read_in_safe_mode_though_trusted(tmp_path):
    inputs = keras.Input((32, 32, 3))
    path = tmp_path / "plain.keras"
    keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs)).save(path)
    assert source_of(path, Trust.named([path])).trusted_sha256 == ""


def test_a_layer_of_an_installed_module_is_imported_only_with_trust(tmp_path, monkeypatch):
    (tmp_path / "ownlayers.py").write_text(
        "import os\nimport keras\nos.environ['OWNLAYERS_RAN'] = 'yes'\n"
        "class Halved(keras.layers.Layer):\n"
        "    def call(self, inputs):\n        return inputs * 0.5\n"
    )
    inputs = keras.Input((32, 32, 3))
    plain = keras.layers.ReLU(name="halved")(inputs)
    keras.Model(inputs, keras.layers.Conv2D(4, 3, name="only")(plain)).save(tmp_path / "a.keras")
    path = tmp_path / "own.keras"
    with zipfile.ZipFile(tmp_path / "a.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                layer = config["config"]["layers"][1]
                layer |= {
                    "module": "ownlayers",
                    "class_name": "Halved",
                    "registered_name": "Halved",
                }
                layer["config"] = {"name": "halved", "trainable": True, "dtype": "float32"}
                content = json.dumps(config).encode()
            new.writestr(name, content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("OWNLAYERS_RAN", "no")
    with pytest.raises(BackboneError, match=r"Halved \(ownlayers\)"):
        source_of(path, Trust())
    assert os.environ["OWNLAYERS_RAN"] == "no"
    backbone = build_backbone(source_of(path, Trust.named([path])), (32, 32, 3)).model
    assert os.environ["OWNLAYERS_RAN"] == "yes"
    ones = np.ones((1, 32, 32, 3), np.float32)
    np.testing.assert_allclose(backbone(ones), backbone.get_layer("only")(ones / 2), rtol=1e-5)


def test_a_layer_that_nobody_has_is_one_message(tmp_path):
    path = tmp_path / "gone.keras"
    described = {"class_name": "Functional", "module": "no_such_package", "config": {}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(described))
    source = source_of(path, Trust.named([path]))
    with pytest.raises(BackboneError, match="No module named 'no_such_package'"):
        build_backbone(source, (32, 32, 3))


def test_code_that_fails_is_one_message_that_says_why(tmp_path):
    inputs = keras.Input((32, 32, 3))
    path = tmp_path / "global.keras"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.factor_of_the_script", 0.5, raising=False)
        scaled = keras.layers.Lambda(lambda x: x * factor_of_the_script)(inputs)  # noqa: F821
        keras.Model(inputs, keras.layers.Conv2D(4, 3)(scaled)).save(path)
    source = source_of(path, Trust.named([path]))
    with pytest.raises(BackboneError, match="infer the shape of the Lambda's output"):
        build_backbone(source, (32, 32, 3))


def test_a_changed_file_is_not_trusted(file):
    trust = Trust.from_lines(Trust.named([file]).lines())
    source = source_of(file, trust)
    save_with_lambda(file, 0.25)
    with pytest.raises(BackboneError, match="has changed"):
        source_of(file, trust)
    with pytest.raises(BackboneError, match="has changed"):
        build_backbone(source, (32, 32, 3))
    with pytest.raises(BackboneError, match="has changed"):
        trust.joined(Trust.named([file]))


def test_trust_that_names_nothing_useful_is_refused(file, tmp_path):
    with pytest.raises(SettingsError, match="which is no file"):
        Trust.named([tmp_path / "nowhere.keras"])
    with pytest.raises(SettingsError, match="which is not a model to be shown"):
        summarize_backbone("vgg16", None, [file])


def test_a_registered_file_stays_trusted_until_it_changes(file):
    with pytest.raises(BackboneError, match="--trust"):
        add_backbone("mine", file)
    add_backbone("mine", file, trust=[file])
    source = source_of("mine", Trust())
    assert source.trusted_sha256 == Trust.named([file]).digests[str(file)]
    assert summarize_backbone("mine", None).features == 4
    save_with_lambda(file, 0.25)
    with pytest.raises(BackboneError, match="has changed"):
        source_of("mine", Trust())
    assert source_of("mine", Trust.named([file])).trusted_sha256 != source.trusted_sha256


def test_a_teacher_is_trusted_by_name(file, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(8):
        keras.utils.save_img(pictures / f"{number}.png", np.full((32, 32, 3), number))
    settings = PretrainSettings(pictures, tmp_path / "out.keras", "distill", teacher=str(file))
    with pytest.raises(BackboneError, match="Lambda"):
        make_plan(settings)
    plan = make_plan(replace(settings, trust=(str(file),)))
    assert plan.teacher.trusted_sha256
    trusted = plan.identity()
    save_with_lambda(file, 0.25)
    changed = make_plan(replace(settings, trust=(str(file),))).identity()
    assert {name for name in trusted if trusted[name] != changed[name]} == {"teacher"}
