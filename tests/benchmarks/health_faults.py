"""Faults on purpose: does training health name them, and is it silent about healthy fits?

Six faults and six kinds of healthy fits, ten seeds each, on real pictures (24 to 48 px, 35 to 120
to train on and 40 held out), done by the worker of a search with the diagnoses that it stores.
Usage::

    AUTOSMALL_SHARED=SHARED python tests/benchmarks/health_faults.py OUTPUT.csv [KIND ...]

A kind is named as in the tables; ``faults`` and ``healthy`` stand for all of theirs. Rows are
appended to ``OUTPUT.csv``; those that it holds already are not done again. What counts as right was
written down before the first run:

====================  ============================================================================
fault                 right, if the first diagnosis, the cause of the others, is
====================  ============================================================================
learning rate x 100   ``diverged`` or ``oscillating``
inputs all zero       ``same_inputs``
labels shuffled       ``chance_level``
network too small     ``underfitting``
30 million weights    ``oversized``, and ``overfitting`` or ``chance_level`` is among the others
collapse              ``collapse``
====================  ============================================================================

Any diagnosis of a healthy fit is a false alarm. Healthy are fits of which more than half of the
skill on training pictures carries over to pictures that nobody looked at, on average over other
seeds. As a witness, each model of a healthy fit, and of one with a high learning rate, is also
scored on up to 150 pictures that the fit did not see.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autosmall.runner.process import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autosmall.data.dataset import read_dataset
from autosmall.models.backbone_registry import find_backbones
from autosmall.runner.pictures import DecodedPictures
from autosmall.runner.worker import Worker
from autosmall.schema.config import Config, Value
from autosmall.schema.folds import FoldPlan
from autosmall.schema.mixed_pictures import one_array
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import Arrays, FoldResult
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.base import ArrayModel, Fit, FitTask, Strategy
from autosmall.strategies.registry import STRATEGIES
from autosmall.training.health.predictions import skill
from autosmall.training.metrics import score

SEEDS = 10
HELD_OUT = 40
WITNESSES = 150
TOO_FAST = 100.0

Values = Mapping[str, Value]

SCRATCH: Values = {
    "strategy": "scratch",
    "image_size_px": 24,
    "width": 8,
    "blocks": 3,
    "optimizer": "adamw",
    "learning_rate": 0.003,
    "learning_rate_schedule": "cosine",
    "weight_decay": 1e-3,
    "batch_size": 16,
    "epochs": 30,
    "augmentation": "none",
}
SMALL_STEPS: Values = {**SCRATCH, "learning_rate": 0.001, "normalization": "none"}
LINEAR: Values = {
    "strategy": "frozen",
    "backbone": "builtin",
    "image_size_px": 48,
    "feature_transform": "sqrt",
    "head": "logistic_cv",
}
DENSE: Values = {
    **LINEAR,
    "head": "dense",
    "optimizer": "adam",
    "learning_rate": 0.003,
    "epochs": 30,
    "dropout_rate": 0.3,
}
FINE_TUNE: Values = {
    "strategy": "fine_tune",
    "backbone": "builtin",
    "image_size_px": 48,
    "feature_transform": "sqrt",
    "trainable_blocks": 2,
    "optimizer": "adamw",
    "learning_rate": 3e-4,
    "epochs": 8,
    "batch_size": 16,
    "augmentation": "none",
    "tuned_share": 0.7,
}
AUTOENCODER: Values = {
    "strategy": "autoencoder",
    "image_size_px": 24,
    "width": 8,
    "blocks": 2,
    "pretrain_epochs": 8,
    "head": "pyramid",
    "optimizer": "adamw",
    "learning_rate": 0.003,
    "epochs": 25,
    "batch_size": 16,
    "augmentation": "none",
}
CLASSICAL: Values = {
    "strategy": "classical",
    "image_size_px": 32,
    "descriptors": "hog+color",
    "classifier": "rbf",
    "penalty_c": 10.0,
}
TINY: Values = {
    **SCRATCH,
    "width": 4,
    "blocks": 1,
    "learning_rate": 0.01,
    "epochs": 60,
}
HUGE: Values = {
    **AUTOENCODER,
    "image_size_px": 48,
    "bottleneck_channels": 52,
    "head": "flatten",
    "hidden_units": 4096,
    "learning_rate": 3e-4,
    "pretrain_epochs": 1,
    "epochs": 6,
}


@dataclass(frozen=True)
class Kind:
    """A kind of fits: what is trained on what, and what it should be called.

    Attributes:
        name: As in the table.
        plans: Configuration and data set, seed by seed in turn.
        right: First diagnoses that are right; none for healthy fits.
        train: Training pictures.
        alter: ``shuffle`` labels, ``blacken`` pictures, or keep a class ``rare``.
        also: Of these, one must be among the others.
    """

    name: str
    plans: tuple[tuple[Values, str], ...]
    right: frozenset[str] = frozenset()
    train: int = 120
    alter: str = ""
    also: frozenset[str] = frozenset()

    def is_right(self, diagnoses: tuple[str, ...]) -> bool:
        """Tell whether a fit of this kind was judged as it should be."""
        if not self.right:
            return not diagnoses
        others = not self.also or bool(self.also & set(diagnoses[1:]))
        return bool(diagnoses) and diagnoses[0] in self.right and others


def faster(values: Values) -> Values:
    """Return the configuration with a learning rate 100 times as high."""
    return {**values, "learning_rate": TOO_FAST * float(values["learning_rate"])}


NORMALISED: Values = {**SCRATCH, "normalization": "group"}
RARE: Values = {**SCRATCH, "epochs": 8, "learning_rate": 3e-4, "class_balance": "none"}
PENALISED: Values = {**SCRATCH, "l1": 1.0}

KINDS = (
    Kind(
        "learning rate x 100",
        (
            (faster(SMALL_STEPS), "mnist_small"),
            (faster(NORMALISED), "steel_defects"),
            (faster(DENSE), "steel_defects"),
            (faster(FINE_TUNE), "blood_cells"),
            (faster(AUTOENCODER), "mnist_small"),
        ),
        frozenset({"diverged", "oscillating"}),
    ),
    Kind(
        "inputs all zero",
        (
            (SCRATCH, "mnist_small"),
            (LINEAR, "steel_defects"),
            (DENSE, "blood_cells"),
            (CLASSICAL, "cifar10_small"),
            (AUTOENCODER, "cats_vs_dogs"),
        ),
        frozenset({"same_inputs"}),
        alter="blacken",
    ),
    Kind(
        "labels shuffled",
        (
            ({**SMALL_STEPS, "epochs": 50}, "mnist_small"),
            (LINEAR, "steel_defects"),
            (DENSE, "blood_cells"),
            (CLASSICAL, "cifar10_small"),
            ({**SCRATCH, "epochs": 50}, "cats_vs_dogs"),
        ),
        frozenset({"chance_level"}),
        alter="shuffle",
    ),
    Kind(
        "network too small",
        ((TINY, "mnist_small"), (TINY, "cifar10_small"), (TINY, "steel_defects")),
        frozenset({"underfitting"}),
    ),
    Kind(
        "30 million weights",
        ((HUGE, "cifar10_small"), (HUGE, "sign_digits_tiny")),
        frozenset({"oversized"}),
        train=35,
        also=frozenset({"overfitting", "chance_level"}),
    ),
    Kind(
        "collapse",
        ((RARE, "flowers_rare"), (PENALISED, "steel_defects")),
        frozenset({"collapse"}),
        alter="rare",
    ),
    Kind("classical", ((CLASSICAL, "steel_defects"), (CLASSICAL, "mnist_small"))),
    Kind("frozen, linear head", ((LINEAR, "steel_defects"), (LINEAR, "mnist_small"))),
    Kind("frozen, dense head", ((DENSE, "steel_defects"), (DENSE, "mnist_small"))),
    Kind("fine_tune", ((FINE_TUNE, "steel_defects"), (FINE_TUNE, "mnist_small"))),
    Kind("scratch", (({**SCRATCH, "epochs": 50}, "steel_defects"), (SCRATCH, "flowers_rare"))),
    Kind("autoencoder", ((AUTOENCODER, "steel_defects"), (AUTOENCODER, "mnist_small"))),
)


class Black:
    """Pictures of which nothing is left but their sizes."""

    def __init__(self, pictures: DecodedPictures) -> None:
        self._pictures = pictures

    def __call__(self, spec: PictureSpec) -> NDArray[np.uint8]:
        """Return black pictures."""
        return np.zeros_like(one_array(self._pictures(spec)))

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pictures)


class Keeping(Strategy):
    """A strategy of the registry whose last fit is kept."""

    fits: list[Fit]

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.name, self.title, self.parameters = inner.name, inner.title, inner.parameters
        self.looks_at_pictures = inner.looks_at_pictures
        self.starts_pretrained = inner.starts_pretrained
        self.resolved, self.picture_specs = inner.resolved, inner.picture_specs
        self.fits = []

    def fit(self, task: FitTask) -> Fit:
        """Fit as the strategy does, and keep what came of it."""
        self.fits = [self.inner.fit(task)]
        return self.fits[0]

    def rebuild(self, task: FitTask, learned: Arrays) -> object:
        """Return what the strategy returns."""
        return self.inner.rebuild(task, learned)


@dataclass
class DataSets:
    """The shared data sets' training folders, listed when they are first asked for."""

    folder: Path
    _listed: dict[str, tuple[NDArray[np.str_], NDArray[np.int64]]] = field(default_factory=dict)

    def __call__(self, name: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """Return paths and labels."""
        if name not in self._listed:
            dataset = read_dataset(self.folder / name / "train")
            labels = np.array([dataset.classes.index(s.label) for s in dataset.samples], np.int64)
            self._listed[name] = np.array([str(path) for path in dataset.paths]), labels
        return self._listed[name]


def draw_rows(
    labels: NDArray[np.int64], counts: tuple[int, ...], rare: bool, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return rows for each of ``counts``, no row twice: classes as even as they can be.

    With ``rare``, one in twenty is of class 1 and all others of class 0.
    """
    queues = [rng.permutation(np.flatnonzero(labels == c)).tolist() for c in np.unique(labels)]
    parts = []
    for count in counts:
        wanted = [max(2, count // 20), count] if rare else [count] * len(queues)
        order = ([1] * wanted[0] + [0] * count) if rare else []
        part: list[int] = []
        while len(part) < count and any(queues):
            for c in order or range(len(queues)):
                if queues[c] and len(part) < count:
                    part.append(queues[c].pop())
            order = [0] if rare else []
        parts.append(np.array(part, np.int64))
    return parts


def do_fit(kind: Kind, seed: int, sets: DataSets, backbones: tuple) -> dict[str, object]:
    """Return one row of the table."""
    values, name = kind.plans[seed % len(kind.plans)]
    paths, labels = sets(name)
    rng = np.random.default_rng(derive_seed(seed, kind.name))
    rare = kind.alter == "rare" and name == "flowers_rare"
    counts = (kind.train, HELD_OUT, WITNESSES)
    train, held_out, witnesses = draw_rows(labels, counts, rare, rng)
    rows = np.concatenate([train, held_out])
    own = labels[rows]
    if kind.alter == "shuffle":
        own = rng.permutation(own)
    pictures = DecodedPictures(paths[rows])
    source = Black(pictures) if kind.alter == "blacken" else pictures
    keeping = Keeping(STRATEGIES[str(values["strategy"])])
    context = _context(name, own, len(train), int(labels.max()) + 1, backbones, seed)
    worker = Worker(context, source, None, "here", {keeping.name: keeping})
    started = time.perf_counter()
    result = next(worker.run(FitRequest(seed, Config.from_mapping(values), (0,))))
    seconds = time.perf_counter() - started
    witness = float("nan")
    if kind.alter == "" and result.status == "complete" and len(kind.right) != 1:
        witness = _witness(keeping.fits[0], paths[witnesses], labels[witnesses])
    return _row(kind, seed, name, values, result, witness, seconds)


def _context(
    name: str,
    labels: NDArray[np.int64],
    train: int,
    class_count: int,
    backbones: tuple,
    seed: int,
) -> SearchContext:
    fold = (np.arange(len(labels)) < train).astype(np.int64)
    plan = FoldPlan(fold[None], 2, np.arange(len(labels), dtype=np.int64), "one fold of two")
    return SearchContext(
        picture_paths=tuple(map(str, range(len(labels)))),
        labels=labels,
        classes=tuple(map(str, range(class_count))),
        unlabelled_paths=(),
        folds=plan,
        metric="balanced_accuracy",
        invariances=() if "digits" in name or "mnist" in name else ("mirror",),
        backbones=backbones,
        seed=seed,
        cache_dir="",
    )


def _witness(fit: Fit, paths: NDArray[np.str_], labels: NDArray[np.int64]) -> float:
    """Return the balanced accuracy on pictures that the fit did not see."""
    from autosmall.models.array_model import predict_array_model

    if not len(labels):
        return float("nan")
    seen = one_array(DecodedPictures(paths)(fit.picture_spec))
    model = fit.build_model()
    if isinstance(model, ArrayModel):
        probabilities = predict_array_model(model, seen)
    else:
        probabilities = np.asarray(model(seen.astype(np.float32), training=False))
    return score("balanced_accuracy", labels, probabilities)


def _row(
    kind: Kind,
    seed: int,
    name: str,
    values: Values,
    result: FoldResult,
    witness: float,
    seconds: float,
) -> dict[str, object]:
    return {
        "kind": kind.name,
        "seed": seed,
        "data_set": name,
        "strategy": values["strategy"],
        "status": result.status,
        "diagnoses": " ".join(result.diagnoses),
        "right": kind.is_right(result.diagnoses),
        "train": result.train_scores.get("balanced_accuracy", float("nan")),
        "held_out": result.scores.get("balanced_accuracy", float("nan")),
        "witness": witness,
        "trainable_parameters": result.trainable_parameters,
        "seconds": round(seconds, 2),
        "error": result.error.strip().splitlines()[-1] if result.error else "",
    }


def is_wanted(kind: Kind, names: list[str]) -> bool:
    """Tell whether ``names``, none for everything, ask for this kind."""
    half = "faults" if kind.right else "healthy"
    return not names or kind.name in names or half in names


def missing(output: Path, names: list[str]) -> Iterator[tuple[Kind, int]]:
    """Yield kinds and seeds that ``output`` does not hold."""
    done: set[tuple[str, int]] = set()
    if output.exists():
        table = pd.read_csv(output)
        done = set(zip(table["kind"], table["seed"], strict=True))
    for kind in KINDS:
        # One plan after the other, so that networks that were traced are used again.
        for seed in sorted(range(SEEDS), key=lambda number: number % len(kind.plans)):
            if (kind.name, seed) not in done and is_wanted(kind, names):
                yield kind, seed


def main() -> None:
    """Do the fits that are missing, and print the table."""
    output = Path(sys.argv[1])
    sets = DataSets(Path(os.environ["AUTOSMALL_SHARED"]) / "data")
    backbones = find_backbones((), None).found
    for kind, seed in missing(output, sys.argv[2:]):
        row = do_fit(kind, seed, sets, backbones)
        pd.DataFrame([row]).to_csv(output, mode="a", header=not output.exists(), index=False)
        print(*row.values(), flush=True)
    table = pd.read_csv(output)
    table["carried"] = [
        skill(row.witness, classes) / skill(row.train, classes)
        for row in table.itertuples()
        for classes in [len(np.unique(sets(row.data_set)[1]))]
    ]
    shown = table.groupby(["kind", "data_set"], sort=False).agg(
        fits=("right", "size"),
        right=("right", "sum"),
        train=("train", "mean"),
        held_out=("held_out", "mean"),
        witness=("witness", "mean"),
        carried=("carried", "mean"),
        seconds=("seconds", "sum"),
    )
    print(shown.round(2).to_string())


if __name__ == "__main__":
    main()
