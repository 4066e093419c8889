"""``scratch``: a compact CNN trained from random weights."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from autosmall.schema.parameters import (
    AUGMENTATION,
    INPUT_OF_ANY_SHAPE,
    OPTIMIZATION,
    REGULARIZATION,
    ChoiceParameter,
    IntegerParameter,
    Parameter,
)
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import Arrays
from autosmall.strategies.base import Fit, FitTask, Strategy

if TYPE_CHECKING:
    import keras

    from autosmall.models.scratch_cnn import ScratchCnn
    from autosmall.training.options import TrainingOptions

HEAD = ChoiceParameter(
    "head",
    "global_average",
    ("global_average", "flatten", "pyramid"),
    "how the last feature map becomes a vector: averaged, flattened, or maxima over a pyramid",
)


class Scratch(Strategy):
    """Trains a compact CNN on augmented pictures for the planned number of epochs.

    Pictures that keep their own shape (``resize_policy="native"``) go with every head but
    ``flatten``, whose weights belong to places in a map of one size.
    """

    name: ClassVar[str] = "scratch"
    title: ClassVar[str] = "CNN from scratch"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT_OF_ANY_SHAPE,
        IntegerParameter("width", 16, 4, 128, "filters of the first block, doubled per block"),
        IntegerParameter("blocks", 4, 1, 6, "blocks of two convolutions"),
        HEAD,
        ChoiceParameter(
            "normalization", "batch", ("batch", "group", "none"), "normalisation of activations"
        ),
        ChoiceParameter(
            "mixing", "none", ("none", "mixup", "cutmix"), "pictures and labels mixed in pairs"
        ),
        *OPTIMIZATION,
        *REGULARIZATION,
        *AUGMENTATION,
    )

    def fit(self, task: FitTask) -> Fit:
        """Train on the training rows and predict all rows."""
        from autosmall.strategies.supervised import fit_of_network, train_on_pictures
        from autosmall.training.compiled import NETWORKS
        from autosmall.training.options import TrainingOptions

        options = TrainingOptions.from_config(task.config)
        architecture = _architecture(task, options)
        network = NETWORKS.get(architecture, architecture.build, task.seed)
        pictures = task.pictures(architecture.picture)
        history = train_on_pictures(network, task, pictures, options)
        return fit_of_network(
            network,
            task,
            pictures,
            partial(self.rebuild, task),
            history,
        )

    def rebuild(self, task: FitTask, learned: Arrays) -> keras.Model:
        """Return the network with the weights that it learned."""
        from autosmall.strategies.supervised import rebuilt_network
        from autosmall.training.options import TrainingOptions

        architecture = _architecture(task, TrainingOptions.from_config(task.config))
        return rebuilt_network(architecture.build, learned)


def _architecture(task: FitTask, options: TrainingOptions) -> ScratchCnn:
    from autosmall.models.scratch_cnn import ScratchCnn
    from autosmall.strategies.supervised import head_spec

    return ScratchCnn(
        PictureSpec.from_config(task.config),
        task.config.integer("width"),
        task.config.integer("blocks"),
        task.config.text("normalization"),
        head_spec(task, options),
    )
