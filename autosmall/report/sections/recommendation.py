"""Section: what should I use, and how good will it be?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.ranking import Ranking
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report import commands, sentences
from autosmall.report.sections import recommending
from autosmall.schema.config import BASELINE, Value
from autosmall.schema.run_data import RunData

MAJORITY = ("always the commonest class", "commonest class")
"""Name and short name of the majority class among the references."""


@dataclass(frozen=True)
class Reference:
    """A score to hold the recommendation against; ``low`` and ``high`` may be NaN."""

    name: str
    short_name: str
    trial: int | None
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Recommendation:
    """The configuration to use.

    Attributes:
        trial: Its number.
        strategy: Its strategy.
        label: What the portfolio calls it, or an empty text.
        config: Parameter name to value.
        metric: The search's metric; scores below are on its scale.
        naive_score: Mean over folds.
        corrected_score: What to expect of the pick (BBC-CV).
        corrected_interval: Both ends of its 95 % interval.
        leader: Trial with the best score, which may be another one.
        behind_leader: How far below the leader the recommended one is (0 or more).
        trainable_parameters: Weights that training changes.
        total_parameters: Weights that a prediction needs.
        fit_seconds: Mean wall time of a fit.
        seconds_per_picture: Wall time of a prediction, its picture read from a file, by the model
            made of this trial; NaN before there is one.
        references: Majority class and simple baselines.
        retrain_command: What makes the model.
        prefer: What the user prefers: ``accuracy``, ``simple`` or ``speed``.
        rule: The rule behind the recommendation, in words.
        probability_better: That the one with the best score (under another preference: the one
            preferred) is better than the plain default; NaN where one is the other, or no default.
        sentence: The answer.
        why: Why this one.
    """

    trial: int
    strategy: str
    label: str
    config: dict[str, Value]
    metric: str
    naive_score: float
    corrected_score: float
    corrected_interval: tuple[float, float]
    leader: int
    behind_leader: float
    trainable_parameters: int
    total_parameters: int
    fit_seconds: float
    seconds_per_picture: float
    references: tuple[Reference, ...]
    retrain_command: str
    prefer: str
    rule: str
    probability_better: float
    sentence: str
    why: str


def gather(
    run: RunData, ranking: Ranking, corrected: CorrectedScore | None, run_path: str
) -> Recommendation | None:
    """Return the recommendation, or ``None`` where no trial is complete."""
    if ranking.recommended is None or ranking.leader is None or corrected is None:
        return None
    chosen = ranking.recommended.summary
    references = _references(run, ranking, chosen)
    behind = ranking.recommended.to_leader
    probability = recommending.probability_better(ranking)
    return Recommendation(
        trial=chosen.trial,
        strategy=chosen.strategy,
        label=chosen.label,
        config=chosen.config.to_dict(),
        metric=run.metric,
        naive_score=chosen.score.mean,
        corrected_score=corrected.score,
        corrected_interval=(corrected.low, corrected.high),
        leader=ranking.leader,
        behind_leader=max(0.0, -behind.difference),
        trainable_parameters=chosen.trainable_parameters,
        total_parameters=chosen.total_parameters,
        fit_seconds=chosen.fit_seconds,
        seconds_per_picture=_seconds_per_picture(run.model_metrics, chosen.trial),
        references=references,
        retrain_command=commands.retrain_command(run_path),
        sentence=sentences.recommendation(
            run.metric,
            chosen,
            corrected,
            references[0].score if references else float("nan"),
            leads=chosen.trial == ranking.leader,
        ),
        prefer=ranking.contest.prefer,
        rule=recommending.rule(ranking),
        probability_better=probability,
        why=recommending.why(ranking, probability),
    )


def _seconds_per_picture(model_metrics: Mapping[str, object], trial: int) -> float:
    """Return what was measured when the model of ``trial`` was made, else NaN."""
    training = model_metrics.get("training")
    if model_metrics.get("trial") != trial or not isinstance(training, Mapping):
        return float("nan")
    return float(training.get("seconds_per_picture", float("nan")))


def _references(run: RunData, ranking: Ranking, chosen: TrialSummary) -> tuple[Reference, ...]:
    """Return the majority class first, then the best classical one and the plain default."""
    summaries = [row.summary for row in sorted(ranking.rows, key=lambda row: row.rank)]
    found = [_majority(run, summaries)]
    classical = [s for s in summaries if s.strategy == "classical"]
    default = [s for s in summaries if s.is_default]
    named = (("best classical", classical), ("plain default", default))
    for name, candidates in named:
        if candidates and candidates[0].trial != chosen.trial:
            found.append(_reference(name, name, candidates[0]))
    return tuple(reference for reference in found if reference is not None)


def _majority(run: RunData, summaries: list[TrialSummary]) -> Reference | None:
    for summary in summaries:
        if summary.strategy == BASELINE:
            return _reference(*MAJORITY, summary)
    counts = np.bincount(run.labels, minlength=len(run.classes))
    known = {
        "accuracy": float(counts.max() / counts.sum()),
        "balanced_accuracy": 1.0 / len(run.classes),
    }
    if run.metric not in known:
        return None
    share = known[run.metric]
    return Reference(*MAJORITY, None, share, float("nan"), float("nan"))


def _reference(name: str, short_name: str, summary: TrialSummary) -> Reference:
    score = summary.score
    return Reference(name, short_name, summary.trial, score.mean, score.low, score.high)
