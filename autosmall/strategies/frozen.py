"""``frozen``: a head on the cached features of a pretrained backbone that is left as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.backbone_source import BUILTIN_AND_PATCHES, PATCHES
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
from autosmall.schema.results import Arrays
from autosmall.strategies.backbone_features import (
    TaskBackbone,
    backbone_picture_spec,
    rebuilt_backbone,
)
from autosmall.strategies.base import Fit, FitTask, Strategy
from autosmall.strategies.enlargement import enlarged
from autosmall.strategies.feature_views import (
    BACKBONE,
    CHOSEN,
    CROSS_VALIDATED,
    LAYERS,
    LAYERS_OR_CHOSEN,
    POOLING,
    PREDICTION_VIEWS,
    TRANSFORM,
    FeatureViews,
    looks_at_mirror,
    settled_views,
)
from autosmall.training.health.inputs import all_alike

if TYPE_CHECKING:
    import keras

    from autosmall.models.dense_head import DenseHead
    from autosmall.models.heads import LinearHead

Floats = NDArray[np.float32]

DENSE = "dense"
"""The head that is a network."""


class Frozen(Strategy):
    """Fits a head on features that are computed once per picture and view.

    With several views the head is trained on altered copies of the training pictures: view 1 is
    the mirror image where mirroring is allowed, the others are fixed alterations. Predictions,
    like the saved model, look at the pictures as they are, or at these and their mirror images.
    """

    name: ClassVar[str] = "frozen"
    title: ClassVar[str] = "Frozen features"
    folds_together: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT_OF_ANY_SHAPE,
        BACKBONE,
        LAYERS_OR_CHOSEN,
        POOLING,
        TRANSFORM,
        PREDICTION_VIEWS,
        IntegerParameter("views", 1, 1, 16, "views of each training picture the head learns from"),
        FloatParameter(
            "augmentation_strength", 0.3, 0.0, 1.0, "how far views differ; 0 makes them all alike"
        ),
        ChoiceParameter(
            "head",
            "logistic",
            (CROSS_VALIDATED, "logistic", "ridge", DENSE),
            "what is fitted on the features: logistic regression with its penalty chosen among the "
            "training pictures or given, ridge regression, or a network",
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

    def trains_folds_as_one(self, config: Config) -> bool:
        """Tell so of a network on features that are not learned or chosen fold by fold."""
        own = config.text("backbone") in (PATCHES, BUILTIN_AND_PATCHES)
        dense, chosen = config.text("head") == DENSE, config.text("layers") == CHOSEN
        return dense and not own and not chosen

    def fit(self, task: FitTask) -> Fit:
        """Fit the head on the training rows' features and predict all rows."""
        return self.fit_folds([task])[0]

    def fit_folds(self, tasks: Sequence[FitTask]) -> list[Fit]:
        """Fit the head on each fold; a network's folds are trained as one."""
        settled = [_Settled.of(task) for task in tasks]
        if tasks[0].config.text("head") == DENSE:
            fitted = _fit_dense(settled)
        else:
            fitted = [_fit_linear(fold) for fold in settled]
        return [self._finished(*pair) for pair in zip(settled, fitted, strict=True)]

    def _finished(self, fold: _Settled, fitted: _Fitted) -> Fit:
        task, backbone, views, head = fold.task, fold.backbone, fold.views, fitted.head
        learned = _learned(backbone, views.layers, head)
        return Fit(
            train_probabilities=head.probabilities(views.seen[task.train_index]),
            validation_probabilities=head.probabilities(views.seen[task.validation_index]),
            trainable_parameters=head.parameter_count,
            total_parameters=backbone.parameter_count + head.parameter_count,
            picture_spec=backbone.spec,
            learned=learned,
            build_model=partial(self.rebuild, task, learned),
            healthy=fitted.healthy,
            inputs_alike=all_alike(views.plain, task.train_index),
            notes={**_sizes(backbone, views, head), **fitted.notes},
        )

    def rebuild(self, task: FitTask, learned: Arrays) -> keras.Model:
        """Return backbone, pooling and head in one."""
        from autosmall.models.dense_head import classifier_model, head_of_arrays

        backbone = rebuilt_backbone(task, learned)
        pooling, transform = task.config.text("pooling"), task.config.text(TRANSFORM.name)
        layers = str(learned[LAYERS.name])
        head, mirrored = head_of_arrays(learned), looks_at_mirror(task)
        return classifier_model(backbone, layers, pooling, head, transform, mirrored=mirrored)


@dataclass(frozen=True)
class _Settled:
    """A task with its features; ``penalty_c`` is what was chosen for ``logistic_cv``."""

    task: FitTask
    backbone: TaskBackbone
    views: FeatureViews
    penalty_c: float | None

    @classmethod
    def of(cls, task: FitTask) -> _Settled:
        backbone = TaskBackbone(task)
        return cls(task, backbone, *settled_views(task, backbone, task.config.text("head")))


@dataclass(frozen=True)
class _Fitted:
    """A fitted head, whether its training ran to its end, and what else is worth telling."""

    head: LinearHead | DenseHead
    healthy: bool = True
    notes: Mapping[str, float] = field(default_factory=dict)


def _fit_linear(fold: _Settled) -> _Fitted:
    from autosmall.models.heads import solve_linear_head

    config, notes = fold.task.config, {}
    head, penalty_c = config.text("head"), fold.penalty_c
    if penalty_c is None:
        penalty_c = config.number("penalty_c")
    else:
        head, notes = "logistic", {"penalty_c": penalty_c}
    return _Fitted(solve_linear_head(head, fold.views.rows(), penalty_c).folded(), notes=notes)


def _fit_dense(folds: Sequence[_Settled]) -> list[_Fitted]:
    from autosmall.models.dense_head import DenseHead
    from autosmall.models.heads import Standardisation
    from autosmall.strategies.dense_problems import dense_problem
    from autosmall.training.batched_heads import train_heads

    scales = [Standardisation.of(fold.views.train) for fold in folds]
    problems = [
        dense_problem(fold.task, fold.views, standardise)
        for fold, standardise in zip(folds, scales, strict=True)
    ]
    fitted = []
    for trained, standardise in zip(train_heads(problems), scales, strict=True):
        weights = trained.weights
        head = DenseHead.folded(standardise, weights.hidden, (weights.kernel, weights.bias))
        fitted.append(_Fitted(head, trained.healthy))
    return fitted


def _learned(backbone: TaskBackbone, layers: str, head: LinearHead | DenseHead) -> Arrays:
    from autosmall.models.dense_head import head_arrays

    return {**backbone.learned, **head_arrays(head), LAYERS.name: np.array(layers)}


def _sizes(
    backbone: TaskBackbone, views: FeatureViews, head: LinearHead | DenseHead
) -> dict[str, float]:
    """Return what the head is given and what it has, and what the maps held before pooling."""
    sizes = {
        "features": views.features.shape[2],
        "head_parameters": head.parameter_count,
        "map_values": backbone.map_values(views.layers),
    }
    return {name: float(size) for name, size in sizes.items() if size is not None}
