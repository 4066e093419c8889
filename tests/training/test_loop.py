import keras
import numpy as np
import pytest

from autosmall.schema.config import Config
from autosmall.schema.parameters import OPTIMIZATION, REGULARIZATION, defaults
from autosmall.training.compiled import copy_state
from autosmall.training.loop import predict, softmax, steps_per_epoch, train
from autosmall.training.options import TrainingOptions


def small_network(seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dropout(0.1)(keras.layers.Dense(8, activation="relu")(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(hidden))


@pytest.fixture
def data():
    inputs = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    inputs.setflags(write=False)
    return inputs, (inputs[:, 0] > 0).astype(np.int64)


OPTIONS = TrainingOptions(learning_rate=0.05, epochs=10, batch_size=16)


def run(network, data, options=OPTIONS, *, seed=1, epoch_end=lambda loss, accuracy: True, **more):
    inputs, labels = data
    rows = np.arange(40)
    return train(network, inputs, rows, labels[rows], 2, options, seed, epoch_end=epoch_end, **more)


def test_learns_and_reports_every_epoch(data):
    told = []

    def keep(loss: float, accuracy: float) -> bool:
        told.append((loss, accuracy))
        return True

    history = run(small_network(), data, epoch_end=keep)
    assert history.healthy and history.epochs_done == 10
    assert told == list(zip(history.train_loss, history.train_accuracy, strict=True))
    assert history.train_loss[-1] < 0.5 * history.train_loss[0]
    assert history.train_accuracy[-1] > 0.85


def test_stops_when_told(data):
    history = run(small_network(), data, epoch_end=lambda loss, accuracy: False)
    assert (history.healthy, history.epochs_done, len(history.train_loss)) == (False, 1, 1)


@pytest.fixture(scope="module")
def fresh():
    """A function that puts one shared network, traced at most once per loss, back to its start."""
    start, shared = small_network(), small_network()

    def restore() -> keras.Model:
        copy_state(start, shared)
        return shared

    return restore


@pytest.mark.parametrize("balance", ["none", "weights", "sampling", "focal"])
def test_repeats_from_the_seed(data, fresh, balance):
    options = TrainingOptions(
        learning_rate=0.05, epochs=2, class_balance=balance, label_smoothing=0.1
    )
    results = []
    for seed in (1, 1, 2):
        network = fresh()
        history = run(network, data, options, seed=seed)
        results.append((history, predict(network, data[0], np.arange(50)).tobytes()))
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_a_network_trained_again_forgets_its_optimiser_and_is_not_traced_again(data, fresh):
    first = run(fresh(), data)
    traced = fresh().train_function
    assert run(fresh(), data) == first
    assert fresh().train_function is traced
    run(fresh(), data, TrainingOptions(optimizer="sgd", epochs=1))
    assert fresh().train_function is not traced


def test_batches_pass_through_the_transform_and_inputs_stay(data):
    seen = []

    def double(batch, rng):
        seen.append(batch.shape)
        return 2 * batch

    before = data[0].copy()
    run(small_network(), data, TrainingOptions(epochs=2, batch_size=16), batch_transform=double)
    # 40 rows in batches of 16: 2.5 rounds to 2 steps of whole batches.
    assert seen == [(16, 3)] * 4
    np.testing.assert_array_equal(data[0], before)


def test_frozen_variables_stay(data):
    network = small_network()
    network.layers[1].trainable = False
    before = network.layers[1].get_weights()
    run(network, data, TrainingOptions(epochs=1, weight_decay=0.1))
    for new, old in zip(network.layers[1].get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize(
    ("rows", "batch", "steps"), [(40, 16, 2), (40, 32, 1), (5, 32, 1), (100, 32, 3), (1, 1, 1)]
)
def test_steps_per_epoch(rows, batch, steps):
    assert steps_per_epoch(rows, batch) == steps


@pytest.mark.parametrize("count", [0, 1, 15, 16, 47])
@pytest.mark.parametrize("batch_size", [16, 20])
def test_predict_equals_the_network_on_those_rows(data, count, batch_size):
    network = small_network()
    rows = np.arange(count)[::-1]
    outputs = predict(network, data[0], rows, batch_size)
    assert outputs.shape == (count, 2) and outputs.dtype == np.float32
    if count:
        expected = keras.ops.convert_to_numpy(network(data[0][rows], training=False))
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)


def test_softmax_of_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1000.0, 0.0], [0.0, 0.0]])), [[1, 0], [0.5, 0.5]])


def test_options_come_from_a_configuration():
    values = {**defaults(OPTIMIZATION), **defaults(REGULARIZATION), "strategy": "x", "epochs": 7}
    assert TrainingOptions.from_config(Config.from_mapping(values)) == TrainingOptions(epochs=7)
    mixed = Config.from_mapping({**values, "mixing": "cutmix"})
    assert TrainingOptions.from_config(mixed).mixing == "cutmix"
