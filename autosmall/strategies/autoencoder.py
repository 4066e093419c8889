"""``autoencoder``: an encoder trained on pictures without labels, then a head on top of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.config import Config
from autosmall.schema.mixed_pictures import one_array
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
from autosmall.schema.results import Arrays
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.strategies.reconstructions import judge_reconstruction
from autosmall.strategies.scratch import HEAD

if TYPE_CHECKING:
    import keras

    from autosmall.models.autoencoder import Autoencoder as Architecture
    from autosmall.models.autoencoder import AutoencoderNetworks, Codec
    from autosmall.training.options import TrainingOptions
    from autosmall.training.reconstruction import Corruption

FEATURE_SCALE_FLOOR = 1e-3
"""Added to a feature's standard deviation, so that one that hardly varies is not blown up."""


class Autoencoder(Strategy):
    """Trains an autoencoder on the training part's pictures, then a classifier on its encoder.

    The encoder sees the training pictures and, where there are any, the unlabelled ones; never
    those it is judged on. With ``encoder="frozen"`` only the head learns from labels, on features
    made once from unaltered pictures; with ``"fine_tuned"`` all weights do, on augmented pictures.
    The decoder serves the training without labels alone and is in no saved model.

    Convolutional autoencoders as feature learners: Masci et al., ICANN 2011. Corrupted inputs:
    Vincent et al., ICML 2008.
    """

    name: ClassVar[str] = "autoencoder"
    title: ClassVar[str] = "Autoencoder"
    reads_unlabelled: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT,
        ChoiceParameter(
            "architecture",
            "compact",
            ("classic", "compact", "deep"),
            "the tiny network of the classic listing, or blocks of one or of two convolutions",
        ),
        ChoiceParameter(
            "encoder_cut",
            "second_convolution",
            ("pooling", "second_convolution"),
            "where the encoder of the classic architecture ends",
        ),
        IntegerParameter("width", 16, 4, 128, "filters of the first block, doubled per block"),
        IntegerParameter("blocks", 4, 1, 6, "encoder blocks, each halving the picture's side"),
        IntegerParameter("bottleneck_channels", 32, 1, 256, "channels between encoder and decoder"),
        ChoiceParameter(
            "corruption",
            "gaussian",
            ("none", "gaussian", "masking"),
            "what is done to pictures that the autoencoder is to give back clean",
        ),
        FloatParameter(
            "noise_std", 0.1, 0.0, 1.0, "noise to be removed, on a scale of black 0 to white 1"
        ),
        FloatParameter("masked_share", 0.25, 0.0, 0.9, "share of each picture that is blotted out"),
        ChoiceParameter(
            "reconstruction_loss",
            "mean_squared_error",
            ("mean_squared_error", "binary_crossentropy"),
            "how far a reconstruction is from its picture; the second also learns thin strokes",
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
        IntegerParameter(
            "hidden_units", 0, 0, 4096, "units of a dense layer before the last; or 0"
        ),
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
        pictures = one_array(task.pictures(architecture.picture))
        _pretrain(networks.autoencoder, task, pictures, options)
        notes, examples = judge_reconstruction(networks.autoencoder, task, pictures)
        fit_head = _fit_frozen if task.config.text("encoder") == "frozen" else _fit_fine_tuned
        fit = fit_head(networks, task, pictures, options, partial(self.rebuild, task))
        return replace(fit, notes={**fit.notes, **notes}, reconstructions=examples)

    def rebuild(self, task: FitTask, learned: Arrays) -> keras.Model:
        """Return encoder and head with the weights that they learned."""
        from autosmall.strategies.supervised import rebuilt_network
        from autosmall.training.options import TrainingOptions

        architecture = _architecture(task, TrainingOptions.from_config(task.config))
        return rebuilt_network(architecture.build_classifier, learned)


def _architecture(task: FitTask, options: TrainingOptions) -> Architecture:
    from autosmall.models.autoencoder import Autoencoder as Architecture
    from autosmall.strategies.supervised import head_spec

    return Architecture(
        PictureSpec.from_config(task.config),
        _codec(task.config),
        head_spec(task, options),
        task.config.integer("hidden_units"),
    )


def _codec(config: Config) -> Codec:
    from autosmall.models.autoencoder import ClassicCodec, StridedCodec

    architecture = config.text("architecture")
    if architecture == "classic":
        return ClassicCodec(config.text("encoder_cut"))
    return StridedCodec(
        config.integer("width"),
        config.integer("blocks"),
        config.integer("bottleneck_channels"),
        convolutions=2 if architecture == "deep" else 1,
    )


def _corruption(config: Config) -> Corruption:
    from autosmall.training.reconstruction import Corruption

    kind = config.text("corruption")
    if kind == "gaussian":
        return Corruption(kind, noise_std=config.number("noise_std"))
    if kind == "masking":
        return Corruption(kind, masked_share=config.number("masked_share"))
    return Corruption()


def _pretrain(
    autoencoder: keras.Model,
    task: FitTask,
    pictures: NDArray[np.uint8],
    options: TrainingOptions,
) -> None:
    from autosmall.strategies.supervised import augmenter
    from autosmall.training.reconstruction import train_reconstruction

    rows = task.train_index
    if task.unlabelled is not None and len(task.unlabelled) > 0:
        further = one_array(task.unlabelled(PictureSpec.from_config(task.config)))
        rows = np.concatenate([rows, len(pictures) + np.arange(len(further))])
        pictures = np.concatenate([pictures, further])
    train_reconstruction(
        autoencoder,
        pictures,
        rows,
        replace(
            options,
            epochs=task.config.integer("pretrain_epochs"),
            learning_rate=task.config.number("pretrain_learning_rate"),
        ),
        derive_seed(task.seed, "pretrain"),
        corruption=_corruption(task.config),
        batch_transform=augmenter(task),
        loss=task.config.text("reconstruction_loss"),
    )


def _fit_fine_tuned(
    networks: AutoencoderNetworks,
    task: FitTask,
    pictures: NDArray[np.uint8],
    options: TrainingOptions,
    rebuild: Callable[[Arrays], keras.Model],
) -> Fit:
    from autosmall.strategies.supervised import fit_of_network, train_on_pictures

    history = train_on_pictures(networks.classifier, task, pictures, options)
    return fit_of_network(
        networks.classifier,
        task,
        pictures,
        rebuild,
        history,
    )


def _fit_frozen(
    networks: AutoencoderNetworks,
    task: FitTask,
    pictures: NDArray[np.uint8],
    options: TrainingOptions,
    rebuild: Callable[[Arrays], keras.Model],
) -> Fit:
    """Train a head on pooled features of unaltered pictures, then put it on the encoder.

    Features are standardised by the training rows; the scaling is folded into the weights of the
    head's first layer. Only the head counts as trainable: it is all that labels could change.
    """
    from autosmall.strategies.supervised import fit_of_network, parameter_count, train_on_features
    from autosmall.training.loop import predict

    features = np.zeros((len(pictures), networks.pooled.output_shape[-1]), np.float32)
    for rows in (task.train_index, task.validation_index):
        features[rows] = predict(networks.pooled, pictures, rows)
    mean = features[task.train_index].mean(axis=0)
    scale = features[task.train_index].std(axis=0) + FEATURE_SCALE_FLOOR
    history = train_on_features(networks.head, task, (features - mean) / scale, options)
    _put_on(networks.head, networks.classifier, mean, scale)
    fit = fit_of_network(
        networks.classifier,
        task,
        pictures,
        rebuild,
        history,
    )
    trainable = parameter_count(networks.head.trainable_weights)
    return replace(fit, trainable_parameters=trainable)


def _put_on(
    head: keras.Model,
    classifier: keras.Model,
    mean: NDArray[np.float32],
    scale: NDArray[np.float32],
) -> None:
    """Give ``classifier`` the weights of ``head``, whose inputs had ``mean`` 0 and ``scale`` 1."""
    dense = [layer for layer in head.layers if layer.weights]
    for position, layer in enumerate(dense):
        kernel, bias = layer.get_weights()
        if position == 0:
            kernel = kernel / scale[:, None]
            bias = bias - mean @ kernel
        classifier.get_layer(layer.name).set_weights([kernel, bias])
