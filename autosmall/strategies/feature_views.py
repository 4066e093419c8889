"""Features of a task's pictures in several views, and what is decided among its training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.backbone_source import PATCHES
from autosmall.schema.parameters import ChoiceParameter
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.backbone_features import MIRROR, TaskBackbone
from autosmall.strategies.base import FitTask

if TYPE_CHECKING:
    from autosmall.models.heads import TrainingRows
    from autosmall.models.penalty_choice import PenaltyChoice

Floats = NDArray[np.float32]

BACKBONE = ChoiceParameter("backbone", PATCHES, (), "network whose features are used")
LAYERS = ChoiceParameter(
    "layers", "last", ("last", "multi"), "features of the last layer or of several"
)
CHOSEN = "chosen"
"""As ``layers``: what predicts training pictures better that were held out among them."""
LAYERS_OR_CHOSEN = ChoiceParameter(
    LAYERS.name,
    LAYERS.default,
    (*LAYERS.choices, CHOSEN),
    "features of the last layer, of several, or what is chosen among the training pictures",
)
POOLING = ChoiceParameter(
    "pooling",
    "avg",
    ("avg", "avg_max", "pyramid"),
    "how a feature map becomes a vector: means, maxima too, or means of the whole and its quarters",
)

TRANSFORM = ChoiceParameter(
    "feature_transform", "none", ("none", "sqrt"), "what is done to the features: nothing, or roots"
)
PREDICTION_VIEWS = ChoiceParameter(
    "prediction_views",
    "plain",
    ("plain", "mirrored"),
    "what a prediction looks at: the picture, or it and its mirror image, whose features are "
    "averaged, where mirroring keeps the label",
)
CROSS_VALIDATED = "logistic_cv"
"""The head ``logistic``, its penalty chosen by cross-validation among the training pictures."""


@dataclass(frozen=True)
class FeatureViews:
    """Features of all pictures in every view.

    Attributes:
        task: Whose pictures, training rows, labels and configuration these are.
        layers: ``last`` or ``multi``.
        features: ``float32 (views, n, d)``, transformed but not standardised.
        seen: ``float32 (n, d)``: the features that predictions are made from.
    """

    task: FitTask
    layers: str
    features: Floats
    seen: Floats

    @classmethod
    def of(cls, task: FitTask, backbone: TaskBackbone, layers: str) -> FeatureViews:
        """Return the features that the configuration asks for, of ``last`` or ``multi`` layers."""
        from autosmall.models.pooled_features import transformed

        config = task.config
        pooling, count = config.text("pooling"), config.integer("views")
        columns, transform = backbone.columns(layers, pooling), config.text(TRANSFORM.name)
        views = [backbone.features(pooling, view)[:, columns] for view in range(count)]
        features = transformed(np.stack(views), transform)
        if not looks_at_mirror(task):
            return cls(task, layers, features, features[0])
        mirrored = transformed(backbone.mirrored_features(pooling)[:, columns], transform)
        return cls(task, layers, features, (features[0] + mirrored) / 2)

    @property
    def plain(self) -> Floats:
        """Features of the pictures as they are, ``(n, d)``."""
        return self.features[0]

    @property
    def train(self) -> Floats:
        """Features of the training rows, one view after the other, ``(views * m, d)``."""
        width = self.features.shape[2]
        return self.features[:, self.task.train_index].reshape(-1, width)

    def rows(self) -> TrainingRows:
        """Return the training rows; the views of a picture count as one together."""
        from autosmall.models.heads import TrainingRows, balanced_weights

        task, count = self.task, len(self.features)
        balanced = task.config.text("class_balance") in ("weights", "sampling")
        labels = np.tile(task.train_labels, count)
        weights = balanced_weights(task.train_labels, task.class_count)[labels] if balanced else 1.0
        shares = np.broadcast_to(weights, labels.shape) / count
        return TrainingRows(self.train, labels, task.class_count, shares)


def looks_at_mirror(task: FitTask) -> bool:
    """Return whether predictions look at mirror images too: asked for, and allowed."""
    return task.config.text(PREDICTION_VIEWS.name) == "mirrored" and MIRROR in task.invariances


def settled_views(
    task: FitTask, backbone: TaskBackbone, head: str
) -> tuple[FeatureViews, float | None]:
    """Return the features to use, and the penalty where that of ``head`` is to be chosen.

    Layers and penalty are chosen by the losses of training pictures that were held out among
    them, so whatever judges the fit has no part in it.
    """
    named = task.config.text(LAYERS.name)
    candidates = [
        FeatureViews.of(task, backbone, layers)
        for layers in (map(str, LAYERS.choices) if named == CHOSEN else [named])
    ]
    if len(candidates) == 1 and head != CROSS_VALIDATED:
        return candidates[0], None
    choices = [chosen_penalty(views) for views in candidates]
    best = min(range(len(choices)), key=lambda place: choices[place].loss)
    return candidates[best], choices[best].penalty_c if head == CROSS_VALIDATED else None


def chosen_penalty(views: FeatureViews) -> PenaltyChoice:
    """Return the logistic head's penalty, chosen among the training rows alone."""
    from autosmall.models.penalty_choice import choose_penalty

    task = views.task
    pictures = np.tile(np.arange(len(task.train_index)), len(views.features))
    return choose_penalty(views.rows(), pictures, derive_seed(task.seed, "penalty"))
