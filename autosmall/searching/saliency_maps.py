"""After the search: what the recommended configuration looked at, asked of its fold models.

A picture's map comes from the fold model that held it out; with repeats, from the first repeat.
Maps that are stored already are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from autosmall.analysis.explained import pictures_to_explain
from autosmall.analysis.ranking import Ranking, rank
from autosmall.run_folder.run_data import load_run_data
from autosmall.run_folder.saliency_store import write_maps
from autosmall.runner.pool import Pool
from autosmall.runner.questions import ModelAnswer
from autosmall.schema.results import FoldResult, Suggestion
from autosmall.schema.run_data import RunData
from autosmall.schema.saliency import SaliencyMap
from autosmall.searching.model_questions import ask_models
from autosmall.strategies.registry import get_strategy
from autosmall.strategies.saliency import ExplainPictures

BUDGET_SHARE = 0.05
"""Largest part of the time budget that the search leaves for maps."""

MOST_SECONDS = 30.0
"""As long as they usually take at most."""


def reserved_map_seconds(budget_seconds: float) -> float:
    """Return how much of a time budget to leave for maps."""
    return min(MOST_SECONDS, BUDGET_SHARE * budget_seconds)


def draw_maps(
    pool: Pool, run_dir: Path, seconds: float, on_late: Callable[[list[FoldResult]], None]
) -> str:
    """Store the maps that the report shows, as far as ``seconds`` allow.

    Returns why some are missing, in words, or an empty text. Folds of the search that still come
    are handed to ``on_late``.
    """
    run = load_run_data(run_dir)
    ranking = rank(run)
    recommended = ranking.recommended
    if recommended is None or not get_strategy(recommended.summary.strategy).looks_at_pictures:
        return ""
    number = recommended.summary.trial
    suggestion = next(trial.suggestion for trial in run.trials if trial.number == number)
    questions = _questions(run, ranking, number)
    done, errors = _store_answers(pool, run_dir, suggestion, questions, seconds, on_late)
    if errors:
        return errors[0].strip().splitlines()[-1]
    if done < len(questions):
        missing = len(questions) - done
        return f"{missing} of {len(questions)} fold models were not kept or had no time left"
    return ""


def _questions(run: RunData, ranking: Ranking, trial: int) -> dict[int, ExplainPictures]:
    """Return what is to be asked of each fold's model, stored maps left out."""
    stored = {(each.row, each.class_index) for each in run.maps if each.trial == trial}
    wanted = pictures_to_explain(run, ranking)
    by_fold: dict[int, dict[int, int]] = defaultdict(dict)
    for row, index in sorted(wanted.items()):
        by_fold[int(run.folds.assignments[0, row])][row] = index
    return {
        fold: ExplainPictures(tuple(rows), tuple(rows.values()))
        for fold, rows in sorted(by_fold.items())
        if not stored >= set(rows.items())
    }


def _store_answers(
    pool: Pool,
    run_dir: Path,
    suggestion: Suggestion,
    questions: Mapping[int, ExplainPictures],
    seconds: float,
    on_late: Callable[[list[FoldResult]], None],
) -> tuple[int, list[str]]:
    """Store what comes and return how many folds that were, and the errors of the others."""
    done, errors = 0, []
    for result in ask_models(pool, run_dir, suggestion, questions, seconds, on_late):
        if isinstance(result, ModelAnswer):
            maps = cast("tuple[SaliencyMap, ...]", result.answer)
            write_maps(run_dir, result.trial, result.fold, maps)
            done += 1
        else:
            errors.append(result.error)
    return done, errors
