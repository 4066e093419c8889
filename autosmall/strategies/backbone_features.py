"""Cached features of a task's pictures, for the strategies that use a backbone."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.models.backbone_table import smallest_input_px
from autosmall.schema.backbone_source import PATCHES, BackboneSource
from autosmall.schema.config import Config
from autosmall.schema.mixed_pictures import take
from autosmall.schema.pictures import PictureSpec
from autosmall.strategies.base import FitTask

if TYPE_CHECKING:
    import keras

    from autosmall.models.backbones import Backbone
    from autosmall.models.patches import PatchFilters

Floats = NDArray[np.float32]

VERSION = 1
"""Raise when what is extracted changes, so that cached features are not used."""
VIEW_SEED = 0
"""Views are the same in all runs, so that they can be shared."""
KEPT_BACKBONES = 3


def backbone_picture_spec(config: Config) -> PictureSpec:
    """Return the pictures' spec: every side at least as long as the named backbone can take.

    A Resizing layer in the model would be exported wrongly, so pictures are made larger instead.
    """
    spec = PictureSpec.from_config(config)
    smallest_px = smallest_input_px(config.text("backbone"))
    return replace(
        spec,
        image_size_px=max(spec.image_size_px, smallest_px),
        smallest_side_px=smallest_px if spec.is_native else spec.smallest_side_px,
    )


def source_of(task: FitTask) -> BackboneSource:
    """Return the source of the backbone that the configuration names; ``KeyError`` if absent."""
    return {source.name: source for source in task.backbones}[task.config.text("backbone")]


class TaskBackbone:
    """The backbone of a task, shared with earlier tasks of this process where it is the same.

    Its weights must not be changed: those that train build one with :meth:`build`.
    """

    def __init__(self, task: FitTask) -> None:
        self.task = task
        self.source = source_of(task)
        self.spec = backbone_picture_spec(task.config)
        self.pictures = task.pictures(self.spec)
        self.digest = self._digest()

    def build(self) -> Backbone:
        """Return a new backbone."""
        from autosmall.models.backbones import build_backbone

        if self.source.name == PATCHES:
            from autosmall.models.patches import build_patch_backbone

            return build_patch_backbone(self._patch_filters(), self.spec.input_shape)
        return build_backbone(self.source, self.spec.input_shape)

    def shared(self) -> Backbone:
        """Return the backbone kept in this process; not to be trained."""
        if self.digest in _kept:
            _kept.move_to_end(self.digest)
        else:
            _kept[self.digest] = self.build()
            while len(_kept) > KEPT_BACKBONES:
                _kept.popitem(last=False)
        return _kept[self.digest]

    def columns(self, layers: str, pooling: str) -> NDArray[np.int64]:
        """Return which columns of :meth:`features` a configuration uses."""
        from autosmall.models.pooled_features import used_columns

        return used_columns(self.shared(), layers, pooling)

    def features(self, view: int = 0) -> Floats:
        """Return ``float32 (n, width)``: all stages, pooled both ways, of all pictures."""
        from autosmall.models.feature_cache import picture_facts
        from autosmall.models.pooled_features import Extractor, feature_model
        from autosmall.training.augmentation import augmented_view

        strength = self.task.config.number("augmentation_strength") if view else 0.0
        allowed = sorted(self.task.invariances) if view else []
        extractor: list[Extractor] = []

        def extract(chunk: NDArray[np.uint8]) -> Floats:
            if not extractor:
                extractor.append(Extractor(feature_model(self.shared())))
            return extractor[0](augmented_view(chunk, view, strength, allowed, VIEW_SEED))

        what = f"features/{VERSION}/{self.digest}/{view}/{strength}/{allowed}"
        return picture_facts(self.pictures, what, extract, self.task.cache_dir)

    def altered(self, pictures: NDArray[np.uint8], view: int) -> NDArray[np.uint8]:
        """Return a view of ``uint8 (n, h, w, c)``, as the features of that view are made from."""
        from autosmall.training.augmentation import augmented_view

        strength = self.task.config.number("augmentation_strength")
        return augmented_view(pictures, view, strength, self.task.invariances, VIEW_SEED)

    def outputs(self, lower: keras.Model, what: str, view: int) -> Floats:
        """Return ``(n, ...)``: what ``lower`` makes of a view of all pictures.

        ``what`` names the part of the backbone that it is. Kept in this process only: it is
        large, and of use to the folds of one configuration alone.
        """
        from autosmall.models.feature_cache import picture_facts
        from autosmall.models.pooled_features import Extractor
        from autosmall.training.augmentation import view_name

        run = Extractor(lower)
        name = view_name(
            view, self.task.config.number("augmentation_strength"), self.task.invariances
        )
        return picture_facts(
            self.pictures,
            f"{what}/{self.digest}/{name}",
            lambda chunk: run(self.altered(chunk, view)),
            None,
        )

    def _digest(self) -> str:
        """Return what the backbone's values depend on: weights and the pictures' shape."""
        if self.source.name == PATCHES:
            weights = self._patch_filters().digest
        else:
            weights = _file_digest(self.source.weights_path, _stamp(self.source.weights_path))
        return f"{self.source.recipe}/{weights}/{self.spec.input_shape}"

    def _patch_filters(self) -> PatchFilters:
        from autosmall.models.patches import learn_filters

        own = take(self.pictures, self.task.train_index)
        return learn_filters(own, self.task.seed, self.spec.image_size_px)


_kept: OrderedDict[str, Backbone] = OrderedDict()


def _stamp(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=16)
def _file_digest(path: str, stamp: tuple[int, int]) -> str:
    """Return the digest of a file's content; ``stamp`` changes when the file does."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
