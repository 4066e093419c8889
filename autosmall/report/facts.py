"""Every number and sentence of the report, gathered from a run; no HTML."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from autosmall.analysis.final_model import expected_of_final_model
from autosmall.analysis.label_issues import Suspected, begin_suspected_labels
from autosmall.analysis.ranking import Ranking, rank
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.helper import Helper
from autosmall.report import sentences
from autosmall.report.anonymous import without_pictures
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
from autosmall.schema.run_data import RunData

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


@dataclass(frozen=True)
class DrawnFacts:
    """Those of the :class:`ReportFacts` that figures are made of, under the same names."""

    metric: str
    recommendation: recommendation.Recommendation | None
    strategies: strategies.Strategies
    tradeoff: tradeoff.Tradeoff
    training: training.Training
    importance: importance.Importance
    effects: effects.Effects
    sample_size: sample_size.SampleSize
    calibration: calibration.CalibrationFacts | None
    rare_class: rare_class.RareClassFacts | None
    configurations: configurations.Configurations
    search: search.Search


def gather_facts(run: RunData, run_path: str) -> ReportFacts:
    """Return the facts of ``run``; ``run_path`` is how commands name its folder.

    Where the run was made without pictures, neither they nor their names are among them.
    """
    return begin_facts(run, run_path)[1]()


def begin_facts(
    run: RunData, run_path: str, helper: Helper | None = None
) -> tuple[DrawnFacts, Callable[[], ReportFacts]]:
    """Return those that are drawn, and what returns all (see :func:`gather_facts`).

    With ``helper`` the importance of settings and the suspected labels are worked out there, while
    this process goes on.
    """
    if run.settings.get("pictures") is False:
        run = without_pictures(run)
    importance_later = importance.begin(run, helper)
    ranking = rank(run)
    suspected_later = begin_suspected_labels(run, ranking, helper)
    corrected = expected_of_final_model(run, ranking)
    drawn = DrawnFacts(
        metric=run.metric,
        recommendation=recommendation.gather(run, ranking, corrected, run_path),
        strategies=strategies.gather(run, ranking),
        tradeoff=tradeoff.gather(run, ranking, run_path),
        training=training.gather(run, ranking),
        effects=effects.gather(run),
        sample_size=sample_size.gather(run, ranking),
        calibration=calibration.gather(run, ranking),
        rare_class=rare_class.gather(run, ranking, run_path),
        configurations=configurations.gather(run, ranking, run_path),
        search=search.gather(run, ranking),
        # Last, as the helper may still be at work at it.
        importance=importance_later(),
    )
    return drawn, lambda: _all_facts(run, run_path, ranking, corrected, drawn, suspected_later)


def _all_facts(
    run: RunData,
    run_path: str,
    ranking: Ranking,
    corrected: CorrectedScore | None,
    drawn: DrawnFacts,
    suspected_later: Callable[[], Suspected],
) -> ReportFacts:
    chosen = drawn.recommendation
    by_status = Counter(trial.status for trial in run.trials)
    missing = sentences.no_recommendation(run.state, len(run.begun), by_status)
    facts = ReportFacts(
        **vars(drawn),
        schema_version=SCHEMA_VERSION,
        run=run.name,
        state=run.state,
        dataset=str(run.settings.get("dataset", "")),
        headline=chosen.sentence if chosen else missing,
        effort=sentences.effort(len(run.begun), len(ranking.rows), run.search_seconds),
        trust=trust.gather(run, ranking, corrected, run_path),
        next_steps=next_steps.NextSteps("", ()),
        reconstructions=reconstructions.gather(run, ranking),
        heads=heads.gather(run, ranking),
        ensemble=ensemble.gather(run, ranking, run_path),
        errors=errors.gather(run, ranking, suspected_later),
        data=data.gather(run),
        augmentation=augmentation.gather(run, ranking),
        label_keeping=label_keeping.gather(run),
        workers=workers.gather(run),
        repetition=repetition.gather(run, run_path, chosen is not None),
    )
    known = next_steps.Known(
        run,
        run_path,
        ranking,
        facts.trust,
        facts.errors,
        facts.training,
        facts.sample_size,
        facts.tradeoff.choices,
        facts.ensemble,
        facts.label_keeping,
    )
    return dataclasses.replace(facts, next_steps=next_steps.gather(known))


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
    names = _fields_in_json(type(value))  # type: ignore[arg-type]
    return {name: to_json(getattr(value, name)) for name in names}


@cache
def _fields_in_json(kind: type[Any]) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind) if f.metadata.get("in_json", True))
