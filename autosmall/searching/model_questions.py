"""After the search: questions about a trial's fold models, answered by its workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from autosmall.run_folder.fold_models import read_fold_model
from autosmall.runner.pool import Pool
from autosmall.runner.questions import ModelRequest
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
    waiting = set()
    for fold, question in questions.items():
        learned = read_fold_model(run_dir, suggestion.number, fold)
        if learned is not None:
            waiting.add((suggestion.number, fold))
            pool.submit(
                ModelRequest(
                    suggestion.number,
                    suggestion.config,
                    (fold,),
                    question=question,
                    learned=learned,
                )
            )
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        for result in pool.wait(min(0.5, seconds)):
            if (result.trial, result.fold) in waiting and result.share_percent == 100:
                waiting.remove((result.trial, result.fold))
                yield result
            elif result.share_percent == 100:
                on_late([result])
    if waiting:
        pool.cancel(suggestion.number)
