"""What runs inside a Ray actor, called without Ray."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autosmall.data import mapped_pictures
from autosmall.data.mapped_pictures import MappedPictures, prepare_pictures
from autosmall.runner import ray_worker
from autosmall.runner.ray_worker import RayWorker
from autosmall.schema.config import Config
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import COMPLETE
from autosmall.schema.search_context import FitRequest

SPEC = PictureSpec(8)


@pytest.fixture
def worker(context, strategies, monkeypatch) -> RayWorker:
    monkeypatch.setattr(ray_worker, "set_up_process", lambda: None)
    made = RayWorker("worker-1", None)
    made.begin(replace(context, log_dir=""), strategies)
    return made


def fitted(worker: RayWorker, prepared) -> list[np.ndarray]:
    config = Config.from_mapping({"strategy": "obedient"})
    done = worker.run(FitRequest(0, config, (0, 1)), (SPEC,), prepared)
    assert [result.status for result in done.results] == [COMPLETE, COMPLETE]
    return [result.probabilities for result in done.results]


def test_pictures_of_a_file_give_what_pictures_in_memory_give(
    worker, context, tmp_path, monkeypatch
):
    in_memory = prepare_pictures(context.picture_paths, SPEC, tmp_path)
    monkeypatch.setattr(mapped_pictures, "LARGE_SHARE", 0.0)
    mapped = prepare_pictures(context.picture_paths, SPEC, tmp_path)
    assert isinstance(in_memory, np.ndarray) and isinstance(mapped, MappedPictures)
    np.testing.assert_array_equal(fitted(worker, in_memory), fitted(worker, mapped))


def test_a_file_is_opened_once(worker, context, tmp_path, monkeypatch):
    monkeypatch.setattr(mapped_pictures, "LARGE_SHARE", 0.0)
    mapped = prepare_pictures(context.picture_paths, SPEC, tmp_path)
    opened: list[Path] = []
    load = np.load
    monkeypatch.setattr(np, "load", lambda file, **how: opened.append(file) or load(file, **how))
    fitted(worker, mapped)
    fitted(worker, mapped)
    assert opened == [mapped.file]
