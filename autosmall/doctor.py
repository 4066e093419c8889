"""Checks what matters on this machine and says each in one line.

Keras, Ray and nvidia-smi are tried in processes of their own with a time limit, so that a broken
driver or a start that hangs shows as a failed check, not as a doctor that hangs.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from autosmall.errors import BackboneError
from autosmall.models.backbone_registry import find_backbones
from autosmall.schema.backbone_source import PATCHES

OK, NOTE, MISSING = "ok", "note", "missing"

PACKAGES = ("tensorflow", "keras", "ray", "optuna", "keras-tuner", "scikit-learn", "pandas")
LEAST_FREE_GIB = 2.0
LEAST_MEMORY_GIB = 4.0
PATIENCE_SECONDS = 120.0
GIB = 2.0**30

ASK_KERAS = """
import keras
assert float(keras.ops.sum(keras.ops.ones((2, 2)))) == 4.0
print(keras.backend.backend())
"""

ASK_GPUS = """
import tensorflow
from autosmall.training.precision import training_precision
count = len(tensorflow.config.list_physical_devices("GPU"))
print(f"{count}; training computes in {training_precision()}" if count else 0)
"""

ASK_RAY = """
import ray
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
assert ray.get(ray.remote(lambda: 4).remote()) == 4
print("starts and answers")
"""


@dataclass(frozen=True)
class Check:
    """One line of the checklist: ``ok``, ``note`` (works nevertheless) or ``missing``."""

    name: str
    mark: str
    text: str

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.mark:>8}  {self.name}: {self.text}"


def check_machine(weights_dir: Path | None = None) -> tuple[Check, ...]:
    """Return all checks; the program cannot work while one of them is ``missing``.

    Takes about 15 seconds, in which Keras and Ray are started once.
    """
    return (
        _check_python(),
        _check_packages(),
        _check_keras(),
        *_check_gpus(),
        _check_ray(),
        _check_processors(),
        _check_memory(),
        _check_folder("run folders", Path("reports")),
        _check_folder("temporary files", Path(tempfile.gettempdir())),
        _check_weights(weights_dir),
    )


def _check_python() -> Check:
    return Check("Python", OK, f"{platform.python_version()} on {platform.platform()}")


def _check_packages() -> Check:
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
    if absent:
        return Check("packages", MISSING, f"{', '.join(absent)}; to do: pip install autosmall")
    return Check("packages", OK, ", ".join(found))


def _check_keras() -> Check:
    answer = run_python(ASK_KERAS)
    return Check("Keras", OK if answer.succeeded else MISSING, f"backend {answer.text}")


def _check_gpus() -> tuple[Check, ...]:
    """Return what the driver sees and what TensorFlow can use of it."""
    seen = run_command(
        ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader")
    )
    if not seen.succeeded:
        return (Check("GPU", NOTE, "none that nvidia-smi knows; training runs on the processor"),)
    names = [Check("GPU", OK, f"{line} free") for line in seen.text.splitlines()]
    usable = run_python(ASK_GPUS)
    if usable.succeeded and usable.text != "0":
        return (*names, Check("GPUs that TensorFlow can use", OK, usable.text))
    remedy = "none; to do: pip install 'tensorflow[and-cuda]'"
    return (*names, Check("GPUs that TensorFlow can use", NOTE, remedy))


def _check_ray() -> Check:
    protected = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    answer = run_python(ASK_RAY, protected)
    return Check("Ray", OK if answer.succeeded else MISSING, answer.text)


def _check_processors() -> Check:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Check("processor", OK, f"{usable} cores, {platform.machine()}")


def _check_memory() -> Check:
    memory = psutil.virtual_memory()
    limit = _container_memory_bytes() or memory.total
    free_gib, total_gib = min(memory.available, limit) / GIB, min(memory.total, limit) / GIB
    text = f"{free_gib:.1f} GiB free of {total_gib:.1f} GiB"
    if total_gib < LEAST_MEMORY_GIB:
        return Check("memory", NOTE, f"{text}; little, so use --workers 1")
    return Check("memory", OK, text)


def _container_memory_bytes() -> int | None:
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return None if text == "max" else int(text)


def _check_folder(purpose: str, folder: Path) -> Check:
    """Check that files can be made in ``folder``, or in the nearest folder above that exists."""
    existing = next(f for f in (folder.resolve(), *folder.resolve().parents) if f.is_dir())
    try:
        with tempfile.TemporaryFile(dir=existing) as stream:
            stream.write(b"0")
    except OSError as error:
        return Check(purpose, MISSING, f"cannot write in {existing}: {error.strerror}")
    free_gib = shutil.disk_usage(existing).free / GIB
    mark = OK if free_gib >= LEAST_FREE_GIB else NOTE
    return Check(purpose, mark, f"{existing} can be written, {free_gib:.1f} GiB free")


def _check_weights(weights_dir: Path | None) -> Check:
    try:
        search = find_backbones((), weights_dir)
    except BackboneError as error:
        return Check("pretrained weights", MISSING, f"{error.received}; to do: {error.remedy}")
    looked = "; ".join(search.looked_in)
    names = [source.name for source in search.found if source.name != PATCHES]
    if names:
        return Check("pretrained weights", OK, f"{', '.join(names)} (looked in {looked})")
    return Check(
        "pretrained weights",
        NOTE,
        f"none (looked in {looked}); with them frozen and fine_tune do better: see --weights-dir",
    )


@dataclass(frozen=True)
class Answer:
    """What a command printed (its last words where it failed) and whether it succeeded."""

    succeeded: bool
    text: str


def run_python(code: str, environment: Mapping[str, str] | None = None) -> Answer:
    """Return what ``code`` prints in a Python process of its own."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "RAY_USAGE_STATS_ENABLED": "0", **(environment or {})}
    return run_command((sys.executable, "-c", code), quiet)


def run_command(command: tuple[str, ...], environment: Mapping[str, str] | None = None) -> Answer:
    """Return what ``command`` prints, giving it ``PATIENCE_SECONDS``."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return Answer(False, f"there is no {command[0]}")
    except subprocess.TimeoutExpired:
        return Answer(False, f"no answer within {PATIENCE_SECONDS:g} s")
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    if done.returncode == 0:
        return Answer(True, "\n".join(lines))
    return Answer(False, f"fails: {lines[-1] if lines else f'status {done.returncode}'}")
