"""What every pool promises, whoever does the work."""

from __future__ import annotations

import time

import numpy as np
import pytest

from autosmall.runner.fold_queue import Place
from autosmall.runner.inline_pool import InlinePool
from autosmall.runner.questions import ModelAnswer, ModelRequest
from autosmall.runner.ray_pool import RayPool
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FAILED, UNHEALTHY
from autosmall.schema.search_context import FitRequest

POOLS = {"inline": 0, "ray-1": 1, "ray-2": 2}
DEADLINE_SECONDS = 90


@pytest.fixture(scope="module", params=POOLS)
def pool(request, context, strategies):
    workers = POOLS[request.param]
    if workers == 0:
        made = InlinePool(context, strategies=strategies)
    else:
        made = RayPool(context, workers=workers, strategies=strategies)
    with made:
        yield made


def obedient(**values) -> Config:
    return Config.from_mapping({"strategy": "obedient", **values})


def finish(pool, count: int) -> dict:
    """Return ``count`` results by trial and fold; each may come once only."""
    results = {}
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(results) < count:
        assert time.monotonic() < deadline, f"only {sorted(results)} came"
        for result in pool.wait(1.0):
            assert (result.trial, result.fold) not in results
            results[result.trial, result.fold] = result
    assert pool.wait(0.0) == []
    return results


def test_each_fold_gives_one_result(pool):
    pool.submit(FitRequest(1, obedient(), (0, 1, 2)))
    pool.submit(FitRequest(2, obedient(), (1,)))
    results = finish(pool, 4)
    assert sorted(results) == [(1, 0), (1, 1), (1, 2), (2, 1)]
    assert {result.status for result in results.values()} == {COMPLETE}


def test_a_result_holds_what_was_measured(pool, context):
    pool.submit(FitRequest(3, obedient(), (1,)))
    result = finish(pool, 1)[3, 1]
    assert result.probabilities.shape == (len(context.folds.validation_index(1)), 2)
    assert result.probabilities.dtype == np.float32
    assert set(result.scores) == set(result.train_scores)
    assert result.scores["accuracy"] > 0.9
    assert result.curves["train_loss"] == (0.5, 0.5, 0.5)
    assert (result.trainable_parameters, result.total_parameters) == (3, 5)
    assert result.peak_memory_mib > 10
    assert result.error == ""
    assert result.worker in {status.worker for status in pool.statuses()}


def test_a_model_that_was_kept_answers_as_it_did_when_it_was_measured(pool, questions):
    config = Config.from_mapping({"strategy": "classical", "image_size_px": 32})
    pool.submit(FitRequest(4, config, (2,)))
    measured = finish(pool, 1)[4, 2]
    for question in questions:
        asked = ModelRequest(4, config, (2,), question=question, learned=measured.learned)
        pool.submit(asked)
        result = finish(pool, 1)[4, 2]
        if question is questions[0]:
            assert isinstance(result, ModelAnswer)
            np.testing.assert_allclose(result.answer, measured.probabilities, atol=1e-6)
        else:
            assert result.status == FAILED and "ValueError: no answer" in result.error


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (obedient(behaviour="raise"), "ValueError: told to raise"),
        (obedient(behaviour="predict_nan"), "1 of 10 pictures are not finite"),
        (obedient(seconds="soon"), "TypeError"),
        (obedient(epochs="many"), "TypeError"),
        (Config.from_mapping({"strategy": "unheard_of"}), "KeyError"),
    ],
)
def test_a_failing_fit_is_a_result_and_the_others_go_on(pool, config, reason):
    pool.submit(FitRequest(4, config, (0, 1)))
    pool.submit(FitRequest(5, obedient(), (0,)))
    results = finish(pool, 3)
    for fold in (0, 1):
        assert results[4, fold].status == FAILED
        assert reason in results[4, fold].error
        assert results[4, fold].scores == {}
    assert results[5, 0].status == COMPLETE


def test_an_ill_fit_is_marked(pool):
    pool.submit(FitRequest(6, obedient(behaviour="diverge"), (0,)))
    result = finish(pool, 1)[6, 0]
    assert result.status == UNHEALTHY
    assert result.diagnoses == ("diverged",)
    assert len(result.curves["train_loss"]) == 1


def test_wait_returns_at_once_when_nothing_is_in_flight(pool):
    started = time.monotonic()
    assert pool.wait(DEADLINE_SECONDS) == []
    assert time.monotonic() - started < DEADLINE_SECONDS / 2


def test_results_come_while_later_folds_still_run(pool):
    pool.submit(FitRequest(7, obedient(), (0,)))
    pool.submit(FitRequest(8, obedient(seconds=0.5), (0, 1, 2)))
    first = []
    while not first:
        first = pool.wait(DEADLINE_SECONDS)
    assert first[0].trial == 7
    assert len(first) + len(finish(pool, 4 - len(first))) == 4


def test_cancelled_folds_never_come(pool):
    pool.submit(FitRequest(9, obedient(seconds=0.3), (0,)))
    pool.submit(FitRequest(10, obedient(seconds=0.3), (1,)))
    pool.submit(FitRequest(11, obedient(), (0, 1, 2)))
    pool.submit(FitRequest(12, obedient(), (0,)))
    pool.cancel(11)
    assert sorted(finish(pool, 3)) == [(9, 0), (10, 1), (12, 0)]


def test_first_goes_before_those_that_wait(pool, tmp_path):
    for _ in range(pool.size):
        pool.submit(FitRequest(13, obedient(seconds=0.5), (0,)))
        time.sleep(0.1)
    for trial, first in ((14, False), (15, False), (16, True)):
        pool.submit(FitRequest(trial, obedient(seconds=0.2), (0,)), Place(first=first))
    order = []
    while len(order) < 3 + pool.size:
        order += [result.trial for result in pool.wait(DEADLINE_SECONDS)]
    assert order.index(16) < order.index(15)


def test_waiting_counts_what_nobody_has_begun(pool):
    for trial in range(20, 25):
        pool.submit(FitRequest(trial, obedient(seconds=0.2), (0,)))
    assert pool.waiting >= 5 - pool.size
    finish(pool, 5)
    assert pool.waiting == 0


def test_folds_together_stay_on_one_worker(pool):
    config = Config.from_mapping({"strategy": "together", "seconds": 0.1})
    pool.submit(FitRequest(30, config, (0, 1, 2)))
    assert len({result.worker for result in finish(pool, 3).values()}) == 1


def test_folds_trained_as_one_come_from_one_fit_and_are_those_of_single_folds(pool):
    config = Config.from_mapping({"strategy": "as_one"})
    assert pool.as_one(config) and not pool.as_one(obedient())
    assert not pool.as_one(Config.from_mapping({"strategy": "unheard_of"}))
    pool.submit(FitRequest(31, config, (0, 1, 2)))
    results = finish(pool, 3)
    assert {result.notes["trained_with"] for result in results.values()} == {3.0}
    pool.submit(FitRequest(31, config, (1,)))
    alone = finish(pool, 1)[31, 1]
    assert alone.notes["trained_with"] == 1.0
    np.testing.assert_array_equal(alone.probabilities, results[31, 1].probabilities)


def test_folds_trained_as_one_fail_as_one(pool):
    config = Config.from_mapping({"strategy": "as_one", "behaviour": "raise"})
    pool.submit(FitRequest(32, config, (0, 1)))
    results = finish(pool, 2)
    assert {result.status for result in results.values()} == {FAILED}
    assert all("told to raise" in result.error for result in results.values())


def test_results_are_the_same_whoever_works(pool, context, strategies):
    configs = [
        obedient(),
        Config.from_mapping({"strategy": "baseline"}),
        Config.from_mapping({"strategy": "classical", "image_size_px": 32}),
    ]
    for number, config in enumerate(configs):
        pool.submit(FitRequest(40 + number, config, (0, 1, 2)))
    here = finish(pool, 9)
    reference = InlinePool(context, strategies=strategies)
    for number, config in enumerate(configs):
        reference.submit(FitRequest(40 + number, config, (0, 1, 2)))
    for key, expected in finish(reference, 9).items():
        assert expected.status == COMPLETE, expected.error
        np.testing.assert_array_equal(here[key].probabilities, expected.probabilities)
        assert here[key].scores == expected.scores


def test_closing_twice_is_harmless(context, strategies):
    inline = InlinePool(context, strategies=strategies)
    inline.close()
    inline.close()
    assert inline.wait(1.0) == []
