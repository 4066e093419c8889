"""What training on labels does beyond the contract."""

from dataclasses import replace

import numpy as np
import pytest

from autosmall.schema.settings import DEFAULT_INVARIANCES
from autosmall.strategies.registry import get_strategy
from autosmall.strategies.supervised import EpochReporter

TINY = {"image_size_px": 12, "width": 4, "blocks": 1, "batch_size": 8, "epochs": 2}


def report_all(task, make_recorder, train_count, validation_count, epochs):
    recorder = make_recorder()
    task = replace(
        task,
        observer=recorder,
        train_index=np.arange(train_count),
        validation_index=np.arange(validation_count),
    )
    reporter = EpochReporter(task, epochs, lambda: np.full((1, 2), 0.5, np.float32))
    for _ in range(epochs):
        assert reporter(0.5, 0.5)
    return [probabilities is not None for _, _, probabilities in recorder.epochs]


@pytest.mark.parametrize(
    ("train_count", "validation_count", "expected"),
    [
        (80, 20, [True] * 4),  # 20 / (3 * 80) = 8 % of an epoch
        (20, 20, [False, True, False, True]),  # 33 %: every other epoch
        (10, 50, [False, False, False, True]),  # 167 %: only the last
        (20, 0, [False] * 4),
    ],
)
def test_validation_is_predicted_as_often_as_it_is_cheap(
    make_task, make_recorder, train_count, validation_count, expected
):
    task = make_task(get_strategy("scratch"), TINY)
    assert report_all(task, make_recorder, train_count, validation_count, 4) == expected


def test_observer_stops_the_fit(make_task, make_recorder):
    strategy = get_strategy("scratch")
    recorder = make_recorder(stop_after=1)
    fit = strategy.fit(make_task(strategy, {**TINY, "epochs": 50}, observer=recorder))
    assert not fit.healthy
    assert len(recorder.epochs) == 1
    assert np.isfinite(fit.validation_probabilities).all()


def test_a_loss_that_is_no_number_ends_the_fit_whatever_the_observer_says(make_task, make_recorder):
    recorder = make_recorder()
    task = make_task(get_strategy("scratch"), TINY, observer=recorder)
    reporter = EpochReporter(task, 10, lambda: np.full((8, 2), 0.5, np.float32))
    assert reporter(0.7, 0.5)
    assert not reporter(float("nan"), 0.5)
    assert [probabilities is None for _, _, probabilities in recorder.epochs] == [False, True]


def test_only_allowed_alterations_are_used(make_task):
    """With one more kind allowed, training sees other pictures."""
    strategy = get_strategy("scratch")
    task = make_task(strategy, {**TINY, "augmentation_strength": 1.0})
    everything = strategy.fit(replace(task, invariances=frozenset(DEFAULT_INVARIANCES)))
    nothing = strategy.fit(replace(task, invariances=frozenset()))
    plain = make_task(strategy, {**TINY, "augmentation": "none"})
    assert (everything.train_probabilities != nothing.train_probabilities).any()
    np.testing.assert_array_equal(
        nothing.train_probabilities, strategy.fit(plain).train_probabilities
    )
