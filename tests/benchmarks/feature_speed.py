"""Frozen features of a search against the plain forward pass of the same network.

Drawn pictures of 160 px go through MobileNet 0.75, or the built-in backbone, in two ways that take
turns: ``predict`` of a Keras model that ends in global average pooling, and what a fit asks for,
which reads uint8 pictures, pools every stage, divides the work into claimed chunks and stores them
in the cache folder, empty each time. Both have one thread and batches of 64.

    python tests/benchmarks/feature_speed.py [--weights-dir DIR] [--pictures 640] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from autosmall.runner.process import set_up_process

set_up_process()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from drawn_pictures import SIDE_PX, draw_pictures  # noqa: E402
from fits import Pool  # noqa: E402
from measured import demand, machine  # noqa: E402

from autosmall.data.dataset import read_dataset  # noqa: E402
from autosmall.models.backbone_registry import find_backbones  # noqa: E402
from autosmall.models.backbones import build_backbone  # noqa: E402
from autosmall.models.feature_cache import CHUNK_PICTURES, forget  # noqa: E402
from autosmall.runner.pictures import DecodedPictures  # noqa: E402
from autosmall.schema.config import Config  # noqa: E402
from autosmall.strategies.backbone_features import TaskBackbone  # noqa: E402
from autosmall.strategies.base import FitTask  # noqa: E402

LEAST_SHARE = 0.9


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--pictures", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    name = "mobilenet_0.75" if arguments.weights_dir else "builtin"
    with tempfile.TemporaryDirectory() as folder:
        draw_pictures(Path(folder) / "pictures", arguments.pictures)
        pool = pool_of(Path(folder) / "pictures", name, arguments.weights_dir)
        plain = plain_model(pool)
        plain_seconds, own_seconds = [], []
        for number in range(arguments.rounds + 1):
            task = task_of(pool, name, Path(folder) / f"cache{number}")
            plain_seconds.append(seconds_of_plain(plain, task))
            own_seconds.append(seconds_of_features(task))
    # The first round traces both.
    report(arguments.pictures, plain_seconds[1:], own_seconds[1:], name)


def pool_of(folder: Path, backbone: str, weights_dir: Path | None) -> Pool:
    """Return the drawn pictures, decoded."""
    dataset = read_dataset(folder)
    return Pool(
        DecodedPictures([str(path) for path in dataset.paths]),
        dataset.labels,
        len(dataset.classes),
        find_backbones((backbone,), weights_dir).found,
        frozenset(),
    )


def task_of(pool: Pool, backbone: str, cache_dir: Path) -> FitTask:
    """Return a fit that asks for the features of all pictures."""
    values = {"strategy": "frozen", "backbone": backbone, "image_size_px": SIDE_PX}
    rows = np.arange(len(pool.labels))
    return pool.task(Config.from_mapping(values), rows[1:], rows[:1], 0, cache_dir)


def plain_model(pool: Pool) -> keras.Model:
    """Return the backbone with global average pooling of its last map."""
    model = build_backbone(pool.backbones[0], (SIDE_PX, SIDE_PX, 3)).model
    return keras.Model(model.input, keras.layers.GlobalAveragePooling2D()(model.output))


def seconds_of_plain(model: keras.Model, task: FitTask) -> float:
    """Return the time of ``predict`` on ready-made batches."""
    pictures = TaskBackbone(task).pictures.astype(np.float32)
    started = time.perf_counter()
    model.predict(pictures, batch_size=CHUNK_PICTURES, verbose=0)
    return time.perf_counter() - started


def seconds_of_features(task: FitTask) -> float:
    """Return the time of a fit's features, none of which is known yet."""
    forget()
    backbone = TaskBackbone(task)
    started = time.perf_counter()
    backbone.features("avg")
    return time.perf_counter() - started


def report(count: int, plain: list[float], own: list[float], name: str) -> None:
    """Print medians and whether the promise held."""
    share = statistics.median(p / o for p, o in zip(plain, own, strict=True))
    print(f"| {count} pictures of {SIDE_PX} px, `{name}` | seconds | pictures per second |")
    print("|---|---:|---:|")
    for what, seconds in (("`predict`", plain), ("features of a fit", own)):
        middle = statistics.median(seconds)
        print(f"| {what} | {middle:.2f} | {count / middle:.0f} |")
    print(f"\n{machine()}\n")
    what, wanted = "speed of frozen features, of the plain pass", f"at least {LEAST_SHARE:g}"
    print(demand(what, wanted, f"{share:.2f}", share >= LEAST_SHARE))


if __name__ == "__main__":
    main()
