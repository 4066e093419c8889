"""Drawn pictures and tasks for every strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from autosmall.schema.backbone_source import PATCHES, BackboneSource
from autosmall.schema.config import Config, Value
from autosmall.schema.mixed_pictures import MixedPictures, Pictures
from autosmall.schema.parameters import defaults
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.settings import DEFAULT_INVARIANCES
from autosmall.strategies.base import EpochObserver, Fit, FitTask, PictureSource, Strategy
from autosmall.strategies.registry import get_strategy


@dataclass
class DrawnPictures:
    """A picture source of discs (class 0) and stripes (class 1), in turn, at any size.

    ``altered_rows`` are replaced by noise, to see who depends on them.
    """

    count: int
    altered_rows: tuple[int, ...] = ()
    made: dict[PictureSpec, Pictures] = field(default_factory=dict)

    def __call__(self, spec: PictureSpec) -> Pictures:
        if spec not in self.made:
            self.made[spec] = self._cut(spec) if spec.is_native else self._draw(spec)
        return self.made[spec]

    def __len__(self) -> int:
        return self.count

    def _cut(self, spec: PictureSpec) -> MixedPictures:
        """Return squares, and pictures half as high or half as wide, of both classes."""
        side = 2 * spec.image_size_px
        squares = self._draw(replace(spec, resize_policy="stretch", image_size_px=side))
        cut = []
        for index, picture in enumerate(squares):
            height, width = [(side // 2, side // 2), (side // 2, side), (side, side // 2)][
                index // 2 % 3
            ]
            top, left = (side - height) // 2, (side - width) // 2
            cut.append(picture[top : top + height, left : left + width])
        return MixedPictures.of(cut)

    def _draw(self, spec: PictureSpec) -> NDArray[np.uint8]:
        size = spec.image_size_px
        rng = np.random.default_rng(7)
        pictures = rng.uniform(0, 60, (self.count, size, size, 3))
        rows, columns = np.mgrid[0:size, 0:size]
        for index, picture in enumerate(pictures):
            x, y = rng.uniform(0.4, 0.6, 2) * size
            disc = (columns - x) ** 2 + (rows - y) ** 2 < (0.25 * size) ** 2
            stripes = (rows + rng.integers(4)) % 4 < 2
            picture[stripes if index % 2 else disc] += 150
        for row in self.altered_rows:
            pictures[row] = rng.uniform(0, 255, (size, size, 3))
        drawn = pictures[..., : spec.channels].astype(np.uint8)
        drawn.setflags(write=False)
        return drawn


@dataclass
class Recorder:
    """An observer that keeps what it is told and stops after ``stop_after`` epochs."""

    stop_after: int | None = None
    epochs: list[tuple[float, float, NDArray[np.float32] | None]] = field(default_factory=list)

    def epoch_end(
        self,
        train_loss: float,
        train_accuracy: float,
        validation_probabilities: NDArray[np.float32] | None,
    ) -> bool:
        self.epochs.append((train_loss, train_accuracy, validation_probabilities))
        return self.stop_after is None or len(self.epochs) < self.stop_after


MOBILENET = "mobilenet_0.25"
TRAIN_COUNT = 24
VALIDATION_COUNT = 8


@pytest.fixture(scope="module")
def make_task(tmp_path_factory) -> Callable[..., FitTask]:
    """A function that makes the task of learning discs from stripes.

    The last 8 of 32 pictures are held out. ``values`` go over the strategy's defaults.
    """
    cache_dir = tmp_path_factory.mktemp("cache")

    def make(
        strategy: Strategy,
        values: dict[str, Value],
        *,
        seed: int = 3,
        with_validation: bool = True,
        altered_rows: tuple[int, ...] = (),
        unlabelled: PictureSource | None = None,
        observer: EpochObserver | None = None,
    ) -> FitTask:
        config = {**defaults(strategy.parameters), **values, "strategy": strategy.name}
        count = TRAIN_COUNT + VALIDATION_COUNT
        validation = np.arange(TRAIN_COUNT, count) if with_validation else np.arange(0)
        return FitTask(
            config=Config.from_mapping(config),
            pictures=DrawnPictures(count, altered_rows),
            train_index=np.arange(TRAIN_COUNT),
            train_labels=np.arange(TRAIN_COUNT) % 2,
            validation_index=validation,
            class_count=2,
            seed=seed,
            invariances=frozenset(DEFAULT_INVARIANCES) - {"rotate"},
            unlabelled=unlabelled,
            backbones=(BackboneSource(PATCHES, "patches"),),
            cache_dir=cache_dir,
            observer=observer or Recorder(),
        )

    return make


@pytest.fixture(scope="session")
def drawn_pictures() -> type[DrawnPictures]:
    """The class of the drawn picture source."""
    return DrawnPictures


@pytest.fixture(scope="session")
def make_recorder() -> type[Recorder]:
    """The class of the recording observer."""
    return Recorder


@pytest.fixture(scope="session")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> BackboneSource:
    """MobileNet 0.25 in the form that keras.applications downloads.

    Its random weights are of He's scale: Keras's own let the maps fade away.
    """
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    model = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            shape = layer.kernel.shape
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            inputs = np.prod(shape[:2] if depthwise else shape[:3])
            layer.kernel.assign(rng.normal(scale=np.sqrt(2 / inputs), size=shape))
    path = tmp_path_factory.mktemp("weights") / "mobilenet_2_5_224_tf_no_top.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return BackboneSource(MOBILENET, "applications", str(path))


@pytest.fixture
def fit_mobilenet(
    mobilenet: BackboneSource, make_task: Callable[..., FitTask]
) -> Callable[..., tuple[Fit, FitTask]]:
    """A function from a strategy's name and values to its fit on that network, and the task.

    Keywords change the task.
    """

    def fit_with(name: str, values: dict[str, Value], **changes: object) -> tuple[Fit, FitTask]:
        strategy = get_strategy(name)
        base = {"backbone": MOBILENET, "image_size_px": 32, "batch_size": 8}
        task = make_task(strategy, {**base, **values})
        task = replace(task, backbones=(mobilenet,), **changes)
        return strategy.fit(task), task

    return fit_with
