"""Whether going on with a search that has ended is expected to bring more."""

from __future__ import annotations

from autosmall.analysis.last_result import keep_last
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.stopping import Outlook, outlook
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.schema.results import TrialOutcome
from autosmall.schema.run_data import UNFINISHED, RunData, TrialRecord

PORTFOLIO = "portfolio"
"""Proposer of the starts, which say nothing of what further proposals bring."""


@keep_last
def further_search(run: RunData, ranking: Ranking) -> Outlook:
    """Return what as many proposals again may bring, by the rule that ends searches early."""
    summaries = {row.summary.trial: row.summary for row in ranking.rows}
    summaries |= {summary.trial: summary for summary in ranking.others}
    outcomes = [
        _outcome(ranking, trial, summaries[trial.number])
        for trial in run.trials
        if trial.status not in ("running", UNFINISHED)
    ]
    proposed = [o for o in outcomes if o.suggestion.proposer != PORTFOLIO]
    return outlook(outcomes, proposed, len(proposed), run.folds.fold_count)


def _outcome(ranking: Ranking, trial: TrialRecord, summary: TrialSummary) -> TrialOutcome:
    scores = tuple(ranking.oriented(value) for _, value in summary.fold_scores)
    mean = sum(scores) / len(scores) if scores else None
    return TrialOutcome(trial.suggestion, trial.status, mean, scores)
