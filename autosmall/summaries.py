"""The closing lines of a command: what came out, in sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from autosmall.errors import RunFolderError
from autosmall.schema.settings import METRICS

if TYPE_CHECKING:
    from autosmall.retraining.retrain import RetrainResult


def run_lines(run_dir: Path) -> list[str]:
    """Return the recommendation, the report's path, and how to make the model.

    Networks of absurd size are warned of.

    Raises :class:`~autosmall.errors.RunFolderError` where the run has no readable report, or one
    without a recommendation.
    """
    path = run_dir / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        sentence = str(report["recommendation"]["sentence"])
        warning = str(report["tradeoff"]["warning"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{path} holds no recommendation ({type(error).__name__}: {error})",
            "the report that a search writes once a configuration is complete",
            f"autosmall report {run_dir}",
        ) from error
    return [
        sentence,
        *([f"Warning: {warning}"] if warning else []),
        f"Report: {run_dir / 'report.html'}",
        f"To make the model: autosmall retrain {run_dir}",
    ]


def model_lines(result: RetrainResult) -> list[str]:
    """Return what was trained, and where the model is."""
    return [result.sentence, f"Model: {result.model_dir}"]


def score_lines(scores: Mapping[str, object]) -> list[str]:
    """Return what was scored and one line per metric; ``scores`` is what ``evaluate`` returns."""
    lines = [f"{scores['n']} pictures ({scores['part']})"]
    for name in METRICS:
        value = scores.get(name)
        lines.append(f"{name:<18} {'undefined' if value is None else f'{value:.4f}'}")
    lines += _calibration_lines(scores)
    unreadable = scores.get("unreadable")
    if unreadable:
        lines.append(f"left out, unreadable: {len(unreadable)}")  # type: ignore[arg-type]
    if scores.get("opened"):
        lines.append(f"these pictures have now been opened {scores['opened']} times for a model")
    return lines


def _calibration_lines(scores: Mapping[str, object]) -> list[str]:
    """Return the calibration error, and recall and precision of the rare class."""
    lines = []
    error = scores.get("calibration_error")
    if isinstance(error, float):
        lines.append(f"{'calibration error':<18} {error:.4f}")
    rare = scores.get("rare_class")
    if isinstance(rare, dict):
        lines.append(f"{rare['name']}: {rare['pictures']} pictures")
        lines.append(f"  average precision {_share(rare['average_precision'])}")
        lines.append(f"  most probable class: {_rates(rare)}")
        lines += [
            f"  --{entry['goal']} {entry['wanted']:g}: {_rates(entry)}"
            for entry in rare["thresholds"]
        ]
    return lines


def _rates(entry: Mapping[str, object]) -> str:
    return f"recall {_share(entry['recall'])}, precision {_share(entry['precision'])}"


def _share(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "undefined"
