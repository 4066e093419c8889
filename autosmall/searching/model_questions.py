"""After the search: questions about a trial's fold models, answered by its workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from autosmall.run_folder.fold_models import read_fold_model
from autosmall.runner.pool import Pool
from autosmall.runner.questions import ModelAnswer, ModelRequest
from autosmall.schema.results import FoldResult, Suggestion
from autosmall.strategies.fold_model import Question


def ask_models(
    pool: Pool,
    run_dir: Path,
    suggestion: Suggestion,
    questions: Mapping[int, Question],
    seconds: float,
    on_late: Callable[[list[FoldResult]], None],
) -> Iterator[FoldResult]:
    """Yield the answers about a trial's fold models, as they come within ``seconds``.

    Each is a :class:`~autosmall.runner.questions.ModelAnswer`, or a failed result where the
    question raised. ``questions`` are by fold; folds of which no model was kept have no answer.
    Whole folds of the search that still come are handed to ``on_late``.
    """
    waiting: dict[tuple[int, int], str] = {}
    for fold, question in questions.items():
        learned = read_fold_model(run_dir, suggestion.number, fold)
        if learned is not None:
            request = ModelRequest(
                suggestion.number, suggestion.config, (fold,), question=question, learned=learned
            )
            waiting[suggestion.number, fold] = request.subject
            pool.submit(request)
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        for result in pool.wait(min(0.5, seconds)):
            if _is_awaited(result, waiting):
                del waiting[result.trial, result.fold]
                yield result
            elif result.share_percent == 100 and not isinstance(result, ModelAnswer):
                on_late([result])
    if waiting:
        pool.cancel(suggestion.number)


def _is_awaited(result: FoldResult, waiting: Mapping[tuple[int, int], str]) -> bool:
    """Tell whether a result answers a question that waits, and no earlier one about the model."""
    subject = waiting.get((result.trial, result.fold))
    if subject is None or result.share_percent != 100:
        return False
    return not isinstance(result, ModelAnswer) or result.subject == subject
