"""Cached features of a task's pictures, for the strategies that use a backbone."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.models.backbone_table import smallest_input_px
from autosmall.schema.backbone_source import (
    BUILTIN,
    BUILTIN_AND_PATCHES,
    PATCHES,
    BackboneSource,
)
from autosmall.schema.config import Config
from autosmall.schema.mixed_pictures import MixedPictures, Pictures, ShapeBucket, take
from autosmall.schema.pictures import InputShape, PictureSpec
from autosmall.schema.results import Arrays
from autosmall.strategies.base import FitTask

if TYPE_CHECKING:
    import keras

    from autosmall.models.backbones import Backbone
    from autosmall.models.patches import PatchFilters
    from autosmall.models.pooled_features import Extractor
    from autosmall.training.augmentation import Augmenter

Floats = NDArray[np.float32]
Alter = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Makes a view of pictures ``uint8 (n, h, w, c)``."""

VERSION = 2
"""Raise when what is extracted changes, so that cached features are not used."""
VIEW_SEED = 0
"""Views are the same in all runs, so that they can be shared."""
FILTER_SEED = 0
"""So are the filters that are learned from the same pictures."""
MIRROR = "mirror"
"""Name of the view that is the mirror image, and of the invariance that allows it."""
KEPT_BACKBONES = 3
HALF_ROUNDING = 1e-3
"""What rounding to half precision may change, as a share of the largest value."""


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


def mirror_images(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures ``uint8 (n, h, w, c)`` with left and right changed over."""
    return pictures[:, :, ::-1]


@dataclass(frozen=True)
class _Member:
    """A backbone whose features are used, alone or beside another's.

    ``filters`` are those of ``patches``, learned from the training rows' pictures.
    """

    source: BackboneSource
    input_shape: InputShape
    filters: PatchFilters | None

    @property
    def digest(self) -> str:
        """What the backbone's values depend on: weights and the pictures' shape."""
        if self.filters is not None:
            weights = self.filters.digest
        else:
            weights = _file_digest(self.source.weights_path, _stamp(self.source.weights_path))
        return f"{self.source.recipe}/{weights}/{self.input_shape}"

    def build(self) -> Backbone:
        from autosmall.models.backbones import build_backbone
        from autosmall.models.patches import build_patch_backbone

        if self.filters is not None:
            return build_patch_backbone(self.filters, self.input_shape)
        return build_backbone(self.source, self.input_shape)

    def shared(self) -> Backbone:
        """Return the backbone kept in this process; not to be trained."""
        return self._kept().backbone

    def extractor(self, pooling: str) -> Extractor:
        """Return what runs :meth:`shared` up to the pooled stages, traced once and kept with it."""
        from autosmall.models.pooled_features import WHOLE, Extractor, feature_model

        kept = self._kept()
        if WHOLE[pooling] not in kept.extractors:
            kept.extractors[WHOLE[pooling]] = Extractor(feature_model(kept.backbone, pooling))
        return kept.extractors[WHOLE[pooling]]

    def _kept(self) -> _KeptBackbone:
        digest = self.digest
        if digest in _kept:
            _kept.move_to_end(digest)
        else:
            _kept[digest] = _KeptBackbone(self.build())
            while len(_kept) > KEPT_BACKBONES:
                _kept.popitem(last=False)
        return _kept[digest]


class TaskBackbone:
    """The backbone of a task, shared with earlier tasks of this process where it is the same.

    Two backbones side by side are computed and cached each by itself: one that learns from the
    training rows' pictures differs from fold to fold, the other does not.
    """

    def __init__(self, task: FitTask) -> None:
        self.task = task
        self.source = source_of(task)
        self.spec = backbone_picture_spec(task.config)
        self.pictures = task.pictures(self.spec)
        self._members = tuple(self._member(source) for source in _sources(self.source))
        self.digest = " + ".join(member.digest for member in self._members)

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        return sum(member.shared().model.count_params() for member in self._members)

    @property
    def learned(self) -> Arrays:
        """What it learned from the training rows' pictures, for :func:`rebuilt_backbone`."""
        found = [member.filters for member in self._members if member.filters is not None]
        return {
            f"{PATCHES}_{name}": np.asarray(value)
            for filters in found
            for name, value in vars(filters).items()
        }

    def build(self) -> Backbone:
        """Return a new backbone, whose weights may be changed."""
        return _side_by_side(self._members)

    def columns(self, layers: str, pooling: str) -> NDArray[np.int64]:
        """Return which columns of :meth:`features` a configuration uses."""
        from autosmall.models.pooled_features import full_width, used_columns

        columns, start = [], 0
        for member in self._members:
            columns.append(start + used_columns(member.shared(), layers, pooling))
            start += full_width(member.shared(), pooling)
        return np.concatenate(columns)

    def map_values(self, layers: str) -> int | None:
        """Return how many numbers a picture's maps hold; ``None`` where pictures differ."""
        from autosmall.models.pooled_features import map_values

        counts = [map_values(member.shared(), layers) for member in self._members]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def features(self, pooling: str, view: int = 0) -> Floats:
        """Return ``float32 (n, width)``: all stages of all pictures.

        For ``avg`` and ``avg_max`` pooled both ways, so that these share one pass.
        """
        return self._joined_features(
            pooling, self._view_name(view), lambda chunk: self.altered(chunk, view)
        )

    def mirrored_features(self, pooling: str) -> Floats:
        """Return the same of the mirror images, whatever the views are."""
        return self._joined_features(pooling, MIRROR, mirror_images)

    def altered(self, pictures: NDArray[np.uint8], view: int) -> NDArray[np.uint8]:
        """Return a view of ``uint8 (n, h, w, c)``, as the features of that view are made from."""
        from autosmall.training.augmentation import augmented_view

        strength = self.task.config.number("augmentation_strength") if view else 0.0
        return augmented_view(pictures, view, strength, self.task.invariances, VIEW_SEED)

    def outputs(self, lower: keras.Model, what: str, view: int) -> NDArray[np.floating]:
        """Return ``(n, ...)``: what ``lower`` makes of a view of all pictures, in half precision.

        ``what`` names the part of the backbone that it is. Kept in this process only: it is
        large, and of use to the folds of one configuration alone. Chunks whose values are too
        large or too small for half precision stay as they are.
        """
        return self._outputs(
            lower, what, self._view_name(view), lambda chunk: self.altered(chunk, view)
        )

    def drawn_outputs(
        self, lower: keras.Model, what: str, augmenter: Augmenter, number: int
    ) -> NDArray[np.floating]:
        """Return the same of all pictures altered by draw ``number`` of ``augmenter``."""
        from autosmall.training.augmentation import drawn_view

        kinds = ",".join(sorted(augmenter.invariances))
        name = f"drawn/{augmenter.policy}/{augmenter.strength!r}/{kinds}/{number}"
        return self._outputs(
            lower, what, name, lambda chunk: drawn_view(chunk, augmenter, number, VIEW_SEED)
        )

    def mirrored_outputs(self, lower: keras.Model, what: str) -> NDArray[np.floating]:
        """Return the same of the mirror images."""
        return self._outputs(lower, what, MIRROR, mirror_images)

    def mirrored_pictures(self) -> Pictures:
        """Return the mirror images."""
        if not isinstance(self.pictures, MixedPictures):
            return mirror_images(self.pictures)
        return MixedPictures(
            [ShapeBucket(b.rows, mirror_images(b.pictures)) for b in self.pictures.buckets]
        )

    def _outputs(
        self, lower: keras.Model, what: str, view_name: str, alter: Alter
    ) -> NDArray[np.floating]:
        from autosmall.models.feature_cache import picture_facts
        from autosmall.models.pooled_features import Extractor

        run = Extractor(lower)

        def outputs(chunk: NDArray[np.uint8]) -> NDArray[np.floating]:
            values = run(alter(chunk))
            with np.errstate(over="ignore"):
                half = values.astype(np.float16)
            largest = np.abs(values).max()
            return half if np.abs(values - half).max() < HALF_ROUNDING * largest else values

        what = f"{what}/{self.digest}/{view_name}"
        return picture_facts(self.pictures, what, outputs, None)

    def _joined_features(self, pooling: str, view_name: str, alter: Alter) -> Floats:
        parts = [self._features(member, pooling, view_name, alter) for member in self._members]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _features(self, member: _Member, pooling: str, view_name: str, alter: Alter) -> Floats:
        from autosmall.models.feature_cache import picture_facts
        from autosmall.models.pooled_features import WHOLE

        def extract(chunk: NDArray[np.uint8]) -> Floats:
            return member.extractor(pooling)(alter(chunk))

        what = f"features/{VERSION}/{WHOLE[pooling]}/{member.digest}/{view_name}"
        return picture_facts(self.pictures, what, extract, self.task.cache_dir)

    def _view_name(self, view: int) -> str:
        from autosmall.training.augmentation import view_name

        strength = self.task.config.number("augmentation_strength") if view else 0.0
        return view_name(view, strength, self.task.invariances)

    def _member(self, source: BackboneSource) -> _Member:
        filters = self._patch_filters() if source.name == PATCHES else None
        return _Member(source, self.spec.input_shape, filters)

    def _patch_filters(self) -> PatchFilters:
        from autosmall.models.patches import learn_filters

        own = take(self.pictures, self.task.train_index)
        return learn_filters(own, FILTER_SEED, self.spec.image_size_px)


def rebuilt_backbone(task: FitTask, learned: Arrays) -> Backbone:
    """Return a new backbone as a fit of ``task`` had it, before any of its blocks was trained.

    ``learned`` holds :attr:`TaskBackbone.learned`; no picture is looked at.
    """
    shape = backbone_picture_spec(task.config).input_shape
    return _side_by_side(
        [
            _Member(source, shape, _stored_filters(learned) if source.name == PATCHES else None)
            for source in _sources(source_of(task))
        ]
    )


def _stored_filters(learned: Arrays) -> PatchFilters:
    from autosmall.models.patches import PatchFilters

    return PatchFilters(
        learned[f"{PATCHES}_kernel"].astype(np.float32),
        learned[f"{PATCHES}_bias"].astype(np.float32),
        int(learned[f"{PATCHES}_reduction"].item()),
    )


def _side_by_side(members: Sequence[_Member]) -> Backbone:
    from autosmall.models.backbones import side_by_side

    first, *others = (member.build() for member in members)
    return side_by_side(first, *others) if others else first


def _sources(source: BackboneSource) -> tuple[BackboneSource, ...]:
    """Return the backbones that stand side by side under one name."""
    if source.name != BUILTIN_AND_PATCHES:
        return (source,)
    return (replace(source, name=BUILTIN, kind=BUILTIN), BackboneSource(PATCHES, PATCHES))


@dataclass(frozen=True)
class _KeptBackbone:
    """A backbone and what runs it, by the pooling whose vector is read."""

    backbone: Backbone
    extractors: dict[str, Extractor] = field(default_factory=dict)


_kept: OrderedDict[str, _KeptBackbone] = OrderedDict()


def _stamp(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=16)
def _file_digest(path: str, stamp: tuple[int, int]) -> str:
    """Return the digest of a file's content; ``stamp`` changes when the file does."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
