"""Strategies whose networks are trained in bfloat16 score and save a float32 network.

Forced upon the processor, which computes in bfloat16 too.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from autosmall.strategies.registry import get_strategy
from autosmall.training import device_rows, precision
from autosmall.training.gpu import Gpu

SMALL = {"image_size_px": 16, "batch_size": 8, "epochs": 4, "learning_rate": 1e-2}
CASES = {
    "scratch": {"width": 4, "blocks": 2, "augmentation": "none"},
    "fine_tune": {"trainable_blocks": 1, "first_head": "logistic", "image_size_px": 32},
    "autoencoder": {"width": 4, "blocks": 2, "pretrain_epochs": 2},
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_measured_is_what_is_saved(name, make_task, monkeypatch, tmp_path):
    strategy = get_strategy(name)
    task = make_task(strategy, {**SMALL, **CASES[name]})
    plain = strategy.fit(task)
    for module in (precision, device_rows):
        monkeypatch.setattr(module, "find_gpu", lambda: Gpu("cpu:0", has_bfloat16=True))
    fit = strategy.fit(task)
    assert not np.array_equal(fit.validation_probabilities, plain.validation_probabilities)
    np.testing.assert_allclose(
        fit.validation_probabilities, plain.validation_probabilities, atol=0.3
    )
    model = fit.build_model()
    assert {layer.dtype_policy.name for layer in model._flatten_layers()} == {"float32"}
    model.save(tmp_path / "model.keras")
    monkeypatch.undo()
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    pictures = task.pictures(fit.picture_spec)[task.validation_index].astype(np.float32)
    predicted = loaded.predict_on_batch(pictures)
    # Both are float32: nothing of bfloat16's coarseness may be between them.
    np.testing.assert_allclose(predicted, fit.validation_probabilities, atol=1e-5)
