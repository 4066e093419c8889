"""How a process becomes a worker: one thread, a frugal GPU, its noise in a log file."""

from __future__ import annotations

import os
import sys
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


def peak_memory_mib() -> float:
    """Return the peak resident memory of this process in MiB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
