"""A pretraining from settings to file and card, on tiny drawn pictures."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import autosmall
from autosmall.errors import DatasetError, SettingsError
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbones import build_backbone

QUICK = {"steps": 6, "architecture": "compact_4", "image_size": 16, "batch_size": 8, "quiet": True}


def draw(folder: Path, seed: int, per_class: int = 12) -> Path:
    """Two classes: stripes across and stripes down, in any colour and noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:16, 0:16]
    for label, position in (("across", rows), ("down", columns)):
        (folder / label).mkdir(parents=True)
        for number in range(per_class):
            wave = np.sin(position + rng.uniform(0, 6))[:, :, None] * rng.uniform(30, 60, 3)
            pixels = rng.uniform(90, 160, 3) + wave + rng.normal(0, 15, (16, 16, 3))
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(folder / label / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def stripes(tmp_path_factory) -> Path:
    return draw(tmp_path_factory.mktemp("pictures") / "stripes", 0)


def test_a_backbone_is_written_that_a_search_can_read(stripes, tmp_path):
    result = autosmall.pretrain(stripes, output=tmp_path / "mine.keras", **QUICK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.keras", "mine.md"]
    assert 0 < result.step <= 6 and 0 <= result.probe <= 1
    source = find_backbones((str(result.path),), None).found[0]
    backbone = build_backbone(source, (32, 32, 1))
    assert [block.name for block in backbone.blocks] == ["block4", "block3", "block2", "block1"]
    model = keras.saving.load_model(result.path, safe_mode=True)
    assert model.input_shape == (None, 16, 16, 3) and model.output_shape[-1] == 32
    assert model.dtype == "float32"


def test_the_card_tells_where_it_comes_from(stripes, tmp_path):
    broken = draw(tmp_path / "own", 1)
    (broken / "across" / "00.png").write_bytes(b"no picture")
    target = draw(tmp_path / "target", 2, per_class=2)
    copy = Image.open(target / "down" / "01.png")
    copy.save(broken / "down" / "copy.bmp")
    result = autosmall.pretrain(
        broken, output=tmp_path / "mine.keras", apart_from=target, seed=4, **QUICK
    )
    card = result.card.read_text()
    for told in (
        "# Backbone mine",
        "`own`, 24 pictures, 2 classes: across, down",
        "fingerprint `",
        "1 pictures were left out as copies of training pictures of `target`",
        "Its test pictures were not looked at",
        "1 files could not be read",
        "`supervised`: It learned to tell the source's classes apart.",
        "digits, shapes, textures",
        "| 0 | untrained |",
        "| seed | 4 |",
        "| batch_size | 8 |",
        "| steps taken | 6 |",
        f"keras {keras.__version__}",
        "licence",
        "autosmall search my_pictures/ --backbone mine.keras",
    ):
        assert told in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize("method", ["autoencoder", "distill"])
def test_methods_without_labels_write_a_backbone_and_say_how(method, stripes, tmp_path):
    options = dict(QUICK)
    if method == "distill":
        teacher = autosmall.pretrain(stripes, output=tmp_path / "teacher.keras", **QUICK)
        options["teacher"] = teacher.path
    result = autosmall.pretrain(stripes, output=tmp_path / "b.keras", method=method, **options)
    card = result.card.read_text()
    assert f"`{method}`" in card and "without labels" in card
    assert ("Teacher: `teacher.keras`" in card) == (method == "distill")
    assert keras.saving.load_model(result.path).count_params() > 0


def test_a_source_of_copies_alone_is_refused(stripes, tmp_path):
    with pytest.raises(DatasetError, match="without copies 0 pictures"):
        autosmall.pretrain(stripes, output=tmp_path / "b.keras", apart_from=stripes, **QUICK)


def test_diverged_training_is_told_with_what_to_do(stripes, tmp_path):
    options = {**QUICK, "learning_rate": 10.0, "weight_decay": 1.0, "steps": 400}
    with pytest.raises(SettingsError, match="diverged") as caught:
        autosmall.pretrain(stripes, output=tmp_path / "b.keras", **options)
    assert "--learning-rate" in caught.value.remedy


@pytest.mark.slow
def test_state_is_kept_beside_the_output_until_it_is_done(stripes, tmp_path, monkeypatch):
    from autosmall.training import pretraining

    def killed(*arguments):
        raise RuntimeError("killed")

    monkeypatch.setattr(pretraining, "PROBE_SHARE", 1e3)  # a probe, and a checkpoint, per step
    with monkeypatch.context() as patched:
        patched.setattr(pretraining._Loop, "end", killed)
        with pytest.raises(RuntimeError, match="killed"):
            autosmall.pretrain(stripes, output=tmp_path / "b.keras", **QUICK)
    state = json.loads((tmp_path / "b.keras.partial" / "state.json").read_text())
    assert state["step"] > 0
    cut = autosmall.pretrain(stripes, output=tmp_path / "b.keras", **QUICK)
    whole = autosmall.pretrain(stripes, output=tmp_path / "whole.keras", **QUICK)
    pair = [keras.saving.load_model(result.path).get_weights() for result in (cut, whole)]
    assert all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))
    assert not (tmp_path / "b.keras.partial").exists()


def test_a_recipe_brings_settings_and_pictures(stripes, tmp_path, monkeypatch):
    monkeypatch.setattr("autosmall.data.views.composer.FRACTALS", 2)
    monkeypatch.setattr("autosmall.data.views.composer.STROKES", 2)
    teacher = autosmall.pretrain(stripes, output=tmp_path / "teacher.keras", **QUICK)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"""
        [student]
        architecture = "compact_4"
        image_size_px = 16
        [training]
        method = "distill"
        teacher = "{teacher.path}"
        steps = 500
        batch_size = 8
        [pictures]
        view_count = 40
        [[pictures.source]]
        name = "stripes | of mine"
        folder = "{stripes}"
        licence = "CC0-1.0"
        """
    )
    result = autosmall.pretrain(recipe, output=tmp_path / "b.keras", steps=3, quiet=True)
    card = result.card.read_text()
    assert "40 views of 24 pictures and of drawings, as the recipe `recipe.toml` says" in card
    assert "| stripes \\| of mine | CC0-1.0 |" in card
    assert "| steps taken | 3 |" in card
    assert "`distill`" in card and "| batch_size | 8 |" in card
