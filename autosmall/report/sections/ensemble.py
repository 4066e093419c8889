"""Part of a section: would several configurations do better together?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from autosmall.analysis.ensemble import Ensemble, begin_ensemble
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.helper import Helper
from autosmall.report.commands import ensemble_command
from autosmall.report.numbers import count_text, signed_interval_text, signed_text
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class MemberFacts:
    """A member of the vote."""

    trial: int
    strategy: str
    weight: float


@dataclass(frozen=True)
class EnsembleFacts:
    """A vote of several configurations beside the recommended one.

    Attributes:
        pays: Whether its corrected gain is positive, so that it is offered.
        sentence: The answer.
        members: Who votes, the weightiest first; empty unless it pays.
        gain: Corrected gain, more is better.
        gain_interval: Both ends of its 95 % interval.
        total_parameters: Of all members.
        fit_seconds: Of all members, the mean wall time per fold each.
        command: What makes it; empty unless it pays.
    """

    pays: bool
    sentence: str
    members: tuple[MemberFacts, ...]
    gain: float
    gain_interval: tuple[float, float]
    total_parameters: int
    fit_seconds: float
    command: str


def begin(
    run: RunData, ranking: Ranking, run_path: str, helper: Helper | None = None
) -> Callable[[], EnsembleFacts | None]:
    """Return what returns whether an ensemble pays, worked out by ``helper`` if given.

    That is ``None`` while the search runs or for fewer than two complete configurations.
    """
    if run.state == "running" or ranking.recommended is None:
        return lambda: None
    found = begin_ensemble(ranking, helper)
    return lambda: _facts(run.metric, ranking, run_path, found())


def _facts(
    metric: str, ranking: Ranking, run_path: str, found: Ensemble | None
) -> EnsembleFacts | None:
    if found is None or ranking.recommended is None:
        return None
    voters = [ranking.find(trial).summary for trial in found.trials]
    return EnsembleFacts(
        pays=found.pays,
        sentence=_offer(metric, found, voters, ranking.recommended.summary)
        if found.pays
        else f"No: {gain_words(metric, found)}. One configuration is enough.",
        members=tuple(
            MemberFacts(s.trial, s.strategy, weight)
            for s, weight in zip(voters, found.weights, strict=True)
        )
        if found.pays
        else (),
        gain=found.gain,
        gain_interval=(found.gain_low, found.gain_high),
        total_parameters=sum(s.total_parameters for s in voters),
        fit_seconds=sum(s.fit_seconds for s in voters),
        command=ensemble_command(run_path) if found.pays else "",
    )


def gain_words(metric: str, found: Ensemble | None) -> str:
    """Return what a vote gains over the recommended configuration, with its interval."""
    if found is None:
        return "there are not two complete configurations"
    if len(found.trials) < 2:
        return f"of the best configurations, trial {found.trials[0]} alone scores highest"
    if not math.isfinite(found.gain):
        return "its gain cannot be told with so few pictures"
    unit = " points" if metric != "log_loss" else ""
    return (
        f"a vote of {len(found.trials)} configurations is expected to change the score of the "
        f"recommended one by {signed_text(metric, found.gain)}{unit}, corrected for the choice of "
        "its members (95 % interval "
        f"{signed_interval_text(metric, found.gain_low, found.gain_high)})"
    )


def _offer(
    metric: str, found: Ensemble, voters: list[TrialSummary], recommended: TrialSummary
) -> str:
    parameters = sum(s.total_parameters for s in voters)
    seconds = sum(s.fit_seconds for s in voters)
    return (
        f"Probably: {gain_words(metric, found)}. It costs {count_text(parameters)} parameters "
        f"instead of {count_text(recommended.total_parameters)} and {len(voters)} predictions per "
        f"picture instead of one, {_times(seconds, recommended.fit_seconds)} the time to train."
    )


def _times(seconds: float, of_one: float) -> str:
    return f"{seconds / of_one:.1f} times" if of_one > 0 else "several times"
