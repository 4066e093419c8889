"""``fine_tune``: the frozen head first, then the top blocks of the backbone together with it.

Training begins at what ``frozen`` ends with, the same features and the same head under the same
penalty, and is kept near it. Sources:

* A head fitted before anything else is trained keeps the first steps from spoiling the features:
  Kumar et al., "Fine-tuning can distort pretrained features and underperform out-of-distribution",
  ICLR 2022 (LP-FT).
* Weights between where training starts and where it ends are better than either: Wortsman et
  al., "Robust fine-tuning of zero-shot models", CVPR 2022 (WiSE-FT).
* Rates that fall from block to block, and blocks that join one after the other from the top:
  Howard and Ruder, "Universal language model fine-tuning", ACL 2018 (ULMFiT), sections 3.2, 3.3.
* Unequal classes drawn equally often (``class_balance = "sampling"``, which the spaces begin with):
  weighted, a batch in which a rare class happens to be takes a large step away from a good start.
  An, Ying and Zhu, "Why resampling outperforms reweighting for correcting sampling bias with
  stochastic gradients", ICLR 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.config import Config
from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.schema.parameters import (
    AUGMENTATION,
    INPUT_OF_ANY_SHAPE,
    OPTIMIZATION,
    REGULARIZATION,
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

if TYPE_CHECKING:
    import keras

    from autosmall.models.fine_tuning import FineTuneNetworks, FineTuneSpec
    from autosmall.models.heads import LinearHead
    from autosmall.training.augmentation import Augmenter
    from autosmall.training.loop import Inputs
    from autosmall.training.optimizers import VariableRates
    from autosmall.training.options import TrainingOptions

CUT_LIMIT_BYTES = 768 * 2**20
"""Most memory for what the untrained part of the network makes of all pictures."""
KEPT_VIEWS = 16
"""Most views of a picture that are kept where it is altered at random: itself and 15 draws."""
FIRST_HEAD = "first_head"
TRAINED = "trained_"
"""Begins the name of a trained weight; its place among the backbone's weights follows."""
LAST_BEGIN = 0.5
"""Share of the run after which gradual unfreezing has reached the lowest block."""


class FineTune(Strategy):
    """Trains the top blocks of a backbone, starting with the best head for it as it is.

    What the blocks below make of the pictures is computed once per picture and view, and only the
    blocks above run in training. Views are those of ``frozen``: the first head is fitted on them,
    and the blocks are trained on them where pictures share a shape and are not altered at random.
    Where they are, each has as many views as there are epochs, at most :data:`KEPT_VIEWS`: itself
    and random alterations, the same for all folds. Where what is made of these does not fit into
    memory, and where all blocks are trained, the whole network runs and each epoch alters anew. An
    epoch shows every picture once, in one of its views. Predictions look at the pictures as they
    are, or at these and their mirror images. The backbone ``patches`` has one block: its filters,
    learned without labels, are then trained with them.
    """

    name: ClassVar[str] = "fine_tune"
    title: ClassVar[str] = "Fine-tuned backbone"
    starts_pretrained: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT_OF_ANY_SHAPE,
        BACKBONE,
        LAYERS_OR_CHOSEN,
        POOLING,
        TRANSFORM,
        PREDICTION_VIEWS,
        IntegerParameter("views", 1, 1, 16, "views of each training picture"),
        IntegerParameter(
            "trainable_blocks", 3, 1, 20, "blocks that are trained, counted from the top"
        ),
        FloatParameter(
            "layer_decay", 0.7, 0.3, 1.0, "factor of the learning rate from block to block down"
        ),
        FloatParameter(
            "head_rate_factor", 1.0, 0.0, 100.0, "factor of the learning rate for the head"
        ),
        ChoiceParameter(
            "unfreezing",
            "together",
            ("together", "gradual"),
            "whether blocks are trained from the first step or join one by one from the top",
        ),
        ChoiceParameter(
            FIRST_HEAD,
            CROSS_VALIDATED,
            (CROSS_VALIDATED, "logistic", "zero"),
            "the head that training starts with: logistic regression with its penalty chosen among "
            "the training pictures or given, or zero weights without a penalty",
        ),
        FloatParameter(
            "head_penalty_c", 1e-3, 1e-5, 1e3, "inverse strength of that L2 penalty, where given"
        ),
        ChoiceParameter(
            "decay_towards",
            "zero",
            ("zero", "start"),
            "where weight decay pulls: to zero, or to the weights before training",
        ),
        FloatParameter(
            "tuned_share",
            1.0,
            0.0,
            1.0,
            "how far the final weights lie from the start (0) to where training ended (1)",
        ),
        FloatParameter("warmup_share", 0.05, 0.0, 0.5, "share of the run with a rising rate"),
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
        """Fit the head, train the top blocks with it, and predict all rows."""
        from autosmall.models.fine_tuning import fitted_head
        from autosmall.strategies.supervised import parameter_count, train_network
        from autosmall.training.compiled import NETWORKS
        from autosmall.training.options import TrainingOptions

        options = TrainingOptions.from_config(task.config)
        backbone = TaskBackbone(task)
        views, penalty_c = settled_views(task, backbone, task.config.text(FIRST_HEAD))
        plan = _Plan.of(views, backbone, options)
        networks = NETWORKS.get(plan.key, plan.build, task.seed)
        notes = _set_first_head(networks, views, penalty_c)
        part = _trained_part(task, backbone, networks, plan)
        network = part.network
        start = [variable.numpy().copy() for variable in network.trainable_variables]
        history = train_network(
            network,
            task,
            part.inputs,
            options,
            batch_transform=part.batch_transform,
            views=part.views,
            rates=_rates(task.config, networks),
        )
        _go_back(network, start, task.config.number("tuned_share"))
        head = fitted_head(networks).folded()
        learned = _learned(networks.backbone, backbone, views.layers, head)
        looks = [part.inputs]
        if looks_at_mirror(task):
            looks.append(_mirrored(backbone, networks, network, plan))
        return Fit(
            train_probabilities=_probabilities(network, looks, task.train_index),
            validation_probabilities=_probabilities(network, looks, task.validation_index),
            trainable_parameters=parameter_count(network.trainable_weights),
            total_parameters=backbone.parameter_count + head.parameter_count,
            picture_spec=backbone.spec,
            learned=learned,
            build_model=partial(self.rebuild, task, learned),
            healthy=history.healthy,
            notes=notes,
        )

    def rebuild(self, task: FitTask, learned: Arrays) -> keras.Model:
        """Return the backbone with the weights that were trained, pooling and head in one."""
        from autosmall.models.dense_head import classifier_model, head_of_arrays

        tuned = rebuilt_backbone(task, learned)
        weights = tuned.model.weights
        for name, value in learned.items():
            if name.startswith(TRAINED):
                weights[int(name.removeprefix(TRAINED))].assign(value)
        pooling, transform = task.config.text("pooling"), task.config.text(TRANSFORM.name)
        layers = str(learned[LAYERS.name])
        head, mirrored = head_of_arrays(learned), looks_at_mirror(task)
        return classifier_model(tuned, layers, pooling, head, transform, mirrored=mirrored)


def _learned(trained: keras.Model, backbone: TaskBackbone, layers: str, head: LinearHead) -> Arrays:
    """Return the head and those weights of the backbone that training could change, by place."""
    from autosmall.models.dense_head import head_arrays

    changed = {
        f"{TRAINED}{place}": weight.numpy().copy()
        for place, weight in enumerate(trained.weights)
        if weight.trainable
    }
    return {**backbone.learned, **changed, **head_arrays(head), LAYERS.name: np.array(layers)}


@dataclass(frozen=True)
class _Plan:
    """Which network is trained; equal keys mean equal networks."""

    backbone: TaskBackbone
    spec: FineTuneSpec

    @classmethod
    def of(cls, views: FeatureViews, backbone: TaskBackbone, options: TrainingOptions) -> _Plan:
        from autosmall.models.fine_tuning import FineTuneSpec

        config = views.task.config
        spec = FineTuneSpec(
            views.task.class_count,
            config.integer("trainable_blocks"),
            views.layers,
            config.text("pooling"),
            config.text(TRANSFORM.name),
            options.dropout_rate,
            options.l1,
        )
        return cls(backbone, spec)

    @property
    def key(self) -> tuple[str, str, FineTuneSpec]:
        return ("fine_tune", self.backbone.digest, self.spec)

    def build(self) -> FineTuneNetworks:
        from autosmall.models.fine_tuning import build_networks

        return build_networks(self.backbone.build(), self.spec)


def _set_first_head(
    networks: FineTuneNetworks, views: FeatureViews, penalty_c: float | None
) -> dict[str, float]:
    """Give the networks their first head, on the untouched backbone's features; return notes.

    ``penalty_c`` is what was chosen, where it was.
    """
    from autosmall.models.fine_tuning import fitted_head
    from autosmall.models.heads import Standardisation, StandardisedHead, solve_linear_head

    config, head = views.task.config, fitted_head(networks)
    if config.text(FIRST_HEAD) == "zero":
        kernel = np.zeros((views.train.shape[1], views.task.class_count))
        head.start_from(StandardisedHead(Standardisation.of(views.train), kernel, kernel[0]), 0.0)
        return {}
    rows = views.rows()
    penalty_c = config.number("head_penalty_c") if penalty_c is None else penalty_c
    solved = solve_linear_head("logistic", rows, penalty_c)
    head.start_from(solved, 1.0 / (penalty_c * float(rows.weights.sum())))
    return {"penalty_c": penalty_c}


@dataclass(frozen=True)
class _TrainedPart:
    """What is run in training.

    Attributes:
        network: The upper part where its inputs can be kept, else the whole.
        inputs: All pictures ``views`` times, as they are first.
        views: How many views of all pictures these are.
        batch_transform: What alters ``inputs`` at random, or ``None``.
    """

    network: keras.Model
    inputs: Inputs
    views: int = 1
    batch_transform: Augmenter | None = None


def _trained_part(
    task: FitTask, backbone: TaskBackbone, networks: FineTuneNetworks, plan: _Plan
) -> _TrainedPart:
    """Return what is trained on drawn alterations, or else on the first head's views."""
    from autosmall.strategies.supervised import augmenter
    from autosmall.training.batches import StackedRows

    alter, pictures = augmenter(task), backbone.pictures
    if isinstance(pictures, MixedPictures):
        return _TrainedPart(networks.classifier, pictures, batch_transform=alter)
    if alter.is_identity:
        return _on_views(pictures, backbone, networks, plan)
    views = min(task.config.integer("epochs"), KEPT_VIEWS)
    if not _can_be_kept(networks, views, len(pictures)):
        return _TrainedPart(networks.classifier, pictures, batch_transform=alter)
    lower, what = networks.lower, f"cut/{plan.spec}"
    plain = backbone.outputs(lower, what, 0)
    drawn = [backbone.drawn_outputs(lower, what, alter, number) for number in range(1, views)]
    return _TrainedPart(networks.upper, StackedRows([plain, *drawn]), views)


def _on_views(
    pictures: NDArray[np.uint8], backbone: TaskBackbone, networks: FineTuneNetworks, plan: _Plan
) -> _TrainedPart:
    from autosmall.training.batches import StackedRows

    views = backbone.task.config.integer("views")
    if _can_be_kept(networks, views, len(pictures)):
        what = f"cut/{plan.spec}"
        passed = [backbone.outputs(networks.lower, what, view) for view in range(views)]
        return _TrainedPart(networks.upper, StackedRows(passed), views)
    altered = [backbone.altered(pictures, view) for view in range(views)]
    return _TrainedPart(networks.classifier, StackedRows(altered), views)


def _can_be_kept(networks: FineTuneNetworks, views: int, picture_count: int) -> bool:
    """Tell whether the upper part's inputs for so many views fit into memory."""
    passed_bytes = 2 * int(np.prod(networks.lower.output_shape[1:]))
    return networks.is_cut and views * picture_count * passed_bytes <= CUT_LIMIT_BYTES


def _mirrored(
    backbone: TaskBackbone, networks: FineTuneNetworks, network: keras.Model, plan: _Plan
) -> Inputs:
    """Return what ``network`` is given to look at the mirror images."""
    if network is networks.classifier:
        return backbone.mirrored_pictures()
    return backbone.mirrored_outputs(networks.lower, f"cut/{plan.spec}")


def _probabilities(
    network: keras.Model, looks: Sequence[Inputs], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return those of the logits averaged over ``looks``: of the head on averaged features."""
    from autosmall.training.loop import predict, softmax

    return softmax(np.mean([predict(network, look, rows) for look in looks], axis=0))


def _rates(config: Config, networks: FineTuneNetworks) -> VariableRates:
    """Return the rates per block: the topmost has ``layer_decay``, the one below its square."""
    from autosmall.models.fine_tuning import fitted_head, trained_blocks
    from autosmall.training.optimizers import VariableRates

    decay, head = config.number("layer_decay"), fitted_head(networks)
    blocks = trained_blocks(networks)
    gradual = config.text("unfreezing") == "gradual"
    delay = LAST_BEGIN / max(1, len(blocks) - 1) if gradual else 0.0
    factors = {v.path: decay ** (depth + 1) for depth, block in enumerate(blocks) for v in block}
    head_factor = config.number("head_rate_factor")
    return VariableRates(
        factors=factors | {v.path: head_factor for v in head.trainable_variables},
        begins={v.path: delay * depth for depth, block in enumerate(blocks) for v in block},
        decay_to_start=config.text("decay_towards") == "start",
    )


def _go_back(network: keras.Model, start: list[NDArray[np.float32]], tuned_share: float) -> None:
    """Move the trained weights back towards ``start``, which ``tuned_share`` 0 reaches."""
    if tuned_share < 1:
        for variable, first in zip(network.trainable_variables, start, strict=True):
            variable.assign(first + tuned_share * (variable.numpy() - first))
