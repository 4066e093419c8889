from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest

from autosmall.models.pooling import HeadSpec, classify_vector
from autosmall.schema.seeds import derive_seed
from autosmall.training.batched_heads import train_heads
from autosmall.training.head_problem import HeadProblem, HeadWeights
from autosmall.training.loop import train
from autosmall.training.options import TrainingOptions

COUNT, WIDTH, CLASSES = 60, 7, 3
PLAIN = TrainingOptions(learning_rate=0.02, epochs=3, batch_size=16)


def go_on(loss: float, accuracy: float, weights: HeadWeights) -> bool:
    return True


@pytest.fixture(scope="module")
def make_problem() -> Callable[..., HeadProblem]:
    """A function that makes a problem of three clouds, with options and other fields changed."""
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, CLASSES, COUNT))
    centers = rng.normal(size=(CLASSES, WIDTH))
    inputs = (centers[labels] + 0.5 * rng.normal(size=(COUNT, WIDTH))).astype(np.float32)

    def make(*, units: int = 0, seed: int = 1, rows: int = 50, **options: object) -> HeadProblem:
        chosen = np.sort(np.random.default_rng(5).permutation(COUNT)[:rows])
        changed = replace(PLAIN, **options)
        return HeadProblem(inputs, chosen, labels[chosen], CLASSES, units, changed, seed, go_on)

    return make


def by_keras(problem: HeadProblem, hidden: tuple[np.ndarray, np.ndarray] | None) -> keras.Model:
    """Train the same head with Keras, its hidden layer starting from ``hidden``."""
    features = keras.Input((WIDTH,))
    values = features
    if hidden is not None:
        values = keras.layers.Dense(len(hidden[1]), activation="relu")(values)
    network = keras.Model(
        features, classify_vector(values, HeadSpec(CLASSES, "flatten", l1=problem.options.l1))
    )
    if hidden is not None:
        network.layers[1].set_weights(list(hidden))
    train(
        network,
        problem.inputs,
        problem.rows,
        problem.labels,
        CLASSES,
        problem.options,
        derive_seed(problem.seed, "batches"),
        epoch_end=lambda loss, accuracy: True,
    )
    return network


@pytest.mark.parametrize(
    ("units", "options"),
    [
        (0, {}),
        (0, {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1}),
        (0, {"optimizer": "sgd", "momentum": 0.0, "learning_rate_schedule": "step"}),
        (0, {"optimizer": "rmsprop", "label_smoothing": 0.2, "l1": 1e-2}),
        (5, {"optimizer": "adam", "weight_decay": 0.3, "class_balance": "weights"}),
        (5, {"optimizer": "sgd", "l1": 1e-2, "label_smoothing": 0.1}),
    ],
)
def test_a_head_is_what_keras_makes_of_it(make_problem, units, options):
    """Same batches, same formulas: what differs is the order of sums."""
    problem = make_problem(units=units, **options)
    untrained = replace(problem, options=replace(problem.options, epochs=0))
    start = train_heads([untrained])[0].weights.hidden
    wanted = by_keras(problem, start)(problem.inputs)
    head = train_heads([problem])[0]
    np.testing.assert_allclose(head.weights.logits(problem.inputs), wanted, atol=2e-4)


def test_a_head_comes_out_the_same_whoever_stands_beside_it(make_problem):
    problems = [
        make_problem(
            seed=seed,
            units=4 * (seed % 2),
            rows=40 + seed,
            dropout_rate=0.1 * seed,
            learning_rate=0.01 * (seed + 1),
            l1=1e-3 * (seed % 3),
            weight_decay=0.1 * (seed % 2),
            optimizer=("adam", "sgd", "rmsprop")[seed % 3],
        )
        for seed in range(9)
    ]
    together = train_heads(problems)
    for problem, head in zip(problems, together, strict=True):
        alone = train_heads([problem])[0]
        for ours, theirs in zip(arrays(head.weights), arrays(alone.weights), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def arrays(weights: HeadWeights) -> list[np.ndarray]:
    return [*(weights.hidden or ()), weights.kernel, weights.bias]


def test_epochs_are_reported_with_the_weights_of_the_moment(make_problem):
    seen: list[tuple[float, float, np.ndarray]] = []

    def watch(loss: float, accuracy: float, weights: HeadWeights) -> bool:
        seen.append((loss, accuracy, weights.kernel.copy()))
        return True

    head = train_heads([replace(make_problem(epochs=4), epoch_end=watch)])[0]
    losses, accuracies, kernels = zip(*seen, strict=True)
    assert len(seen) == 4
    assert losses[0] <= np.log(CLASSES)
    assert losses[-1] < losses[0]
    assert accuracies[-1] > accuracies[0]
    np.testing.assert_array_equal(kernels[-1], head.weights.kernel)
    assert head.healthy


def test_a_head_told_to_stop_keeps_what_it_had_and_the_others_go_on(make_problem):
    def stop(loss: float, accuracy: float, weights: HeadWeights) -> bool:
        return False

    problems = [replace(make_problem(), epoch_end=stop), make_problem(seed=2)]
    stopped, other = train_heads(problems)
    assert (stopped.healthy, other.healthy) == (False, True)
    schedule = {"learning_rate_schedule": "constant", "warmup_share": 0.0}
    after_one = train_heads([make_problem(epochs=1, **schedule)])[0]
    ended = train_heads([replace(make_problem(**schedule), epoch_end=stop)])[0]
    np.testing.assert_array_equal(ended.weights.kernel, after_one.weights.kernel)


def test_dropout_changes_training_and_is_drawn_from_the_seed(make_problem):
    plain, dropped, again, other = (
        train_heads([make_problem(dropout_rate=rate, seed=seed)])[0].weights.kernel
        for rate, seed in ((0.0, 1), (0.5, 1), (0.5, 1), (0.5, 2))
    )
    assert not np.array_equal(plain, dropped)
    np.testing.assert_array_equal(dropped, again)
    assert not np.array_equal(dropped, other)


def test_an_epoch_is_as_long_as_one_view(make_problem):
    problem = make_problem()
    twice = replace(problem, rows=np.tile(problem.rows, 2), labels=np.tile(problem.labels, 2))
    assert replace(twice, views=2).steps_per_epoch == problem.steps_per_epoch
    assert twice.steps_per_epoch == 2 * problem.steps_per_epoch
