"""After the search: which alterations keep the label, asked of one leader's fold models.

Asked is the best configuration that never saw an altered picture in training, as one that did has
learned to bear with them; where none such is of use, the best of all. Each fold's model is asked
about the pictures that it was not trained on.

**Time.** Each picture is predicted more than a dozen times, so :data:`MOST_PICTURES` are asked
about. Under a time budget, :data:`BUDGET_SHARE` of it is set aside. A search limited by
``--max-trials`` alone has no clock: there all folds are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from autosmall.run_folder.altered_prediction_store import (
    forget_other_trials,
    read_altered_predictions,
    write_altered_predictions,
)
from autosmall.run_folder.fold_models import trials_with_models
from autosmall.runner.pool import Pool
from autosmall.runner.questions import ModelAnswer
from autosmall.schema.altered_predictions import AlteredPredictions
from autosmall.schema.results import FoldResult
from autosmall.schema.search_context import SearchContext
from autosmall.searching.altered_pictures import policy_of
from autosmall.searching.invariance_question import Answer, AskInvariances
from autosmall.searching.model_questions import ask_models
from autosmall.searching.trial import Trial, best_complete
from autosmall.strategies.registry import get_strategy

BUDGET_SHARE = 0.03
"""Part of the time budget that the search leaves for the check."""

MOST_PICTURES = 150
"""Held-out pictures that are asked about, all folds together: losses of ten points show."""

OF_USE = 0.5
"""Least share of what guessing gets wrong that a model must get right to be asked."""


def check_invariances(
    context: SearchContext,
    pool: Pool,
    run_dir: Path,
    trials: Collection[Trial],
    seconds: float,
    with_pictures: bool,
    on_late: Callable[[list[FoldResult]], None],
) -> list[str]:
    """Ask the folds that are not stored yet, within ``seconds``, and return what went wrong.

    Folds of the search that come late are handed to ``on_late``. The first repeat is asked: it
    holds each picture out once.
    """
    kept = set(trials_with_models(run_dir))
    trial = asked_trial([trial for trial in trials if trial.number in kept], context)
    if trial is None:
        return []
    forget_other_trials(run_dir, trial.number)
    done = {found.fold for found in read_altered_predictions(run_dir)}
    folds = [fold for fold in range(context.folds.fold_count) if fold not in done]
    question = AskInvariances(with_pictures, max(1, MOST_PICTURES // context.folds.fold_count))
    questions = dict.fromkeys(folds, question)
    problems = []
    for result in ask_models(pool, run_dir, trial.suggestion, questions, seconds, on_late):
        if isinstance(result, ModelAnswer):
            write_altered_predictions(run_dir, _stored(result))
        else:
            problems.append(result.error.strip().splitlines()[-1])
    return problems


def asked_trial(trials: Collection[Trial], context: SearchContext) -> Trial | None:
    """Return the trial whose models are asked, or ``None`` where no one looks at pictures."""
    looking = [t for t in trials if get_strategy(t.strategy).looks_at_pictures]
    unaltered = [t for t in looking if not _alters(t, context)]
    best = best_complete(unaltered, context.metric)
    if best is not None and _is_of_use(best, context):
        return best
    return best_complete(looking, context.metric)


def _alters(trial: Trial, context: SearchContext) -> bool:
    config = get_strategy(trial.strategy).resolved(trial.suggestion.config)
    return policy_of(config, frozenset(context.invariances)) is not None


def _is_of_use(trial: Trial, context: SearchContext) -> bool:
    guess = float(np.bincount(context.labels).max()) / len(context.labels)
    accuracy = float(np.mean([fold.scores["accuracy"] for fold in trial.results]))
    return accuracy >= guess + OF_USE * (1 - guess)


def _stored(result: ModelAnswer) -> AlteredPredictions:
    found = result.answer
    assert isinstance(found, Answer)
    return AlteredPredictions(
        result.trial, result.fold, found.rows, found.plain, found.by_kind, found.examples
    )
