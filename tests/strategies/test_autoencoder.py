"""What the autoencoder does beyond the contract: its encoder sees no held-out picture."""

from dataclasses import replace

import numpy as np
import pytest

from autosmall.strategies.autoencoder import Autoencoder

STRATEGY = Autoencoder()
TINY = {"image_size_px": 12, "width": 4, "blocks": 1, "bottleneck_channels": 4, "batch_size": 8}
SHORT = {**TINY, "pretrain_epochs": 2, "epochs": 2}
HELD_OUT = tuple(range(24, 32))


def encoder_weights(fit):
    """Return the saved model's weights without the head's, the last layer with any."""
    model = fit.build_model()
    *encoder, _ = [layer for layer in model.layers if layer.weights]
    return [weights for layer in encoder for weights in layer.get_weights()]


@pytest.mark.parametrize(
    ("architecture", "encoder"),
    [("classic", "frozen"), ("compact", "frozen"), ("compact", "fine_tuned"), ("deep", "frozen")],
)
def test_encoder_is_the_same_bit_for_bit_whatever_is_held_out(make_task, architecture, encoder):
    values = {**SHORT, "architecture": architecture, "encoder": encoder}
    as_drawn, altered, other_rows = (
        encoder_weights(STRATEGY.fit(make_task(STRATEGY, values, altered_rows=rows)))
        for rows in ((), HELD_OUT, (0,))
    )
    assert len(as_drawn) > 1
    for before, after in zip(as_drawn, altered, strict=True):
        np.testing.assert_array_equal(before, after)
    # Weights that no picture changes would show nothing.
    assert any((one != other).any() for one, other in zip(as_drawn, other_rows, strict=True))


@pytest.mark.parametrize("encoder", ["frozen", "fine_tuned"])
def test_learns_from_unlabelled_pictures(make_task, drawn_pictures, encoder):
    values = {**SHORT, "encoder": encoder}
    without = STRATEGY.fit(make_task(STRATEGY, values))
    with_more = STRATEGY.fit(make_task(STRATEGY, values, unlabelled=drawn_pictures(16)))
    assert (without.train_probabilities != with_more.train_probabilities).any()


@pytest.mark.parametrize(
    ("values", "trainable", "total"),
    [
        ({"architecture": "classic", "encoder_cut": "pooling"}, 16 * 2 + 2, 448 + 34),
        ({"architecture": "classic", "color_mode": "grayscale"}, 8 * 2 + 2, 1320 + 18),
        ({"hidden_units": 5}, 4 * 5 + 5 + 5 * 2 + 2, 4 * 27 + 4 * 4 + 4 * 4 + 4 + 37),
    ],
)
def test_frozen_encoder_leaves_only_the_head_to_labels(make_task, values, trainable, total):
    """What is saved is encoder and head: no weight of the decoder is counted."""
    fit = STRATEGY.fit(make_task(STRATEGY, {**SHORT, **values, "encoder": "frozen"}))
    assert fit.trainable_parameters == trainable
    assert fit.total_parameters == fit.build_model().count_params() == total


def test_saved_model_is_small_and_predicts_what_was_measured(make_task, tmp_path):
    import keras

    values = {**SHORT, "architecture": "classic", "image_size_px": 28, "encoder": "frozen"}
    task = make_task(STRATEGY, values)
    fit = STRATEGY.fit(task)
    path = tmp_path / "model.keras"
    fit.build_model().save(path)
    loaded = keras.saving.load_model(path, safe_mode=True)
    names = [layer.name for layer in loaded.layers if layer.weights]
    assert names == ["first_convolution", "second_convolution", "classifier"]
    assert path.stat().st_size < 60_000
    pictures = task.pictures(fit.picture_spec)[task.validation_index].astype(np.float32)
    predicted = loaded.predict_on_batch(pictures)
    np.testing.assert_allclose(predicted, fit.validation_probabilities, atol=1e-5)


def test_examples_are_held_out_pictures_and_errors_fall_with_training(make_task):
    values = {**TINY, "epochs": 1, "corruption": "none", "pretrain_learning_rate": 1e-2}
    task = make_task(STRATEGY, {**values, "pretrain_epochs": 30})
    fit = STRATEGY.fit(task)
    notes, examples = fit.notes, fit.reconstructions
    assert examples.rows == HELD_OUT
    originals = task.pictures(fit.picture_spec)[list(HELD_OUT)]
    np.testing.assert_array_equal(examples.originals, originals)
    assert examples.restored.shape == originals.shape and examples.restored.dtype == np.uint8
    shown = np.abs(originals / 255 - examples.restored / 255).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(examples.errors, shown, atol=0.5 / 255)  # rounded to 256 levels
    assert notes["reconstruction_error"] == pytest.approx(np.mean(examples.errors))
    mean = task.pictures(fit.picture_spec)[task.train_index].mean(axis=0)
    expected = np.abs(originals - mean).mean() / 255
    assert notes["mean_picture_error"] == pytest.approx(expected)
    short = STRATEGY.fit(make_task(STRATEGY, {**values, "pretrain_epochs": 1})).notes
    for name in ("reconstruction_error", "reconstruction_error_train"):
        assert notes[name] < 0.7 * short[name]


def test_examples_of_many_are_spread_over_the_held_out_pictures(make_task):
    """Data sets are sorted by class: the first few would show one class."""
    task = make_task(STRATEGY, {**SHORT, "pretrain_epochs": 1, "epochs": 1})
    task = replace(
        task, train_index=np.arange(8), train_labels=np.arange(8) % 2,
        validation_index=np.arange(9, 32),
    )  # fmt: skip
    rows = STRATEGY.fit(task).reconstructions.rows
    assert len(rows) == 8
    assert (rows[0], rows[-1]) == (9, 31)
    assert min(np.diff(rows)) >= 3


def test_large_examples_are_shrunken(make_task):
    values = {"image_size_px": 70, "architecture": "classic", "pretrain_epochs": 1, "epochs": 1}
    examples = STRATEGY.fit(make_task(STRATEGY, values)).reconstructions
    assert examples.originals.shape == examples.restored.shape == (8, 64, 64, 3)


def test_without_held_out_pictures_there_is_a_training_error_and_no_example(make_task):
    fit = STRATEGY.fit(make_task(STRATEGY, SHORT, with_validation=False))
    assert set(fit.notes) == {"reconstruction_error_train", "dead_unit_share", "weight_growth"}
    assert fit.reconstructions is None
