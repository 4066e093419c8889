"""Rows kept on a device, forced upon the processor."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.training import device_rows
from autosmall.training.batches import StackedRows
from autosmall.training.device_rows import DeviceRows, rows_on_device
from autosmall.training.gpu import Gpu
from autosmall.training.loop import train
from autosmall.training.options import TrainingOptions

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (20, 4, 4, 3)).astype(np.uint8)
HALVES = RNG.normal(size=(20, 5)).astype(np.float16)
FLOATS = RNG.normal(size=(20, 5)).astype(np.float32)
ROWS = np.array([3, 1, 4, 15, 9, 2, 6])


@pytest.fixture
def device(monkeypatch):
    monkeypatch.setattr(device_rows, "find_gpu", lambda: Gpu("cpu:0", has_bfloat16=False))


@pytest.mark.parametrize("values", [BYTES, HALVES, FLOATS, FLOATS.astype(np.float64)])
def test_batches_are_the_same_numbers(values):
    chosen = DeviceRows(values[ROWS], "cpu:0")[np.array([5, 0, 0, 2])]
    assert keras.ops.is_tensor(chosen)
    found = keras.ops.convert_to_numpy(chosen)
    wanted = values[ROWS[[5, 0, 0, 2]]].astype(np.float32)
    assert found.dtype == wanted.dtype and found.tobytes() == wanted.tobytes()


def test_every_byte_survives():
    values = np.arange(256, dtype=np.uint8)[:, None]
    found = keras.ops.convert_to_numpy(DeviceRows(values, "cpu:0")[np.arange(256)])
    np.testing.assert_array_equal(found[:, 0], np.arange(256))


def test_stacked_rows_lie_there_and_pictures_of_several_shapes_do_not(device):
    stacked = StackedRows([HALVES, HALVES + 1])
    rows = np.array([1, 25, 39])
    kept = rows_on_device(stacked, rows)
    found = keras.ops.convert_to_numpy(kept[np.arange(3)])
    np.testing.assert_array_equal(found, stacked[rows].astype(np.float32))
    assert rows_on_device(MixedPictures.of([BYTES[0], BYTES[1, :2]]), np.arange(1)) is None


def test_only_what_fits_is_kept(device, monkeypatch):
    half_bytes = 2 * ROWS.size * BYTES[0].size
    monkeypatch.setattr(device_rows, "LIMIT_BYTES", half_bytes)
    assert rows_on_device(BYTES, ROWS) is not None
    monkeypatch.setattr(device_rows, "LIMIT_BYTES", half_bytes - 1)
    assert rows_on_device(BYTES, ROWS) is None


def test_nothing_is_kept_without_a_gpu():
    assert rows_on_device(FLOATS, ROWS) is None


def run(**changes):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,))
    hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(8, activation="relu")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    handed = set()
    step = model.train_on_batch

    def train_on_batch(batch, *rest):
        handed.add(keras.ops.is_tensor(batch))
        return step(batch, *rest)

    model.train_on_batch = train_on_batch
    options = TrainingOptions(epochs=3, batch_size=4, learning_rate=0.01)
    more = {"epoch_end": lambda loss, accuracy: True, **changes}
    history = train(model, FLOATS, ROWS, ROWS % 2, 2, options, 1, **more)
    return history, [weight.tobytes() for weight in model.get_weights()], handed


def test_a_run_is_the_same_to_the_last_bit(device, monkeypatch):
    *there, handed = run()
    monkeypatch.setattr(device_rows, "find_gpu", lambda: None)
    *here, handed_here = run()
    assert there == here
    assert handed == {True} and handed_here == {False}


def test_batches_that_are_altered_come_from_the_host(device):
    *_, handed = run(batch_transform=lambda batch, rng: batch)
    assert handed == {False}
