"""Section: all configurations, ranked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from autosmall.analysis.ranking import RankedTrial, Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report import commands, sentences
from autosmall.schema.config import Value
from autosmall.schema.run_data import RunData, TrialRecord


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
class Configuration:
    """One row of the table; ``rank`` is ``None`` for what could not be ranked.

    ``difference`` and its interval compare it with the leader, paired over folds.
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
    retrain_command: str


@dataclass(frozen=True)
class Configurations:
    """All trials: ranked ones first, then the others by number."""

    sentence: str
    fold_total: int
    rows: tuple[Configuration, ...]


def gather(run: RunData, ranking: Ranking, run_path: str) -> Configurations:
    """Return every trial of the run."""
    records = {trial.number: trial for trial in run.trials}
    rows = [
        _row(run.metric, records[row.summary.trial], row.summary, row, run_path)
        for row in ranking.rows
    ] + [_row(run.metric, records[s.trial], s, None, run_path) for s in ranking.others]
    tied = sum(row.tied_with_leader for row in ranking.rows)
    counts = Counter(row.status for row in rows if row.rank is None)
    return Configurations(
        sentences.configurations(len(ranking.rows), tied, counts), run.folds.total, tuple(rows)
    )


def _row(
    metric: str,
    record: TrialRecord,
    summary: TrialSummary,
    ranked: RankedTrial | None,
    run_path: str,
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


def _last_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[-1] if lines else ""
