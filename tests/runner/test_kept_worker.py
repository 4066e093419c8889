"""A worker is kept a little for the next fold of the trial of which it has just done one."""

from __future__ import annotations

import time

import pytest

from autosmall.runner.fold_queue import Place
from autosmall.runner.ray_pool import RayPool
from autosmall.schema.config import Config
from autosmall.schema.results import FoldResult
from autosmall.schema.search_context import FitRequest

DEADLINE_SECONDS = 60


def request(trial: int, fold: int) -> FitRequest:
    config = Config.from_mapping({"strategy": "obedient", "seconds": 0.1})
    return FitRequest(trial, config, (fold,))


def ended(pool: RayPool, count: int) -> list[tuple[int, int]]:
    """Return trial and fold of the next ``count`` results, in the order in which they came."""
    results: list[FoldResult] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(results) < count:
        assert time.monotonic() < deadline, f"only {results} came"
        results += pool.wait(1.0)
    return [(result.trial, result.fold) for result in results]


def test_a_worker_is_not_kept_for_ever_where_its_time_is_over_before_news_are_awaited(
    context, strategies, monkeypatch
):
    monkeypatch.setattr("autosmall.runner.ray_pool.KEPT_SHARE", 1000.0)
    monkeypatch.setattr("autosmall.runner.ray_pool.KEPT_SECONDS", 0.1)
    next_news = RayPool._next_news

    def late(pool):
        time.sleep(0.2)
        return next_news(pool)

    monkeypatch.setattr(RayPool, "_next_news", late)
    with RayPool(context, workers=1, strategies=strategies) as pool:
        for trial in range(3):
            pool.submit(request(trial, 0))
        assert ended(pool, 3) == [(trial, 0) for trial in range(3)]


@pytest.mark.parametrize("goes_on", [True, False])
def test_the_next_fold_of_a_trial_goes_before_what_waits(context, strategies, monkeypatch, goes_on):
    """Kept so much longer than usual that a busy machine does not matter."""
    monkeypatch.setattr("autosmall.runner.ray_pool.KEPT_SHARE", 1000.0)
    monkeypatch.setattr("autosmall.runner.ray_pool.KEPT_SECONDS", 3.0 if goes_on else 0.5)
    with RayPool(context, workers=1, strategies=strategies) as pool:
        pool.submit(request(0, 0))
        pool.submit(request(1, 0))
        if not goes_on:
            assert ended(pool, 2) == [(0, 0), (1, 0)]
            return
        assert ended(pool, 1) == [(0, 0)]
        pool.submit(request(0, 1), Place(first=True))
        assert ended(pool, 2) == [(0, 1), (1, 0)]
