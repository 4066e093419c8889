"""What frozen and fine_tune add to the contract, on a small network of known weights."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from autosmall.models import feature_cache
from autosmall.schema.config import Config
from autosmall.schema.parameters import defaults
from autosmall.strategies.backbone_features import TaskBackbone
from autosmall.strategies.feature_views import FeatureViews, chosen_penalty
from autosmall.strategies.registry import get_strategy

MOBILENET = "mobilenet_0.25"


@pytest.fixture
def fit(fit_mobilenet):
    return fit_mobilenet


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
    np.testing.assert_allclose(
        nothing_allowed.validation_probabilities, plain.validation_probabilities, atol=1e-3
    )


def test_a_look_at_the_mirror_image_too_makes_predictions_the_same_for_both(fit):
    values = {"prediction_views": "mirrored", "layers": "multi"}
    result, task = fit("frozen", values)
    shown = task.pictures(result.picture_spec)[task.validation_index].astype(np.float32)
    model = result.build_model()
    np.testing.assert_allclose(model(shown[:, :, ::-1]), model(shown), atol=1e-5)
    np.testing.assert_allclose(model(shown), result.validation_probabilities, atol=1e-4)


def test_a_mirror_image_that_has_another_label_is_not_looked_at(fit):
    digits = {"invariances": frozenset({"shift"})}
    plain, _ = fit("frozen", {}, **digits)
    asked, _ = fit("frozen", {"prediction_views": "mirrored"}, **digits)
    np.testing.assert_array_equal(asked.validation_probabilities, plain.validation_probabilities)


def test_notes_tell_what_pooling_spares_the_head(fit):
    """MobileNet 0.25 makes maps of 1 x 1 x 256 and 2 x 2 x 128 of 32 px, and two larger ones."""
    last, _ = fit("frozen", {"head": "logistic_cv"})
    assert {**last.notes, "penalty_c": 0.0} == {
        "features": 256.0,
        "head_parameters": 2 * 257.0,
        "map_values": 256.0,
        "penalty_c": 0.0,
    }
    several, _ = fit("frozen", {"layers": "multi", "pooling": "avg_max"})
    maps = 1 * 256 + 4 * 128 + 16 * 64 + 64 * 32
    assert several.notes["map_values"] == maps
    assert several.notes["features"] == 2 * (256 + 128 + 64 + 32)
    assert "penalty_c" not in several.notes


def test_a_pyramid_has_the_quarters_of_maps_that_have_any(fit):
    """The last map of 32 px is one pixel, the next ones are 2 x 2 and larger."""
    last, _ = fit("frozen", {"pooling": "pyramid"})
    assert last.notes["features"] == 256
    several, _ = fit("frozen", {"pooling": "pyramid", "layers": "multi"})
    assert several.notes["features"] == 256 + 5 * (128 + 64 + 32)
    native, _ = fit("frozen", {"pooling": "pyramid", "resize_policy": "native"})
    assert native.notes["features"] == 5 * 256


def test_dense_head_grows_with_its_bottleneck(fit):
    for units, wanted in ((0, 2 * 257), (8, 8 * 257 + 2 * 9)):
        result, _ = fit("frozen", {"head": "dense", "bottleneck_units": units, "epochs": 1})
        assert result.notes["head_parameters"] == result.trainable_parameters == wanted


def test_folds_of_the_dense_head_are_trained_as_one_and_come_out_as_alone(make_task, mobilenet):
    strategy = get_strategy("frozen")
    values = {"backbone": mobilenet.name, "image_size_px": 32, "head": "dense", "batch_size": 8}
    task = make_task(strategy, {**values, "epochs": 3, "dropout_rate": 0.3, "views": 2})
    parts = [np.arange(8), np.arange(8, 16), np.arange(20, 32)]
    tasks = [
        replace(
            task,
            backbones=(mobilenet,),
            train_index=np.setdiff1d(np.arange(32), part),
            train_labels=np.setdiff1d(np.arange(32), part) % 2,
            validation_index=part,
            seed=seed,
        )
        for seed, part in enumerate(parts)
    ]
    for fit, fold in zip(strategy.fit_folds(tasks), tasks, strict=True):
        alone = strategy.fit(fold)
        np.testing.assert_array_equal(fit.train_probabilities, alone.train_probabilities)
        np.testing.assert_array_equal(fit.validation_probabilities, alone.validation_probabilities)


@pytest.mark.parametrize(
    ("values", "as_one"),
    [
        ({"head": "dense", "backbone": MOBILENET}, True),
        ({"head": "ridge", "backbone": MOBILENET}, False),
        ({"head": "dense", "backbone": MOBILENET, "layers": "chosen"}, False),
        ({"head": "dense", "backbone": "patches"}, False),
    ],
)
def test_folds_whose_features_are_their_own_are_raced(values, as_one):
    strategy = get_strategy("frozen")
    config = Config.from_mapping({**defaults(strategy.parameters), **values, "strategy": "frozen"})
    assert strategy.trains_folds_as_one(config) is as_one


def test_chosen_penalty_is_that_of_the_same_head_with_it_given(fit):
    chosen, _ = fit("frozen", {"head": "logistic_cv", "views": 2})
    penalty_c = chosen.notes["penalty_c"]
    given, _ = fit("frozen", {"head": "logistic", "views": 2, "penalty_c": penalty_c})
    np.testing.assert_array_equal(given.validation_probabilities, chosen.validation_probabilities)


@pytest.mark.parametrize(
    ("name", "pooling", "tolerance"),
    # What fine_tune keeps of the blocks below is in half precision.
    [("frozen", "avg", 1e-4), ("frozen", "pyramid", 1e-4), ("fine_tune", "pyramid", 3e-3)],
)
@pytest.mark.parametrize("looks", ["plain", "mirrored"])
def test_rebuilt_model_predicts_what_was_measured(fit, name, pooling, tolerance, looks, tmp_path):
    values = {"epochs": 2, "augmentation": "none", "color_mode": "grayscale", "layers": "multi"}
    result, task = fit(name, {**values, "pooling": pooling, "prediction_views": looks})
    result.build_model().save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    pictures = task.pictures(result.picture_spec)[task.validation_index].astype(np.float32)
    np.testing.assert_allclose(model(pictures), result.validation_probabilities, atol=tolerance)
    assert model.count_params() == result.total_parameters


def test_layers_are_chosen_by_losses_among_training_pictures(fit):
    values = {"head": "logistic_cv", "views": 2}
    chosen, task = fit("frozen", {**values, "layers": "chosen"})
    backbone = TaskBackbone(task)
    losses = {
        layers: chosen_penalty(FeatureViews.of(task, backbone, layers)).loss
        for layers in ("last", "multi")
    }
    better = min(losses, key=losses.__getitem__)
    fixed, _ = fit("frozen", {**values, "layers": better})
    np.testing.assert_array_equal(fixed.validation_probabilities, chosen.validation_probabilities)
    assert len(set(losses.values())) == 2
