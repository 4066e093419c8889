import keras
import numpy as np

from autosmall.models.autoencoder import Autoencoder
from autosmall.models.pooling import HeadSpec
from autosmall.schema.pictures import PictureSpec
from autosmall.training.options import TrainingOptions
from autosmall.training.reconstruction import train_reconstruction

OPTIONS = TrainingOptions(learning_rate=1e-2, epochs=30, batch_size=8)


def train(noise_std: float, transform=lambda batch, rng: batch):
    keras.utils.set_random_seed(0)
    head = HeadSpec(2, "flatten")
    network = Autoencoder(PictureSpec(8, color_mode="grayscale"), 8, 1, 4, head).build().autoencoder
    levels = np.random.default_rng(0).integers(0, 256, (16, 1, 1, 1))
    pictures = np.tile(levels, (1, 8, 8, 1)).astype(np.uint8)
    pictures.setflags(write=False)
    history = train_reconstruction(
        network, pictures, np.arange(16), OPTIONS, 0, noise_std=noise_std, batch_transform=transform
    )
    return network, pictures.astype(np.float32), history


def test_learns_to_restore_pictures_it_is_given():
    network, pictures, history = train(noise_std=0.0)
    assert history.healthy
    assert history.train_loss[-1] < 0.1 * history.train_loss[0]
    restored = network.predict_on_batch(pictures)
    # Better than half the spread of the grey levels, which the mean picture would leave.
    assert np.abs(restored - pictures / 255).mean() < 0.5 * np.std(pictures / 255)


def test_noise_is_on_the_input_and_not_on_the_target():
    """White noise of sd 0.3 on the target alone would leave a loss of at least 0.09."""
    assert train(noise_std=0.3)[2].train_loss[-1] < 0.03


def test_a_loss_that_is_no_number_ends_it():
    history = train(0.0, transform=lambda batch, rng: batch * np.float32(np.nan))[2]
    assert (history.healthy, history.epochs_done) == (False, 1)
