"""The built-in backbone with the patches beside it, on a network of random weights in its place."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from autosmall.models import builtin_backbone
from autosmall.models.pooled_features import Extractor
from autosmall.schema.backbone_source import BUILTIN, BUILTIN_AND_PATCHES, PATCHES, BackboneSource
from autosmall.schema.space_dimensions import SearchFacts
from autosmall.strategies import backbone_features
from autosmall.strategies.registry import get_strategy

WIDTH, PATCHES_WIDTH = 64, 4 * 400
"""Of the last map's means: MobileNet 0.0625, and 400 filters in four quadrants."""


@pytest.fixture
def sources(monkeypatch, tmp_path):
    """The three backbones that an installation offers without any weights."""

    def build(input_shape):
        keras.utils.set_random_seed(0)
        pictures = keras.Input(input_shape)
        scaled = keras.layers.Rescaling(1 / 127.5, -1)(pictures)
        network = keras.applications.MobileNet(
            alpha=0.0625, include_top=False, weights=None, input_tensor=scaled
        )
        return keras.Model(pictures, network.output)

    file = tmp_path / "backbone.npz"
    file.write_bytes(b"weights")
    monkeypatch.setattr(builtin_backbone, "build_builtin", build)
    return (
        BackboneSource(BUILTIN, BUILTIN, str(file)),
        BackboneSource(BUILTIN_AND_PATCHES, BUILTIN_AND_PATCHES, str(file)),
        BackboneSource(PATCHES, PATCHES),
    )


@pytest.fixture
def fit(sources, make_task):
    def fit_with(backbone, values=None, **changes):
        strategy = get_strategy("frozen")
        task = make_task(strategy, {"backbone": backbone, "image_size_px": 32, **(values or {})})
        task = replace(task, backbones=sources, **changes)
        return strategy.fit(task), task

    return fit_with


def test_features_of_both_stand_side_by_side(sources, fit, make_task):
    widths = [fit(name)[0].notes["features"] for name in (BUILTIN, BUILTIN_AND_PATCHES, PATCHES)]
    assert widths == [WIDTH, WIDTH + PATCHES_WIDTH, PATCHES_WIDTH]
    features = []
    for name in (BUILTIN, BUILTIN_AND_PATCHES, PATCHES):
        task = make_task(get_strategy("frozen"), {"backbone": name, "image_size_px": 32})
        backbone = backbone_features.TaskBackbone(replace(task, backbones=sources))
        features.append(backbone.features("avg")[:, backbone.columns("multi", "avg")])
    np.testing.assert_array_equal(features[1], np.concatenate([features[0], features[2]], axis=1))


def test_only_the_patches_are_computed_anew_for_another_fold(fit, monkeypatch):
    fit(BUILTIN_AND_PATCHES)
    computed = []
    run = Extractor.__call__

    def watched(extractor, pictures):
        computed.append(run(extractor, pictures))
        return computed[-1]

    monkeypatch.setattr(Extractor, "__call__", watched)
    fit(BUILTIN_AND_PATCHES, train_index=np.arange(8, 32), validation_index=np.arange(8))
    assert {values.shape[1] for values in computed} == {2 * PATCHES_WIDTH}


@pytest.mark.parametrize(
    "values",
    [
        {"head": "logistic_cv", "feature_transform": "sqrt"},
        {
            "layers": "multi",
            "pooling": "avg_max",
            "color_mode": "grayscale",
            "head": "dense",
            "bottleneck_units": 4,
            "epochs": 2,
        },
    ],
    ids=["logistic_cv", "dense"],
)
def test_saved_as_one_model_that_predicts_what_was_measured(fit, values, tmp_path):
    result, task = fit(BUILTIN_AND_PATCHES, values)
    result.build_model().save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    pictures = task.pictures(result.picture_spec)[task.validation_index].astype(np.float32)
    np.testing.assert_allclose(model(pictures), result.validation_probabilities, atol=1e-4)
    assert model.count_params() == result.total_parameters


def test_fine_tuning_takes_a_backbone_that_can_be_cut():
    facts = SearchFacts((BUILTIN, BUILTIN_AND_PATCHES, PATCHES), 100)
    assert facts.backbone_set("pretrained") == (BUILTIN,)
    assert facts.backbone_set("available") == (BUILTIN, BUILTIN_AND_PATCHES, PATCHES)
    assert SearchFacts((BUILTIN_AND_PATCHES,), 100).backbone_set("pretrained") == ()
