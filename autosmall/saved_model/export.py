"""A saved model in another format, run in that format's own runtime before it is called done."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from autosmall.child import ChildFailedError, ask_child
from autosmall.errors import ExportError
from autosmall.files import write_text
from autosmall.saved_model.ensemble import MEMBERS_FOLDER, is_ensemble, read_ensemble
from autosmall.saved_model.export_formats import FORMATS, ExportFormat
from autosmall.saved_model.pipeline import ARRAYS, read_pipeline

TOLERANCE = 1e-3
"""Largest difference of a probability between the Keras model and its export.

Runtimes add up in other orders and fold BatchNormalization into convolutions: measured on
MobileNet, MobileNetV2 and EfficientNetB0 up to 5e-5. A wrong layer costs whole points.
"""


def export(
    model_dir: str | Path,
    format: str,  # noqa: A002
    output: str | Path | None = None,
    *,
    trust: Sequence[str | Path] = (),
) -> Path:
    """Write the saved model in ``format`` and return the path of the file or folder.

    The export is loaded in its own runtime and predicts the pictures stored beside the model; it
    is put in place only if every probability agrees with Keras's within :data:`TOLERANCE`. An
    earlier export there is replaced. All of it happens in a process of its own, in which
    TensorFlow is Keras's backend, whatever trained the model. Inputs and outputs are described
    in :mod:`autosmall.saved_model.export_formats`.

    Args:
        model_dir: Folder of the saved model.
        format: ``onnx``, ``tflite`` or ``saved-model``.
        output: Where it goes, ending in ``.onnx`` or ``.tflite`` for these; by default
            ``model.onnx``, ``model.tflite`` or ``saved_model`` in the model's folder.
        trust: The folder's ``model.keras``, if its own code may run.

    Raises:
        ExportError: An unknown format, a model that is no neural network, a missing package, a
            conversion that fails (its messages are kept in ``<output>.log``), or predictions
            that disagree; no export is left behind.
        ModelFileError: The saved model cannot be used.
    """
    wanted = _known(format)
    folder = Path(model_dir)
    _check_exportable(folder, format, wanted)
    target = Path(output) if output is not None else folder / wanted.file_name
    _check_target(target, wanted)
    staged = target.parent / f".{uuid.uuid4().hex}{target.suffix}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_and_check([str(folder), format, str(staged), *map(str, trust)], target)
        _remove(target)
        staged.rename(target)
    except OSError as error:
        raise ExportError(
            f"cannot write {target}: {error.strerror or error}",
            "a place that can be written, with room left",
            "choose another one with --output",
        ) from error
    finally:
        _remove(staged)
    return target


def _known(name: str) -> ExportFormat:
    if name not in FORMATS:
        raise ExportError(f"the format {name!r}", f"one of {', '.join(FORMATS)}", "choose one")
    return FORMATS[name]


def _check_exportable(folder: Path, name: str, wanted: ExportFormat) -> None:
    if is_ensemble(folder):
        members = [member.name for member in read_ensemble(folder).members]
        raise ExportError(
            f"the model in {folder} is an ensemble of {len(members)} models",
            "one network: a vote of several cannot be exported as a whole",
            f"export its members ({', '.join(members)}), each without the vote's temperature and "
            f"thresholds: autosmall export {folder / MEMBERS_FOLDER / members[0]} --format {name}",
        )
    pipeline = read_pipeline(folder)
    if pipeline.kind == ARRAYS:
        raise ExportError(
            f"the model in {folder} is no neural network (strategy {pipeline.config.strategy})",
            "a Keras model; the strategies baseline and classical make none",
            "retrain another configuration (retrain RUN --rank N), or use: autosmall predict",
        )
    missing = [package for package in wanted.packages if find_spec(package) is None]
    if missing:
        raise ExportError(
            f"export to {name} needs {', '.join(missing)}, not installed here",
            "the optional packages for export",
            "install them: pip install 'autosmall[export]'",
        )


def _check_target(target: Path, wanted: ExportFormat) -> None:
    ending = Path(wanted.file_name).suffix
    if target.suffix != ending and ending:
        raise ExportError(f"the output {target}", f"a name that ends in {ending}", "rename it")
    is_export = (target / "saved_model.pb").is_file() if target.is_dir() else bool(ending)
    if target.exists() and (not is_export or target.is_dir() == bool(ending)):
        raise ExportError(
            f"{target} exists and is no earlier export",
            "a new path, or an earlier export to replace",
            "choose another one with --output",
        )


def _write_and_check(words: list[str], target: Path) -> None:
    """Let another process export; ``words`` are those of :mod:`.export_formats`."""
    name = words[1]
    log = target.parent / f"{target.name}.log"
    try:
        answer = ask_child(
            "autosmall.saved_model.export_formats",
            words,
            {"KERAS_BACKEND": "tensorflow"},
        )
    except ChildFailedError as error:
        write_text(log, error.said)
        raise ExportError(
            f"the model cannot be written as {name}: {error.reason}",
            "layers that the format knows",
            f"try another format; all messages are in {log}",
        ) from error
    difference = float(str(answer["largest_difference"]))
    if not difference <= TOLERANCE:
        raise ExportError(
            f"the model in {name} predicts otherwise than in Keras: a probability differs by "
            f"{difference:.2g}",
            f"differences of at most {TOLERANCE:g}",
            "nothing was kept; try another format and report this configuration",
        )
    log.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
