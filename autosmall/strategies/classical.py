"""Classical descriptors with a linear or radial-basis classifier: no network, no weights."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import one_array
from autosmall.schema.parameters import INPUT, ChoiceParameter, FloatParameter, Parameter
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import Arrays
from autosmall.strategies.base import ArrayModel, Fit, FitTask, Strategy

VERSION = 1
"""Raise when the descriptors change, so that cached ones are not used."""


class Classical(Strategy):
    """HOG, LBP and colour histograms of scikit-image, then logistic regression."""

    name = "classical"
    title = "Classical features"
    needs_keras: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *INPUT,
        ChoiceParameter(
            "descriptors",
            "hog+color",
            ("hog", "lbp", "color", "hog+color", "hog+lbp+color"),
            "what is measured: edges (HOG), texture (LBP), colours",
        ),
        ChoiceParameter(
            "classifier", "linear", ("linear", "rbf"), "linear or radial-basis boundary"
        ),
        FloatParameter(
            "penalty_c", 0.01, 1e-3, 1e3, "inverse strength of the classifier's L2 penalty"
        ),
        ChoiceParameter(
            "class_balance", "none", ("none", "weights"), "what is done about unequal classes"
        ),
    )

    def fit(self, task: FitTask) -> Fit:
        """Fit the classifier on the training rows' descriptors."""
        from autosmall.models.classical import classical_probabilities, fit_classical
        from autosmall.models.heads import balanced_weights

        config = task.config
        classifier = config.text("classifier")
        features = _descriptions(task)
        weighted = config.text("class_balance") == "weights"
        arrays = fit_classical(
            classifier,
            features[task.train_index],
            task.train_labels,
            task.class_count,
            config.number("penalty_c"),
            balanced_weights(task.train_labels, task.class_count) if weighted else None,
            task.seed,
        )
        arrays["descriptors"] = np.array(config.text("descriptors"))
        numbers = [array.size for array in arrays.values() if array.dtype.kind == "f"]
        return Fit(
            train_probabilities=classical_probabilities(arrays, features[task.train_index]),
            validation_probabilities=classical_probabilities(
                arrays, features[task.validation_index]
            ),
            trainable_parameters=arrays["kernel"].size + arrays["bias"].size,
            total_parameters=sum(numbers),
            picture_spec=PictureSpec.from_config(config),
            learned=arrays,
            build_model=partial(self.rebuild, task, arrays),
        )

    def rebuild(self, task: FitTask, learned: Arrays) -> ArrayModel:
        """Return the classifier with the descriptors that it reads."""
        return ArrayModel(f"classical_{task.config.text('classifier')}", learned)


def _descriptions(task: FitTask) -> NDArray[np.float32]:
    """Return ``float32 (n, width)``: the descriptors named, each cached by itself."""
    from autosmall.models.descriptors import describe
    from autosmall.models.feature_cache import picture_facts

    pictures = one_array(task.pictures(PictureSpec.from_config(task.config)))
    parts = [
        picture_facts(
            pictures,
            f"descriptor/{VERSION}/{name}",
            partial(describe, descriptors=name),
            task.cache_dir,
        )
        for name in task.config.text("descriptors").split("+")
    ]
    return np.concatenate(parts, axis=1)
