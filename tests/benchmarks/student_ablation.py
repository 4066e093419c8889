"""Which changes to the built-in student pay: each is taken back alone, everything else as it is.

Scaled down, so that a variant takes a minute: pictures of 48 px, 4,000 views, 120 steps, and the
photographs that come with scikit-image and scikit-learn alone (the recipe in
``autosmall/models/builtin`` has 96 px, 120,000 views, 9,742 steps and more photographs). Variants
are judged by the probe of ``autosmall pretrain`` on more pictures than it takes itself: digits of
scikit-learn, drawn shapes and drawn textures. Usage::

    python tests/benchmarks/student_ablation.py WEIGHTS_DIR OUTPUT_FOLDER [SEEDS] [STEPS]

``WEIGHTS_DIR`` holds the teacher's weights. Rows are appended to ``OUTPUT_FOLDER/rows.csv``; those
that it holds already are not done again.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from autosmall.runner.process import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autosmall.data.probe_tasks import make_probe_tasks
from autosmall.data.views.bank import build_bank
from autosmall.data.views.composer import ViewMixture
from autosmall.data.views.recipe import read_recipe
from autosmall.data.views.sources import picture_files, read_source_picture
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbones import build_backbone
from autosmall.models.builtin_backbone import BUILTIN_FILE
from autosmall.models.students import build_student
from autosmall.training.augmentation import Augmenter
from autosmall.training.distillation import DistillationTask, TargetLayout, compute_targets
from autosmall.training.linear_probe import LinearProbe
from autosmall.training.pretraining_tasks import PretrainingOptions

SIDE_PX = 48
VIEWS = 4_000
STEPS = 120
PROBE_PER_CLASS = 60
PROBE_SEED = 7
"""Other pictures than the probe of a pretraining has."""
VIEW_SEED = 1
RECIPE = BUILTIN_FILE.parent / "recipe.toml"


@dataclass(frozen=True)
class Variant:
    """One way of training a student; the defaults are the recipe's."""

    architecture: str = "mobilenet_0.375"
    layer_wise: bool = True
    mixture: ViewMixture = field(default_factory=ViewMixture)


VARIANTS = {
    "as the recipe has it": Variant(),
    "last layer alone as target": Variant(layer_wise=False),
    "narrower: 0.25": Variant("mobilenet_0.25"),
    "no change of colour, no blur, no noise": Variant(
        mixture=replace(ViewMixture(), coloured=0.0, grey=0.0, blurred=0.0, noisy=0.0)
    ),
}


class Views:
    """The views of each mixture with the teacher's targets, made once."""

    def __init__(self, weights_dir: Path, folder: Path) -> None:
        found = {source.name: source for source in find_backbones((), weights_dir).found}
        self._teacher = found["mobilenet_0.75"]
        self._folder = folder
        self._sources = tuple(
            read_source_picture(path)
            for source in read_recipe(RECIPE).pictures.sources
            if source.package
            for path in picture_files(source.path, exclude=source.exclude)
        )

    def of(
        self, mixture: ViewMixture
    ) -> tuple[NDArray[np.uint8], NDArray[np.float16], TargetLayout]:
        """Return views, targets and what the targets' columns are."""
        shares = "_".join(f"{share:g}" for share in vars(mixture).values())
        folder = self._folder / f"views_{shares}"
        views = build_bank(folder, self._sources, VIEWS, SIDE_PX, mixture, VIEW_SEED)
        teacher = build_backbone(self._teacher, (SIDE_PX, SIDE_PX, 3)).model
        return views, *compute_targets(teacher, views, folder)


def train(variant: Variant, views: Views, seed: int, steps: int) -> keras.Model:
    """Return the variant's student after its steps."""
    keras.utils.set_random_seed(seed)
    student = build_student(variant.architecture, SIDE_PX)
    options = PretrainingOptions(64, 2e-3, 0.02, Augmenter("none", 0.0, frozenset()), 0.0, seed)
    task = DistillationTask(
        student, *views.of(variant.mixture), options, layer_wise=variant.layer_wise
    )
    task.total_steps = steps
    task.train_steps(steps)
    return task.backbone()


def probes(backbone: keras.Model) -> dict[str, float]:
    """Return the balanced accuracy on each probe task, and their mean."""
    tasks = make_probe_tasks(SIDE_PX, PROBE_SEED, PROBE_PER_CLASS)
    scores = {task.name: LinearProbe([task])(backbone) for task in tasks}
    return {**scores, "mean": float(np.mean(list(scores.values())))}


def main(weights_dir: Path, folder: Path, seeds: int = 1, steps: int = STEPS) -> None:
    """Append the rows that are missing, then print the means over seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rows.csv"
    rows = pd.read_csv(path).to_dict("records") if path.is_file() else []
    done = {(row["variant"], row["seed"]) for row in rows}
    views = Views(weights_dir, folder)
    for seed in range(1, seeds + 1):
        for name, variant in VARIANTS.items():
            if (name, seed) in done:
                continue
            began = time.process_time()
            scores = probes(train(variant, views, seed, steps))
            seconds = time.process_time() - began
            rows.append({"variant": name, "seed": seed, **scores, "seconds": seconds})
            pd.DataFrame(rows).to_csv(path, index=False)
            print(name, seed, {key: round(value, 3) for key, value in scores.items()}, flush=True)
    print(pd.DataFrame(rows).drop(columns="seed").groupby("variant", sort=False).mean().round(3))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
