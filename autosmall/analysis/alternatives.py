"""What one may take instead of the recommended configuration, and which have no better one.

Of three costs (the lower score, the parameters, the seconds) a configuration on the Pareto front
cannot save one without paying another: no other one is at least as good in all three and better
in one. The scores are as measured, so a place on the front may be luck; the differences from the
recommended one, paired over pictures and folds, tell how sure it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.ranking import RankedTrial, Ranking
from autosmall.analysis.trial_summary import TrialSummary

BEST_SCORE = "best_score"
FEWEST_PARAMETERS = "fewest_parameters"
FASTEST = "fastest"
SMALLEST_GAP = "smallest_gap"
ROLES = (BEST_SCORE, FEWEST_PARAMETERS, FASTEST, SMALLEST_GAP)

LEAST_LEAD = 0.0005
"""A better score by less than this (0.05 points, or 0.0005 of a loss) is no better."""


@dataclass(frozen=True)
class Alternative:
    """A configuration that one may take instead of the recommended one.

    Attributes:
        roles: Which of :data:`ROLES` it is the best in; the last three are looked for among those
            that cannot be told from the leader and are at most two standard errors of the paired
            difference below it.
        trial: The configuration.
        difference: How much it exceeds the recommended one, paired over pictures and folds.
    """

    roles: tuple[str, ...]
    trial: TrialSummary
    difference: PairedDifference


@dataclass(frozen=True)
class Alternatives:
    """What else could be taken, and the roles in which the recommended one is the best itself."""

    others: tuple[Alternative, ...]
    own_roles: tuple[str, ...]


def find_alternatives(ranking: Ranking) -> Alternatives:
    """Return at most one alternative per role, each trial once, in the order of the roles.

    One that is no better than the recommended one in its role is none.
    """
    if ranking.recommended is None:
        return Alternatives((), ())
    chosen = ranking.recommended.summary
    best = {role: _best(ranking, role) for role in ROLES}
    roles: dict[int, list[str]] = {}
    for role, trial in best.items():
        roles.setdefault(trial, []).append(role)
    own = tuple(roles.pop(chosen.trial, ()))
    return Alternatives(
        tuple(
            Alternative(
                tuple(named),
                ranking.find(trial).summary,
                ranking.differences.compare(trial, chosen.trial),
            )
            for trial, named in roles.items()
        ),
        own,
    )


def pareto_front(ranking: Ranking) -> tuple[int, ...]:
    """Return the trials that no other one outdoes in score, parameters and seconds, by number."""
    costs = {row.summary.trial: _costs(ranking, row.summary) for row in ranking.rows}
    front: list[int] = []
    for trial in sorted(costs, key=lambda trial: (costs[trial], trial)):
        if not any(_outdoes(costs[other], costs[trial]) for other in front):
            front.append(trial)
    return tuple(sorted(front))


def outdoing(ranking: Ranking, trial: int) -> tuple[int, ...]:
    """Return the trials on the front that outdo ``trial`` in score, parameters and seconds."""
    own = _costs(ranking, ranking.find(trial).summary)
    return tuple(
        other
        for other in pareto_front(ranking)
        if _outdoes(_costs(ranking, ranking.find(other).summary), own)
    )


def _costs(ranking: Ranking, summary: TrialSummary) -> tuple[float, float, float]:
    score = -round(ranking.oriented(summary.score.mean), 9)
    return score, float(summary.trainable_parameters), summary.fit_seconds


def _outdoes(costs: tuple[float, ...], others: tuple[float, ...]) -> bool:
    pairs = list(zip(costs, others, strict=True))
    return all(own <= other for own, other in pairs) and any(own < other for own, other in pairs)


def _best(ranking: Ranking, role: str) -> int:
    """Return the trial that is the best in ``role``, the recommended one where none is better."""
    assert ranking.recommended is not None and ranking.leader is not None
    chosen = ranking.recommended.summary
    if role == BEST_SCORE:
        leader = ranking.find(ranking.leader).summary
        lead = ranking.oriented(leader.score.mean) - ranking.oriented(chosen.score.mean)
        return leader.trial if lead >= LEAST_LEAD else chosen.trial
    cost = _COST[role]
    tied = [row.summary for row in ranking.rows if row.tied_with_leader and _near(ranking, row)]
    cheapest = min(tied, key=cost)
    return cheapest.trial if cost(cheapest) < cost(chosen) else chosen.trial


_COST: dict[str, Callable[[TrialSummary], float]] = {
    FEWEST_PARAMETERS: lambda summary: summary.trainable_parameters,
    FASTEST: lambda summary: summary.fit_seconds,
    SMALLEST_GAP: lambda s: abs(s.gap) if math.isfinite(s.gap) else math.inf,
}


def _near(ranking: Ranking, row: RankedTrial) -> bool:
    assert ranking.leader is not None
    error = ranking.differences.standard_error(ranking.leader, row.summary.trial)
    return row.to_leader.difference >= -2 * error - 1e-9
