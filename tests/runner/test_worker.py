from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autosmall.runner.pictures import DecodedPictures
from autosmall.runner.worker import Worker, fill_defaults
from autosmall.schema.config import Config
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import COMPLETE, Reconstructions
from autosmall.schema.search_context import FitRequest
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.base import FitTask, Strategy


class Spy(Strategy):
    """Keeps its tasks and leaves the fit to another."""

    name = "spy"
    title = "Spy"
    parameters = ()

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.tasks: list[FitTask] = []

    def fit(self, task):
        self.tasks.append(task)
        return self.inner.fit(task)

    def rebuild(self, task, learned):
        return self.inner.rebuild(task, learned)


def request(folds, **values) -> FitRequest:
    return FitRequest(5, Config.from_mapping({"strategy": "obedient", **values}), folds)


@pytest.fixture
def worker(context, strategies) -> Worker:
    return Worker(context, DecodedPictures(context.picture_paths), None, "here", strategies)


def test_a_fit_is_told_its_training_labels_and_a_seed_of_its_own(context, strategies):
    spy = Spy(strategies["baseline"])
    context = replace(context, invariances=("mirror",), cache_dir="facts")
    worker = Worker(context, DecodedPictures(context.picture_paths), None, "here", {"spy": spy})
    config = Config.from_mapping({"strategy": "spy"})
    results = list(worker.run(FitRequest(5, config, (0, 2))))
    assert [result.fold for result in results] == [0, 2]
    for task, fold in zip(spy.tasks, (0, 2), strict=True):
        np.testing.assert_array_equal(task.train_index, context.folds.train_index(fold))
        np.testing.assert_array_equal(task.train_labels, context.labels[task.train_index])
        np.testing.assert_array_equal(task.validation_index, context.folds.validation_index(fold))
        assert task.seed == derive_seed(context.seed, "fit", 5, fold)
        assert (task.invariances, task.cache_dir) == (frozenset({"mirror"}), Path("facts"))
        assert task.class_count == 2


def test_no_validation_label_is_within_reach_of_a_fit(context, strategies):
    """What a task holds, but for the observer, is the same whatever the validation labels are."""
    spy = Spy(strategies["baseline"])
    turned = context.labels.copy()
    held_out = context.folds.validation_index(0)
    turned[held_out] = 1 - turned[held_out]
    config = Config.from_mapping({"strategy": "spy"})
    for labels in (context.labels, turned):
        worker = Worker(
            replace(context, labels=labels),
            DecodedPictures(context.picture_paths),
            None,
            "here",
            {"spy": spy},
        )
        list(worker.run(FitRequest(5, config, (0,))))
    for name in ("config", "train_index", "train_labels", "validation_index", "seed"):
        np.testing.assert_equal(*(getattr(task, name) for task in spy.tasks))


def test_absent_values_take_the_strategys_defaults(strategies):
    config = fill_defaults(request((0,), seconds=2.0).config, strategies)
    assert (config["seconds"], config["behaviour"], config["epochs"]) == (2.0, "fit", 3)


def test_a_result_leaves_before_the_next_fold_begins(worker, tmp_path):
    marks = worker.run(request((0, 1, 2), behaviour="mark_fold", marker=str(tmp_path)))
    for done in (1, 2, 3):
        assert next(marks).status == COMPLETE
        assert len(list(tmp_path.iterdir())) == done


def test_an_error_is_kept_in_full_and_the_next_fold_goes_on(worker):
    results = list(worker.run(request((0, 1), behaviour="raise")))
    assert [result.status for result in results] == ["failed", "failed"]
    assert results[0].error.startswith("Traceback")
    assert results[0].error.strip().endswith("ValueError: told to raise")
    assert results[0].probabilities.shape == (0, 0)


def test_leaving_the_program_is_no_failed_fit(worker):
    with pytest.raises(SystemExit):
        next(worker.run(request((0,), behaviour="exit")))


def test_seconds_are_those_of_the_fit(worker):
    started = time.perf_counter()
    result = next(worker.run(request((0,), seconds=0.2)))
    assert 0.2 <= result.fit_seconds <= time.perf_counter() - started


def test_pictures_are_decoded_once_and_cannot_be_written_to(context, monkeypatch):
    from autosmall.runner import pictures

    calls = []
    prepare = pictures.prepare_pictures
    monkeypatch.setattr(
        pictures, "prepare_pictures", lambda *args: calls.append(args[1]) or prepare(*args)
    )
    source = DecodedPictures(context.picture_paths)
    spec = PictureSpec(12, "letterbox", "grayscale")
    first = source(spec)
    assert first.shape == (len(source), 12, 12, 1)
    assert source(spec) is first
    assert calls == [spec]
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_lent_pictures_go_first_and_are_not_kept(context):
    source = DecodedPictures(context.picture_paths)
    spec = PictureSpec(8)
    lent = np.zeros((len(source), 8, 8, 3), np.uint8)
    source.lend({spec: lent})
    assert source(spec) is lent
    source.lend({})
    assert source(spec) is not lent


def test_output_of_a_process_goes_to_its_log(tmp_path):
    import subprocess
    import sys

    log = tmp_path / "logs" / "worker.log"
    program = (
        "import os, pathlib; from autosmall.runner.process import *; set_up_process();"
        f"redirect_output(pathlib.Path({str(log)!r})); print('python', flush=True);"
        "os.write(2, b'native'); print(os.environ['TF_NUM_INTRAOP_THREADS'], flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ}
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert log.read_text() == "python\nnative1\n"


def test_notes_of_all_folds_are_kept_and_examples_of_the_first(context, strategies):
    pictures = np.zeros((1, 4, 4, 3), np.uint8)
    examples = Reconstructions((0,), (0.5,), pictures, pictures)

    class Painter(Spy):
        def fit(self, task):
            notes = {"reconstruction_error": float(len(self.tasks))}
            return replace(super().fit(task), notes=notes, reconstructions=examples)

    painter = Painter(strategies["baseline"])
    worker = Worker(context, DecodedPictures(context.picture_paths), None, "here", {"spy": painter})
    config = Config.from_mapping({"strategy": "spy"})
    first, second = worker.run(FitRequest(5, config, (0, 1)))
    assert first.reconstructions is examples and second.reconstructions is None
    assert (first.notes, second.notes) == (
        {"reconstruction_error": 0.0},
        {"reconstruction_error": 1.0},
    )
