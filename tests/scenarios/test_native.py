"""A whole search on pictures in their own shape, then the model that comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.api import load_run

SPACE = """
name = "native"
purpose = "pictures in their own shape, for tests"
usual_minutes = 1
command = "autosmall search DATASET --space native.toml"
strategies = ["frozen", "scratch"]

[common]
image_size_px = 32
resize_policy = "native"

[frozen]
backbone = "patches"
penalty_c = { low = 0.01, high = 1.0, log = true }

[scratch]
width = 4
blocks = 2
head = { choices = ["global_average", "pyramid"] }
epochs = 3
batch_size = 8

[[start]]
label = "Patches"
strategy = "frozen"
default = true
protected = true

[[start]]
label = "Tiny network"
strategy = "scratch"
head = "pyramid"
protected = true
"""

SIZES = [(24, 40), (40, 24), (32, 32), (90, 60)]


def draw(folder: Path, per_class: int) -> Path:
    """Draw upright and level stripes, both in all sizes."""
    rng = np.random.default_rng(0)
    for name, axis in (("level", 0), ("upright", 1)):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            size = SIZES[number % len(SIZES)]
            wave = np.sin(np.indices(size)[axis] / rng.uniform(0.9, 1.5) + rng.uniform(0, 6.3))
            pixels = 128 + 60 * wave[..., None] + rng.normal(0, 30, (*size, 3))
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / name / f"{number:02d}.png")
    return folder


def predictions(run_dir: Path) -> dict[tuple[int, int], bytes]:
    run = load_run(run_dir).data
    return {
        (trial.number, fold.fold): fold.probabilities.tobytes()
        for trial in run.trials
        for fold in trial.folds
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_search_retrain_and_predict_on_pictures_of_several_shapes(autosmall, tmp_path):
    dataset = draw(tmp_path / "stripes", 12)
    space = tmp_path / "native.toml"
    space.write_text(SPACE)
    for workers in (0, 1):
        found = autosmall(
            "search", dataset, "--space", space, "--max-trials", 2, "--folds", 2, "--repeats", 1,
            "--workers", workers, "--output-dir", f"run{workers}", "--no-sample-size",
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
    inline = predictions(tmp_path / "run0")
    assert len(inline) == 4
    assert inline == predictions(tmp_path / "run1")

    made = autosmall("retrain", "run0", "--trial", 1)
    assert made.returncode == 0, made.stderr
    pipeline = json.loads((tmp_path / "run0" / "model" / "pipeline.json").read_text())
    assert pipeline["picture"]["resize_policy"] == "native"
    told = autosmall("predict", "run0/model", dataset, "--csv", "told.csv")
    assert told.returncode == 0, told.stderr
    assert len((tmp_path / "told.csv").read_text().splitlines()) == 1 + 24
