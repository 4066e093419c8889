"""Mixed precision, forced upon the processor: TensorFlow and JAX compute in bfloat16 there too."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from autosmall.models.shape_normalization import ShapeBatchNormalization
from autosmall.training import precision
from autosmall.training.gpu import Gpu
from autosmall.training.loop import predict, train
from autosmall.training.options import TrainingOptions
from autosmall.training.precision import in_training_precision

OPTIONS = TrainingOptions(learning_rate=0.05, epochs=8, batch_size=16)
ROWS = np.arange(60)
INPUTS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
LABELS = (INPUTS[:, 0] > 0).astype(np.int64)


class Witness(keras.layers.Layer):
    """Notes in which precision it is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[bool, str]] = set()

    def call(self, values, training=False):
        if not isinstance(values, keras.KerasTensor):
            self.seen.add((bool(training), keras.backend.standardize_dtype(values.dtype)))
        return values


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    hidden = Witness()(keras.layers.BatchNormalization()(hidden))
    return keras.Model(inputs, keras.layers.Dense(2)(hidden))


def fit(model, **more):
    return train(
        model, INPUTS, ROWS, LABELS, 2, OPTIONS, 1, epoch_end=lambda loss, accuracy: True, **more
    )


def policies(model):
    return [layer.dtype_policy.name for layer in model._flatten_layers()]


@pytest.fixture
def lowered(monkeypatch):
    monkeypatch.setattr(precision, "find_gpu", lambda: Gpu("cpu:0", has_bfloat16=True))


def test_training_is_lowered_and_predictions_are_not(lowered):
    model = network()
    witness = next(layer for layer in model.layers if isinstance(layer, Witness))
    trained, predicted = set(), set()

    def predicts(loss: float, accuracy: float) -> bool:
        # JAX goes through a network once more, for its shapes, before the first step.
        trained.update(dtype for training, dtype in witness.seen if training)
        witness.seen.clear()
        predict(model, INPUTS, ROWS)
        predicted.update(witness.seen)
        witness.seen.clear()
        return True

    train(model, INPUTS, ROWS, LABELS, 2, OPTIONS, 1, epoch_end=predicts)
    assert trained == {"bfloat16"}
    assert predicted == {(False, "float32")}


def test_it_learns_as_well_and_all_that_stays_is_float32(lowered, monkeypatch):
    model = network()
    history = fit(model)
    logits = predict(model, INPUTS, ROWS)
    assert {keras.backend.standardize_dtype(v.dtype) for v in model.weights} == {"float32"}
    assert set(policies(model)) == {"float32"}

    monkeypatch.setattr(precision, "find_gpu", lambda: None)
    plain = network()
    plain_history = fit(plain)
    plain_logits = predict(plain, INPUTS, ROWS)
    assert history != plain_history
    accuracy, plain_accuracy = (
        np.mean(values.argmax(1) == LABELS) for values in (logits, plain_logits)
    )
    assert min(accuracy, plain_accuracy) > 0.9
    assert history.train_loss[-1] == pytest.approx(plain_history.train_loss[-1], abs=0.05)


def test_logits_of_a_training_step_are_float32(lowered):
    model = network()
    with in_training_precision(model):
        logits = model(INPUTS, training=True)
        assert keras.backend.standardize_dtype(logits.dtype) == "float32"
        assert model.layers[-1].dtype_policy.name == "float32"
        assert model.layers[1].dtype_policy.name == "mixed_bfloat16"


def test_a_network_trained_both_ways_keeps_them_apart(lowered, monkeypatch):
    start = network().get_weights()

    def losses(model):
        model.set_weights(start)
        return fit(model).train_loss

    model = network()
    low = losses(model)
    monkeypatch.setattr(precision, "find_gpu", lambda: None)
    full = losses(model)
    assert full != low
    assert full == losses(network())


def test_what_is_lowered_is_put_back_after_an_error_and_the_global_policy_is_never_changed(lowered):
    model = network()
    before = keras.config.dtype_policy()
    with pytest.raises(ZeroDivisionError), in_training_precision(model):
        assert keras.config.dtype_policy() is before
        assert "mixed_bfloat16" in policies(model)
        raise ZeroDivisionError
    assert set(policies(model)) == {"float32"}


def test_nested_layers_are_lowered_but_for_those_of_the_last_one(lowered):
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    last = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    inputs = keras.Input((3,))
    model = keras.Model(inputs, last(inner(inputs)))
    with in_training_precision(model):
        assert inner.layers[0].dtype_policy.name == "mixed_bfloat16"
        assert last.layers[0].dtype_policy.name == "float32"


def test_a_layer_with_a_policy_of_its_own_keeps_it(lowered):
    inputs = keras.Input((3,))
    own = keras.layers.Dense(4, dtype="float64")
    model = keras.Model(inputs, keras.layers.Dense(2)(own(inputs)))
    with in_training_precision(model):
        assert own.dtype_policy.name == "float64"
    assert own.dtype_policy.name == "float64"


def test_nothing_is_touched_without_a_gpu():
    model = network()
    with in_training_precision(model):
        assert set(policies(model)) == {"float32"}


@pytest.mark.parametrize("batch", [2, 16])
def test_normalisation_by_shape_takes_its_statistics_in_float32(lowered, batch):
    """The mean is 100.25; bfloat16 knows 100 and 100.5 and nothing between."""
    inputs = keras.Input((None, None, 2))
    layer = ShapeBatchNormalization(momentum=0.0)
    model = keras.Model(inputs, keras.layers.Activation("linear")(layer(inputs)))
    values = np.full((batch, 2, 2, 2), 100.0, np.float32)
    values[:, 0, 0] = 101.0
    with in_training_precision(model):
        assert layer.dtype_policy.name == "mixed_bfloat16"
        model(values, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 100.25, rtol=1e-6)
