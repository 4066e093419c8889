"""The label-preservation check: who is asked, what is stored, and known truths."""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from autosmall.analysis.label_keeping import HURTS, check_label_keeping
from autosmall.run_folder.altered_prediction_store import (
    FOLDER,
    read_altered_predictions,
    write_altered_predictions,
)
from autosmall.run_folder.fold_models import write_fold_model
from autosmall.runner.pool import Pool
from autosmall.runner.questions import ModelAnswer
from autosmall.schema.altered_predictions import AlteredPredictions, ChangedPicture
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.results import COMPLETE, FAILED, FoldResult, Suggestion
from autosmall.schema.search_context import SearchContext
from autosmall.schema.settings import DEFAULT_INVARIANCES, INVARIANCES
from autosmall.searching.invariance_check import asked_trial, check_invariances
from autosmall.searching.invariance_question import Answer, AskInvariances
from autosmall.searching.trial import Trial
from autosmall.strategies.base import FitTask
from autosmall.strategies.fold_model import FoldModel
from autosmall.strategies.registry import get_strategy

SIDE_PX, SAMPLES, FOLDS = 32, 80, 2
CLASSICAL = Config.from_mapping(
    {
        "strategy": "classical",
        "image_size_px": SIDE_PX,
        "color_mode": "grayscale",
        "descriptors": "hog",
    }
)
ALTERED = {"augmentation": "affine", "augmentation_strength": 0.5}


def draw(kind):
    """Stems with a foot to the left or to the right, or bars that stand or lie."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(20, 60, (SAMPLES, SIDE_PX, SIDE_PX, 1)).astype(np.uint8)
    for index, picture in enumerate(pictures):
        x, y = rng.integers(12, 19, 2)
        if kind == "feet":
            picture[y - 8 : y + 8, x : x + 3] = 200
            foot = slice(x - 6, x) if index % 2 else slice(x + 3, x + 9)
            picture[y + 5 : y + 8, foot] = 200
        elif index % 2:
            picture[y - 8 : y + 8, x : x + 3] = 200
        else:
            picture[y : y + 3, x - 8 : x + 8] = 200
    return pictures


def context():
    labels = np.arange(SAMPLES, dtype=np.int64) % 2
    assignments = (np.arange(SAMPLES) // 2 % FOLDS)[np.newaxis]
    return SearchContext(
        picture_paths=("",) * SAMPLES,
        labels=labels,
        classes=("a", "b"),
        unlabelled_paths=(),
        folds=FoldPlan(assignments, FOLDS, np.arange(SAMPLES), ""),
        metric="accuracy",
        invariances=DEFAULT_INVARIANCES,
        backbones=(),
        cache_dir="",
        seed=0,
    )


NOTHING = Answer(np.arange(2), np.ones((2, 2), np.float32), {}, ())


class Observer:
    def epoch_end(self, *told):
        return True


@functools.cache
def fold_model(kind, fold):
    """A classical model trained without a fold of drawn pictures."""
    found, pictures = context(), draw(kind)
    strategy = get_strategy("classical")
    train = found.folds.train_index(fold)
    task = FitTask(
        config=strategy.resolved(CLASSICAL),
        pictures=lambda spec: pictures,
        train_index=train,
        train_labels=found.labels[train],
        validation_index=found.folds.validation_index(fold),
        class_count=2,
        seed=0,
        invariances=frozenset(DEFAULT_INVARIANCES),
        unlabelled=None,
        backbones=(),
        cache_dir=None,
        observer=Observer(),
    )
    return FoldModel.rebuilt(strategy, task, strategy.fit(task).learned)


class AnsweringPool(Pool):
    """Answers questions about drawn pictures in this process, or without a look at any."""

    size, waiting = 1, 0

    def __init__(self, kind="", failing=None):
        self.kind, self.failing, self.results, self.asked = kind, failing, deque(), []

    def begin(self, context):
        raise NotImplementedError

    def submit(self, request, place=None):
        (fold,) = request.folds
        self.asked.append(fold)
        if fold == self.failing:
            self.results.append(FoldResult(request.trial, fold, FAILED, error="E\nE: no memory"))
            return
        answer = request.question(fold_model(self.kind, fold)) if self.kind else NOTHING
        self.results.append(
            ModelAnswer(request.trial, fold, COMPLETE, subject=request.subject, answer=answer)
        )

    def as_one(self, config):
        raise NotImplementedError

    def wait(self, timeout_seconds):
        return [self.results.popleft()] if self.results else []

    def cancel(self, trial):
        self.results.clear()

    def statuses(self):
        return []

    def close(self):
        self.results.clear()


def trial(number, strategy="classical", accuracy=0.9, status=COMPLETE, **values):
    config = Config.from_mapping({"strategy": strategy, **values})
    folds = {
        fold: FoldResult(number, fold, COMPLETE, scores={"accuracy": accuracy})
        for fold in range(FOLDS)
    }
    return Trial(Suggestion(number, config, "test"), status, folds)


def keep_models(run_dir, number):
    for fold in range(FOLDS):
        write_fold_model(run_dir, FoldResult(number, fold, COMPLETE, learned={"a": np.zeros(1)}))


def check(tmp_path, pool, trials=None, seconds=600.0, with_pictures=True):
    found = [trial(3)] if trials is None else trials
    for each in found:
        keep_models(tmp_path, each.number)
    late = []
    return check_invariances(context(), pool, tmp_path, found, seconds, with_pictures, late.extend)


@pytest.fixture(scope="module")
def checked(drawn, tmp_path_factory):
    """Kind of drawn pictures to what the check finds in them, and its folder."""
    found = {}
    for kind in ("feet", "bars"):
        folder = tmp_path_factory.mktemp(kind)
        assert check(folder, AnsweringPool(kind)) == []
        run = drawn.make_run([], samples=SAMPLES, classes=("a", "b"))
        stored = read_altered_predictions(folder)
        found[kind] = check_label_keeping(replace(run, altered_predictions=stored)), folder
    return found


def test_mirroring_hurts_where_classes_are_mirror_images(checked):
    rows = {row.kind: row for row in checked["feet"][0].rows}
    assert checked["feet"][0].right > 0.95
    assert rows["mirror"].verdict == HURTS and rows["mirror"].lost.value > 0.8
    assert rows["noise"].verdict != HURTS and rows["brightness"].verdict != HURTS


def test_mirroring_does_not_hurt_where_classes_are_symmetric(checked):
    found = checked["bars"][0]
    rows = {row.kind: row for row in found.rows}
    assert found.right > 0.95 and found.pictures == SAMPLES
    assert rows["mirror"].verdict != HURTS and rows["flip"].verdict != HURTS


def test_every_picture_is_asked_about_by_the_model_that_held_it_out(checked):
    stored = read_altered_predictions(checked["feet"][1])
    plan = context().folds
    for found in stored:
        assert found.rows.tolist() == plan.validation_index(found.fold).tolist()
        assert tuple(found.by_kind) == INVARIANCES
        assert {example.kind for example in found.examples} == set(INVARIANCES)
        assert all(example.plain[:2] == b"\xff\xd8" for example in found.examples)
    assert [found.fold for found in stored] == [0, 1]


def test_the_same_answer_each_time():
    model = fold_model("feet", 0)
    question = AskInvariances(with_pictures=False, most_pictures=10)
    first, second = question(model), question(model)
    assert first.examples == ()
    held_out = model.task.validation_index
    assert len(first.rows) == 10 < len(held_out) and set(first.rows) <= set(held_out)
    assert first.rows[0] == held_out[0] and first.rows[-1] == held_out[-1]
    for kind in INVARIANCES:
        np.testing.assert_array_equal(first.by_kind[kind], second.by_kind[kind])


def test_what_is_stored_is_not_asked_again_and_a_failure_is_told(tmp_path):
    pool = AnsweringPool(failing=1)
    assert check(tmp_path, pool) == ["E: no memory"]
    assert [found.fold for found in read_altered_predictions(tmp_path)] == [0]
    again = AnsweringPool()
    assert check(tmp_path, again) == []
    assert again.asked == [1]


def test_another_leader_takes_the_place_of_the_first(tmp_path):
    write_altered_predictions(tmp_path, AlteredPredictions(1, 0, np.arange(2), np.ones((2, 2)), {}))
    check(tmp_path, AnsweringPool(failing=1))
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["00003"]


def test_without_time_nothing_is_stored(tmp_path):
    assert check(tmp_path, AnsweringPool(), seconds=0.0) == []
    assert read_altered_predictions(tmp_path) == ()


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([trial(0, "baseline", 0.99)], None),
        ([trial(0, accuracy=0.8), trial(1, accuracy=0.9)], 1),
        ([trial(0, accuracy=0.8), trial(1, "scratch", 0.95, **ALTERED)], 0),
        ([trial(0, accuracy=0.7), trial(1, "scratch", 0.95, **ALTERED)], 1),
        ([trial(0, "scratch", 0.9, **ALTERED, status="raced_out")], None),
        ([], None),
    ],
)
def test_who_is_asked(trials, expected):
    found = asked_trial(trials, context())
    assert (found.number if found else None) == expected


def test_what_is_stored_comes_back_and_a_torn_file_is_left_out(tmp_path):
    example = ChangedPicture("mirror", 7, 0, b"plain", b"changed")
    rng = np.random.default_rng(0)
    plain = rng.random((2, 3), np.float32)
    by_kind = {"mirror": rng.random((1, 2, 3), np.float32)}
    for fold in (0, 1):
        write_altered_predictions(
            tmp_path, AlteredPredictions(4, fold, np.array([7, 9]), plain, by_kind, (example,))
        )
    torn = tmp_path / FOLDER / "00004" / "fold_01.npz"
    torn.write_bytes(torn.read_bytes()[:100])
    (found,) = read_altered_predictions(tmp_path)
    assert (found.trial, found.fold, found.rows.tolist()) == (4, 0, [7, 9])
    assert found.examples == (example,)
    np.testing.assert_array_equal(found.plain, plain)
    np.testing.assert_array_equal(found.by_kind["mirror"], by_kind["mirror"])
