"""``frozen``: a head on the cached features of a pretrained backbone that is left as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.backbone_source import PATCHES
from autosmall.schema.config import Config
from autosmall.schema.parameters import (
    INPUT_OF_ANY_SHAPE,
    OPTIMIZATION,
    ChoiceParameter,
    FloatParameter,
    IntegerParameter,
    Parameter,
)
from autosmall.schema.pictures import PictureSpec
from autosmall.strategies.backbone_features import TaskBackbone, backbone_picture_spec
from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.strategies.enlargement import enlarged

if TYPE_CHECKING:
    import keras

    from autosmall.models.dense_head import DenseHead
    from autosmall.models.heads import LinearHead

Floats = NDArray[np.float32]

BACKBONE = ChoiceParameter("backbone", PATCHES, (), "network whose features are used")
LAYERS = ChoiceParameter(
    "layers", "last", ("last", "multi"), "features of the last layer or of several"
)
POOLING = ChoiceParameter(
    "pooling", "avg", ("avg", "avg_max"), "how a feature map becomes a vector: means, or maxima too"
)


class Frozen(Strategy):
    """Fits a head on features that are computed once per picture and view.

    With several views the head is trained on altered copies of the training pictures: view 1 is
    the mirror image where mirroring is allowed, the others are fixed alterations. Predictions,
    like the saved model, look at the pictures as they are.
    """

    name: ClassVar[str] = "frozen"
    title: ClassVar[str] = "Frozen features"
    folds_together: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT_OF_ANY_SHAPE,
        BACKBONE,
        LAYERS,
        POOLING,
        IntegerParameter("views", 1, 1, 16, "views of each training picture the head learns from"),
        FloatParameter(
            "augmentation_strength", 0.3, 0.0, 1.0, "how far views differ; 0 makes them all alike"
        ),
        ChoiceParameter(
            "head", "logistic", ("logistic", "ridge", "dense"), "what is fitted on the features"
        ),
        FloatParameter(
            "penalty_c",
            1e-3,
            1e-5,
            1e3,
            "inverse strength of the L2 penalty of the heads logistic and ridge",
        ),
        *OPTIMIZATION,
        FloatParameter("dropout_rate", 0.0, 0.0, 0.95, "dropout before the last layer (dense)"),
        FloatParameter(
            "label_smoothing", 0.0, 0.0, 0.5, "share of each label spread over all classes (dense)"
        ),
        IntegerParameter(
            "bottleneck_units", 0, 0, 1024, "units of a layer before the last one, or none (dense)"
        ),
        ChoiceParameter(
            "class_balance", "none", ("none", "weights"), "what is done about unequal classes"
        ),
    )

    def resolved(self, config: Config) -> Config:
        """Return ``config`` with its defaults and a size that its backbone can take."""
        return enlarged(super().resolved(config))

    def picture_specs(self, config: Config) -> tuple[PictureSpec, ...]:
        """Return the one spec, at least as large as the backbone can take."""
        return (backbone_picture_spec(config),)

    def fit(self, task: FitTask) -> Fit:
        """Fit the head on the training rows' features and predict all rows."""
        backbone = TaskBackbone(task)
        views = _Views.of(task, backbone)
        if task.config.text("head") == "dense":
            return _fit_dense(task, backbone, views)
        return _fit_linear(task, backbone, views)


@dataclass(frozen=True)
class _Views:
    """Features of all pictures as they are, and of the training rows in every view."""

    plain: Floats
    stacked: Floats
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, task: FitTask, backbone: TaskBackbone) -> _Views:
        columns = backbone.columns(task.config.text("layers"), task.config.text("pooling"))
        count = task.config.integer("views")
        plain = backbone.features()[:, columns]
        stacked = [plain[task.train_index]]
        for view in range(1, count):
            stacked.append(backbone.features(view)[task.train_index][:, columns])
        return cls(plain, np.concatenate(stacked), np.tile(task.train_labels, count))


def _fit_linear(task: FitTask, backbone: TaskBackbone, views: _Views) -> Fit:
    from autosmall.models.heads import balanced_weights, fit_linear_head

    balanced = task.config.text("class_balance") == "weights"
    head = fit_linear_head(
        task.config.text("head"),
        views.stacked,
        views.labels,
        task.class_count,
        task.config.number("penalty_c"),
        balanced_weights(task.train_labels, task.class_count) if balanced else None,
    )
    return _finished(task, backbone, views, head, healthy=True)


def _fit_dense(task: FitTask, backbone: TaskBackbone, views: _Views) -> Fit:
    from autosmall.models.dense_head import DenseHeadSpec
    from autosmall.models.heads import Standardisation
    from autosmall.strategies.supervised import EpochReporter, predict_probabilities
    from autosmall.training.compiled import NETWORKS
    from autosmall.training.loop import train
    from autosmall.training.options import TrainingOptions

    options = TrainingOptions.from_config(task.config)
    architecture = DenseHeadSpec(
        views.plain.shape[1],
        task.class_count,
        task.config.integer("bottleneck_units"),
        options.dropout_rate,
        options.l1,
    )
    network = NETWORKS.get(architecture, architecture.build, task.seed)
    standardise = Standardisation.of(views.stacked)
    plain, stacked = standardise(views.plain), standardise(views.stacked)
    history = train(
        network,
        stacked,
        np.arange(len(stacked)),
        views.labels,
        task.class_count,
        options,
        task.seed,
        epoch_end=EpochReporter(
            task,
            options.epochs,
            lambda: predict_probabilities(network, plain, task.validation_index),
        ),
    )
    head = architecture.trained(network, standardise)
    return _finished(task, backbone, views, head, healthy=history.healthy)


def _finished(
    task: FitTask,
    backbone: TaskBackbone,
    views: _Views,
    head: LinearHead | DenseHead,
    *,
    healthy: bool,
) -> Fit:
    layers, pooling = task.config.text("layers"), task.config.text("pooling")

    def build_model() -> keras.Model:
        from autosmall.models.dense_head import classifier_model

        return classifier_model(backbone.build(), layers, pooling, head)

    return Fit(
        train_probabilities=head.probabilities(views.plain[task.train_index]),
        validation_probabilities=head.probabilities(views.plain[task.validation_index]),
        trainable_parameters=head.parameter_count,
        total_parameters=backbone.shared().model.count_params() + head.parameter_count,
        picture_spec=backbone.spec,
        build_model=build_model,
        healthy=healthy,
    )
