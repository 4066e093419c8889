"""What every saved model can do: read pictures from files, give probabilities, name classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.data.dataset import read_unlabelled
from autosmall.errors import DatasetError
from autosmall.saved_model.decisions import Decisions, decide, find_threshold

if TYPE_CHECKING:
    import pandas as pd

Pictures = str | Path | Sequence[str | Path] | NDArray[np.uint8]
Probabilities = NDArray[np.float32]


class Predictor(ABC):
    """A saved model, or several that vote."""

    folder: Path
    """Where it was read from."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities."""

    @property
    @abstractmethod
    def decisions(self) -> Decisions:
        """Its temperature and the thresholds stored with it."""

    @property
    @abstractmethod
    def sha256(self) -> str:
        """Digest of all that decides its predictions, 64 hexadecimal digits."""

    @abstractmethod
    def predict_files(self, paths: Sequence[Path]) -> tuple[Probabilities, dict[int, str]]:
        """Return ``float32 (n, n_classes)``, NaN in rows that cannot be read, and row to reason."""

    @abstractmethod
    def predict_raw(self, pictures: NDArray[np.uint8]) -> Probabilities:
        """Return ``float32 (n, n_classes)`` for ``uint8 (n, h, w, 3)`` of any size."""

    @property
    def rare_index(self) -> int:
        """Column of the class that thresholds are for; 0 where there is none."""
        rare = self.decisions.rare_class
        return 0 if rare is None else self.classes.index(rare.name)

    def predict(
        self,
        pictures: Pictures,
        *,
        recall: float | None = None,
        precision: float | None = None,
    ) -> pd.DataFrame:
        """Return one row per picture, read and prepared exactly as in the search.

        Columns: ``picture`` (its path, or its number in an array), ``label``, ``probability``
        (of that label), ``probability_<class>`` for each class, and ``problem``: why a file
        could not be read, in words; its other columns are then missing values.

        Args:
            pictures: A file, a folder (all pictures below it), several of these, or an array
                ``uint8 (n, h, w, 3)`` or ``(h, w, 3)`` of any size.
            recall: A share of the rare class's pictures to find, for which a threshold is stored
                (``decisions``). ``label`` is then that class wherever its probability reaches
                the threshold, else the most probable of the others; probabilities do not change.
            precision: Likewise, the share of right ones among the pictures called so.

        Raises:
            DatasetError: No such file or folder, or no picture in a folder.
            SettingsError: No threshold is stored for that recall or precision.
        """
        threshold = find_threshold(self.decisions, recall, precision)
        problems: dict[int, str] = {}
        if isinstance(pictures, np.ndarray):
            batch = pictures[np.newaxis] if pictures.ndim == 3 else pictures
            names = [str(row) for row in range(len(batch))]
            probabilities = self.predict_raw(batch)
        else:
            paths = picture_paths(pictures)
            names = [str(path) for path in paths]
            probabilities, problems = self.predict_files(paths)
        labels = decide(probabilities, self.rare_index, threshold)
        return prediction_frame(self.classes, names, probabilities, labels, problems)


def prediction_frame(
    classes: Sequence[str],
    names: Sequence[str],
    probabilities: Probabilities,
    labels: NDArray[np.int64],
    problems: Mapping[int, str],
) -> pd.DataFrame:
    """Return the table of :meth:`Predictor.predict`."""
    import pandas as pd

    table: dict[str, object] = {
        "picture": list(names),
        "label": [None if row in problems else classes[c] for row, c in enumerate(labels)],
        "probability": probabilities[np.arange(len(names)), labels],
    }
    for column, name in enumerate(classes):
        table[f"probability_{name}"] = probabilities[:, column]
    table["problem"] = [problems.get(row, "") for row in range(len(names))]
    return pd.DataFrame(table)


def picture_paths(pictures: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the files that ``pictures`` (files and folders) stand for, folders read deeply.

    Raises :class:`~autosmall.errors.DatasetError` for a path that does not exist, a folder
    without pictures, or nothing at all.
    """
    given = [pictures] if isinstance(pictures, str | Path) else list(pictures)
    found: list[Path] = []
    for path in map(Path, given):
        if path.is_dir():
            found.extend(read_unlabelled(path))
        elif path.exists():
            found.append(path)
        else:
            raise DatasetError(
                f"there is no file or folder {path}",
                "pictures, or folders of them",
                "check the path",
            )
    if not found:
        raise DatasetError("no pictures were named", "at least one picture or folder", "name some")
    return found
