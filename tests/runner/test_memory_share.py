"""A worker that holds more than its share gives way to another, between two folds."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from autosmall.runner.process import MemoryShare
from autosmall.runner.ray_pool import RayPool
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE
from autosmall.schema.search_context import FitRequest


def test_what_the_first_job_needs_is_not_held_against_a_process():
    share = MemoryShare(1000)
    assert [share.is_outgrown(held) for held in (5000, 5400, 5600)] == [False, False, True]
    small = MemoryShare(1000)
    assert [small.is_outgrown(held) for held in (100, 900, 1001)] == [False, False, True]


def test_the_share_of_another_machine_is_what_it_has_for_a_core():
    assert not MemoryShare(None).is_outgrown(1)
    share = MemoryShare(None)
    share.is_outgrown(1)
    assert share.is_outgrown(psutil.virtual_memory().total + 1)


GROWTH_OF_A_FRESH_PROCESS = """
import mmap
from autosmall.runner.process import private_memory_bytes

before = private_memory_bytes()
written = b"x" * {count}
own = private_memory_bytes() - before
shared = mmap.mmap(-1, {count})
shared.write(written)
print(own, private_memory_bytes() - before)
"""
"""What this process holds falls meanwhile where another thread of it gives memory back."""


def test_private_memory_is_what_a_process_writes_and_shares_with_no_other():
    count = 2**26
    code = GROWTH_OF_A_FRESH_PROCESS.format(count=count)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own, with_shared = (int(number) for number in done.stdout.split())
    assert 0.9 * count < own < 1.1 * count
    if sys.platform == "linux":
        assert with_shared < 1.1 * count


@pytest.mark.slow
def test_a_worker_that_grows_is_replaced_between_folds_and_nothing_is_lost(
    context, strategies, tmp_path
):
    config = Config.from_mapping(
        {"strategy": "obedient", "behaviour": "hoard", "marker": str(tmp_path)}
    )
    with RayPool(context, workers=1, strategies=strategies, memory_share_bytes=1) as pool:
        pool.submit(FitRequest(1, config, (0, 1, 2)))
        results = []
        while len(results) < 3:
            results += pool.wait(1.0)
    assert sorted((result.fold, result.status) for result in results) == [
        (fold, COMPLETE) for fold in range(3)
    ]
    workers = [path.name.split("-")[1] for path in sorted(tmp_path.iterdir())]
    assert len(workers) == 3
    assert workers[0] == workers[1] != workers[2]
