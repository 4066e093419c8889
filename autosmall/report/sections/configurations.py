"""Section: all configurations, ranked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.ranking import RankedTrial, Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report import commands, sentences
from autosmall.schema.config import Value
from autosmall.schema.run_data import RunData, TrialRecord

MOST_SHOWN, FIRST_RANKS = 400, 250
"""Configurations that the page shows, and how many of these are the first of the ranking."""

SMALL_CURVES = ("train_accuracy", "validation_accuracy")
MOST_CURVE_POINTS = 16


@dataclass(frozen=True)
class FoldRow:
    """One fold of a configuration; scores are NaN where there are none."""

    fold: int
    status: str
    score: float
    train_score: float
    fit_seconds: float
    diagnoses: tuple[str, ...]
    error: str


@dataclass(frozen=True)
class SmallCurve:
    """Accuracy over epochs, the mean over folds as far as all of them go.

    ``values`` are at most :data:`MOST_CURVE_POINTS`, evenly from the first epoch to the last.
    """

    name: str
    epochs: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class Configuration:
    """One row of the table; ``rank`` is ``None`` for what could not be ranked.

    ``difference`` and its interval compare it with the leader, paired over folds. ``small_curves``
    are those of configurations that the page shows.
    """

    rank: int | None
    trial: int
    strategy: str
    label: str
    proposer: str
    status: str
    reason: str
    recommended: bool
    tied_with_leader: bool
    is_default: bool
    score: float
    standard_error: float
    low: float
    high: float
    train_score: float
    gap: float
    log_loss: float
    difference: float
    difference_low: float
    difference_high: float
    p_value: float
    p_worse: float
    p_equivalent: float
    p_better: float
    trainable_parameters: int
    total_parameters: int
    parameters_per_picture: float
    fit_seconds: float
    folds_done: int
    diagnoses: tuple[str, ...]
    config: dict[str, Value]
    folds: tuple[FoldRow, ...]
    small_curves: tuple[SmallCurve, ...]
    retrain_command: str


@dataclass(frozen=True)
class Configurations:
    """All trials: ranked ones first, then the others by number.

    ``shown`` are the numbers of those on the page, and ``shown_sentence`` says which these are
    where they are not all.
    """

    sentence: str
    fold_total: int
    rows: tuple[Configuration, ...]
    shown: tuple[int, ...]
    shown_sentence: str

    @property
    def page_rows(self) -> list[Configuration]:
        """Return the rows that the page shows."""
        shown = frozenset(self.shown)
        return [row for row in self.rows if row.trial in shown]


def gather(run: RunData, ranking: Ranking, run_path: str) -> Configurations:
    """Return every trial of the run."""
    records = {trial.number: trial for trial in run.trials}
    ranked: list[tuple[TrialSummary, RankedTrial | None]] = [(r.summary, r) for r in ranking.rows]
    found = ranked + [(summary, None) for summary in ranking.others]
    shown = choose_shown([s.trial for s, _ in ranked], [s.trial for s in ranking.others])
    rows = [
        _row(run.metric, records[summary.trial], summary, row, run_path, summary.trial in shown)
        for summary, row in found
    ]
    tied = sum(row.tied_with_leader for row in ranking.rows)
    counts = Counter(row.status for row in rows if row.rank is None)
    return Configurations(
        sentences.configurations(len(ranking.rows), tied, counts),
        run.folds.total,
        tuple(rows),
        tuple(sorted(shown)),
        _shown_sentence(len(shown), len(rows)),
    )


def choose_shown(ranked: Sequence[int], others: Sequence[int]) -> frozenset[int]:
    """Return the trials for the page: all, or the first ranks and evenly some of the rest.

    >>> len(choose_shown(range(100), range(100, 200)))
    200
    >>> shown = choose_shown(range(3000), range(3000, 5000))
    >>> len(shown), set(range(FIRST_RANKS)) <= shown, max(shown) >= 4980
    (400, True, True)
    """
    if len(ranked) + len(others) <= MOST_SHOWN:
        return frozenset([*ranked, *others])
    rest = [*ranked[FIRST_RANKS:], *others]
    room = MOST_SHOWN - len(ranked[:FIRST_RANKS])
    kept = np.linspace(0, len(rest) - 1, room).round().astype(int)
    return frozenset([*ranked[:FIRST_RANKS], *(rest[place] for place in kept)])


def _shown_sentence(shown: int, total: int) -> str:
    if shown == total:
        return ""
    return (
        f"This table, and the charts whose marks are configurations, show {shown} of {total:,}: "
        f"the first {FIRST_RANKS} ranks, and of all others every so many. trials.csv beside this "
        "page has them all."
    )


def _row(
    metric: str,
    record: TrialRecord,
    summary: TrialSummary,
    ranked: RankedTrial | None,
    run_path: str,
    shown: bool,
) -> Configuration:
    missing = float("nan")
    difference = ranked.to_leader if ranked else None
    return Configuration(
        rank=ranked.rank if ranked else None,
        trial=summary.trial,
        strategy=summary.strategy,
        label=summary.label,
        proposer=summary.proposer,
        status=summary.status,
        reason=summary.reason,
        recommended=ranked is not None and ranked.rank == 1,
        tied_with_leader=ranked is not None and ranked.tied_with_leader,
        is_default=summary.is_default,
        score=summary.score.mean,
        standard_error=summary.score.standard_error,
        low=summary.score.low,
        high=summary.score.high,
        train_score=summary.train_score,
        gap=summary.gap,
        log_loss=summary.log_loss,
        difference=difference.difference if difference else missing,
        difference_low=difference.low if difference else missing,
        difference_high=difference.high if difference else missing,
        p_value=difference.p_value if difference else missing,
        p_worse=difference.p_worse if difference else missing,
        p_equivalent=difference.p_equivalent if difference else missing,
        p_better=difference.p_better if difference else missing,
        trainable_parameters=summary.trainable_parameters,
        total_parameters=summary.total_parameters,
        parameters_per_picture=summary.parameters_per_picture,
        fit_seconds=summary.fit_seconds,
        folds_done=summary.folds_done,
        diagnoses=summary.diagnoses,
        config=summary.config.to_dict(),
        folds=_folds(metric, record, summary),
        small_curves=_small_curves(record) if shown else (),
        retrain_command=commands.retrain_command(run_path, summary.trial),
    )


def _folds(metric: str, record: TrialRecord, summary: TrialSummary) -> tuple[FoldRow, ...]:
    scores, missing = dict(summary.fold_scores), float("nan")
    return tuple(
        FoldRow(
            fold=fold.fold,
            status=fold.status,
            score=scores.get(fold.fold, missing),
            train_score=fold.train_scores.get(metric, missing),
            fit_seconds=fold.fit_seconds,
            diagnoses=fold.diagnoses,
            error=_last_line(fold.error),
        )
        for fold in record.folds
    )


def _small_curves(record: TrialRecord) -> tuple[SmallCurve, ...]:
    found = []
    for name in SMALL_CURVES:
        folds = [fold.curves[name] for fold in record.folds if len(fold.curves.get(name, ())) > 1]
        if folds:
            epochs = min(map(len, folds))
            mean = np.mean([fold[:epochs] for fold in folds], axis=0)
            kept = np.linspace(0, epochs - 1, min(epochs, MOST_CURVE_POINTS)).round().astype(int)
            found.append(SmallCurve(name, epochs, tuple(round(float(v), 4) for v in mean[kept])))
    return tuple(found)


def _last_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[-1] if lines else ""
