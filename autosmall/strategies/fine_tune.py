"""``fine_tune``: the head first, then the top blocks of a backbone at falling learning rates.

Kumar et al., "Fine-tuning can distort pretrained features and underperform out-of-distribution",
ICLR 2022: a head fitted before anything else is trained keeps the first steps from spoiling the
features.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.config import Config
from autosmall.schema.parameters import (
    AUGMENTATION,
    INPUT_OF_ANY_SHAPE,
    OPTIMIZATION,
    REGULARIZATION,
    FloatParameter,
    IntegerParameter,
    Parameter,
)
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.backbone_features import TaskBackbone, backbone_picture_spec
from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.strategies.enlargement import enlarged
from autosmall.strategies.frozen import BACKBONE

if TYPE_CHECKING:
    import keras

    from autosmall.models.fine_tuning import FineTuneNetworks
    from autosmall.models.pooling import HeadSpec
    from autosmall.training.loop import Inputs, TrainingHistory
    from autosmall.training.optimizers import VariableRates
    from autosmall.training.options import TrainingOptions

CUT_LIMIT_BYTES = 768 * 2**20
"""Most memory for what the untrained part of the network makes of all pictures."""


class FineTune(Strategy):
    """Trains the top blocks of a backbone, starting with the best head for it as it is.

    Without augmentation, what the blocks below give is computed once per picture, and only the
    blocks above run in training; their results are the same either way. The backbone ``patches``
    has one block: its filters, learned without labels, are then trained with them.
    """

    name: ClassVar[str] = "fine_tune"
    title: ClassVar[str] = "Fine-tuned backbone"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT_OF_ANY_SHAPE,
        BACKBONE,
        IntegerParameter(
            "trainable_blocks", 3, 1, 20, "blocks that are trained, counted from the top"
        ),
        FloatParameter(
            "layer_decay", 0.7, 0.3, 1.0, "factor of the learning rate from block to block down"
        ),
        FloatParameter(
            "head_penalty_c", 1e-3, 1e-5, 1e3, "inverse strength of the first head's L2 penalty"
        ),
        *OPTIMIZATION,
        *REGULARIZATION,
        *AUGMENTATION,
    )

    def resolved(self, config: Config) -> Config:
        """Return ``config`` with its defaults and a size that its backbone can take."""
        return enlarged(super().resolved(config))

    def picture_specs(self, config: Config) -> tuple[PictureSpec, ...]:
        """Return the one spec, at least as large as the backbone can take."""
        return (backbone_picture_spec(config),)

    def fit(self, task: FitTask) -> Fit:
        """Fit the head, then train the top blocks with it, and predict all rows."""
        from autosmall.models.fine_tuning import head_layer, learning_rate_factors
        from autosmall.strategies.supervised import predict_probabilities
        from autosmall.training.compiled import NETWORKS
        from autosmall.training.optimizers import VariableRates
        from autosmall.training.options import TrainingOptions

        options = TrainingOptions.from_config(task.config)
        backbone = TaskBackbone(task)
        plan = _Plan.of(task, backbone, options)
        networks = NETWORKS.get(plan.key, plan.build, task.seed)
        head_layer(networks).set_weights(_first_head(task, backbone))
        network, inputs = _trained_part(task, backbone, networks, plan)
        factors = learning_rate_factors(networks, task.config.number("layer_decay"))
        history = _train(task, network, inputs, options, VariableRates(factors))
        return Fit(
            train_probabilities=predict_probabilities(network, inputs, task.train_index),
            validation_probabilities=predict_probabilities(network, inputs, task.validation_index),
            trainable_parameters=sum(int(np.prod(w.shape)) for w in network.trainable_weights),
            total_parameters=networks.classifier.count_params(),
            picture_spec=backbone.spec,
            build_model=partial(plan.build_model, networks.classifier.get_weights()),
            healthy=history.healthy,
        )


@dataclass(frozen=True)
class _Plan:
    """Which network is trained; equal keys mean equal networks."""

    backbone: TaskBackbone
    trainable_blocks: int
    head: HeadSpec

    @classmethod
    def of(cls, task: FitTask, backbone: TaskBackbone, options: TrainingOptions) -> _Plan:
        from autosmall.models.pooling import HeadSpec

        head = HeadSpec(task.class_count, "global_average", options.dropout_rate, options.l1)
        return cls(backbone, task.config.integer("trainable_blocks"), head)

    @property
    def key(self) -> tuple[str, str, int, HeadSpec]:
        return ("fine_tune", self.backbone.digest, self.trainable_blocks, self.head)

    def build(self) -> FineTuneNetworks:
        from autosmall.models.fine_tuning import build_networks

        return build_networks(self.backbone.build(), self.trainable_blocks, self.head)

    def build_model(self, weights: list[NDArray[np.float32]]) -> keras.Model:
        from autosmall.strategies.supervised import with_softmax

        classifier = self.build().classifier
        classifier.set_weights(weights)
        return with_softmax(classifier)


def _first_head(task: FitTask, backbone: TaskBackbone) -> list[NDArray[np.float32]]:
    """Return kernel and bias of the logistic head on the untouched backbone's features."""
    from autosmall.models.heads import balanced_weights, fit_linear_head

    features = backbone.features()[:, backbone.columns("last", "avg")]
    balanced = task.config.text("class_balance") in ("weights", "sampling")
    head = fit_linear_head(
        "logistic",
        features[task.train_index],
        task.train_labels,
        task.class_count,
        task.config.number("head_penalty_c"),
        balanced_weights(task.train_labels, task.class_count) if balanced else None,
    )
    return [head.kernel, head.bias]


def _trained_part(
    task: FitTask, backbone: TaskBackbone, networks: FineTuneNetworks, plan: _Plan
) -> tuple[keras.Model, Inputs]:
    """Return what is run in training and its inputs: the upper part if its inputs can be kept."""
    from autosmall.models.feature_cache import picture_facts
    from autosmall.models.pooled_features import Extractor
    from autosmall.strategies.supervised import augmenter

    begins_at_pictures = len(networks.lower.layers) == 1
    if begins_at_pictures or backbone.spec.is_native or not augmenter(task).is_identity:
        return networks.classifier, backbone.pictures
    cut_bytes = 4 * int(np.prod(networks.lower.output_shape[1:])) * len(backbone.pictures)
    if cut_bytes > CUT_LIMIT_BYTES:
        return networks.classifier, backbone.pictures
    what = f"cut/{plan.trainable_blocks}/{backbone.digest}"
    # In this process only: it is large, and of use to the folds of this depth alone.
    cut = picture_facts(backbone.pictures, what, Extractor(networks.lower), None)
    return networks.upper, cut


def _train(
    task: FitTask,
    network: keras.Model,
    inputs: Inputs,
    options: TrainingOptions,
    rates: VariableRates,
) -> TrainingHistory:
    from autosmall.strategies.supervised import EpochReporter, augmenter, predict_probabilities
    from autosmall.training.loop import train

    return train(
        network,
        inputs,
        task.train_index,
        task.train_labels,
        task.class_count,
        options,
        derive_seed(task.seed, "batches"),
        epoch_end=EpochReporter(
            task,
            options.epochs,
            lambda: predict_probabilities(network, inputs, task.validation_index),
        ),
        batch_transform=augmenter(task),
        rates=rates,
    )
