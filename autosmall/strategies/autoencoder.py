"""``autoencoder``: an encoder trained on pictures without labels, then a head on top of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.parameters import (
    AUGMENTATION,
    INPUT,
    OPTIMIZATION,
    REGULARIZATION,
    ChoiceParameter,
    FloatParameter,
    IntegerParameter,
    Parameter,
)
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.strategies.scratch import HEAD

if TYPE_CHECKING:
    from autosmall.models.autoencoder import Autoencoder as Architecture
    from autosmall.models.autoencoder import AutoencoderNetworks
    from autosmall.training.options import TrainingOptions

FEATURE_SCALE_FLOOR = 1e-3
"""Added to a feature's standard deviation, so that one that hardly varies is not blown up."""


class Autoencoder(Strategy):
    """Trains an autoencoder on the training part's pictures, then a classifier on its encoder.

    The encoder sees the training pictures and, where there are any, the unlabelled ones; never
    those it is judged on. With ``encoder="frozen"`` only the head learns from labels, on features
    made once from unaltered pictures; with ``"fine_tuned"`` all weights do, on augmented pictures.
    """

    name: ClassVar[str] = "autoencoder"
    title: ClassVar[str] = "Autoencoder"
    reads_unlabelled: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT,
        IntegerParameter("width", 16, 4, 128, "filters of the first block, doubled per block"),
        IntegerParameter("blocks", 4, 1, 6, "encoder blocks, each halving the picture's side"),
        IntegerParameter("bottleneck_channels", 32, 1, 256, "channels between encoder and decoder"),
        FloatParameter(
            "noise_std", 0.1, 0.0, 1.0, "noise to be removed, on a scale of black 0 to white 1"
        ),
        IntegerParameter("pretrain_epochs", 20, 1, 2000, "passes over the pictures without labels"),
        FloatParameter(
            "pretrain_learning_rate", 1e-3, 1e-7, 10.0, "peak learning rate of these passes"
        ),
        ChoiceParameter(
            "encoder",
            "fine_tuned",
            ("frozen", "fine_tuned"),
            "whether the encoder goes on learning with labels",
        ),
        HEAD,
        *OPTIMIZATION,
        *REGULARIZATION,
        *AUGMENTATION,
    )

    def fit(self, task: FitTask) -> Fit:
        """Train the encoder without labels, then the classifier, and predict all rows."""
        from autosmall.training.compiled import NETWORKS
        from autosmall.training.options import TrainingOptions

        options = TrainingOptions.from_config(task.config)
        architecture = _architecture(task, options)
        networks = NETWORKS.get(architecture, architecture.build, task.seed)
        pictures = task.pictures(architecture.picture)
        _pretrain(networks, task, pictures, options)
        if task.config.text("encoder") == "frozen":
            return _fit_frozen(networks, task, pictures, options, architecture)
        return _fit_fine_tuned(networks, task, pictures, options, architecture)


def _architecture(task: FitTask, options: TrainingOptions) -> Architecture:
    from autosmall.models.autoencoder import Autoencoder as Architecture
    from autosmall.strategies.supervised import head_spec

    return Architecture(
        PictureSpec.from_config(task.config),
        task.config.integer("width"),
        task.config.integer("blocks"),
        task.config.integer("bottleneck_channels"),
        head_spec(task, options),
    )


def _pretrain(
    networks: AutoencoderNetworks,
    task: FitTask,
    pictures: NDArray[np.uint8],
    options: TrainingOptions,
) -> None:
    from autosmall.strategies.supervised import augmenter
    from autosmall.training.reconstruction import train_reconstruction

    rows = task.train_index
    if task.unlabelled is not None and len(task.unlabelled) > 0:
        further = task.unlabelled(PictureSpec.from_config(task.config))
        rows = np.concatenate([rows, len(pictures) + np.arange(len(further))])
        pictures = np.concatenate([pictures, further])
    train_reconstruction(
        networks.autoencoder,
        pictures,
        rows,
        replace(
            options,
            epochs=task.config.integer("pretrain_epochs"),
            learning_rate=task.config.number("pretrain_learning_rate"),
        ),
        derive_seed(task.seed, "pretrain"),
        noise_std=task.config.number("noise_std"),
        batch_transform=augmenter(task),
    )


def _fit_fine_tuned(
    networks: AutoencoderNetworks,
    task: FitTask,
    pictures: NDArray[np.uint8],
    options: TrainingOptions,
    architecture: Architecture,
) -> Fit:
    from autosmall.strategies.supervised import fit_of_network, train_on_pictures

    history = train_on_pictures(networks.classifier, task, pictures, options)
    return fit_of_network(
        networks.classifier,
        task,
        pictures,
        architecture.picture,
        architecture.build_classifier,
        healthy=history.healthy,
    )


def _fit_frozen(
    networks: AutoencoderNetworks,
    task: FitTask,
    pictures: NDArray[np.uint8],
    options: TrainingOptions,
    architecture: Architecture,
) -> Fit:
    """Train a head on pooled features of unaltered pictures, then put it on the encoder.

    Features are standardised by the training rows; the scaling is folded into the head's weights.
    Only the head counts as trainable: it is all that labels could change.
    """
    from autosmall.models.pooling import CLASSIFIER_NAME
    from autosmall.strategies.supervised import fit_of_network, parameter_count, train_on_features
    from autosmall.training.loop import predict

    features = np.zeros((len(pictures), networks.pooled.output_shape[-1]), np.float32)
    for rows in (task.train_index, task.validation_index):
        features[rows] = predict(networks.pooled, pictures, rows)
    mean = features[task.train_index].mean(axis=0)
    scale = features[task.train_index].std(axis=0) + FEATURE_SCALE_FLOOR
    history = train_on_features(networks.head, task, (features - mean) / scale, options)
    kernel, bias = networks.head.get_layer(CLASSIFIER_NAME).get_weights()
    kernel = kernel / scale[:, None]
    last_layer = networks.classifier.get_layer(CLASSIFIER_NAME)
    last_layer.set_weights([kernel, bias - mean @ kernel])
    fit = fit_of_network(
        networks.classifier,
        task,
        pictures,
        architecture.picture,
        architecture.build_classifier,
        healthy=history.healthy,
    )
    return replace(fit, trainable_parameters=parameter_count(last_layer.trainable_weights))
