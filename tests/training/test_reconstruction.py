import keras
import numpy as np
import pytest

from autosmall.models.autoencoder import Autoencoder, StridedCodec
from autosmall.models.pooling import HeadSpec
from autosmall.schema.pictures import PictureSpec
from autosmall.training.options import TrainingOptions
from autosmall.training.reconstruction import (
    MASK_GREY,
    Corruption,
    reconstruction_errors,
    train_reconstruction,
)

CLEAN = Corruption()
OPTIONS = TrainingOptions(learning_rate=1e-2, epochs=30, batch_size=8)


def train(corruption=CLEAN, transform=lambda batch, rng: batch, loss="mean_squared_error"):
    keras.utils.set_random_seed(0)
    head = HeadSpec(2, "flatten")
    picture = PictureSpec(8, color_mode="grayscale")
    network = Autoencoder(picture, StridedCodec(8, 1, 4), head).build().autoencoder
    levels = np.random.default_rng(0).integers(0, 256, (16, 1, 1, 1))
    pictures = np.tile(levels, (1, 8, 8, 1)).astype(np.uint8)
    pictures.setflags(write=False)
    history = train_reconstruction(
        network,
        pictures,
        np.arange(16),
        OPTIONS,
        0,
        corruption=corruption,
        batch_transform=transform,
        loss=loss,
    )
    return network, pictures.astype(np.float32), history


def test_learns_to_restore_pictures_it_is_given():
    network, pictures, history = train()
    assert history.healthy
    assert history.train_loss[-1] < 0.1 * history.train_loss[0]
    restored = network.predict_on_batch(pictures)
    # Better than half the spread of the grey levels, which the mean picture would leave.
    assert np.abs(restored - pictures / 255).mean() < 0.5 * np.std(pictures / 255)


def test_noise_is_on_the_input_and_not_on_the_target():
    """White noise of sd 0.3 on the target alone would leave a loss of at least 0.09."""
    assert train(Corruption("gaussian", noise_std=0.3))[2].train_loss[-1] < 0.03


def test_a_loss_that_is_no_number_ends_it():
    history = train(transform=lambda batch, rng: batch * np.float32(np.nan))[2]
    assert (history.healthy, history.epochs_done) == (False, 1)


def test_binary_crossentropy_ends_near_the_entropy_of_the_pictures():
    """No reconstruction of grey g does better than the entropy of g (in nats)."""
    _, pictures, history = train(loss="binary_crossentropy")
    grey = np.clip(pictures / 255, 1e-7, 1 - 1e-7)
    entropy = -(grey * np.log(grey) + (1 - grey) * np.log(1 - grey)).mean()
    assert entropy < history.train_loss[-1] < entropy + 0.05


def test_gaussian_noise_has_its_spread():
    """Of 60,000 values the sd is known to 0.3 % (1 / sqrt(2 n)); five times that are allowed."""
    pictures = np.full((6, 50, 200, 1), 100, np.float32)
    noise = Corruption("gaussian", noise_std=0.2)(pictures, np.random.default_rng(0)) - pictures
    assert noise.std() == pytest.approx(0.2 * 255, rel=0.015)


def test_masking_greys_whole_cells_of_the_wanted_share():
    """40 pictures of 64 cells: the share has sd sqrt(0.25 * 0.75 / 2560) = 0.9 points."""
    pictures = np.random.default_rng(1).uniform(0, 120, (40, 20, 20, 3)).astype(np.float32)
    masked = Corruption("masking", masked_share=0.25)(pictures, np.random.default_rng(0))
    hidden = (masked == MASK_GREY).all(axis=-1)
    np.testing.assert_array_equal(masked[~hidden], pictures[~hidden])
    assert hidden.mean() == pytest.approx(0.25, abs=0.04)
    assert (hidden[:, :2, :2].sum(axis=(1, 2)) % 4 == 0).any()
    neighbours = (hidden[:, 0] == hidden[:, 1]).mean()
    assert neighbours > 0.95  # rows 0 and 1 lie in the same cells: 20 px in 8 cells


def test_no_corruption_leaves_pictures_alone():
    pictures = np.ones((2, 4, 4, 1), np.float32)
    assert CLEAN(pictures, np.random.default_rng(0)) is pictures


def test_errors_are_those_of_each_picture_in_the_order_of_the_rows():
    """A network that answers mid grey is wrong by the distance from it."""
    inputs = keras.Input((4, 4, 1))
    network = keras.Model(inputs, keras.layers.Rescaling(0.0, offset=0.5)(inputs))
    levels = np.arange(70, dtype=np.uint8).reshape(70, 1, 1, 1)
    pictures = np.tile(levels, (1, 4, 4, 1))
    rows = np.arange(69, -1, -1)
    errors = reconstruction_errors(network, pictures, rows)
    np.testing.assert_allclose(errors, 0.5 - rows / 255, atol=1e-6)
