"""Ray, as this program uses it: a handful of actors and one shared copy of the pictures.

This is the one module that talks to Ray. All its calls come from one thread that lives as long as
the cluster: on Linux the kernel ends Ray's processes together with the thread that began them,
which is what leaves none behind when the driver is killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from autosmall.data.mapped_pictures import prepare_pictures
from autosmall.errors import AutoSmallError, SettingsError
from autosmall.runner.ray_token import prepare_token
from autosmall.runner.ray_worker import JobDone, RayWorker
from autosmall.runner.worker import fill_defaults
from autosmall.schema.config import Config
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.strategies.base import Strategy
from autosmall.strategies.registry import STRATEGIES

_COLORS = re.compile(r"\x1b\[[0-9;]*m")

CONNECT_SECONDS = 5.0
"""How long the head of a cluster may take to answer."""

WORKER_NICENESS = "5"
"""Workers yield to whoever sits at the machine; at Ray's own 15 they hardly run beside any job."""

DECODING = "autosmall_decoding"
"""A resource of which our own Ray has one: pictures are decoded in the order in which they are
wanted, by one process beside the workers."""

END_SECONDS = 2.0
"""How long Ray's processes may take to end before they are killed."""


@dataclass(frozen=True)
class ClusterOptions:
    """How many workers, and where.

    Attributes:
        workers: Number of actors, each with one CPU.
        gpus_per_worker: Share of a GPU that each actor gets.
        address: Address of a running Ray cluster, or ``None`` to start one on this machine.
        strategies: Name to strategy, in place of the registry's.
        memory_share_bytes: What a worker may hold before it is replaced; ``None`` for its share
            of the machine.
    """

    workers: int
    gpus_per_worker: float = 0.0
    address: str | None = None
    strategies: Mapping[str, Strategy] = field(default_factory=lambda: STRATEGIES)
    memory_share_bytes: int | None = None

    @property
    def share_bytes(self) -> int | None:
        """What a worker may hold; ``None`` on other machines, whose memory is not known here."""
        if self.memory_share_bytes is None and self.address is None:
            return int(psutil.virtual_memory().total // self.workers)
        return self.memory_share_bytes


class RayCluster:
    """Actors by name. Call every method from the same thread, :meth:`start` first."""

    def __init__(self, options: ClusterOptions) -> None:
        self.names = tuple(f"worker-{number}" for number in range(1, options.workers + 1))
        self.strategies = options.strategies
        self._options = options
        self._actors: dict[str, Any] = {}
        self._pictures: dict[tuple[PictureSpec, bool], Any] = {}
        self._context: SearchContext | None = None
        self._context_ref: Any = None
        self._owned = False

    def start(self) -> None:
        """Start Ray, or join the cluster at the address, and the actors.

        Raises :class:`~autosmall.errors.AutoSmallError` with what can be done about it.
        """
        _check_address(self._options.address)
        ray = self._import_ray()
        if not ray.is_initialized():
            self._init(ray)
            self._owned = True
        # Ray prints news of dead workers to the driver's output; results tell them too.
        ray._private.worker._worker_logs_enabled = False
        self._check_resources(ray.cluster_resources())
        for name in self.names:
            self.replace(name)

    def warm_up(self) -> None:
        """Let all actors import what most fits need."""
        for actor in self._actors.values():
            actor.warm_up.remote()

    def begin(self, context: SearchContext) -> None:
        """Tell all actors of the search."""
        import ray

        self._context = context
        self._context_ref = ray.put(context)
        for actor in self._actors.values():
            actor.begin.remote(self._context_ref, self._options.strategies)

    def prefetch(self, config: Config) -> None:
        """Begin to decode what ``config`` will need, unless that was done before."""
        for spec in self._specs(config):
            for unlabelled in self._sources(config):
                self._decoded(spec, unlabelled)

    def run(self, name: str, request: FitRequest) -> Future[JobDone]:
        """Return what will come of a request, done by the actor ``name``.

        Where there is none, the future holds the error; see :meth:`recover` and :func:`may_pass`.
        """
        specs = self._specs(request.config)
        arrays = [
            self._decoded(spec, unlabelled)
            for unlabelled in self._sources(request.config)
            for spec in specs
        ]
        done = self._actors[name].run.remote(request, specs, *arrays)
        future: Future[JobDone] = done.future()
        return future

    def recover(self, name: str, config: Config, error: BaseException) -> None:
        """Put right what made a fold end with ``error``: its worker, else maybe its pictures."""
        from ray import exceptions

        deaths = (
            exceptions.RayActorError,
            exceptions.OutOfMemoryError,
            exceptions.WorkerCrashedError,
            exceptions.NodeDiedError,
        )
        if isinstance(error, deaths):
            self.replace(name)
            return
        for spec in self._specs(config):
            for unlabelled in (False, True):
                self._pictures.pop((spec, unlabelled), None)

    def replace(self, name: str) -> None:
        """Put a new actor in the place of the one called ``name``, if there is one."""
        import ray

        if name in self._actors:
            ray.kill(self._actors[name])
        options = {
            "num_cpus": 1,
            "num_gpus": self._options.gpus_per_worker,
            "max_restarts": 0,
            "max_task_retries": 0,
        }
        actor = ray.remote(RayWorker).options(**options).remote(name, self._options.share_bytes)
        self._actors[name] = actor
        if self._context_ref is not None:
            actor.begin.remote(self._context_ref, self._options.strategies)

    def stop(self) -> None:
        """End the actors and, if we started it, Ray; nothing of it is left running."""
        import ray

        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()
        self._pictures.clear()
        self._context_ref = None
        if self._owned:
            processes = _ray_processes()
            ray.shutdown()
            ray._private.worker._worker_logs_enabled = True
            self._owned = False
            _end(processes)

    def _import_ray(self) -> Any:
        """Return Ray, with our settings in place whoever has imported it before."""
        prepare_token(Path.home(), local=self._options.address is None)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_worker_niceness", WORKER_NICENESS)
        # Ray's own handler for SIGTERM would end this process before results are kept.
        os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")
        logging.getLogger("ray").setLevel(logging.ERROR)
        import ray

        # Ray reads its environment when it is imported, which somebody may have done long ago.
        ray._raylet.Config.initialize("")
        return ray

    def _init(self, ray: Any) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self._options.address is None:
            # "local" starts a cluster of our own even where one runs or RAY_ADDRESS is set.
            options |= {"num_cpus": self._options.workers, "include_dashboard": False}
            options |= {"resources": {DECODING: 1}}
        try:
            ray.init(address=self._options.address or "local", **options)
        except (
            OSError,
            RuntimeError,
            ValueError,
            AssertionError,
            ray.exceptions.RayError,
        ) as error:
            ray.shutdown()
            raise _start_error(self._options.address, error) from error

    def _check_resources(self, resources: Mapping[str, float]) -> None:
        workers, share = self._options.workers, self._options.gpus_per_worker
        for kind, wanted in (("CPU", float(workers)), ("GPU", workers * share)):
            there = resources.get(kind, 0.0)
            if wanted > there + 1e-9:
                raise SettingsError(
                    f"{workers} workers need {wanted:g} {kind}s, Ray has {there:g}",
                    "as many as the workers need together",
                    "lower --workers or --gpus-per-worker",
                )

    def _specs(self, config: Config) -> tuple[PictureSpec, ...]:
        # A configuration that its strategy cannot read fails in the worker, where it is recorded.
        try:
            strategy = self.strategies[config.strategy]
            return strategy.picture_specs(fill_defaults(config, self.strategies))
        except (KeyError, TypeError, ValueError):
            return ()

    def _sources(self, config: Config) -> tuple[bool, ...]:
        """Return which pictures a fit reads: labelled (``False``), unlabelled (``True``)."""
        strategy = self.strategies.get(config.strategy)
        wants = strategy is not None and strategy.reads_unlabelled
        has = self._context is not None and bool(self._context.unlabelled_paths)
        return (False, True) if wants and has else (False,)

    def _decoded(self, spec: PictureSpec, unlabelled: bool) -> Any:
        """Return the reference to the pictures in ``spec``; the driver never holds the arrays."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        assert self._context is not None
        key = (spec, unlabelled)
        if key not in self._pictures:
            here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), False)
            one = {DECODING: 1} if self._owned else {}
            task = ray.remote(prepare_pictures).options(
                num_cpus=0, resources=one, scheduling_strategy=here
            )
            context = self._context
            paths = context.unlabelled_paths if unlabelled else context.picture_paths
            # Workers on other machines do not see our files.
            own_files = self._owned and context.cache_dir
            self._pictures[key] = task.remote(
                paths, spec, Path(context.cache_dir) if own_files else None
            )
        return self._pictures[key]


def may_pass(error: BaseException) -> bool:
    """Tell whether a fold that ended with ``error`` may be well the next time.

    So it is with all that happens to workers and to shared pictures; what was raised by our own
    code inside Ray (a picture that cannot be decoded) would be raised again.
    """
    from ray.exceptions import RayError, RayTaskError

    return isinstance(error, RayError) and not isinstance(error, RayTaskError)


def describe(error: BaseException) -> str:
    """Return an error's name and text without the colours that Ray puts into it."""
    return f"{type(error).__name__}: {_COLORS.sub('', str(error)).strip()}"


def _check_address(address: str | None) -> None:
    """Raise where nobody listens at ``address``; Ray itself would wait for minutes."""
    if address is None or address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _start_error(address, error) from error


def _start_error(address: str | None, error: BaseException) -> AutoSmallError:
    reason = str(error).strip() or type(error).__name__
    if address is not None:
        return SettingsError(
            f"the Ray cluster at {address!r} cannot be joined: {reason}",
            "HOST:PORT of a running cluster's head, or auto; with this version of Ray, and its "
            "token in ~/.ray/auth_token",
            "check --address with: ray status --address ADDRESS",
        )
    return AutoSmallError(
        f"Ray did not start: {reason}",
        "that worker processes can be started on this machine",
        "run: autosmall doctor; or work in one process with --workers 0",
    )


def _ray_processes() -> list[psutil.Process]:
    """Return the processes that Ray has begun under this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if "ray::" in command or f"{os.sep}ray{os.sep}" in command:
                found.append(process)
    return found


def _end(processes: list[psutil.Process]) -> None:
    for process in psutil.wait_procs(processes, timeout=END_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
