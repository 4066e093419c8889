"""The saved model: load it, let it predict, score it.

>>> model = load_model("reports/demo/model")              # doctest: +SKIP
>>> model.predict(["piece-1.png", "piece-2.png"])         # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autosmall.data.dataset import read_labelled
from autosmall.data.images import (
    UnreadablePictureError,
    load_picture,
    prepare_picture,
    stack_pictures,
)
from autosmall.data.samples import Dataset, Sample
from autosmall.errors import DatasetError, ModelFileError
from autosmall.files import write_json, write_text
from autosmall.models.array_model import predict_array_model
from autosmall.models.trust import Trust
from autosmall.report import renew_report
from autosmall.run_folder.openings import record_opening
from autosmall.saved_model.decisions import Decisions
from autosmall.saved_model.ensemble import (
    MEMBERS_FOLDER,
    SavedEnsemble,
    check_members,
    is_ensemble,
    read_ensemble,
)
from autosmall.saved_model.folder import (
    ModelDescription,
    ModelSamples,
    read_model_file,
    staged_folder,
    write_model_files,
    write_samples,
)
from autosmall.saved_model.pipeline import (
    KERAS,
    MODEL_FILES,
    PIPELINE_FILE,
    Pipeline,
    read_pipeline,
)
from autosmall.saved_model.predictor import Predictor, Probabilities
from autosmall.saved_model.scoring import score_document
from autosmall.schema.mixed_pictures import Pictures as Prepared
from autosmall.schema.mixed_pictures import same_shape_parts
from autosmall.strategies.base import ArrayModel

if TYPE_CHECKING:
    import keras

CHUNK_PICTURES = 64
"""Pictures that are decoded and predicted at a time; bounds memory."""


@dataclass(frozen=True)
class SavedModel(Predictor):
    """A model as it lies in its folder. Get one from :func:`load_model`.

    Attributes:
        folder: Where it was read from.
        pipeline: Contents of ``pipeline.json``.
        model: The Keras model or the arrays.
    """

    folder: Path
    pipeline: Pipeline
    model: keras.Model | ArrayModel = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities."""
        return self.pipeline.classes

    @property
    def decisions(self) -> Decisions:
        """Its temperature and the thresholds stored with it."""
        return self.pipeline.decisions

    @property
    def sha256(self) -> str:
        """Digest of the model's file."""
        return self.pipeline.sha256

    def predict_proba(self, pictures: Prepared) -> Probabilities:
        """Return ``float32 (n, n_classes)`` for prepared pictures.

        One array ``uint8 (n, height, width, channels)``, or one per shape where the model takes
        several. Sides and channels are those of ``pipeline.picture_spec``; ``ValueError``
        otherwise.
        """
        probabilities = np.zeros((len(pictures), len(self.classes)), np.float32)
        for part in same_shape_parts(pictures, np.arange(len(pictures))):
            for start in range(0, len(part), CHUNK_PICTURES):
                rows = part[start : start + CHUNK_PICTURES]
                probabilities[rows] = self._predict_chunk(pictures[rows])
        return probabilities

    def predict_files(self, paths: Sequence[Path]) -> tuple[Probabilities, dict[int, str]]:
        """Return ``float32 (n, n_classes)``, NaN in rows that cannot be read, and row to reason."""
        probabilities = np.full((len(paths), len(self.classes)), np.nan, np.float32)
        problems: dict[int, str] = {}
        for start in range(0, len(paths), CHUNK_PICTURES):
            rows, batch = [], []
            for row in range(start, min(start + CHUNK_PICTURES, len(paths))):
                try:
                    batch.append(load_picture(paths[row], self.pipeline.picture_spec))
                    rows.append(row)
                except UnreadablePictureError as error:
                    problems[row] = error.reason
            if rows:
                spec = self.pipeline.picture_spec
                probabilities[rows] = self.predict_proba(stack_pictures(batch, len(batch), spec))
        return probabilities, problems

    def predict_raw(self, pictures: NDArray[np.uint8]) -> Probabilities:
        """Return ``float32 (n, n_classes)`` for ``uint8 (n, h, w, 3)`` of any size."""
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3:
            raise ValueError(f"got {pictures.dtype} {pictures.shape}, expected uint8 (n, h, w, 3)")
        spec = self.pipeline.picture_spec
        prepared = (prepare_picture(one, spec) for one in pictures)
        return self.predict_proba(stack_pictures(prepared, len(pictures), spec))

    def _predict_chunk(self, pictures: NDArray[np.uint8]) -> Probabilities:
        expected = self.pipeline.picture_spec.input_shape
        if pictures.dtype != np.uint8 or not _fits(pictures.shape[1:], expected):
            raise ValueError(
                f"got {pictures.dtype} {pictures.shape}, expected uint8 (n, {expected}); "
                "predict() prepares pictures of any size"
            )
        if isinstance(self.model, ArrayModel):
            return predict_array_model(self.model, pictures)
        outputs = self.model.predict_on_batch(pictures.astype(np.float32))
        return np.asarray(outputs, np.float32)


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        wanted in (None, side) for side, wanted in zip(shape, expected, strict=True)
    )


def load_model(path: str | Path, *, trust: Sequence[str | Path] = ()) -> Predictor:
    """Return the saved model in the folder ``path`` (or in its ``model/``, for a run folder).

    A :class:`SavedModel`, or a :class:`~autosmall.saved_model.ensemble.SavedEnsemble`. The code in
    the files ``trust`` may run: a ``model.keras`` in that folder, or nothing. Raises
    :class:`~autosmall.errors.ModelFileError` where the folder is no saved model, a file was
    changed or cut short, or it holds anything but known layers or plain arrays.
    """
    folder = Path(path)
    if not _holds_model(folder) and _holds_model(folder / "model"):
        folder = folder / "model"
    if not is_ensemble(folder):
        return load_single_model(folder, trust)
    description = read_ensemble(folder)
    trusted = trust_in(folder, trust)
    models = tuple(
        _load_with(folder / MEMBERS_FOLDER / member.name, trusted) for member in description.members
    )
    check_members(folder, description, models)
    return SavedEnsemble(folder, description, models)


def load_single_model(folder: Path, trust: Sequence[str | Path] = ()) -> SavedModel:
    """Return the saved model in ``folder``, which holds one with a ``pipeline.json``."""
    return _load_with(folder, trust_in(folder, trust))


def trust_in(folder: Path, trust: Sequence[str | Path]) -> Trust:
    """Return trust in files; ``SettingsError`` where one of them is no model in ``folder``."""
    trusted = Trust.named(trust)
    models = (str(file) for file in folder.resolve().rglob(MODEL_FILES[KERAS]))
    trusted.check_used(models, f"a model in {folder}")
    return trusted


def _load_with(folder: Path, trust: Trust) -> SavedModel:
    pipeline = read_pipeline(folder)
    return SavedModel(folder, pipeline, read_model_file(folder, pipeline, trust))


def _holds_model(folder: Path) -> bool:
    return (folder / PIPELINE_FILE).is_file() or is_ensemble(folder)


def save_model(
    folder: str | Path,
    model: keras.Model | ArrayModel,
    description: ModelDescription,
    *,
    samples: ModelSamples | None = None,
    metrics: Mapping[str, object] | None = None,
    card: str = "",
) -> None:
    """Save ``model`` as the folder of the contract, in one move; an earlier model is replaced.

    Raises :class:`~autosmall.errors.ModelFileError` or
    :class:`~autosmall.errors.RunFolderError`, with nothing half-written left behind.
    """
    with staged_folder(Path(folder)) as staged:
        write_model_files(staged, model, description)
        if samples is not None:
            write_samples(staged, samples)
        write_json(staged / "metrics.json", dict(metrics or {}))
        write_text(staged / "model_card.md", card)


def evaluate(
    model: Predictor | str | Path, dataset: str | Path, *, trust: Sequence[str | Path] = ()
) -> dict[str, object]:
    """Return a model's scores on labelled pictures in any of the three layouts.

    The test split is scored where there is one, otherwise all pictures; ``part`` says which.
    Classes are matched by name. A model that lies in a run folder has the opening written to the
    run's ``test_openings.json`` before any picture is read, and the run's report, where it has one,
    written anew with the count. ``trust`` is as for :func:`load_model`.

    Returns:
        ``part`` (words), ``n``, ``unreadable`` (name and reason each), what
        :func:`autosmall.saved_model.scoring.score_document` tells (each metric, the calibration
        error and the rare class), and ``opened``: how often these pictures have been opened so
        far, or ``None`` outside a run folder.

    Raises:
        DatasetError: No such data set, no readable picture, or a class the model does not know.
        ModelFileError: The model cannot be used.
    """
    saved = model if isinstance(model, Predictor) else load_model(model, trust=trust)
    source = labelled_part(read_labelled(Path(dataset)), saved.classes)
    run = saved.folder.resolve().parent
    if not (run / "settings.toml").is_file():
        return {**score_part(saved, source), "opened": None}
    opened = record_opening(run, source.place, saved.sha256, "evaluate")
    scores = {**score_part(saved, source), "opened": opened}
    renew_report(run)
    return scores


@dataclass(frozen=True)
class LabelledPart:
    """Pictures that a model is scored on: their samples, what they are in words, and where."""

    samples: tuple[Sample, ...]
    words: str
    place: str


def labelled_part(dataset: Dataset, classes: Sequence[str]) -> LabelledPart:
    """Return the test split of ``dataset``, or all of it where there is none.

    Raises :class:`~autosmall.errors.DatasetError` for labels that are none of ``classes``.
    """
    if dataset.test_samples:
        inside = "/test" if dataset.layout == "split-folders" else " (test rows)"
        part = LabelledPart(dataset.test_samples, "test split", f"{dataset.source}{inside}")
    else:
        part = LabelledPart(dataset.samples, "all pictures", str(dataset.source))
    unknown = sorted({sample.label for sample in part.samples} - set(classes))
    if unknown:
        raise DatasetError(
            f"{dataset.source} has classes that the model does not know: {', '.join(unknown[:8])}",
            f"only classes among {', '.join(list(classes)[:20])}",
            "rename these classes as in training, or leave them out",
        )
    return part


def score_part(model: Predictor, part: LabelledPart) -> dict[str, object]:
    """Return the scores of ``model`` on ``part``; see :func:`evaluate`."""
    probabilities, problems = model.predict_files([sample.path for sample in part.samples])
    read = [row for row in range(len(part.samples)) if row not in problems]
    if not read:
        raise DatasetError(
            f"none of the {len(part.samples)} pictures at {part.place} can be read",
            "pictures in JPEG, PNG, BMP, GIF, TIFF or WebP",
            "check the files",
        )
    position = {name: index for index, name in enumerate(model.classes)}
    labels = np.array([position[part.samples[row].label] for row in read], np.int64)
    return {
        "part": part.words,
        "n": len(read),
        "unreadable": [[part.samples[row].name, reason] for row, reason in problems.items()],
        **score_document(model.decisions, model.classes, labels, probabilities[read]),
    }


__all__ = [
    "ModelDescription",
    "ModelFileError",
    "ModelSamples",
    "SavedModel",
    "evaluate",
    "load_model",
    "save_model",
]
