"""Why a configuration is recommended, in words: the rule, and how it came out here."""

from __future__ import annotations

import math
from dataclasses import replace

from autosmall.analysis.ranking import Ranking
from autosmall.analysis.recommendation import LEAST_PROBABILITY, MARGIN
from autosmall.analysis.selection_bias import pick
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report.numbers import count_text, counted, points_text, seconds_text
from autosmall.schema.settings import PREFER_SIMPLE, PREFER_SPEED

_PREFERRED = {
    PREFER_SIMPLE: "the one with the fewest trainable parameters",
    PREFER_SPEED: "the quickest to train",
}


def probability_better(ranking: Ranking) -> float:
    """Return P(better than the plain default) of what the rule would take in its place, or NaN."""
    challenger, default = _challenger(ranking), ranking.default
    if default is None or challenger.trial == default.summary.trial:
        return math.nan
    return ranking.probability_better(challenger.trial)


def rule(ranking: Ranking) -> str:
    """Return the rule behind the recommendation, in words."""
    found = "the best score, ties by log loss"
    if ranking.contest.prefer in _PREFERRED:
        found = (
            f"{_PREFERRED[ranking.contest.prefer]} among those at most one standard error and "
            f"{points_text(ranking.metric, MARGIN, 1.0)} below the best score"
        )
    text = f"The rule (--prefer {ranking.contest.prefer}): {found}"
    if ranking.default is None:
        return f"{text}. No plain default finished all its folds, so nothing had to beat it."
    return (
        f"{text}, if it is better than the plain default (trial {ranking.default.summary.trial}) "
        f"with a probability above {100 * LEAST_PROBABILITY:.0f} %; else the default. The "
        "probability counts in that the best of many tried looks better than it is."
    )


def why(ranking: Ranking, probability: float) -> str:
    """Return why the recommended configuration is, and how many could not be told from the best.

    ``probability`` is that of :func:`probability_better`.
    """
    assert ranking.recommended is not None and ranking.leader is not None
    chosen = ranking.recommended.summary
    leader = ranking.find(ranking.leader).summary
    is_default = ranking.default is not None and chosen.trial == ranking.default.summary.trial
    if chosen.trial == leader.trial:
        first = "It is the plain default, and" if is_default else "It"
        best = f"{first} has the best score of all that finished every fold{_tied(ranking)}."
        return f"{best} {_surely(probability)}" if math.isfinite(probability) else best
    if is_default:
        return _default_stays(ranking, probability)
    lost = points_text(ranking.metric, ranking.recommended.to_leader.difference, 0.01)
    return (
        f"It scores {lost} less than trial {leader.trial} ({leader.strategy}), a difference within "
        f"one standard error, and costs less: {_cost(chosen)} instead of {_cost(leader)}."
    )


def _challenger(ranking: Ranking) -> TrialSummary:
    """Return what the rule would pick if nothing had to beat the default."""
    column = pick(ranking.metric, ranking.table, replace(ranking.contest, default=None))
    return ranking.find(ranking.table.trials[column]).summary


def _tied(ranking: Ranking) -> str:
    others = sum(row.tied_with_leader for row in ranking.rows) - 1
    if others <= 0:
        return ""
    return f"; {counted(others, 'other')} cannot be told from it with these pictures"


def _surely(probability: float) -> str:
    shown = "more than 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"
    return f"That it is better than the plain default has a probability of {shown}."


def _default_stays(ranking: Ranking, probability: float) -> str:
    """Return why the default was kept although the rule would have picked another."""
    assert ranking.recommended is not None
    other, default = _challenger(ranking), ranking.recommended.summary
    lead = ranking.oriented(other.score.mean) - ranking.oriented(default.score.mean)
    if lead < 5e-4 or not math.isfinite(probability):
        return f"It is the plain default, and none scores better{_tied(ranking)}."
    return (
        f"It is the plain default. Trial {other.trial} ({other.strategy}) scores "
        f"{points_text(ranking.metric, lead, 0.01)} better, but as one "
        f"picked out of {counted(len(ranking.rows), 'configuration')} it is better in truth "
        f"with a probability of {100 * probability:.0f} % only."
    )


def _cost(summary: TrialSummary) -> str:
    count = count_text(summary.trainable_parameters)
    return f"{count} trainable parameters and {seconds_text(summary.fit_seconds)} per fit"
