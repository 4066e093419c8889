"""Draws runs with a known truth: predictions of several strategies, no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import FoldResult, Reconstructions, Suggestion
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.training.metrics import all_scores


@dataclass(frozen=True)
class DrawnTrial:
    """A trial to draw: its true accuracy, the share by which training exceeds it, and its size."""

    strategy: str
    accuracy: float
    gap: float = 0.05
    parameters: int = 1000
    seconds: float = 2.0
    status: str = "complete"
    reason: str = ""
    folds: int | None = None
    values: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    diagnoses: tuple[str, ...] = ()
    error: str = ""
    notes: Mapping[str, float] = field(default_factory=dict)


DEFAULT_TRIALS = (
    DrawnTrial("baseline", 0.34, 0.0, 0, 0.01),
    DrawnTrial("classical", 0.72, 0.2, 972, 0.4, values={"regularization": 0.01}),
    DrawnTrial("frozen", 0.86, 0.08, 1539, 1.2, values={"learning_rate": 1e-3, "epochs": 40}),
    DrawnTrial("frozen", 0.80, 0.02, 1539, 0.9, values={"learning_rate": 1e-5, "epochs": 40}),
    DrawnTrial("fine_tune", 0.87, 0.12, 1_843_000, 31.0, values={"learning_rate": 3e-4}),
    DrawnTrial("fine_tune", 0.80, 0.18, 3_206_000, 44.0, values={"learning_rate": 1e-2}),
    DrawnTrial("scratch", 0.66, 0.30, 412_000, 18.0, values={"width": 32, "dropout_rate": 0.3}),
    DrawnTrial("scratch", 0.40, 0.0, 412_000, 9.0, "raced_out", "behind trial 4 by 30 points", 2),
    DrawnTrial(
        "autoencoder",
        0.5,
        0.0,
        96_000,
        4.0,
        "unhealthy",
        "training loss diverged",
        1,
        diagnoses=("diverging",),
    ),
    DrawnTrial(
        "scratch", 0.5, 0.0, 0, 1.0, "failed", "out of memory", 1, error="MemoryError: 2 GB"
    ),
)


def make_run(
    trials: Sequence[DrawnTrial] = DEFAULT_TRIALS,
    *,
    samples: int = 120,
    classes: Sequence[str] = ("apart", "both", "stuck"),
    folds: int = 5,
    repeats: int = 1,
    metric: str = "accuracy",
    state: str = "finished",
    names: Sequence[str] | None = None,
    groups: np.ndarray | None = None,
    audit: Mapping[str, object] | None = None,
    seed: int = 0,
) -> RunData:
    """Return a run whose trials hit each picture with their ``accuracy``, errors correlated."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples, dtype=np.int64) % len(classes)
    plan = _plan(samples, len(classes), folds, repeats, groups, rng)
    difficulty = rng.normal(size=samples)
    records = [
        _trial(number, drawn, labels, len(classes), plan, difficulty, rng)
        for number, drawn in enumerate(trials)
    ]
    return RunData(
        name="drawn",
        settings={
            "dataset": "pictures of parts",
            "metric": metric,
            "space": "quick",
            "seed": seed,
            "workers": 2,
            "explorer": "committee",
        },
        versions={"autosmall": "0.1.0", "keras": "3.15.1", "python": "3.11"},
        fingerprint="f1d2",
        classes=tuple(classes),
        sample_names=tuple(names or (f"{classes[c]}/{i:04d}.png" for i, c in enumerate(labels))),
        labels=labels,
        folds=plan,
        audit=audit or {},
        trials=tuple(records),
        state=state,
        end_reason="" if state == "running" else "all trials done",
        search_seconds=312.5,
    )


def _plan(samples, class_count, folds, repeats, groups, rng):
    assignments = np.empty((repeats, samples), np.int64)
    for repeat in range(repeats):
        for label in range(class_count):
            rows = np.flatnonzero(np.arange(samples) % class_count == label)
            assignments[repeat, rng.permutation(rows)] = np.arange(len(rows)) % folds
    own = np.arange(samples, dtype=np.int64) if groups is None else groups
    return FoldPlan(assignments, folds, own, f"{samples} pictures: {folds} folds")


def _trial(number, drawn, labels, class_count, plan, difficulty, rng):
    from scipy.stats import norm

    latent = 0.8 * difficulty + 0.6 * rng.normal(size=len(labels))
    right = latent < norm.ppf(drawn.accuracy)
    probabilities = _probabilities(labels, right, class_count, rng)
    done = plan.total if drawn.folds is None else drawn.folds
    folds = tuple(_fold(number, f, drawn, labels, plan, probabilities, rng) for f in range(done))
    config = Config.from_mapping({"strategy": drawn.strategy, **drawn.values})
    proposer = "portfolio" if number < 4 else ("optuna", "keras-tuner")[number % 2]
    label = "plain frozen head" if number == 2 else ""
    suggestion = Suggestion(number, config, proposer, label, number < 4, number == 2)
    return TrialRecord(suggestion, drawn.status, drawn.reason, folds)


def _probabilities(labels, right, class_count, rng):
    wrong = (labels + rng.integers(1, class_count, len(labels))) % class_count
    predicted = np.where(right, labels, wrong)
    logits = rng.normal(0, 0.5, (len(labels), class_count))
    logits[np.arange(len(labels)), predicted] = logits.max(axis=1) + rng.uniform(
        0.3, 3, len(labels)
    )
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponent / exponent.sum(axis=1, keepdims=True)).astype(np.float32)


def _fold(number, fold, drawn, labels, plan, probabilities, rng):
    if drawn.error:
        return FoldResult(number, fold, "failed", error=drawn.error)
    rows = plan.validation_index(fold)
    scores = all_scores(labels[rows], probabilities[rows])
    epochs = np.arange(1, 21)
    learned = 1 - np.exp(-epochs / 5)
    chance = 1 / (labels.max() + 1)
    train = chance + (min(1.0, drawn.accuracy + drawn.gap) - chance) * learned
    held_out = chance + (drawn.accuracy - chance) * learned + rng.normal(0, 0.02, 20)
    train_loss = np.log(labels.max() + 1) * (1 - 0.9 * learned)
    validation_loss = train_loss + drawn.gap * epochs / 10
    train_accuracy = min(1.0, drawn.accuracy + drawn.gap + rng.normal(0, 0.01))
    return FoldResult(
        number,
        fold,
        "complete" if drawn.status != "unhealthy" else "unhealthy",
        scores=scores,
        train_scores=dict.fromkeys(scores, train_accuracy),
        probabilities=probabilities[rows],
        curves={}
        if drawn.strategy in ("baseline", "classical")
        else {
            "train_loss": tuple(train_loss.tolist()),
            "validation_loss": tuple(validation_loss.tolist()),
            "train_accuracy": tuple(train.tolist()),
            "validation_accuracy": tuple(np.clip(held_out, 0, 1).tolist()),
        },
        trainable_parameters=drawn.parameters,
        total_parameters=drawn.parameters + 100,
        fit_seconds=drawn.seconds,
        diagnoses=drawn.diagnoses,
        notes=drawn.notes,
        worker="inline",
    )


def with_reconstructions(run: RunData, *, side: int = 16, channels: int = 3) -> RunData:
    """Return ``run`` with what a search keeps of an autoencoder, in each trial of that strategy.

    The reconstructions of trial t are off by 10 (t + 1) of 255 everywhere.
    """
    return replace(run, trials=tuple(_restored(t, run, side, channels) for t in run.trials))


def _restored(trial, run, side, channels):
    if trial.suggestion.config.strategy != "autoencoder":
        return trial
    rng = np.random.default_rng(trial.number)
    originals = rng.integers(0, 128, (8, side, side, channels)).astype(np.uint8)
    off = 10 * (trial.number + 1)
    rows = run.folds.validation_index(0)[:8].tolist()
    examples = Reconstructions(tuple(rows), (off / 255,) * 8, originals, originals + np.uint8(off))
    folds = tuple(
        replace(
            fold,
            notes={
                "reconstruction_error": off / 255 + 0.001 * fold.fold,
                "reconstruction_error_train": off / 300,
                "mean_picture_error": 0.2,
            },
            reconstructions=examples if fold.fold == 0 else None,
        )
        for fold in trial.folds
    )
    return replace(trial, folds=folds)


def store_run(run: RunData, folder) -> None:
    """Write ``run`` into ``folder`` as a search does; one that runs is held by this process."""
    from pathlib import Path

    from autosmall.data.fold_file import write_folds
    from autosmall.data.samples import Dataset, Sample
    from autosmall.files import write_json
    from autosmall.run_folder.lock import RunLock
    from autosmall.run_folder.state import RunFacts, RunState
    from autosmall.run_folder.store import RunStore

    folder.mkdir(parents=True, exist_ok=True)
    if run.state == "running":
        RunLock(folder).__enter__()
    samples = tuple(
        Sample(name, Path("/") / str(row), run.classes[run.labels[row]])
        for row, name in enumerate(run.sample_names)
    )
    dataset = Dataset(Path("/"), Path("/"), "class-folders", run.classes, samples)
    write_folds(folder / "folds.csv", dataset, run.folds)
    write_json(folder / "audit.json", dict(run.audit))
    store = RunStore(folder)
    store.create(RunFacts(run.settings, {}, run.versions, run.fingerprint, run.classes))
    store.write_state(RunState(run.state, run.end_reason, run.search_seconds))
    for trial in run.trials:
        store.add_suggestion(trial.suggestion)
        for fold in trial.folds:
            store.append(fold)
        if trial.status != "running":
            store.end_trial(trial.number, trial.status, trial.reason)
