"""The settings of one search, as the command line and the Python call state them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc",
    "average_precision",
    "f1_macro",
    "log_loss",
)
"""Metrics a search may aim at; ``log_loss`` is the only one where lower is better."""

INVARIANCES = (
    "mirror",
    "flip",
    "rotate",
    "shift",
    "zoom",
    "shear",
    "brightness",
    "contrast",
    "noise",
)
"""Transformations that may keep the label: ``mirror`` is left-right, ``flip`` up-down."""

DEFAULT_INVARIANCES = tuple(name for name in INVARIANCES if name != "flip")

PREFER_ACCURACY = "accuracy"
PREFER_SIMPLE = "simple"
PREFER_SPEED = "speed"
PREFERENCES = (PREFER_ACCURACY, PREFER_SIMPLE, PREFER_SPEED)
"""What weighs most in the recommendation (see :mod:`autosmall.analysis.recommendation`)."""


@dataclass(frozen=True)
class SearchSettings:
    """What is searched, how, and for how long. Every field is a long option of ``search``.

    Attributes:
        dataset: Folder of pictures, or a CSV file.
        output_dir: The run folder; ``None`` for ``reports/<dataset's name>``.
        space: Name of a space that ships with the program, or a TOML file.
        max_trials: Trials to run in all, or ``None`` for no limit.
        time_budget_seconds: Wall time, or ``None`` for no limit. With neither limit the space's
            usual minutes are the budget.
        folds: ``"auto"`` or the number of folds, at least 2.
        repeats: Repeats of the folds, or ``None`` for what ``folds="auto"`` picks (else 1).
        metric: ``"auto"`` or one of :data:`METRICS`.
        strategies: Strategies to keep of the space's, or ``()`` for all of them.
        backbones: Names or files to use, or ``()`` for whatever is found.
        weights_dir: Folder with backbone weights, or ``None``.
        cache_dir: Folder for the features of pictures, which runs may share; ``None`` for one
            inside the run folder.
        trust: ``.keras`` files among the backbones whose own code may run.
        source: Pictures to pretrain a backbone on before the search, or ``None``.
        source_budget_seconds: Wall time for that, or ``None`` for a fifth of the time budget.
        explorer: ``committee``, ``optuna``, ``keras-tuner``, ``keras-tuner-hyperband``,
            ``keras-tuner-random`` or ``random``.
        groups: Column of the CSV, regular expression over file names, ``parent-folder``,
            ``none``, or ``None`` for the CSV's ``group`` column where there is one.
        keep_duplicates: Do not tie near duplicates to one fold.
        prefer: What weighs most in the recommendation, one of :data:`PREFERENCES`; ``None`` for
            what the run folder has, at first ``accuracy``.
        invariances: Transformations that keep the label.
        unlabelled: Folder of further pictures without labels, or ``None``.
        workers: Worker processes; ``None`` for one per core, 0 to work in this process.
        gpus_per_worker: Share of a GPU that each worker gets.
        address: Address of a Ray cluster, or ``None`` for this machine.
        seed: Seed of everything.
        early_stop: End before the limits once going on is not expected to pay.
        sample_size: After the search, train its leaders on parts of their pictures.
        pictures: Keep small copies of the pictures for the report, and show their names there.
        overwrite: Delete what is in the run folder first.
        quiet: No progress.
    """

    dataset: Path
    output_dir: Path | None = None
    space: str = "default"
    max_trials: int | None = None
    time_budget_seconds: float | None = None
    folds: str | int = "auto"
    repeats: int | None = None
    metric: str = "auto"
    strategies: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    weights_dir: Path | None = None
    cache_dir: Path | None = None
    trust: tuple[str, ...] = ()
    source: Path | None = None
    source_budget_seconds: float | None = None
    explorer: str = "committee"
    groups: str | None = None
    keep_duplicates: bool = False
    prefer: str | None = None
    invariances: tuple[str, ...] = DEFAULT_INVARIANCES
    unlabelled: Path | None = None
    workers: int | None = None
    gpus_per_worker: float = 0.0
    address: str | None = None
    seed: int = 0
    early_stop: bool = True
    sample_size: bool = True
    pictures: bool = True
    overwrite: bool = False
    quiet: bool = False
