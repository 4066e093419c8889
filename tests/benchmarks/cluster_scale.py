"""A simulated cluster: are 64 workers on several nodes kept busy by one driver, and is all kept?

Ray's ``cluster_utils.Cluster`` starts four nodes of 16 logical processors on this machine. The
search's own loop, store and pool work on them; the actors are stubs that sleep two seconds per
fold, note when they began, and import no deep-learning library, as 64 of these would need 30 GB.
Proposals are made at once. Busy is the share of workers x time spent asleep, from when all workers
have begun to the end of the time. Lost is a fold that a worker did and the run folder lacks,
unless its trial was raced out before its turn, and any that failed.

    python tests/benchmarks/cluster_scale.py [--workers 64] [--nodes 4] [--seconds 60]

``--seconds`` count from when the nodes are there; 64 processes take a while to start.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from driver_cost import CONFIG, SPACE, Immediate
from measured import EQUAL_PRIORITY, demand, machine

from autosmall.run_folder.store import RunStore
from autosmall.runner import ray_cluster
from autosmall.runner.ray_pool import RayPool
from autosmall.runner.ray_token import prepare_token
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import COMPLETE, FAILED, RACED_OUT, FoldResult
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.searching.limits import Limits
from autosmall.searching.loop import SearchLoop

SLEEP_SECONDS = 2.0
PICTURES, FOLDS = 500, 5
LEAST_BUSY_PERCENT = 90.0
BEGAN = "began"


@dataclass(frozen=True)
class Done:
    """What an actor answers; see :class:`autosmall.runner.ray_worker.JobDone`."""

    results: list[FoldResult]
    outgrown: bool = False


class Sleeper:
    """An actor with the verbs of :class:`autosmall.runner.ray_worker.RayWorker`."""

    def __init__(self, name: str, memory_share_bytes: int | None) -> None:
        self._name = name

    def warm_up(self) -> None:
        """Import nothing."""

    def begin(self, context: SearchContext, strategies: object) -> None:
        """Take in the facts of the search."""
        self._context = context

    def run(self, request: FitRequest, specs: object, *arrays: object) -> Done:
        """Sleep, leave a mark, and return drawn predictions."""
        return Done([self._slept(request.trial, fold) for fold in request.folds])

    def _slept(self, trial: int, fold: int) -> FoldResult:
        began = time.time()
        time.sleep(SLEEP_SECONDS)
        rows = self._context.folds.validation_index(fold)
        right = np.random.default_rng([trial, fold]).random(len(rows)) < 0.8
        predicted = np.where(right, self._context.labels[rows], 1 - self._context.labels[rows])
        scores = {"accuracy": float(right.mean())}
        (Path(self._context.log_dir) / f"{trial}-{fold}").touch()
        return FoldResult(
            trial,
            fold,
            COMPLETE,
            scores,
            scores,
            np.eye(2, dtype=np.float32)[predicted],
            fit_seconds=SLEEP_SECONDS,
            notes={BEGAN: began},
            worker=self._name,
        )


class NoPictures:
    """What the pool asks a strategy, for one that looks at no pictures."""

    folds_together: ClassVar[bool] = False
    reads_unlabelled: ClassVar[bool] = False

    def resolved(self, config: Config) -> Config:
        """Return ``config``."""
        return config

    def picture_specs(self, config: Config) -> tuple[PictureSpec, ...]:
        """Return none."""
        return ()

    def trains_folds_as_one(self, config: Config) -> bool:
        """Tell that folds are raced."""
        return False


def main() -> None:
    """Start nodes, search, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0, help="after all have begun")
    parser.add_argument("--start-seconds", type=float, default=120.0, help="most time to start")
    arguments = parser.parse_args()
    prepare_token(Path.home(), local=True)
    cluster = started_cluster(arguments.workers, arguments.nodes)
    ray_cluster.RayWorker = Sleeper
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = search(arguments, cluster.address, Path(folder))
    finally:
        cluster.shutdown()
    report(arguments.workers, arguments.nodes, found)


def started_cluster(workers: int, nodes: int) -> Any:
    """Return a cluster on this machine with a logical processor per worker."""
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", **EQUAL_PRIORITY})
    from ray.cluster_utils import Cluster

    node = {"num_cpus": workers // nodes, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    for _ in range(nodes - 1):
        cluster.add_node(**node)
    return cluster


@dataclass(frozen=True)
class Found:
    """The stored folds, when the time was up, and the folds that workers did and nobody has."""

    results: list[FoldResult]
    ended: float
    lost: list[str]


def search(arguments: argparse.Namespace, address: str, folder: Path) -> Found:
    """Search until the time is up."""
    marks = folder / "marks"
    marks.mkdir()
    labels = np.arange(PICTURES) % 2
    plan = FoldPlan((np.arange(PICTURES) // 2 % FOLDS)[None], FOLDS, np.arange(PICTURES), "drawn")
    context = SearchContext(
        ("",) * PICTURES, labels, ("a", "b"), (), plan, "accuracy", (), (), 0, "", str(marks)
    )
    strategies: Any = {CONFIG.strategy: NoPictures()}
    store = RunStore(folder / "run")
    with RayPool(
        context, workers=arguments.workers, address=address, strategies=strategies
    ) as pool:
        loop = SearchLoop(
            context,
            Limits(None, arguments.start_seconds + arguments.seconds),
            Immediate(SPACE, 0),
            pool,
            store,
            lambda outcome: None,
            lambda view: None,
        )
        began = time.time()
        loop.run()
        ended = began + arguments.start_seconds + arguments.seconds
    trials = store.trials()
    results = [fold for trial in trials for fold in trial.folds]
    dropped = {trial.number for trial in trials if trial.status == RACED_OUT}
    kept = {(result.trial, result.fold) for result in results if result.status != FAILED}
    done = [tuple(map(int, mark.name.split("-"))) for mark in marks.iterdir()]
    lost = [f"{t}-{f}" for t, f in done if (t, f) not in kept and t not in dropped]
    return Found(results, ended, lost)


def report(workers: int, nodes: int, found: Found) -> None:
    """Print the table and whether the promises held."""
    results, ended = found.results, found.ended
    begun: dict[str, float] = {}
    for result in results:
        began = result.notes[BEGAN]
        begun[result.worker] = min(began, begun.get(result.worker, began))
    all_there = max(begun.values())
    asleep = [
        max(0.0, min(r.notes[BEGAN] + SLEEP_SECONDS, ended) - max(r.notes[BEGAN], all_there))
        for r in results
    ]
    seconds = ended - all_there
    busy = 100 * sum(asleep) / (workers * seconds)
    failed = sum(result.status == FAILED for result in results)
    print("| nodes | workers | of them at work | seconds | folds | failed | busy |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    print(
        f"| {nodes} | {workers} | {len(begun)} | {seconds:.0f} | {len(results)} | {failed} "
        f"| {busy:.1f} % |"
    )
    print(f"\n{machine()}\n")
    held = len(begun) == workers and busy >= LEAST_BUSY_PERCENT
    least = f"at least {LEAST_BUSY_PERCENT:.0f} %"
    print(demand(f"{workers} workers busy", least, f"{busy:.1f} %", held) + "\n")
    lost = len(found.lost) + failed
    print(demand("folds lost", "0", str(lost), lost == 0))


if __name__ == "__main__":
    main()
