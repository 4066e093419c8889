"""What a worker's second and later folds of a ``scratch`` configuration spend their time on.

The start *Plain CNN from scratch* of the space ``default`` is fitted on five folds by the worker
of a search, with as few epochs as the space allows and with more. The calls of Keras that train
on a batch and that predict one are timed from outside, as is the making of batches (shuffling,
augmentation); what is left is building, copying, scoring and judging. Processor time of the one
thread, so that other work on the machine does not count. A step that takes many times as long as
the median one has traced something; none of a later fold should.

    python tests/benchmarks/fold_after_fold.py [PICTURES] [--epochs 8 20] [--rounds 2]

``PICTURES`` is any data set; left out, 500 pictures are drawn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autosmall.runner.process import set_up_process

set_up_process()

import keras  # noqa: E402
from drawn_pictures import draw_pictures  # noqa: E402
from measured import demand, machine  # noqa: E402
from search_on import FOLDS, search_context, worker_for  # noqa: E402

from autosmall.runner.worker import Worker  # noqa: E402
from autosmall.schema.config import Config  # noqa: E402
from autosmall.schema.search_context import FitRequest  # noqa: E402
from autosmall.training import loop  # noqa: E402

PICTURES = 500
MOST_OUTSIDE_PERCENT = 5.0
START = {
    "strategy": "scratch",
    "class_balance": "weights",
    "image_size_px": 64,
    "width": 16,
    "blocks": 4,
    "head": "global_average",
    "optimizer": "adamw",
    "learning_rate": 0.003,
    "learning_rate_schedule": "cosine",
    "weight_decay": 0.001,
    "batch_size": 16,
    "augmentation": "affine",
    "augmentation_strength": 0.2,
}
PARTS = ("training steps", "making batches", "evaluation")


class Stopwatch:
    """Seconds of every call of some functions, by the name of the part that they are of."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in PARTS}

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``function``, with what each call takes noted under ``part``."""

        def call(*args: Any, **named: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **named)
            finally:
                self.seconds[part].append(time.process_time() - started)

        return call

    def watch(self) -> None:
        """Time Keras's training steps, the making of batches, and predictions from now on."""
        keras.Model.train_on_batch = self.timed("training steps", keras.Model.train_on_batch)
        loop.predict = self.timed("evaluation", loop.predict)
        batches = loop._labelled_batches
        loop._labelled_batches = lambda *args: self._timed_batches(batches(*args))

    def _timed_batches(self, batches: Any) -> Any:
        following = self.timed("making batches", lambda: next(batches))
        while True:
            yield following()

    def take(self) -> dict[str, list[float]]:
        """Return what was noted since the last call."""
        noted, self.seconds = self.seconds, {name: [] for name in PARTS}
        return noted


def shares(worker: Worker, watch: Stopwatch, request: FitRequest) -> list[dict[str, float]]:
    """Return, for each fold, its seconds, the percent of each part, and its longest step.

    The longest step is told in median steps.
    """
    found, results = [], worker.run(request)
    for _ in request.folds:
        started = time.process_time()
        assert not next(results).error
        seconds, noted = time.process_time() - started, watch.take()
        parts = {name: 100 * sum(noted[name]) / seconds for name in PARTS}
        steps = noted["training steps"]
        longest = max(steps) / statistics.median(steps)
        outside = 100 - sum(parts.values())
        found.append({"seconds": seconds, **parts, "outside": outside, "longest step": longest})
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="?")
    parser.add_argument("--epochs", type=int, nargs="+", default=[8, 20])
    parser.add_argument("--rounds", type=int, default=2, help="configurations of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        if arguments.pictures is None:
            draw_pictures(Path(drawn), PICTURES)
        context = search_context(arguments.pictures or Path(drawn))
        worker, watch = worker_for(context), Stopwatch()
        watch.watch()
        report(
            {
                epochs: [
                    shares(worker, watch, request(trial, epochs))
                    for trial in range(arguments.rounds)
                ]
                for epochs in arguments.epochs
            }
        )


def request(trial: int, epochs: int) -> FitRequest:
    """Return the start, to be fitted on all folds."""
    return FitRequest(trial, Config.from_mapping({**START, "epochs": epochs}), tuple(range(FOLDS)))


def report(found: dict[int, list[list[dict[str, float]]]]) -> None:
    """Print one row per kind of fold, medians, and whether the promise held."""
    print("| epochs | folds | seconds | " + " | ".join(PARTS) + " | outside | longest step |")
    print("|---:|---|" + "---:|" * (len(PARTS) + 3))
    outside = []
    for epochs, rounds in found.items():
        later = [fold for folds in rounds for fold in folds[1:]]
        outside.append(row(epochs, "first of all", [rounds[0][0]]))
        outside[-1] = row(epochs, "second and later", later)
    held = max(outside) < MOST_OUTSIDE_PERCENT
    print(f"\n{machine()}\n")
    worst = f"{max(outside):.1f} %"
    print(demand("outside steps and evaluation, later folds", "under 5 %", worst, held))


def row(epochs: int, name: str, folds: list[dict[str, float]]) -> float:
    """Print the medians of ``folds`` and return the percentage of time outside all parts."""
    middle = {key: statistics.median(fold[key] for fold in folds) for key in folds[0]}
    cells = [f"{middle[part]:.1f} %" for part in (*PARTS, "outside")]
    print(
        f"| {epochs} | {name} | {middle['seconds']:.1f} | "
        + " | ".join(cells)
        + f" | {middle['longest step']:.1f} |",
        flush=True,
    )
    return middle["outside"]


if __name__ == "__main__":
    main()
