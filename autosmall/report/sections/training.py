"""Section: did training go well?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.diagnoses import explain
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.strategies import compare_strategies
from autosmall.report import sentences
from autosmall.schema.run_data import RunData, TrialRecord

CURVES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")
MOST_POINTS = 120
"""Curves with more epochs are thinned to this many points, the last epoch kept."""


@dataclass(frozen=True)
class Curve:
    """One quantity over epochs: ``folds`` holds one tuple of values per fold.

    ``epochs`` numbers the points from 1; ``mean`` is over the folds that reach the epoch, and
    ends where the first fold ends. Unknown values are NaN.
    """

    name: str
    epochs: tuple[int, ...]
    folds: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]


@dataclass(frozen=True)
class LeaderCurves:
    """The curves of a strategy's best complete trial."""

    trial: int
    strategy: str
    curves: tuple[Curve, ...]
    diagnoses: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class DiagnosisRow:
    """How many configurations fell to a diagnosis, what it means, and what to change."""

    name: str
    trials: tuple[int, ...]
    meaning: str
    remedy: str


@dataclass(frozen=True)
class Training:
    """How training went."""

    sentence: str
    leaders: tuple[LeaderCurves, ...]
    diagnoses: tuple[DiagnosisRow, ...]


def gather(run: RunData, ranking: Ranking) -> Training:
    """Return the curves of the leaders of each strategy, and all diagnoses."""
    records = {trial.number: trial for trial in run.trials}
    best = [r.best.trial for r in compare_strategies(run, ranking) if r.best is not None]
    leaders = tuple(
        _leader(records[number]) for number in best if any(f.curves for f in records[number].folds)
    )
    diagnoses = _diagnoses(run)
    return Training(sentences.training(len(run.trials), diagnoses), leaders, diagnoses)


def _leader(record: TrialRecord) -> LeaderCurves:
    curves = tuple(c for c in (_curve(record, name) for name in CURVES) if c is not None)
    found = tuple(sorted({name for fold in record.folds for name in fold.diagnoses}))
    return LeaderCurves(
        record.number,
        record.suggestion.config.strategy,
        curves,
        found,
        sentences.curves(curves, found),
    )


def _curve(record: TrialRecord, name: str) -> Curve | None:
    folds = [fold.curves[name] for fold in record.folds if fold.curves.get(name)]
    if not folds:
        return None
    shortest, longest = min(map(len, folds)), max(map(len, folds))
    kept = np.unique(np.linspace(0, longest - 1, min(longest, MOST_POINTS)).round().astype(int))
    within = [epoch for epoch in kept if epoch < shortest]
    return Curve(
        name,
        tuple(int(epoch) + 1 for epoch in kept),
        tuple(tuple(round(f[e], 4) for e in kept if e < len(f)) for f in folds),
        tuple(round(float(np.mean([f[e] for f in folds])), 4) for e in within),
    )


def _diagnoses(run: RunData) -> tuple[DiagnosisRow, ...]:
    found: dict[str, list[int]] = {}
    for trial in run.trials:
        for name in {name for fold in trial.folds for name in fold.diagnoses}:
            found.setdefault(name, []).append(trial.number)
    order = Counter({name: len(trials) for name, trials in found.items()}).most_common()
    return tuple(DiagnosisRow(name, tuple(found[name]), *explain(name)) for name, _ in order)
