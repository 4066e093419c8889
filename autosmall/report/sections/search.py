"""Section: how did the search go?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from autosmall.analysis.ranking import Ranking
from autosmall.analysis.strategies import compare_strategies
from autosmall.report import sentences
from autosmall.schema.run_data import RunData, TrialRecord


@dataclass(frozen=True)
class Step:
    """A complete trial in the order of numbers, and the best score up to it."""

    trial: int
    strategy: str
    score: float
    best_so_far: float


@dataclass(frozen=True)
class StrategyTime:
    """Where the time went: ``share`` is of the seconds of all fits, 0 to 1."""

    strategy: str
    tried: int
    complete: int
    raced_out: int
    failed: int
    seconds: float
    share: float


@dataclass(frozen=True)
class ProposerRow:
    """What one proposer brought; ``best`` is ``None`` where nothing of it is complete.

    ``led`` counts its trials that had the best score so far when they came, in order of numbers.
    """

    proposer: str
    proposed: int
    complete: int
    led: int
    best: float | None
    best_trial: int | None


@dataclass(frozen=True)
class Search:
    """How the search went.

    Attributes:
        sentence: The answer.
        source_sentence: Where the search's own backbone comes from; empty without one.
        state: ``running``, ``finished`` or ``interrupted``.
        end_reason: Why it ended.
        trials: Trials begun.
        by_status: Status to number of trials.
        folds_done: Finished folds.
        folds_saved: Folds that racing and stopping left undone.
        seconds_saved: What they would have taken, by the finished folds of the same trials.
        search_seconds: Wall time.
        fit_seconds: Sum over all fits, which workers share.
        steps: Best so far.
        strategies: Time by strategy, most first.
        proposers: Who proposed what.
    """

    sentence: str
    source_sentence: str
    state: str
    end_reason: str
    trials: int
    by_status: dict[str, int]
    folds_done: int
    folds_saved: int
    seconds_saved: float
    search_seconds: float
    fit_seconds: float
    steps: tuple[Step, ...]
    strategies: tuple[StrategyTime, ...]
    proposers: tuple[ProposerRow, ...]


def gather(run: RunData, ranking: Ranking) -> Search:
    """Return the story of the search."""
    by_status = dict(sorted(Counter(trial.status for trial in run.trials).items()))
    total = sum(fold.fit_seconds for trial in run.trials for fold in trial.folds)
    ended_early = [t for t in run.trials if t.status in ("raced_out", "unhealthy")]
    return Search(
        sentence=sentences.search(run.state, run.end_reason, len(run.begun), by_status),
        source_sentence=sentences.source(
            run.settings.get("source"), run.settings.get("backbones_found")
        ),
        state=run.state,
        end_reason=run.end_reason,
        trials=len(run.begun),
        by_status=by_status,
        folds_done=sum(len(trial.folds) for trial in run.trials),
        folds_saved=sum(run.folds.total - len(trial.folds) for trial in ended_early),
        seconds_saved=sum(_seconds_saved(run, trial) for trial in ended_early),
        search_seconds=run.search_seconds,
        fit_seconds=total,
        steps=_steps(run, ranking),
        strategies=_times(run, ranking, total),
        proposers=_proposers(run, ranking),
    )


def _seconds_saved(run: RunData, trial: TrialRecord) -> float:
    if not trial.folds:
        return 0.0
    per_fold = sum(fold.fit_seconds for fold in trial.folds) / len(trial.folds)
    return per_fold * (run.folds.total - len(trial.folds))


def _steps(run: RunData, ranking: Ranking) -> tuple[Step, ...]:
    steps: list[Step] = []
    best = float("nan")
    for summary in sorted((row.summary for row in ranking.rows), key=lambda s: s.trial):
        score = summary.score.mean
        if not ranking.oriented(score) <= ranking.oriented(best):
            best = score
        steps.append(Step(summary.trial, summary.strategy, score, best))
    return tuple(steps)


def _times(run: RunData, ranking: Ranking, total: float) -> tuple[StrategyTime, ...]:
    rows = []
    for result in compare_strategies(run, ranking):
        own = [t for t in run.begun if t.suggestion.config.strategy == result.strategy]
        statuses = Counter(trial.status for trial in own)
        rows.append(
            StrategyTime(
                strategy=result.strategy,
                tried=result.tried,
                complete=result.complete,
                raced_out=statuses["raced_out"],
                failed=statuses["failed"] + statuses["unhealthy"],
                seconds=result.seconds,
                share=result.seconds / total if total > 0 else 0.0,
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.seconds))


def _proposers(run: RunData, ranking: Ranking) -> tuple[ProposerRow, ...]:
    rows = []
    steps = _steps(run, ranking)
    before = [float("nan"), *(step.best_so_far for step in steps)]
    leading = {s.trial for s, best in zip(steps, before, strict=False) if s.best_so_far != best}
    for name in sorted({trial.suggestion.proposer for trial in run.trials}):
        own = [row.summary for row in ranking.rows if row.summary.proposer == name]
        best = max(own, key=lambda s: ranking.oriented(s.score.mean), default=None)
        rows.append(
            ProposerRow(
                proposer=name,
                proposed=sum(t.suggestion.proposer == name for t in run.trials),
                complete=len(own),
                led=sum(summary.trial in leading for summary in own),
                best=best.score.mean if best else None,
                best_trial=best.trial if best else None,
            )
        )
    return tuple(rows)
