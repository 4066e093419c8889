"""Cached features of a task's pictures, for the strategies that use a backbone."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.models.backbone_table import smallest_input_px
from autosmall.schema.backbone_source import PATCHES, BackboneSource
from autosmall.schema.config import Config
from autosmall.schema.pictures import PictureSpec
from autosmall.strategies.base import FitTask

if TYPE_CHECKING:
    from autosmall.models.backbones import Backbone
    from autosmall.models.patches import PatchFilters

Floats = NDArray[np.float32]

VERSION = 1
"""Raise when what is extracted changes, so that cached features are not used."""
VIEW_SEED = 0
"""Views are the same in all runs, so that they can be shared."""
KEPT_BACKBONES = 3


def backbone_picture_spec(config: Config) -> PictureSpec:
    """Return the pictures' spec: at least as large as the named backbone can take.

    A Resizing layer in the model would be exported wrongly, so pictures are made larger instead.
    """
    spec = PictureSpec.from_config(config)
    smallest_px = smallest_input_px(config.text("backbone"))
    return PictureSpec(max(spec.image_size_px, smallest_px), spec.resize_policy, spec.color_mode)


def source_of(task: FitTask) -> BackboneSource:
    """Return the source of the backbone that the configuration names; ``KeyError`` if absent."""
    return {source.name: source for source in task.backbones}[task.config.text("backbone")]


class TaskBackbone:
    """The backbone of a task, shared with earlier tasks of this process where it is the same.

    Its weights must not be changed: those that train build one with :meth:`build`.
    """

    def __init__(self, task: FitTask, pictures: NDArray[np.uint8]) -> None:
        self.task = task
        self.source = source_of(task)
        self.pictures = pictures
        self._input_shape = (int(pictures.shape[1]), int(pictures.shape[2]), int(pictures.shape[3]))
        self.digest = self._digest()

    def build(self) -> Backbone:
        """Return a new backbone."""
        from autosmall.models.backbones import build_backbone

        if self.source.name == PATCHES:
            from autosmall.models.patches import build_patch_backbone

            return build_patch_backbone(self._patch_filters(), self._input_shape)
        return build_backbone(self.source, self._input_shape)

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

    def _digest(self) -> str:
        """Return what the backbone's values depend on: weights and the pictures' shape."""
        if self.source.name == PATCHES:
            weights = self._patch_filters().digest
        else:
            weights = _file_digest(self.source.weights_path, _stamp(self.source.weights_path))
        return f"{self.source.recipe}/{weights}/{self._input_shape}"

    def _patch_filters(self) -> PatchFilters:
        from autosmall.models.patches import learn_filters

        return learn_filters(self.pictures[self.task.train_index], self.task.seed)


_kept: OrderedDict[str, Backbone] = OrderedDict()


def _stamp(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=16)
def _file_digest(path: str, stamp: tuple[int, int]) -> str:
    """Return the digest of a file's content; ``stamp`` changes when the file does."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
