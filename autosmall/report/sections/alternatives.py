"""Part of a section: what one gains and gives up by taking another configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autosmall.analysis.alternatives import (
    BEST_SCORE,
    FASTEST,
    FEWEST_PARAMETERS,
    SMALLEST_GAP,
    Alternative,
    find_alternatives,
    outdoing,
    pareto_front,
)
from autosmall.analysis.paired import ROPE, PairedDifference
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report import commands
from autosmall.report.numbers import (
    METRIC_WORDS,
    chance_text,
    count_text,
    counted,
    listed,
    points_text,
    seconds_text,
    signed_interval_text,
)

ROLE_WORDS = {
    BEST_SCORE: "the best score",
    FEWEST_PARAMETERS: "the fewest parameters",
    FASTEST: "the fastest training",
    SMALLEST_GAP: "the smallest gap",
}

LEAST_GAP = 0.005
"""Gaps that differ by less than this are not told apart."""


@dataclass(frozen=True)
class AlternativeRow:
    """A configuration that could be taken instead, and what that would mean.

    ``roles`` are what it is the best in, ``gains`` and ``gives_up`` are in words, ``chance`` is how
    sure the difference of scores is, ``command`` makes the model.
    """

    roles: tuple[str, ...]
    trial: int
    strategy: str
    difference: PairedDifference
    trainable_parameters: int
    fit_seconds: float
    gap: float
    gains: str
    gives_up: str
    chance: str
    command: str


@dataclass(frozen=True)
class FrontRow:
    """A configuration that none outdoes in score, parameters and seconds at once."""

    trial: int
    strategy: str
    score: float
    low: float
    high: float
    trainable_parameters: int
    fit_seconds: float
    recommended: bool


@dataclass(frozen=True)
class Choices:
    """What else could be taken.

    Attributes:
        sentence: What the recommended one is the best in itself; may be empty.
        rows: At most one per role.
        front_sentence: How many are on the front, and whether the recommended one is.
        front: Configurations on the Pareto front, the fewest parameters first.
    """

    sentence: str
    rows: tuple[AlternativeRow, ...]
    front_sentence: str
    front: tuple[FrontRow, ...]


def gather(ranking: Ranking, run_path: str) -> Choices:
    """Return the alternatives to the recommended configuration, and the Pareto front."""
    if ranking.recommended is None:
        return Choices("", (), "", ())
    chosen, found = ranking.recommended.summary, find_alternatives(ranking)
    front = [ranking.find(trial).summary for trial in pareto_front(ranking)]
    front.sort(key=lambda s: (s.trainable_parameters, s.fit_seconds))
    return Choices(
        sentence=own_words(found.own_roles),
        rows=tuple(_row(ranking, other, chosen, run_path) for other in found.others),
        front_sentence=front_words(
            chosen.trial, len(front), len(ranking.rows), outdoing(ranking, chosen.trial)
        ),
        front=tuple(_front_row(summary, chosen) for summary in front),
    )


def own_words(roles: tuple[str, ...]) -> str:
    """Return what the recommended configuration is the best in itself."""
    costs = tuple(role for role in roles if role != BEST_SCORE)
    told = ["has the best score"] if BEST_SCORE in roles else []
    if costs:
        told.append(
            f"of those within two standard errors of the best score, {_roles_in_words(costs)}"
        )
    if not told:
        return ""
    has = "" if BEST_SCORE in roles else "has, "
    return f"The recommended configuration itself {has}{' and, '.join(told)}."


def front_words(trial: int, front: int, complete: int, outdone_by: tuple[int, ...]) -> str:
    """Return how many configurations are on the front, and whether the recommended one is."""
    text = (
        f"Of {counted(complete, 'complete configuration')}, {front} "
        f"{'is' if front == 1 else 'are'} outdone by none in score, parameters and seconds at once."
    )
    if not outdone_by:
        return f"{text} The recommended one (trial {trial}) is among them."
    names = listed([str(other) for other in outdone_by[:3]])
    more = "" if len(outdone_by) <= 3 else f" and {len(outdone_by) - 3} more"
    noun = "trial" if len(outdone_by) == 1 else "trials"
    return (
        f"{text} The recommended one (trial {trial}) is not among them: {noun} {names}{more} did "
        "as well or better in all three. Its place rests on the rule above, as differences of "
        "scores may be luck."
    )


def gains_and_losses(
    metric: str, other: TrialSummary, chosen: TrialSummary, difference: PairedDifference
) -> tuple[str, str]:
    """Return what one gains and what one gives up by taking ``other``, in words."""
    gains: list[str] = []
    losses: list[str] = []
    if abs(difference.difference) >= 5e-4:
        better = difference.difference > 0
        (gains if better else losses).append(
            _score_words(metric, difference if better else difference.reversed())
        )
    fewer = other.trainable_parameters - chosen.trainable_parameters
    if fewer:
        text = (
            f"{count_text(other.trainable_parameters)} parameters to train instead of "
            f"{count_text(chosen.trainable_parameters)}"
        )
        (gains if fewer < 0 else losses).append(text)
    ours, theirs = seconds_text(chosen.fit_seconds), seconds_text(other.fit_seconds)
    if ours != theirs:
        quicker = other.fit_seconds < chosen.fit_seconds
        (gains if quicker else losses).append(f"{theirs} per fit instead of {ours}")
    wider = abs(other.gap) - abs(chosen.gap)
    if abs(wider) >= LEAST_GAP:
        text = f"a gap of {_gap(metric, other.gap)} instead of {_gap(metric, chosen.gap)}"
        (gains if wider < 0 else losses).append(text)
    return _listed(gains), _listed(losses)


def chance_words(metric: str, difference: PairedDifference) -> str:
    """Return the probabilities of being better, as good and worse in truth."""
    if not math.isfinite(difference.p_better):
        return "How sure that is cannot be told from these folds."
    rope = points_text(metric, ROPE, 0.01) if metric == "log_loss" else "1 point"
    return (
        f"Better by more than {rope} with a probability of {chance_text(difference.p_better)}, "
        f"within {rope} with {chance_text(difference.p_equivalent)}, worse by more with "
        f"{chance_text(difference.p_worse)}."
    )


def _row(
    ranking: Ranking, alternative: Alternative, chosen: TrialSummary, run_path: str
) -> AlternativeRow:
    other, difference = alternative.trial, alternative.difference
    gains, gives_up = gains_and_losses(ranking.metric, other, chosen, difference)
    chance = chance_words(ranking.metric, difference)
    if BEST_SCORE in alternative.roles:
        chance += (
            f" It is the best of {len(ranking.rows)}, so it looks better than it is: these "
            "probabilities do not count that in, the rule of the recommendation does."
        )
    return AlternativeRow(
        roles=alternative.roles,
        trial=other.trial,
        strategy=other.strategy,
        difference=difference,
        trainable_parameters=other.trainable_parameters,
        fit_seconds=other.fit_seconds,
        gap=other.gap,
        gains=gains,
        gives_up=gives_up,
        chance=chance,
        command=commands.retrain_command(run_path, other.trial),
    )


def _front_row(summary: TrialSummary, chosen: TrialSummary) -> FrontRow:
    return FrontRow(
        summary.trial,
        summary.strategy,
        summary.score.mean,
        summary.score.low,
        summary.score.high,
        summary.trainable_parameters,
        summary.fit_seconds,
        summary.trial == chosen.trial,
    )


def _roles_in_words(roles: tuple[str, ...]) -> str:
    return listed([ROLE_WORDS[role] for role in roles])


def _score_words(metric: str, difference: PairedDifference) -> str:
    """Return a difference above 0 with its interval."""
    half = (difference.high - difference.low) / 2
    interval = signed_interval_text(metric, difference.low, difference.high)
    size = points_text(metric, difference.difference, min(half, 0.019))
    return f"{size} of {METRIC_WORDS[metric]} ({interval})"


def _gap(metric: str, gap: float) -> str:
    return points_text(metric, gap, 0.01)


def _listed(parts: list[str]) -> str:
    return listed(parts) if parts else "nothing that was measured"
