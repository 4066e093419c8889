"""After a search: which fold model is asked of which picture, what is stored, what is missing."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autosmall.run_folder.run_data import load_run_data
from autosmall.runner.fold_queue import IN_TURN, Place
from autosmall.runner.pool import Pool, WorkerStatus
from autosmall.runner.questions import ModelAnswer, ModelRequest
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED, FoldResult
from autosmall.schema.saliency import OCCLUSION, SaliencyMap
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.searching.saliency_maps import draw_maps, reserved_map_seconds
from autosmall.strategies.saliency import ExplainPictures


class DrawingPool(Pool):
    """Answers with a map that is brightest at the left; raises for the folds in ``failing``."""

    size = 1
    waiting = 0

    def __init__(self, *failing: int) -> None:
        self.failing = failing
        self.asked: dict[int, ExplainPictures] = {}
        self._results: deque[FoldResult] = deque()

    def begin(self, context: SearchContext) -> None:
        raise NotImplementedError

    def submit(self, request: FitRequest, place: Place = IN_TURN) -> None:
        assert isinstance(request, ModelRequest) and isinstance(request.question, ExplainPictures)
        (fold,) = request.folds
        self.asked[fold] = request.question
        if fold in self.failing:
            error = "Traceback\nValueError: too dark"
            self._results.append(FoldResult(request.trial, fold, FAILED, error=error))
            return
        pairs = zip(request.question.rows, request.question.classes, strict=True)
        maps = tuple(self._map(row, index) for row, index in pairs)
        self._results.append(
            ModelAnswer(request.trial, fold, COMPLETE, subject=request.subject, answer=maps)
        )

    def as_one(self, config: Config) -> bool:
        raise NotImplementedError

    def _map(self, row: int, class_index: int) -> SaliencyMap:
        evidence = np.zeros((64, 64), np.float32)
        evidence[:, :16] = 1
        grey = np.full((64, 64, 3), 90, np.uint8)
        return SaliencyMap(row, class_index, OCCLUSION, grey, evidence)

    def wait(self, timeout_seconds: float) -> list[FoldResult]:
        return [self._results.popleft()] if self._results else []

    def cancel(self, trial: int) -> None:
        self._results.clear()

    def statuses(self) -> list[WorkerStatus]:
        return []

    def close(self) -> None:
        self._results.clear()


@pytest.fixture
def run_dir(drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drawn run on disk, with a model for every fold."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    run = drawn.make_run()
    learned = {"kernel": np.zeros(2, np.float32)}
    trials = [
        replace(trial, folds=tuple(replace(fold, learned=learned) for fold in trial.folds))
        for trial in run.trials
    ]
    drawn.store_run(replace(run, trials=tuple(trials)), tmp_path / "run")
    return tmp_path / "run"


def test_each_picture_is_explained_by_the_model_that_held_it_out(run_dir: Path) -> None:
    pool = DrawingPool()
    assert draw_maps(pool, run_dir, 60, print) == ""
    run = load_run_data(run_dir)
    for fold, question in pool.asked.items():
        assert set(question.rows) <= set(run.folds.validation_index(fold).tolist())
    asked = {row for question in pool.asked.values() for row in question.rows}
    assert {each.row for each in run.maps} == asked and len(asked) >= 12
    assert all(each.half_share == pytest.approx(0.125, abs=0.001) for each in run.maps)


def test_what_is_stored_is_not_asked_again(run_dir: Path) -> None:
    draw_maps(DrawingPool(), run_dir, 60, print)
    again = DrawingPool()
    assert draw_maps(again, run_dir, 60, print) == ""
    assert not again.asked


def test_what_is_missing_is_said(run_dir: Path) -> None:
    assert draw_maps(DrawingPool(2), run_dir, 60, print) == "ValueError: too dark"
    for path in (run_dir / "models").rglob("fold_02.npz"):
        path.unlink()
    said = draw_maps(DrawingPool(), run_dir, 60, print)
    assert said == "1 of 1 fold models were not kept or had no time left"


def test_maps_take_a_small_part_of_a_budget() -> None:
    assert reserved_map_seconds(100) == 5 and reserved_map_seconds(7200) == 30
