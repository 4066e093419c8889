import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from autosmall.models import feature_cache
from autosmall.models.feature_cache import CHUNK_PICTURES, picture_facts


@pytest.fixture(autouse=True)
def empty_memory():
    feature_cache.forget()
    yield
    feature_cache.forget()


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (150, 6, 6, 3), dtype=np.uint8)


class Counting:
    """Sums of a picture's channels, and how many chunks were asked for."""

    def __init__(self):
        self.chunks = 0

    def __call__(self, chunk):
        assert len(chunk) <= CHUNK_PICTURES
        self.chunks += 1
        return chunk.sum((1, 2)).astype(np.float32)


def test_values_are_right_and_computed_once(pictures, tmp_path):
    compute = Counting()
    first = picture_facts(pictures, "sums", compute, tmp_path)
    np.testing.assert_array_equal(first, pictures.sum((1, 2)))
    assert compute.chunks == 3
    feature_cache.forget()
    np.testing.assert_array_equal(picture_facts(pictures, "sums", compute, tmp_path), first)
    assert compute.chunks == 3


def test_without_a_folder_they_are_remembered_in_the_process(pictures):
    compute = Counting()
    for _ in range(2):
        picture_facts(pictures, "sums", compute, None)
    assert compute.chunks == 3


def test_another_fact_or_one_changed_pixel_is_computed_anew(pictures, tmp_path):
    compute = Counting()
    picture_facts(pictures, "sums", compute, tmp_path)
    picture_facts(pictures, "other", compute, tmp_path)
    assert compute.chunks == 6
    changed = pictures.copy()
    changed[0, 0, 0, 0] ^= 1
    assert picture_facts(changed, "sums", compute, tmp_path)[0, 0] == changed[0, :, :, 0].sum()
    assert compute.chunks == 7


def test_results_cannot_be_written_to(pictures, tmp_path):
    with pytest.raises(ValueError, match="read-only"):
        picture_facts(pictures, "sums", Counting(), tmp_path)[0, 0] = 1


def test_claim_of_a_dead_process_is_taken_over(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "PATIENCE_SECONDS", 600.0)
    picture_facts(pictures, "sums", Counting(), tmp_path)
    files = sorted(tmp_path.rglob("*.npy"))
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    host = os.uname().nodename
    for file in files:
        file.with_suffix(".claim").write_text(f"{host} {dead.stdout.decode().strip()}")
        file.unlink()
    feature_cache.forget()
    compute = Counting()
    picture_facts(pictures, "sums", compute, tmp_path)
    assert compute.chunks == 3
    assert not list(tmp_path.rglob("*.claim"))


def test_chunk_that_its_owner_does_not_deliver_is_computed_anyway(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "PATIENCE_SECONDS", 0.1)
    picture_facts(pictures, "sums", Counting(), tmp_path)
    file = sorted(tmp_path.rglob("*.npy"))[0]
    file.with_suffix(".claim").write_text(f"{os.uname().nodename} {os.getppid()}")
    file.unlink()
    feature_cache.forget()
    values = picture_facts(pictures, "sums", Counting(), tmp_path)
    np.testing.assert_array_equal(values, pictures.sum((1, 2)))


def _work(folder: Path, queue) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (640, 6, 6, 3), dtype=np.uint8)
    compute = Counting()

    def slow(chunk):
        time.sleep(0.05)
        return compute(chunk)

    values = picture_facts(pictures, "sums", slow, folder)
    queue.put((compute.chunks, float(values.sum())))


def test_two_processes_divide_the_work(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_work, args=(tmp_path, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    (chunks, total), (other_chunks, other_total) = (queue.get(timeout=60) for _ in range(2))
    for worker in workers:
        worker.join()
    assert total == other_total
    assert chunks + other_chunks == 10
    assert chunks > 0 and other_chunks > 0
