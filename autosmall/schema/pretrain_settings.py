"""The settings of one pretraining, as the command line, a recipe and the Python call state them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from autosmall.schema.settings import DEFAULT_INVARIANCES

SUPERVISED = "supervised"
AUTOENCODER = "autoencoder"
DISTILL = "distill"
METHODS = (SUPERVISED, AUTOENCODER, DISTILL)


@dataclass(frozen=True)
class TrainingValues:
    """What holds where neither the user nor a recipe says otherwise."""

    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    augmentation_strength: float = 0.5
    invariances: tuple[str, ...] = DEFAULT_INVARIANCES
    noise_std: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class PretrainSettings:
    """What a backbone is trained on, how, and for how long.

    Every field is a long option of ``pretrain``. ``None`` stands for "not said": a recipe's tables
    ``[student]`` and ``[training]``, which hold the same names, may say it then, and after them
    the method, the pictures or :class:`TrainingValues`.

    Attributes:
        source: Labelled pictures in any layout that a search reads, a folder of unlabelled
            pictures, or a recipe (``.toml``).
        output: The ``.keras`` file to write; its card is written beside it.
        method: ``supervised``, ``autoencoder`` or ``distill``; ``None`` for ``supervised`` where
            there are labels, else ``autoencoder``.
        architecture: The network that is trained, or ``None`` to choose by the pictures' size.
        image_size_px: Side of the pictures in training, or ``None`` to choose by their size.
        teacher: Backbone to imitate (``distill``): a name, or a ``.keras`` or ``.h5`` file.
        weights_dir: Folder with the teacher's weights, or ``None``.
        trust: The teacher's ``.keras`` file, if its own code may run.
        apart_from: A data set whose training pictures must not be learned from: copies of them
            among the source's pictures are left out.
        steps: Batches to train on, or ``None`` for as many as the number of pictures suggests
            (with a time budget: as many as it allows).
        time_budget_seconds: Wall time, or ``None`` for no limit.
        batch_size: Pictures per step.
        learning_rate: Peak of the rate.
        weight_decay: Decoupled weight decay.
        augmentation_strength: Strength of the random alterations, 0 to 1.
        invariances: Changes that keep what a picture shows (``schema.settings.INVARIANCES``).
        noise_std: Noise that an autoencoder has to take away, on a scale of 0 to 1.
        seed: Seed of everything.
        overwrite: Replace the output, and begin anew.
        quiet: No progress.
    """

    source: Path
    output: Path
    method: str | None = None
    architecture: str | None = None
    image_size_px: int | None = None
    teacher: str | None = None
    weights_dir: Path | None = None
    trust: tuple[str, ...] = ()
    apart_from: Path | None = None
    steps: int | None = None
    time_budget_seconds: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    augmentation_strength: float | None = None
    invariances: tuple[str, ...] | None = None
    noise_std: float | None = None
    seed: int | None = None
    overwrite: bool = False
    quiet: bool = False

    def filled(self, values: Mapping[str, object]) -> PretrainSettings:
        """Return the settings with ``values`` (field name to value) where nothing was said."""
        unsaid = {f.name for f in fields(self) if getattr(self, f.name) is None}
        return replace(self, **{n: v for n, v in values.items() if n in unsaid})  # type: ignore[arg-type]

    def training_values(self) -> TrainingValues:
        """Return how to train, what was not said by default."""
        said = {f.name: getattr(self, f.name) for f in fields(TrainingValues)}
        return TrainingValues(**{name: v for name, v in said.items() if v is not None})
