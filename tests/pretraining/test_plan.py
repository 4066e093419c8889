"""Plans: what is chosen, and every mistake told before anything is begun and without Keras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.errors import BackboneError, DatasetError, RunFolderError, SettingsError
from autosmall.files import write_json
from autosmall.pretraining.plan import LEAST_STEPS, make_plan
from autosmall.schema.pretrain_settings import PretrainSettings


def draw(path: Path, seed: int, size_px: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size_px, size_px, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    for label in ("a", "b"):
        for number in range(4):
            draw(tmp_path / "set" / label / f"{number}.png", number, 20)
    return tmp_path / "set"


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    for number in range(4):
        draw(tmp_path / "loose" / f"{number}.png", number, 120)
    return tmp_path / "loose"


@pytest.fixture
def wanted(labelled: Path, tmp_path: Path) -> PretrainSettings:
    return PretrainSettings(source=labelled, output=tmp_path / "b.keras")


def test_labels_and_sizes_decide_what_was_not_said(wanted, loose):
    small = make_plan(wanted).settings
    assert (small.method, small.image_size_px, small.steps) == ("supervised", 32, LEAST_STEPS)
    assert (small.architecture or "").startswith("compact_")
    large = make_plan(replace(wanted, source=loose)).settings
    assert (large.method, large.image_size_px) == ("autoencoder", 96)
    assert (large.architecture or "").startswith("mobilenet_")
    assert large.batch_size == 64 and large.seed == 0


def test_what_was_said_holds(wanted):
    said = replace(
        wanted, method="autoencoder", architecture="compact_8", image_size_px=24, steps=7, seed=3
    )
    settings = make_plan(said).settings
    assert settings == replace(
        said,
        batch_size=64,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        augmentation_strength=settings.augmentation_strength,
        invariances=settings.invariances,
        noise_std=settings.noise_std,
    )


def test_a_time_budget_alone_leaves_the_steps_open(wanted):
    assert make_plan(replace(wanted, time_budget_seconds=60.0)).settings.steps is None


def test_the_notes_say_what_was_found_and_chosen(wanted):
    notes = " ".join(make_plan(wanted).notes)
    for told in ("8 pictures", "2 classes", "supervised", "compact_", "32 px", "600 steps"):
        assert told in notes


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"method": "magic"}, SettingsError, "one of supervised, autoencoder, distill"),
        ({"method": "distill"}, SettingsError, "without a teacher"),
        ({"teacher": "mobilenet_0.75"}, SettingsError, "a teacher .* for the method supervised"),
        ({"method": "distill", "teacher": "mobilnet"}, BackboneError, "'mobilnet' is unknown"),
        ({"method": "distill", "teacher": "patches"}, SettingsError, "teacher is 'patches'"),
        ({"architecture": "compact_1000"}, SettingsError, "architecture is 'compact_1000'"),
        ({"architecture": "vgg16", "image_size_px": 24}, SettingsError, "at least 32 px"),
        ({"image_size_px": 4}, SettingsError, "image_size is 4"),
        ({"steps": 0}, SettingsError, "steps is 0"),
        ({"batch_size": 1}, SettingsError, "batch_size is 1"),
        ({"learning_rate": float("nan")}, SettingsError, "learning_rate is nan"),
        ({"augmentation_strength": 2.0}, SettingsError, "from 0 to 1"),
        ({"time_budget_seconds": -1.0}, SettingsError, "time_budget is '-1 seconds'"),
        ({"invariances": ("mirrow",)}, SettingsError, "invariances is 'mirrow'"),
        ({"output": Path("b.h5")}, SettingsError, "a file that ends in .keras"),
        ({"source": Path("missing")}, DatasetError, "missing"),
        ({"apart_from": Path("missing")}, DatasetError, "missing"),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing(wanted, tmp_path, changes, error, told):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=told):
        make_plan(replace(wanted, **changes))
    assert sorted(tmp_path.rglob("*")) == before


def test_supervised_needs_labels(wanted, loose):
    with pytest.raises(DatasetError, match="no class folders"):
        make_plan(replace(wanted, source=loose, method="supervised"))


@pytest.mark.parametrize("name", ["b.keras", "b.md"])
def test_what_exists_is_not_replaced_unless_asked_for(wanted, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunFolderError, match="exists already"):
        make_plan(wanted)
    make_plan(replace(wanted, overwrite=True))
    assert (tmp_path / name).read_text() == "mine"


def test_the_source_is_never_written_to(wanted, labelled):
    with pytest.raises(SettingsError, match="lies inside the source"):
        make_plan(replace(wanted, output=labelled / "b.keras"))


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"steps": 700}, "steps"),
        ({"seed": 1}, "seed"),
        ({"method": "autoencoder"}, "method"),
        ({"learning_rate": 0.1}, "learning_rate"),
    ],
)
def test_another_pretraining_is_not_gone_on_with(wanted, changes, differing):
    plan = make_plan(wanted)
    write_json(plan.work_dir / "identity.json", plan.identity())
    make_plan(wanted)
    make_plan(replace(wanted, quiet=True))
    with pytest.raises(RunFolderError, match=rf"another pretraining: .*\b{differing}\b"):
        make_plan(replace(wanted, **changes))
    make_plan(replace(wanted, overwrite=True, **changes))


def test_other_pictures_are_not_gone_on_with(wanted, labelled):
    plan = make_plan(wanted)
    write_json(plan.work_dir / "identity.json", plan.identity())
    draw(labelled / "a" / "new.png", 9, 20)
    with pytest.raises(RunFolderError, match="another pretraining: source differ"):
        make_plan(wanted)


def test_a_recipe_fills_what_was_not_said_and_has_no_labels(wanted, loose, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"""
        [student]
        image_size_px = 48
        [training]
        steps = 9
        seed = 5
        [pictures]
        view_count = 10
        source = [{{name = "loose", folder = "{loose}"}}]
        """
    )
    plan = make_plan(replace(wanted, source=recipe, seed=6))
    settings = plan.settings
    assert (settings.steps, settings.seed, settings.image_size_px) == (9, 6, 48)
    assert settings.method == "autoencoder"
    assert plan.pictures is not None and len(plan.source.paths) == 4
    with pytest.raises(SettingsError, match="method is 'supervised'"):
        make_plan(replace(wanted, source=recipe, method="supervised"))
    recipe.write_text(recipe.read_text().replace("view_count = 10", "view_count = 11"))
    assert make_plan(replace(wanted, source=recipe)).identity() != plan.identity()
