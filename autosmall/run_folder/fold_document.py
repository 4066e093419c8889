"""A fold as JSON: plain values, with null for NaN and infinity, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from autosmall.schema.results import FoldResult, Reconstructions


def fold_document(result: FoldResult) -> dict[str, object]:
    """Return all of a fold but its arrays and curves, which lie in files of their own."""
    return {
        "trial": result.trial,
        "fold": result.fold,
        "status": result.status,
        "scores": _finite_values(result.scores),
        "train_scores": _finite_values(result.train_scores),
        "trainable_parameters": result.trainable_parameters,
        "total_parameters": result.total_parameters,
        "fit_seconds": result.fit_seconds,
        "peak_memory_mib": result.peak_memory_mib,
        "diagnoses": list(result.diagnoses),
        "diagnosis_epochs": dict(result.diagnosis_epochs),
        "notes": _finite_values(result.notes),
        "reconstructions": _reconstructions_document(result.reconstructions),
        "error": result.error,
        "worker": result.worker,
    }


def curves_document(result: FoldResult) -> dict[str, list[float | None]]:
    """Return the curves, name to one value per epoch."""
    return {name: [_finite(value) for value in values] for name, values in result.curves.items()}


def fold_from_document(
    stored: Mapping[str, object],
    curves: Mapping[str, tuple[float, ...]],
    probabilities: object,
) -> FoldResult:
    """Return the fold of a document, its curves and its probabilities, without reconstructions."""
    fields = {"notes": {}, "diagnosis_epochs": {}, **stored, "reconstructions": None}
    for key in ("scores", "train_scores", "notes"):
        fields[key] = _with_nan(fields[key])  # type: ignore[arg-type]
    fields["diagnoses"] = tuple(fields["diagnoses"])  # type: ignore[arg-type]
    return FoldResult(
        **fields,  # type: ignore[arg-type]
        curves=curves,
        probabilities=np.asarray(probabilities, np.float32),
    )


def _reconstructions_document(found: Reconstructions | None) -> dict[str, object] | None:
    return None if found is None else {"rows": list(found.rows), "errors": list(found.errors)}


def _finite_values(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in values.items()}


def _finite(value: float) -> float | None:
    """Return ``value``, or ``None`` for NaN and infinity, which JSON does not have."""
    return float(value) if math.isfinite(value) else None


def _with_nan(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return ``values`` with NaN for null."""
    return {name: math.nan if value is None else value for name, value in values.items()}
