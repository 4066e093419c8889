"""``python -m autosmall.verify_model MODEL EXPECTED.npz``: a saved model, met as a stranger.

Run in a process of its own by ``retrain``: nothing that trained the model is in memory, so what
agrees here agrees wherever the folder is copied to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.errors import AutoSmallError, ModelFileError
from autosmall.model import load_model

TIMEOUT_SECONDS = 600


def largest_difference(model: Path, paths: Sequence[Path], expected: NDArray[np.float32]) -> float:
    """Return the largest absolute difference of probabilities between ``expected`` and reloaded.

    The model in the folder ``model`` is loaded in a fresh process, which reads the files
    ``paths`` through the whole pipeline; ``expected`` is ``float32 (n, n_classes)``. Raises
    :class:`~autosmall.errors.ModelFileError` where the process fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "expected.npz"
        np.savez(file, paths=np.array([os.fsencode(path) for path in paths]), expected=expected)
        command = [sys.executable, "-m", "autosmall.verify_model", str(model), str(file)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    try:
        return float(json.loads(done.stdout.splitlines()[-1])["largest_difference"])
    except (IndexError, ValueError, KeyError, TypeError) as error:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ModelFileError(
            f"a fresh process could not use the saved model: {' '.join(said[-3:])}",
            "a model that can be loaded wherever its folder is copied to",
            "report this with the configuration; another one can be saved with: retrain --rank 2",
        ) from error


def _main(model: str, file: str) -> int:
    with np.load(file, allow_pickle=False) as stored:
        paths = [Path(os.fsdecode(name)) for name in stored["paths"].tolist()]
        expected = stored["expected"]
    try:
        probabilities, problems = load_model(model).predict_files(paths)
    except AutoSmallError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    difference = np.inf if problems else np.abs(probabilities - expected).max(initial=0.0)
    sys.stdout.write(json.dumps({"largest_difference": float(difference)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
