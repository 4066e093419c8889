"""What fine_tune adds to the contract, on a small network of known weights."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from autosmall.strategies.registry import get_strategy

TOP_TWO = {"conv_dw_12/kernel", "conv_pw_12/kernel", "conv_dw_13/kernel", "conv_pw_13/kernel"}


@pytest.fixture
def fit(fit_mobilenet):
    def fit_with(values=None, name="fine_tune", **changes):
        base = {"epochs": 2, "augmentation": "none", "trainable_blocks": 2}
        values = {**(base if name == "fine_tune" else {}), **(values or {})}
        return fit_mobilenet(name, values, **changes)[0]

    return fit_with


def stored_weights(source):
    """Return the last two parts of each variable's path, and its value in the file."""
    stored = {}
    with h5py.File(source.weights_path) as file:
        file.visititems(
            lambda name, item: (
                stored.update({"/".join(name.split("/")[-2:]): item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return stored


MANY = {"layers": "multi", "pooling": "avg_max"}
PYRAMID = {"layers": "multi", "pooling": "pyramid"}
ROOTS = {**MANY, "feature_transform": "sqrt"}
VIEWS = {"layers": "multi", "views": 3, "augmentation_strength": 0.4, "class_balance": "weights"}
ROUNDING, ROOTS_ROUNDING = 3e-3, 5e-2
"""Roots of features that are nearly 0 magnify what rounding leaves of them."""


@pytest.mark.parametrize(
    ("values", "tolerance"),
    [
        ({}, ROUNDING),
        (MANY, ROUNDING),
        (PYRAMID, ROUNDING),
        (ROOTS, ROOTS_ROUNDING),
        (VIEWS, ROUNDING),
        ({**VIEWS, "prediction_views": "mirrored"}, ROUNDING),
    ],
)
def test_training_starts_at_the_frozen_solution(fit, values, tolerance):
    """Without any learning rate to speak of, fine-tuning is the frozen head."""
    still = {"epochs": 1, "learning_rate": 1e-7}
    frozen = fit({**values, "head": "logistic", "penalty_c": 0.01}, name="frozen")
    tuned = fit({**values, **still, "first_head": "logistic", "head_penalty_c": 0.01})
    np.testing.assert_allclose(
        tuned.validation_probabilities, frozen.validation_probabilities, atol=tolerance
    )


def test_the_first_head_has_the_penalty_that_frozen_chooses(fit):
    frozen = fit({"head": "logistic_cv", "views": 2}, name="frozen")
    tuned = fit({"first_head": "logistic_cv", "views": 2})
    assert tuned.notes["penalty_c"] == frozen.notes["penalty_c"]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_only_the_top_blocks_change_bit_for_bit(fit, mobilenet, optimizer):
    values = {"optimizer": optimizer, "learning_rate": 1e-2, "weight_decay": 1e-2}
    result = fit({**values, "momentum": 0.9})
    trained = {v.path: v.numpy() for v in result.build_model().variables}
    stored = stored_weights(mobilenet)
    common = set(trained) & set(stored)
    changed = {p for p in common if trained[p].tobytes() != stored[p].tobytes()}
    assert changed == TOP_TWO
    assert len(common) > 100
    assert any("moving_variance" in path for path in common)


def test_kept_lower_part_and_whole_network_see_the_same_mirror_images(fit, monkeypatch):
    values = {"prediction_views": "mirrored", "learning_rate": 1e-3}
    kept = fit(values)
    monkeypatch.setattr("autosmall.strategies.fine_tune.CUT_LIMIT_BYTES", 0)
    whole = fit(values)
    np.testing.assert_allclose(
        kept.validation_probabilities, whole.validation_probabilities, atol=1e-2
    )


def test_random_alterations_leave_the_same_weights_alone(fit, mobilenet):
    result = fit({"augmentation": "affine", "learning_rate": 1e-2})
    stored = stored_weights(mobilenet)
    model = {v.path: v.numpy() for v in result.build_model().variables}
    changed = {p for p in set(model) & set(stored) if (model[p] != stored[p]).any()}
    assert changed == TOP_TWO


def test_random_alterations_are_made_once_for_all_folds(fit, monkeypatch):
    values = {"augmentation": "affine", "augmentation_strength": 0.3, "epochs": 4}
    fit(values)

    def refuse(*arguments):
        raise AssertionError("a picture was altered again")

    monkeypatch.setattr("autosmall.training.augmentation.drawn_view", refuse)
    fit(values, train_index=np.arange(8, 32), validation_index=np.arange(8))
    monkeypatch.setattr("autosmall.training.augmentation.alter", refuse)
    monkeypatch.setattr("autosmall.strategies.fine_tune.CUT_LIMIT_BYTES", 0)
    with pytest.raises(AssertionError, match="altered again"):
        fit(values)


def test_alterations_that_are_kept_change_what_is_learned(fit):
    plain = fit({"epochs": 4, "learning_rate": 1e-2})
    altered = fit({"epochs": 4, "learning_rate": 1e-2, "augmentation": "affine"})
    assert (plain.validation_probabilities != altered.validation_probabilities).any()


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("values", [{}, {"layers": "multi", "feature_transform": "sqrt"}])
def test_kept_lower_part_gives_what_the_whole_network_gives(fit, monkeypatch, values, views):
    values = {**values, "views": views, "learning_rate": 1e-3}
    kept = fit(values)
    monkeypatch.setattr("autosmall.strategies.fine_tune.CUT_LIMIT_BYTES", 0)
    whole = fit(values)
    np.testing.assert_allclose(
        kept.validation_probabilities, whole.validation_probabilities, atol=1e-2
    )


def test_tuned_share_lies_between_start_and_end(fit, mobilenet):
    values = {"learning_rate": 1e-2}
    stored = stored_weights(mobilenet)["conv_pw_13/kernel"]

    def step(share):
        model = fit({**values, "tuned_share": share}).build_model()
        return model.get_layer("conv_pw_13").kernel.numpy() - stored

    assert not step(0.0).any()
    np.testing.assert_allclose(step(0.25), 0.25 * step(1.0), atol=1e-6)


def test_rates_fall_from_block_to_block_and_blocks_join_one_by_one(fit, monkeypatch):
    seen = []
    real = "autosmall.strategies.supervised.train_network"
    from autosmall.strategies import supervised

    original = supervised.train_network
    monkeypatch.setattr(
        real, lambda *rest, **named: seen.append(named["rates"]) or original(*rest, **named)
    )
    values = {"trainable_blocks": 3, "layer_decay": 0.5, "head_rate_factor": 10.0}
    fit({**values, "unfreezing": "gradual"})
    (rates,) = seen
    assert rates.factors["conv_pw_13/kernel"] == 0.5
    assert rates.factors["conv_dw_12/kernel"] == 0.25
    assert rates.factors["conv_pw_11/kernel"] == 0.125
    assert rates.factors["classifier/kernel"] == 10.0
    begins = [rates.begins[f"conv_pw_{number}/kernel"] for number in (13, 12, 11)]
    assert begins == [0.0, 0.25, 0.5]
    assert "classifier/kernel" not in rates.begins


def test_gradual_unfreezing_trains_less_of_the_lower_block(fit, mobilenet):
    stored = stored_weights(mobilenet)["conv_pw_12/kernel"]

    def change(unfreezing):
        values = {"unfreezing": unfreezing, "learning_rate": 1e-3, "epochs": 4}
        values |= {"learning_rate_schedule": "constant", "layer_decay": 1.0}
        model = fit(values).build_model()
        return np.abs(model.get_layer("conv_pw_12").kernel.numpy() - stored).mean()

    assert 0 < change("gradual") < 0.8 * change("together")


def test_a_run_repeats_itself_after_another_configuration(fit):
    values = {"learning_rate": 1e-3, "decay_towards": "start", "weight_decay": 0.1}
    first = fit(values)
    fit({**values, "learning_rate": 1e-2})
    np.testing.assert_array_equal(
        fit(values).validation_probabilities, first.validation_probabilities
    )


@pytest.mark.parametrize(("values", "tolerance"), [(MANY, ROUNDING), (ROOTS, ROOTS_ROUNDING)])
def test_rebuilt_model_predicts_what_was_measured(fit, make_task, values, tolerance):
    result = fit({**values, "views": 2, "learning_rate": 1e-3, "color_mode": "grayscale"})
    task = make_task(get_strategy("fine_tune"), {})
    pictures = task.pictures(result.picture_spec)[task.validation_index].astype(np.float32)
    model = result.build_model()
    np.testing.assert_allclose(model(pictures), result.validation_probabilities, atol=tolerance)
    assert model.count_params() == result.total_parameters
