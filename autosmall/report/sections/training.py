"""Section: did training go well?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.diagnoses import explain
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.strategies import compare_strategies
from autosmall.analysis.trial_diagnoses import diagnoses_of
from autosmall.report import sentences
from autosmall.report.sections.remedies import own_remedy
from autosmall.schema.run_data import RunData, TrialRecord

CURVES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")
MOST_POINTS = 120
"""Curves with more epochs are thinned to this many points, the last epoch kept."""
MOST_EXAMPLES = 3


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
class Mark:
    """Where on the curves a diagnosis happened: the median epoch, from 1, of the folds with it."""

    name: str
    epoch: int


@dataclass(frozen=True)
class TrialCurves:
    """The curves of one trial: the best of its strategy, or an example of a diagnosis."""

    trial: int
    strategy: str
    curves: tuple[Curve, ...]
    diagnoses: tuple[str, ...]
    marks: tuple[Mark, ...]
    sentence: str


@dataclass(frozen=True)
class DiagnosisRow:
    """Which configurations fell to a diagnosis, what it means, and what to change.

    ``own_remedy`` is what the run's own configurations show about the remedy; it may be empty.
    """

    name: str
    trials: tuple[int, ...]
    meaning: str
    remedy: str
    own_remedy: str


@dataclass(frozen=True)
class Training:
    """How training went.

    Attributes:
        sentence: The answer.
        leaders: Curves of the best complete trial of each strategy.
        diagnoses: What was diagnosed, most frequent first.
        examples: Curves of an ill trial for each diagnosis that has an epoch.
    """

    sentence: str
    leaders: tuple[TrialCurves, ...]
    diagnoses: tuple[DiagnosisRow, ...]
    examples: tuple[TrialCurves, ...]


def gather(run: RunData, ranking: Ranking) -> Training:
    """Return the curves of the leaders of each strategy, and all diagnoses."""
    records = {trial.number: trial for trial in run.trials}
    best = [r.best.trial for r in compare_strategies(run, ranking) if r.best is not None]
    leaders = tuple(
        _curves(records[number]) for number in best if any(f.curves for f in records[number].folds)
    )
    diagnoses = _diagnoses(run, ranking)
    shown = {leader.trial for leader in leaders}
    return Training(
        sentences.training(len(run.begun), diagnoses),
        leaders,
        diagnoses,
        _examples(records, diagnoses, shown),
    )


def _curves(record: TrialRecord) -> TrialCurves:
    curves = tuple(c for c in (_curve(record, name) for name in CURVES) if c is not None)
    found = diagnoses_of(record)
    return TrialCurves(
        record.number,
        record.suggestion.config.strategy,
        curves,
        found,
        _marks(record, found),
        sentences.curves(curves, found),
    )


def _marks(record: TrialRecord, names: Sequence[str]) -> tuple[Mark, ...]:
    epochs = {
        name: [f.diagnosis_epochs[name] for f in record.folds if name in f.diagnosis_epochs]
        for name in names
    }
    return tuple(Mark(name, int(np.median(known))) for name, known in epochs.items() if known)


def _examples(
    records: Mapping[int, TrialRecord], diagnoses: Sequence[DiagnosisRow], shown: set[int]
) -> tuple[TrialCurves, ...]:
    """Return an ill trial per diagnosis with an epoch, unless one of those ``shown`` has it."""
    examples: list[TrialCurves] = []
    for row in diagnoses:
        candidates = [_curves(records[number]) for number in row.trials]
        marked = [c for c in candidates if any(mark.name == row.name for mark in c.marks)]
        if marked and not any(c.trial in shown for c in marked):
            examples.append(marked[0])
            shown = shown | {marked[0].trial}
    return tuple(examples[:MOST_EXAMPLES])


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


def _diagnoses(run: RunData, ranking: Ranking) -> tuple[DiagnosisRow, ...]:
    found: dict[str, list[int]] = {}
    for trial in run.trials:
        for name in diagnoses_of(trial):
            found.setdefault(name, []).append(trial.number)
    order = sorted(found, key=lambda name: -len(found[name]))
    return tuple(
        DiagnosisRow(
            name,
            tuple(found[name]),
            *explain(name),
            own_remedy(run, ranking, name, tuple(found[name])),
        )
        for name in order
    )
