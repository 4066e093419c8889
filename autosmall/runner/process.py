"""How a process becomes a worker: one thread, a frugal GPU, its noise in a log file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from threadpoolctl import threadpool_limits

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
"""What native libraries read when they are loaded: threads, logging, memory of shared GPUs."""


CUSTOM_GRADIENT = "CustomGradient-"
"""What TensorFlow's own names for registered gradient functions begin with."""

GROWTH = 1.1
"""How many times as much as after its first job a process must hold to count as grown."""


def set_up_process() -> None:
    """Give this process one thread per library; call it before a deep-learning one is imported.

    Many workers with many threads each only get in each other's way, and sums over one thread
    are the same on every machine.
    """
    os.environ.update(ENVIRONMENT)
    threadpool_limits(1)


def redirect_output(log: Path) -> None:
    """Append all that this process prints, native libraries included, to the file ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        os.dup2(descriptor, number)
    os.close(descriptor)


def private_memory_bytes() -> int:
    """Return the resident memory of this process that it does not share with others.

    Pictures that lie in shared memory are no part of it; where the system does not tell, they are.
    """
    info = psutil.Process().memory_info()
    return int(info.rss - getattr(info, "shared", 0))


class MemoryShare:
    """Tells whether this process has outgrown its share of the machine's memory.

    What a process holds after its first job is what such jobs need: a new one would hold it too.

    Args:
        share_bytes: What it may hold; ``None`` for the machine's memory by its processor cores.
    """

    def __init__(self, share_bytes: int | None) -> None:
        machine_bytes = psutil.virtual_memory().total // (os.cpu_count() or 1)
        self._share_bytes = machine_bytes if share_bytes is None else share_bytes
        self._first_bytes = 0

    def is_outgrown(self, held_bytes: int) -> bool:
        """Tell so after a job at whose end the process holds ``held_bytes``."""
        self._first_bytes = self._first_bytes or held_bytes
        return held_bytes > max(self._share_bytes, GROWTH * self._first_bytes)


@contextmanager
def custom_gradients_forgotten() -> Iterator[None]:
    """Make TensorFlow forget the gradient functions that are registered meanwhile.

    Whenever a function with a gradient of its own is traced (of Keras's optimisers the sum over
    replicas is one), TensorFlow registers that gradient under a new name for as long as the process
    lives, and the whole graph with it: some 4 MiB per network. It is looked up as a gradient is
    traced, and not when what was traced is run.
    """
    registered = _registered_gradients()
    before = set(registered)
    try:
        yield
    finally:
        registered = _registered_gradients()
        for name in [n for n in registered if n.startswith(CUSTOM_GRADIENT) and n not in before]:
            del registered[name]


def _registered_gradients() -> dict[str, object]:
    """Return TensorFlow's registry itself; an empty one where TensorFlow is not at work."""
    ops = sys.modules.get("tensorflow.python.framework.ops")
    found: dict[str, object] = {} if ops is None else ops.gradient_registry._registry
    return found


def peak_memory_mib() -> float:
    """Return the peak resident memory of this process in MiB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
