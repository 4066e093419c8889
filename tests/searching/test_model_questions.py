"""Fold models are asked by fold, within the time there is, and late folds are not lost."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np

from autosmall.run_folder.fold_models import write_fold_model
from autosmall.runner.fold_queue import IN_TURN, Place
from autosmall.runner.pool import Pool, WorkerStatus
from autosmall.runner.questions import ModelAnswer, ModelRequest
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FoldResult, Suggestion
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.searching.model_questions import ask_models

SUGGESTION = Suggestion(3, Config.from_mapping({"strategy": "frozen"}), "t")


class EchoPool(Pool):
    """Answers each question with what its model had learned, after ``late`` results came."""

    def __init__(self, *late: FoldResult) -> None:
        self.results: deque[FoldResult] = deque(late)
        self.cancelled: list[int] = []

    size = 1
    waiting = 0

    def begin(self, context: SearchContext) -> None:
        raise NotImplementedError

    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        assert isinstance(request, ModelRequest)
        answer = int(request.learned["place"])
        (fold,) = request.folds
        self.results.append(
            ModelAnswer(request.trial, fold, COMPLETE, subject=request.subject, answer=answer)
        )

    def as_one(self, config: Config) -> bool:
        raise NotImplementedError

    def wait(self, timeout_seconds: float) -> list[FoldResult]:
        return [self.results.popleft()] if self.results else []

    def cancel(self, trial: int) -> None:
        self.cancelled.append(trial)

    def statuses(self) -> list[WorkerStatus]:
        return []

    def close(self) -> None:
        self.results.clear()


def keep_models(run_dir: Path, folds: tuple[int, ...]) -> None:
    for fold in folds:
        learned = {"place": np.array(10 + fold)}
        write_fold_model(run_dir, FoldResult(3, fold, COMPLETE, learned=learned))


def test_kept_models_answer_and_late_folds_of_the_search_are_handed_on(tmp_path: Path) -> None:
    keep_models(tmp_path, (0, 2))
    whole, part = FoldResult(9, 1, COMPLETE), FoldResult(3, 0, COMPLETE, share_percent=25)
    pool, late = EchoPool(whole, part), []
    questions = dict.fromkeys(range(3), repr)
    answers = list(ask_models(pool, tmp_path, SUGGESTION, questions, 60, late.extend))
    assert [(each.fold, each.answer) for each in answers] == [(0, 10), (2, 12)]
    assert late == [whole] and pool.cancelled == []


def test_a_late_answer_to_another_question_is_not_taken_for_one(tmp_path: Path) -> None:
    keep_models(tmp_path, (0,))
    earlier = ModelAnswer(3, 0, COMPLETE, subject="ExplainPictures", answer=99)
    pool, late = EchoPool(earlier), []
    answers = list(ask_models(pool, tmp_path, SUGGESTION, {0: repr}, 60, late.extend))
    assert [each.answer for each in answers] == [10]
    assert late == []


def test_without_time_nothing_is_waited_for(tmp_path: Path) -> None:
    keep_models(tmp_path, (0,))
    pool = EchoPool()
    assert list(ask_models(pool, tmp_path, SUGGESTION, {0: repr}, 0, print)) == []
    assert pool.cancelled == [3]
