"""AutoSmall against Ray Tune with Optuna's search, strategy by strategy.

The trainable builds the networks of ``plain_keras.py`` and fits each configuration on the same five
folds as AutoSmall, for the same epochs and without early stopping; as many trials at a time as
there are cores, one thread each, in actors that Tune uses again so that TensorFlow is imported
once. Both have the same minutes from the start, one after the other. A trial counts when it has
ended; AutoSmall's race ends some of them before their last fold, so folds are shown beside.

    python tests/benchmarks/against_ray_tune.py SHARED [--minutes 5] [--pictures 500]
        [--data-set cats_vs_dogs] [--strategies frozen ...]

``SHARED`` holds ``data`` and ``weights``. Needs ``pip install 'ray[tune]'``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autosmall_arm import FOLDS, SEED, ended_trials, folds_done, search, take_part
from measured import EQUAL_PRIORITY, demand, machine
from plain_keras import CHOICES, SIDES_PX, STRATEGIES, Range, build, fit, read_split

from autosmall.runner.process import ENVIRONMENT

WEIGHTS = "mobilenet_7_5_224_tf_no_top.h5"
LEAST_TRIALS = {"frozen": 5.0, "fine_tune": 1.5, "scratch": 1.5}


@dataclass(frozen=True)
class Row:
    """Trials and folds that both did with one strategy."""

    strategy: str
    tune_trials: int
    tune_folds: int
    trials: int
    folds: int


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--data-set", default="cats_vs_dogs")
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=STRATEGIES)
    arguments = parser.parse_args()
    rows, workers = [], os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        dataset = Path(folder) / arguments.data_set
        take_part(arguments.shared / "data" / arguments.data_set, dataset, arguments.pictures)
        weights_dir, seconds = arguments.shared / "weights", 60 * arguments.minutes
        for strategy in arguments.strategies:
            tune = by_ray_tune(strategy, dataset, seconds, str(weights_dir / WEIGHTS), workers)
            run, _ = search(strategy, dataset, seconds, weights_dir, Path(folder), workers)
            rows.append(Row(strategy, *tune, len(ended_trials(run)), folds_done(run)))
            print(rows[-1], file=sys.stderr, flush=True)
    report(rows, arguments.minutes)


def by_ray_tune(
    strategy: str, dataset: Path, seconds: float, weights: str, workers: int
) -> tuple[int, int]:
    """Return the trials that Ray Tune ended, and the folds of all trials."""
    started = time.time()
    os.environ.update({**ENVIRONMENT, **EQUAL_PRIORITY})
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch
    from sklearn.model_selection import StratifiedKFold

    here = str(Path(__file__).parent)
    path = {"PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}
    ray.init(
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {**ENVIRONMENT, **path}},
    )
    images, labels, classes = read_split(dataset / "train", SIDES_PX[strategy])
    cut = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    folds = list(cut.split(images, labels))
    given = {"strategy": strategy, "classes": classes, "weights": weights, "folds": folds}
    trainable = tune.with_parameters(trained, images=images, labels=labels, given=given)
    with tempfile.TemporaryDirectory() as results:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space=tune_space(strategy),
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                num_samples=-1,
                time_budget_s=seconds - (time.time() - started),
                max_concurrent_trials=workers,
                reuse_actors=True,
                search_alg=OptunaSearch(seed=SEED),
            ),
            run_config=tune.RunConfig(storage_path=results, verbose=0),
        )
        with contextlib.redirect_stdout(sys.stderr):
            ended = tuner.fit()
        done = [result.metrics.get("folds", 0) for result in ended if result.metrics]
    ray.shutdown()
    return sum(count == FOLDS for count in done), sum(done)


def tune_space(strategy: str) -> dict[str, Any]:
    """Return the choices as Ray Tune writes them."""
    from ray import tune

    return {
        name: (tune.loguniform if given.log else tune.uniform)(given.low, given.high)
        if isinstance(given, Range)
        else tune.choice(given)
        for name, given in CHOICES[strategy].items()
    }


def trained(config: dict[str, Any], images: Any, labels: Any, given: dict[str, Any]) -> None:
    """Fit one configuration fold by fold and report the mean accuracy after each."""
    import keras
    import numpy as np
    from ray import tune

    scores = []
    for train, held in given["folds"]:
        keras.utils.clear_session()
        model = build(given["strategy"], config, given["classes"], given["weights"])
        part, rest = (images[train], labels[train]), (images[held], labels[held])
        fit(given["strategy"], model, config, part, rest, [])
        scores.append(model.evaluate(*rest, verbose=0, return_dict=True)["accuracy"])
        tune.report({"accuracy": float(np.mean(scores)), "folds": len(scores)})


def report(rows: list[Row], minutes: float) -> None:
    """Print one row per strategy, and whether the promises held."""
    print("| strategy | Ray Tune: trials | folds | AutoSmall: trials | folds | trials, times |")
    print("|---|" + "---:|" * 5)
    for row in rows:
        print(
            f"| {row.strategy} | {row.tune_trials} | {row.tune_folds} | {row.trials} | {row.folds} "
            f"| {times(row):.1f} |"
        )
    print(f"\n{minutes:g} minutes for each. {machine()}\n")
    for row in rows:
        least = LEAST_TRIALS[row.strategy]
        what, wanted = f"against Ray Tune, `{row.strategy}`, trials", f"at least {least:g} times"
        print(demand(what, wanted, f"{times(row):.1f} times", times(row) >= least) + "\n")


def times(row: Row) -> float:
    """Return how many times as many trials AutoSmall ended."""
    return row.trials / max(row.tune_trials, 1)


if __name__ == "__main__":
    main()
