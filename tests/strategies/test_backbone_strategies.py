"""What frozen and fine_tune add to the contract, on a small network of known weights."""

from __future__ import annotations

from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from autosmall.models import feature_cache
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.config import Config
from autosmall.schema.parameters import defaults
from autosmall.strategies.registry import get_strategy

NAME = "mobilenet_0.25"


@pytest.fixture(scope="module")
def backbones(tmp_path_factory):
    """MobileNet 0.25 with random weights, in the form that keras.applications downloads."""
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    path = tmp_path_factory.mktemp("weights") / "mobilenet_2_5_224_tf_no_top.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return (BackboneSource(NAME, "applications", str(path)),)


@pytest.fixture
def fit(backbones, make_task):
    def fit_with(name, values, **changes):
        strategy = get_strategy(name)
        base = {"backbone": NAME, "image_size_px": 32, "batch_size": 8}
        task = make_task(strategy, {**base, **values})
        task = replace(task, backbones=backbones, **changes)
        return strategy.fit(task), task

    return fit_with


def test_pictures_are_made_as_large_as_the_backbone_needs():
    for name in ("frozen", "fine_tune"):
        strategy = get_strategy(name)
        values = {"strategy": name, "backbone": "xception", "image_size_px": 32}
        config = Config.from_mapping(values).with_defaults(defaults(strategy.parameters))
        assert [spec.image_size_px for spec in strategy.picture_specs(config)] == [71]


def test_features_are_computed_once_for_all_folds_and_heads(fit, monkeypatch, tmp_path):
    feature_cache.forget()
    fit("frozen", {"layers": "multi", "head": "ridge"})

    def refuse(*arguments):
        raise AssertionError("a picture went through the network again")

    monkeypatch.setattr("autosmall.models.pooled_features.Extractor.__call__", refuse)
    feature_cache.forget()
    result, _ = fit("frozen", {"layers": "last", "pooling": "avg_max", "penalty_c": 0.1})
    other_fold = np.arange(8, 32)
    again, _ = fit("frozen", {}, train_index=other_fold, validation_index=np.arange(8))
    assert result.trainable_parameters == 2 * (2 * 256 + 1)
    assert again.train_probabilities.shape == (24, 2)


def test_views_are_of_training_pictures_alone_and_within_the_invariances(fit):
    plain, _ = fit("frozen", {"views": 1})
    viewed, _ = fit("frozen", {"views": 3})
    nothing_allowed, _ = fit("frozen", {"views": 3}, invariances=frozenset())
    assert (viewed.validation_probabilities != plain.validation_probabilities).any()
    # Three equal copies weigh like a penalty a third as strong.
    weaker, _ = fit("frozen", {"views": 1, "penalty_c": 3e-3})
    np.testing.assert_allclose(
        nothing_allowed.validation_probabilities, weaker.validation_probabilities, atol=1e-3
    )


@pytest.mark.parametrize("augmentation", ["none", "affine"])
def test_weights_below_the_cut_are_untouched_bit_for_bit(fit, backbones, augmentation):
    values = {"trainable_blocks": 2, "epochs": 2, "augmentation": augmentation}
    result, _ = fit("fine_tune", {**values, "learning_rate": 1e-2})
    trained = {v.path: np.array(v) for v in result.build_model().variables}
    with h5py.File(backbones[0].weights_path) as file:
        stored = {}
        file.visititems(
            lambda name, item: (
                stored.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    by_name = {"/".join(name.split("/")[-2:]): value for name, value in stored.items()}
    changed = {
        path
        for path, value in trained.items()
        if path in by_name and (value != by_name[path]).any()
    }
    assert changed == {
        "conv_dw_12/kernel",
        "conv_pw_12/kernel",
        "conv_dw_13/kernel",
        "conv_pw_13/kernel",
    }
    assert len(set(trained) & set(by_name)) > 100


def test_kept_lower_part_gives_what_the_whole_network_gives(fit, monkeypatch):
    """The same training with and without keeping what the untrained part makes of pictures."""
    values = {"trainable_blocks": 2, "epochs": 2, "augmentation": "none", "learning_rate": 1e-3}
    kept, _ = fit("fine_tune", values)
    monkeypatch.setattr("autosmall.strategies.fine_tune.CUT_LIMIT_BYTES", 0)
    whole, _ = fit("fine_tune", values)
    np.testing.assert_allclose(
        kept.validation_probabilities, whole.validation_probabilities, atol=1e-3
    )


def test_training_starts_with_the_best_head(fit):
    """Without any learning rate to speak of, fine-tuning is the frozen head."""
    frozen, _ = fit("frozen", {"penalty_c": 0.1})
    tuned, _ = fit("fine_tune", {"head_penalty_c": 0.1, "epochs": 1, "learning_rate": 1e-7})
    np.testing.assert_allclose(
        tuned.validation_probabilities, frozen.validation_probabilities, atol=1e-3
    )


@pytest.mark.parametrize("name", ["frozen", "fine_tune"])
def test_rebuilt_model_predicts_what_was_measured(fit, name, tmp_path):
    values = {"epochs": 2, "augmentation": "none", "color_mode": "grayscale"}
    result, task = fit(name, values)
    result.build_model().save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    pictures = task.pictures(result.picture_spec)[task.validation_index].astype(np.float32)
    np.testing.assert_allclose(model(pictures), result.validation_probabilities, atol=1e-4)
    assert model.count_params() == result.total_parameters
