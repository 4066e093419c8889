"""Batched heads against ``model.fit``: 5 folds x 16 configurations on 1,280 features.

1,000 drawn feature vectors of 10 classes that overlap. The 80 heads are trained once by
``train_heads`` and ``--fits`` of them one by one by Keras as its user would: a model built and
compiled for each, ``fit`` with validation data, then ``predict``. Both have one thread, and take
turns, so that what else the machine does weighs on both.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from dataclasses import replace

from autosmall.runner.process import ENVIRONMENT, set_up_process

set_up_process()

import numpy as np  # noqa: E402
from measured import demand  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from autosmall.training.batched_heads import train_heads  # noqa: E402
from autosmall.training.head_problem import HeadProblem  # noqa: E402
from autosmall.training.loop import softmax  # noqa: E402
from autosmall.training.losses import soft_targets  # noqa: E402
from autosmall.training.options import TrainingOptions  # noqa: E402

COUNT, WIDTH, CLASSES, FOLDS = 1000, 1280, 10, 5
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
EPOCHS = 30
LEAST_TIMES, MOST_APART = 60, 0.5

Floats = NDArray[np.float32]


def draw() -> tuple[Floats, NDArray[np.int64]]:
    """Return standardised features and their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, COUNT)
    centers = rng.normal(size=(CLASSES, WIDTH))
    features = 0.1 * centers[labels] + rng.normal(size=(COUNT, WIDTH))
    return (features / features.std(0)).astype(np.float32), labels


def options() -> list[TrainingOptions]:
    """Return 16 configurations: four rates, with and without dropout, smoothing and decay."""
    plain = TrainingOptions(optimizer="adamw", epochs=EPOCHS, learning_rate_schedule="constant")
    plain = replace(plain, warmup_share=0.0)
    return [
        replace(plain, learning_rate=rate, dropout_rate=dropout, weight_decay=decay)
        for rate, dropout, decay in itertools.product(RATES, (0.0, 0.3), (0.0, 1e-2))
    ]


def problems(features: Floats, labels: NDArray[np.int64]) -> list[HeadProblem]:
    """Return the 80 problems, fold by fold."""
    rows = np.arange(COUNT)
    return [
        HeadProblem(
            features,
            rows[rows % FOLDS != fold],
            labels[rows % FOLDS != fold],
            CLASSES,
            0,
            option,
            seed=fold,
            epoch_end=lambda loss, accuracy, weights: True,
        )
        for fold in range(FOLDS)
        for option in options()
    ]


def by_keras(problem: HeadProblem, held_out: Floats, targets: Floats) -> Floats:
    """Return what Keras's head makes of the held-out features."""
    import keras

    option = problem.options
    keras.utils.set_random_seed(problem.seed)
    layers = [keras.Input((WIDTH,))]
    if option.dropout_rate:
        layers.append(keras.layers.Dropout(option.dropout_rate))
    model = keras.Sequential([*layers, keras.layers.Dense(CLASSES, kernel_initializer="zeros")])
    model.compile(
        keras.optimizers.AdamW(option.learning_rate, weight_decay=option.weight_decay),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        problem.inputs[problem.rows],
        soft_targets(problem.labels, CLASSES, option.label_smoothing),
        batch_size=option.batch_size,
        epochs=option.epochs,
        validation_data=(held_out, targets),
        verbose=0,
    )
    return model.predict(held_out, verbose=0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=16, help="heads that Keras trains, of 80")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each of both has")
    arguments = parser.parse_args()
    features, labels = draw()
    todo = problems(features, labels)
    held_out = [np.setdiff1d(np.arange(COUNT), problem.rows) for problem in todo]
    chosen = np.linspace(0, len(todo) - 1, arguments.fits).astype(int)
    batched, single, accuracies = [], [], {"batched": [], "model.fit": []}
    for part in np.array_split(chosen, arguments.rounds):
        started = time.perf_counter(), time.process_time()
        heads = train_heads(todo)
        batched.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        for place in part:
            rows = held_out[place]
            started = time.perf_counter(), time.process_time()
            logits = by_keras(todo[place], features[rows], np.eye(CLASSES, dtype="f")[labels[rows]])
            single.append((time.perf_counter() - started[0], time.process_time() - started[1]))
            for name, found in (
                ("model.fit", logits),
                ("batched", heads[place].weights.logits(features[rows])),
            ):
                right = softmax(found).argmax(axis=1) == labels[rows]
                accuracies[name].append(100 * float(right.mean()))
    report(batched, single, accuracies, len(todo))


def report(
    batched: list[tuple[float, float]],
    single: list[tuple[float, float]],
    accuracies: dict[str, list[float]],
    count: int,
) -> None:
    """Print medians of wall and processor seconds, their ratio, and the accuracies."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, threads: {ENVIRONMENT}")
    print(f"| | wall s for {count} heads | processor s for {count} heads | accuracy |")
    print("|---|---:|---:|---:|")
    ours = [statistics.median(values) for values in zip(*batched, strict=True)]
    theirs = [statistics.median(values) * count for values in zip(*single, strict=True)]
    for name, seconds in (("model.fit", theirs), ("batched", ours)):
        mean = statistics.mean(accuracies[name])
        print(f"| `{name}` | {seconds[0]:.1f} | {seconds[1]:.1f} | {mean:.2f} % |")
    times = theirs[0] / ours[0]
    print(f"| ratio | {times:.0f} | {theirs[1] / ours[1]:.0f} | |\n")
    wanted, found = f"at least {LEAST_TIMES} times", f"{times:.0f} times"
    print(demand("batched heads against `model.fit`", wanted, found, times >= LEAST_TIMES) + "\n")
    apart = statistics.mean(accuracies["batched"]) - statistics.mean(accuracies["model.fit"])
    wanted, found = f"within {MOST_APART:g} points", f"{apart:+.1f} points"
    print(demand("batched heads, accuracy", wanted, found, abs(apart) <= MOST_APART))


if __name__ == "__main__":
    main()
