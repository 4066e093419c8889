"""What a strategy is: a recipe that trains on one part and predicts the other, never its labels.

A fit is given the labels of its training rows only. Validation labels stay with the worker: what
a strategy wants recorded about validation pictures it hands to the :class:`EpochObserver` as
probabilities. No choice inside a fit can therefore depend on what judges it.

Modules of strategies import Keras only inside ``fit``, so that a search-space file can be
checked, and ``autosmall spaces`` printed, without TensorFlow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.config import Config
from autosmall.schema.mixed_pictures import Pictures
from autosmall.schema.parameters import Parameter, defaults
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import Arrays, Reconstructions

if TYPE_CHECKING:
    from pathlib import Path

    import keras


class PictureSource(Protocol):
    """Decoded pictures, one row per sample, in the data set's order."""

    def __call__(self, spec: PictureSpec) -> Pictures:
        """Return ``uint8 (n, size, size, channels)``, or for ``native`` several of these.

        Read-only and shared, so never written to.
        """
        ...

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...


class EpochObserver(Protocol):
    """Keeps the curves of a fit and tells when it is hopeless."""

    def epoch_end(
        self,
        train_loss: float,
        train_accuracy: float,
        validation_probabilities: NDArray[np.float32] | None,
    ) -> bool:
        """Record an epoch and return whether to go on.

        ``False`` means that training signals or predictions show ill health (NaN, divergence,
        nothing learned); validation labels never enter that decision.
        """
        ...


@dataclass(frozen=True)
class FitTask:
    """Everything one fit may know.

    Attributes:
        config: The configuration, as :meth:`Strategy.resolved` returned it.
        pictures: All labelled samples' pictures.
        train_index: ``int64 (m,)``, sorted rows to train on.
        train_labels: ``int64 (m,)``, their classes.
        validation_index: ``int64 (v,)``, rows to predict; may be empty (retraining).
        class_count: Number of classes; labels run from 0 to ``class_count - 1``.
        seed: Seed of this fit; the same task with the same seed gives the same result on CPU.
        invariances: Transformations that keep the label; augmentation uses no other.
        unlabelled: Further pictures without labels, or ``None``.
        backbones: The backbones that were found.
        cache_dir: Folder for cached per-picture facts, or ``None`` for no cache on disk.
        observer: Where curves go.
    """

    config: Config
    pictures: PictureSource
    train_index: NDArray[np.int64]
    train_labels: NDArray[np.int64]
    validation_index: NDArray[np.int64]
    class_count: int
    seed: int
    invariances: frozenset[str]
    unlabelled: PictureSource | None
    backbones: tuple[BackboneSource, ...]
    cache_dir: Path | None
    observer: EpochObserver


@dataclass(frozen=True)
class ArrayModel:
    """A model that is no Keras model: named arrays and the recipe that reads them.

    Attributes:
        recipe: Name of the function in ``autosmall.models.array_model`` that predicts from
            ``arrays`` (``majority``, ``classical_linear``, ``classical_rbf``).
        arrays: Plain numeric or text arrays, saved without pickle.
    """

    recipe: str
    arrays: Arrays


@dataclass(frozen=True)
class Fit:
    """What a strategy returns.

    Attributes:
        train_probabilities: ``float32 (m, class_count)`` on the training rows, unaugmented, at
            the end of training; rows sum to 1.
        validation_probabilities: ``float32 (v, class_count)``.
        trainable_parameters: Weights that training could change.
        total_parameters: All weights that a prediction needs.
        picture_spec: What a saved model's pictures must be made to.
        learned: What training settled, and nothing that a backbone's file or the configuration
            tells: all that :meth:`Strategy.rebuild` needs.
        build_model: Makes the whole model that was measured, as :meth:`Strategy.rebuild` does.
        healthy: Whether training ran to its planned end; ``False`` when the observer said stop.
        inputs_alike: Whether all training pictures gave the same features.
        notes: What else is worth telling, name to number; no choice may rest on it.
        reconstructions: Held-out pictures and what an autoencoder made of them, or ``None``.
    """

    train_probabilities: NDArray[np.float32]
    validation_probabilities: NDArray[np.float32]
    trainable_parameters: int
    total_parameters: int
    picture_spec: PictureSpec
    learned: Arrays
    build_model: Callable[[], keras.Model | ArrayModel]
    healthy: bool = True
    inputs_alike: bool = False
    notes: dict[str, float] = field(default_factory=dict)
    reconstructions: Reconstructions | None = None


class Strategy(ABC):
    """One way of training. Instances hold no state between fits."""

    name: ClassVar[str]
    """What configurations call it."""
    title: ClassVar[str]
    """What people call it."""
    parameters: ClassVar[tuple[Parameter, ...]]
    """All that it reads from a configuration, ``strategy`` aside."""
    folds_together: ClassVar[bool] = False
    """Whether one worker should do all folds of a configuration, as they share their work."""
    looks_at_pictures: ClassVar[bool] = True
    """Whether predictions depend on the pictures."""
    starts_pretrained: ClassVar[bool] = False
    """Whether the weights that it trains have learned from other pictures before."""
    needs_keras: ClassVar[bool] = True
    """Whether a fit imports Keras, which takes seconds; workers do so before, untimed."""
    reads_unlabelled: ClassVar[bool] = False
    """Whether it looks at the further pictures without labels."""

    @abstractmethod
    def fit(self, task: FitTask) -> Fit:
        """Train on the training rows and predict all rows.

        Raises whatever its libraries raise; the worker turns it into a failed fold.
        """

    @abstractmethod
    def rebuild(self, task: FitTask, learned: Arrays) -> keras.Model | ArrayModel:
        """Return the whole model that a fit of ``task`` measured, from what it learned.

        No picture is looked at. A Keras model takes pictures as ``float32 (n, height, width,
        channels)`` with values 0 to 255, holds its own scaling, and returns probabilities.
        """

    def fit_folds(self, tasks: Sequence[FitTask]) -> list[Fit]:
        """Fit one configuration on several folds; every fit is what :meth:`fit` alone returns."""
        return [self.fit(task) for task in tasks]

    def trains_folds_as_one(self, config: Config) -> bool:
        """Tell whether :meth:`fit_folds` trains all folds of ``config`` in one computation.

        They are then begun together, and the race has nothing to save.
        """
        return False

    def resolved(self, config: Config) -> Config:
        """Return ``config`` with all that :meth:`fit` reads, as it will be used."""
        return config.with_defaults(defaults(self.parameters))

    def picture_specs(self, config: Config) -> tuple[PictureSpec, ...]:
        """Return the specs that :meth:`fit` will ask pictures for, so they can be decoded once."""
        return (PictureSpec.from_config(config),)
