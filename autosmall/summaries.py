"""The closing lines of a command: what came out, in sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from autosmall.errors import RunFolderError
from autosmall.schema.settings import METRICS


def run_lines(run_dir: Path) -> list[str]:
    """Return the recommendation, the report's path, and how to make the model.

    Raises :class:`~autosmall.errors.RunFolderError` where the run has no readable report, or one
    without a recommendation.
    """
    path = run_dir / "report.json"
    try:
        recommendation = json.loads(path.read_text(encoding="utf-8"))["recommendation"]
        sentence = str(recommendation["sentence"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{path} holds no recommendation ({type(error).__name__}: {error})",
            "the report that a search writes once a configuration is complete",
            f"autosmall report {run_dir}",
        ) from error
    return [
        sentence,
        f"Report: {run_dir / 'report.html'}",
        f"To make the model: autosmall retrain {run_dir}",
    ]


def score_lines(scores: Mapping[str, object]) -> list[str]:
    """Return what was scored and one line per metric; ``scores`` is what ``evaluate`` returns."""
    lines = [f"{scores['n']} pictures ({scores['part']})"]
    for name in METRICS:
        value = scores.get(name)
        lines.append(f"{name:<18} {'undefined' if value is None else f'{value:.4f}'}")
    unreadable = scores.get("unreadable")
    if unreadable:
        lines.append(f"left out, unreadable: {len(unreadable)}")  # type: ignore[arg-type]
    if scores.get("opened"):
        lines.append(f"these pictures have now been opened {scores['opened']} times for a model")
    return lines
