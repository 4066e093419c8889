"""A saved model, as a stranger sees it: loaded from its files, it must predict what was expected.

Run as ``python -m autosmall.saved_model.verify MODEL EXPECTED.npz [TRUSTED ...]``
in a process of its own by ``retrain``: nothing that trained the model is in memory, so what
agrees here agrees wherever the folder is copied to.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.child import Answer, ChildFailedError, answer_parent, ask_child
from autosmall.errors import ModelFileError
from autosmall.saved_model.model import load_model


def largest_difference(
    model: Path,
    paths: Sequence[Path],
    expected: NDArray[np.float32],
    trust: Sequence[Path] = (),
) -> float:
    """Return the largest absolute difference of probabilities between ``expected`` and reloaded.

    The model in the folder ``model`` is loaded in a fresh process, which reads the files
    ``paths`` through the whole pipeline; ``expected`` is ``float32 (n, n_classes)``. A file that
    cannot be read makes the difference infinite. The code in the files ``trust`` may run. Raises
    :class:`~autosmall.errors.ModelFileError` where the process cannot use the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "expected.npz"
        np.savez(file, paths=np.array([os.fsencode(path) for path in paths]), expected=expected)
        try:
            words = [str(model), str(file), *map(str, trust)]
            answer = ask_child("autosmall.saved_model.verify", words)
        except ChildFailedError as error:
            raise ModelFileError(
                f"a fresh process could not use the saved model: {error.reason}",
                "a model that can be loaded wherever its folder is copied to",
                "take another configuration (retrain --rank 2) and report this one",
            ) from error
    return float(str(answer["largest_difference"]))


def _compare(model: str, file: str, *trust: str) -> Answer:
    with np.load(file, allow_pickle=False) as stored:
        paths = [Path(os.fsdecode(name)) for name in stored["paths"].tolist()]
        expected = stored["expected"]
    probabilities, problems = load_model(model, trust=trust).predict_files(paths)
    difference = np.inf if problems else np.abs(probabilities - expected).max(initial=0.0)
    return {"largest_difference": float(difference)}


if __name__ == "__main__":
    answer_parent(lambda: _compare(*sys.argv[1:]))
