"""What a pretraining has done, on disk: the last checkpoint, the best weights, the probe's history.

::

    state.json             the checkpoint; written last, so what it names is whole
    step-00001200/         the task's weights, optimiser and step count
    best-00000900.npz      the backbone's weights with the best probe so far

Files that ``state.json`` does not name are left over from a kill, and go with the next checkpoint.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autosmall.files import write_bytes, write_json

STATE_FILE = "state.json"


@dataclass(frozen=True)
class ProbePoint:
    """One probe: after which step and how many seconds, the mean loss since the last, the score.

    ``train_loss`` is ``None`` before the first step. The score is a balanced accuracy.
    """

    step: int
    seconds: float
    train_loss: float | None
    score: float


@dataclass(frozen=True)
class Checkpoint:
    """How far a pretraining is.

    Attributes:
        step: Steps taken.
        seconds: Wall time of all sittings.
        folder: Name of the task's folder; empty before the first checkpoint.
        next_probe_step: Step after which the next probe is due.
        history: Probes so far, the untrained backbone's first.
        best_weights: Name of the file with the best weights; empty if there are none yet.
        best_step: The step they are from.
        best_score: Their probe.
        loss_sum: Sum of the losses of the ``loss_steps`` steps since the last probe.
        loss_steps: Number of these steps.
    """

    step: int = 0
    seconds: float = 0.0
    folder: str = ""
    next_probe_step: int = 0
    history: tuple[ProbePoint, ...] = ()
    best_weights: str = ""
    best_step: int = 0
    best_score: float = -1.0
    loss_sum: float = 0.0
    loss_steps: int = 0


class PretrainingStore:
    """Reads and writes the checkpoints in one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Checkpoint:
        """Return the last checkpoint; a blank one before the first."""
        path = self.path / STATE_FILE
        if not path.is_file():
            return Checkpoint()
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["history"] = tuple(ProbePoint(**point) for point in stored["history"])
        return Checkpoint(**stored)

    def write(self, checkpoint: Checkpoint, save_task: Callable[[Path], None]) -> Checkpoint:
        """Store ``checkpoint`` with what ``save_task`` writes into a folder; return it complete."""
        name = f"step-{checkpoint.step:08d}"
        if checkpoint.folder != name:
            folder = self.path / name
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
            save_task(folder)
        complete = replace(checkpoint, folder=name)
        write_json(self.path / STATE_FILE, asdict(complete))
        self._remove_all_but(complete)
        return complete

    def write_weights(self, step: int, backbone: Any) -> str:
        """Store the weights of ``backbone`` (a Keras model) and return the file's name."""
        name = f"best-{step:08d}.npz"
        write_arrays(self.path / name, backbone.get_weights())
        return name

    def best_weights(self, checkpoint: Checkpoint) -> list[NDArray[Any]]:
        """Return the weights with the best probe, in the order of ``get_weights``."""
        return read_arrays(self.path / checkpoint.best_weights)

    def _remove_all_but(self, checkpoint: Checkpoint) -> None:
        for path in (*self.path.glob("step-*"), *self.path.glob("best-*.npz")):
            if path.name in (checkpoint.folder, checkpoint.best_weights):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def write_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    """Write ``arrays`` to an ``.npz`` file, atomically and durably, without pickle."""
    buffer = io.BytesIO()
    named = {f"{index:05d}": np.asarray(array) for index, array in enumerate(arrays)}
    np.savez(buffer, **named)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())


def read_arrays(path: Path) -> list[NDArray[Any]]:
    """Return what :func:`write_arrays` wrote, in order."""
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays.files)]
