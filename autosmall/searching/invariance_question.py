"""What a fold's model is asked for the label-preservation check; runs in a worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autosmall.data.previews import encode_preview
from autosmall.schema.altered_predictions import ChangedPicture
from autosmall.schema.mixed_pictures import Pictures, take
from autosmall.schema.settings import INVARIANCES
from autosmall.strategies.fold_model import FoldModel

EXAMPLES_PER_KIND = 3


@dataclass(frozen=True)
class Answer:
    """Rows, probabilities and examples, as in
    :class:`~autosmall.schema.altered_predictions.AlteredPredictions`.
    """

    rows: NDArray[np.int64]
    plain: NDArray[np.float32]
    by_kind: dict[str, NDArray[np.float32]]
    examples: tuple[ChangedPicture, ...]


@dataclass(frozen=True)
class AskInvariances:
    """Asks how predictions for held-out pictures change under each kind of alteration.

    Attributes:
        with_pictures: Whether pictures may be kept to be shown.
        most_pictures: Held-out pictures of a fold that are asked about, at least 1; evenly spaced.
    """

    with_pictures: bool
    most_pictures: int

    def __call__(self, model: FoldModel) -> Answer:
        """Return the model's probabilities for pictures as they are and altered."""
        rows = _spread(model.task.validation_index, self.most_pictures)
        spec = model.strategy.picture_specs(model.task.config)[0]
        pictures = take(model.task.pictures(spec), rows)
        plain = model.predict(pictures)
        by_kind, examples = {}, []
        for kind in INVARIANCES:
            by_kind[kind], shown = _ask(model, pictures, plain, kind)
            if self.with_pictures:
                examples += [_named(example, rows) for example in shown]
        return Answer(rows, plain, by_kind, tuple(examples))


def _ask(
    model: FoldModel, pictures: Pictures, plain: NDArray[np.float32], kind: str
) -> tuple[NDArray[np.float32], list[ChangedPicture]]:
    """Return probabilities ``(d, m, k)``, and what changed most, rows counted in ``pictures``."""
    from autosmall.training.transformations import direction_count, transform

    seed = model.task.seed % 2**32
    altered = [transform(pictures, kind, d, seed) for d in range(direction_count(kind))]
    probabilities = np.stack([model.predict(each) for each in altered])
    before = plain.argmax(axis=1)
    lost = plain.max(axis=1) - probabilities[:, np.arange(len(plain)), before]
    examples = []
    for place in np.argsort(-lost.max(axis=0), kind="stable")[:EXAMPLES_PER_KIND]:
        direction = int(lost[:, place].argmax())
        one = np.array([place], np.int64)
        files = [_jpeg(_one(part, one)) for part in (pictures, altered[direction])]
        examples.append(ChangedPicture(kind, int(place), direction, *files))
    return probabilities, examples


def _one(pictures: Pictures, place: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the picture at ``place`` (one position) as ``uint8 (h, w, c)``."""
    return pictures[place][0]


def _named(example: ChangedPicture, rows: NDArray[np.int64]) -> ChangedPicture:
    row = int(rows[example.row])
    return ChangedPicture(example.kind, row, example.direction, example.plain, example.changed)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return encode_preview(np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture)


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]
