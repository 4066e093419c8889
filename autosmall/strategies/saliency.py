"""A question to a fold model: what did it look at in these pictures?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autosmall.schema.mixed_pictures import same_shape_parts
from autosmall.schema.saliency import GRAD_CAM, MOST_MAP_PX, OCCLUSION, SaliencyMap
from autosmall.strategies.base import ArrayModel
from autosmall.strategies.fold_model import FoldModel

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ExplainPictures:
    """Asks where a model finds evidence for a class, picture by picture.

    Grad-CAM where its classifier reads feature maps of a few places at least, occlusion otherwise.

    Attributes:
        rows: Rows of the data set.
        classes: The class that is explained, one per row.
    """

    rows: tuple[int, ...]
    classes: tuple[int, ...]

    def __call__(self, model: FoldModel) -> tuple[SaliencyMap, ...]:
        """Return one map per row, in the order of the rows."""
        pictures = model.task.pictures(model.picture_spec)
        rows, classes = np.array(self.rows, np.int64), np.array(self.classes, np.int64)
        found: dict[int, SaliencyMap] = {}
        for part in same_shape_parts(pictures, rows):
            prepared = pictures[rows[part]]
            shown = [_shrunken(picture) for picture in prepared]
            method, evidence = _evidence(model, prepared, classes[part], shown[0].shape[:2])
            for place, picture, each in zip(part.tolist(), shown, evidence, strict=True):
                row, explained = self.rows[place], self.classes[place]
                found[place] = SaliencyMap(row, explained, method, picture, each)
        return tuple(found[place] for place in range(len(rows)))


def _evidence(
    model: FoldModel,
    pictures: NDArray[np.uint8],
    classes: NDArray[np.int64],
    size: tuple[int, int],
) -> tuple[str, Floats]:
    """Return the method and ``float32 (n, *size)`` for pictures of one shape."""
    if not isinstance(model.model, ArrayModel):
        from autosmall.models.grad_cam import grad_cam

        found = grad_cam(model.model, pictures.astype(np.float32), classes, *size)
        if found is not None:
            return GRAD_CAM, found
    from autosmall.models.occlusion import occlusion

    pairs = zip(pictures, classes.tolist(), strict=True)
    maps = [occlusion(model.predict, picture, each) for picture, each in pairs]
    return OCCLUSION, np.stack([_resized(each, size) for each in maps])


def _shrunken(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    image.thumbnail((MOST_MAP_PX, MOST_MAP_PX), Image.Resampling.BOX, reducing_gap=None)
    shrunken = np.asarray(image, np.uint8)
    return shrunken[..., None] if shrunken.ndim == 2 else shrunken


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    image = Image.fromarray(values).resize(size[::-1], Image.Resampling.BOX)
    return np.asarray(image, np.float32)
