"""The closing lines of a command: what came out, in sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from autosmall.errors import RunFolderError
from autosmall.schema.settings import METRICS


def run_lines(run_dir: Path) -> list[str]:
    """Return the recommendation, the report's path, and how to make the model.

    Raises :class:`~autosmall.errors.RunFolderError` where the run has no readable report.
    """
    path = run_dir / "report.json"
    try:
        recommendation = json.loads(path.read_text(encoding="utf-8"))["recommendation"]
        sentence = recommendation_sentence(recommendation)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{path} cannot be read ({type(error).__name__}: {error})",
            "the report that a search writes",
            f"autosmall report {run_dir}",
        ) from error
    return [
        f"Recommended: {sentence}",
        f"Report: {run_dir / 'report.html'}",
        f"To make the model: autosmall retrain {run_dir}",
    ]


def recommendation_sentence(recommendation: Mapping[str, object]) -> str:
    """Return which configuration is recommended and how far its score can be trusted.

    >>> recommendation_sentence({
    ...     "trial": 4, "strategy": "frozen", "metric": "accuracy", "naive_score": 0.931,
    ...     "corrected_score": 0.917, "corrected_interval": [0.86, 0.962],
    ... })
    'frozen (trial 4): accuracy 0.931, and 0.917 (0.860 to 0.962) once corrected for being picked'
    """
    low, high = recommendation["corrected_interval"]  # type: ignore[misc]
    return (
        f"{recommendation['strategy']} (trial {recommendation['trial']}):"
        f" {recommendation['metric']} {recommendation['naive_score']:.3f},"
        f" and {recommendation['corrected_score']:.3f} ({low:.3f} to {high:.3f})"
        " once corrected for being picked"
    )


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


def finding_lines(findings: Sequence[tuple[str, str]]) -> list[str]:
    """Return one line per finding of an audit, given as (severity, message)."""
    if not findings:
        return ["nothing wrong was found"]
    return [f"{severity:>8}  {message}" for severity, message in findings]
