"""A backbone with a lambda: refused, then trusted from the search to the saved model."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from autosmall.api import load_run
from autosmall.files import file_sha256

SPACE = """
name = "own"
purpose = "a head on a file with code, for tests"
usual_minutes = 1
command = "autosmall search DATASET --space own.toml"
strategies = ["frozen", "fine_tune"]

[common]
image_size_px = 32

[frozen]
backbone = { choices = "available" }
penalty_c = { low = 0.01, high = 1.0, log = true }

[fine_tune]
backbone = { choices = "pretrained" }
epochs = 1

[[start]]
label = "Frozen"
strategy = "frozen"
backbone = "best"
protected = true

[[start]]
label = "Fine-tuned"
strategy = "fine_tune"
backbone = "best"
protected = true
"""


def save_backbone(path: Path, factor: float) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    scaled = keras.layers.Lambda(lambda x: x * factor)(inputs)
    maps = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(scaled)
    keras.Model(inputs, keras.layers.Conv2D(8, 3, 2, padding="same")(maps)).save(path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_trusted_lambda_from_search_to_prediction(autosmall, stripes: Path, tmp_path: Path):
    (tmp_path / "own.toml").write_text(SPACE)
    own = tmp_path / "own.keras"
    save_backbone(own, 0.01)
    words = ("search", stripes, "--space", "own.toml", "--backbone", "own.keras", "--folds", 2)
    words += ("--repeats", 1, "--workers", 1, "--output-dir", "run", "--max-trials")

    refused = autosmall(*words, 2)
    assert refused.returncode == 1
    assert f"--trust {own.name}" in refused.stderr and "run any code" in refused.stderr
    found = autosmall(*words, 2, "--trust", "own.keras")
    assert found.returncode == 0, found.stderr
    run = load_run(tmp_path / "run")
    assert set(run.trials["status"]) == {"complete"}
    assert run.data.settings["trust"] == (f"{file_sha256(own)}  {own}",)
    more = autosmall(*words, 3)
    assert more.returncode == 0, more.stderr

    made = autosmall("retrain", "run", "--trial", 1)
    assert made.returncode == 0, made.stderr
    refused = autosmall("predict", "run/model", stripes)
    assert refused.returncode == 1
    model_file = "run/model/model.keras"
    assert f"--trust {model_file}" in refused.stderr
    told = autosmall("predict", "run/model", stripes, "--csv", "told.csv", "--trust", model_file)
    assert told.returncode == 0, told.stderr
    wrong = autosmall("predict", "run/model", stripes, "--trust", "own.keras")
    assert "which is not a model in run/model" in wrong.stderr

    save_backbone(own, 0.02)
    for command in ((*words, 4, "--trust", "own.keras"), ("retrain", "run")):
        changed = autosmall(*command)
        assert changed.returncode == 1
        assert "has changed" in changed.stderr
