"""Every number and sentence of the report, and how they are written as JSON; no HTML."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from autosmall.report.sections import (
    augmentation,
    calibration,
    configurations,
    data,
    effects,
    ensemble,
    errors,
    heads,
    importance,
    label_keeping,
    next_steps,
    rare_class,
    recommendation,
    reconstructions,
    repetition,
    sample_size,
    search,
    strategies,
    tradeoff,
    training,
    trust,
    workers,
)

SCHEMA_VERSION = 3
"""Raised whenever a name or meaning in ``report.json`` changes."""


@dataclass(frozen=True)
class ReportFacts:
    """All that the page shows, section by section.

    Attributes:
        schema_version: :data:`SCHEMA_VERSION`.
        run: The run folder's name.
        state: ``running``, ``finished`` or ``interrupted``.
        dataset: The data set, as it was named.
        metric: The search's metric.
        headline: The answer in one sentence, also where there is no recommendation.
        effort: What was tried and for how long.
        recommendation: ``None`` where no trial is complete.
        reconstructions: ``None`` where no autoencoder with examples is complete.
        heads: ``None`` where nothing on frozen features is complete.
        ensemble: ``None`` while the search runs, or with fewer than two complete trials.
        calibration: ``None`` where no trial is complete.
        rare_class: ``None`` where no class stands out.
    """

    schema_version: int
    run: str
    state: str
    dataset: str
    metric: str
    headline: str
    effort: str
    recommendation: recommendation.Recommendation | None
    trust: trust.Trust
    next_steps: next_steps.NextSteps
    strategies: strategies.Strategies
    reconstructions: reconstructions.Reconstructions | None
    tradeoff: tradeoff.Tradeoff
    heads: heads.Heads | None
    training: training.Training
    ensemble: ensemble.EnsembleFacts | None
    importance: importance.Importance
    effects: effects.Effects
    errors: errors.Errors
    data: data.Data
    augmentation: augmentation.Augmentation
    label_keeping: label_keeping.LabelKeepingFacts
    sample_size: sample_size.SampleSize
    calibration: calibration.CalibrationFacts | None
    rare_class: rare_class.RareClassFacts | None
    configurations: configurations.Configurations
    search: search.Search
    workers: workers.Workers
    repetition: repetition.Repetition


def facts_document(facts: ReportFacts) -> str:
    """Return the text of ``report.json``: the facts as JSON, each section on a line of its own."""
    sections = [
        f" {json.dumps(name)}: {json.dumps(section, ensure_ascii=False, allow_nan=False)}"
        for name, section in plain_fields(facts).items()
    ]
    return "{\n" + ",\n".join(sections) + "\n}\n"


def to_json(value: object) -> object:
    """Return facts as plain JSON values: dataclasses by field name, NaN and infinity as null.

    Fields whose metadata say ``in_json=False`` (pictures) are left out.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(name): to_json(item) for name, item in value.items()}
    return plain_fields(value) if dataclasses.is_dataclass(value) else value


def plain_fields(value: object) -> dict[str, object]:
    """Return the fields of a dataclass as plain JSON values (see :func:`to_json`)."""
    found = {name: getattr(value, name) for name in _fields_in_json(type(value))}  # type: ignore[arg-type]
    return {n: item if type(item) in _PLAIN else to_json(item) for n, item in found.items()}


_PLAIN = (str, int, bool, type(None))
"""Kinds of most values, which are the same in JSON."""


@cache
def _fields_in_json(kind: type[Any]) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind) if f.metadata.get("in_json", True))
