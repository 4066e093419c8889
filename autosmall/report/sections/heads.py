"""Part of a section: how the head on frozen features grows with what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autosmall.analysis.ranking import Ranking
from autosmall.analysis.trial_summary import TrialSummary
from autosmall.report import sentences
from autosmall.schema.results import FoldResult
from autosmall.schema.run_data import RunData

MOST_ROWS = 8


@dataclass(frozen=True)
class HeadRow:
    """The head of one configuration.

    Attributes:
        trial: Its number.
        backbone: Where the features come from.
        features: Numbers per picture that the head is given.
        units: Units of its bottleneck, 0 without one.
        parameters: Its weights.
        map_values: Numbers per picture in the feature maps before pooling; ``None`` where
            pictures differ in size.
        flattened_parameters: Weights that the same head would have on all of those.
    """

    trial: int
    backbone: str
    features: int
    units: int
    parameters: int
    map_values: int | None
    flattened_parameters: int | None


@dataclass(frozen=True)
class Heads:
    """Heads of different size, smallest first, and what they show."""

    sentence: str
    rows: tuple[HeadRow, ...]


def gather(run: RunData, ranking: Ranking) -> Heads | None:
    """Return the heads of the best configurations that tell of theirs; ``None`` without any."""
    notes = {trial.number: _largest_notes(trial.folds) for trial in run.trials}
    found: dict[tuple[int, int | None, int], HeadRow] = {}
    for ranked in ranking.rows:
        told = notes[ranked.summary.trial]
        if "head_parameters" in told:
            row = _row(ranked.summary, told, len(run.classes))
            found.setdefault((row.features, row.map_values, row.parameters), row)
    best = list(found.values())[:MOST_ROWS]
    if not best:
        return None
    by_size = sorted(best, key=lambda row: (row.parameters, row.trial))
    return Heads(_sentence(best[0]), tuple(by_size))


def _row(summary: TrialSummary, told: dict[str, float], class_count: int) -> HeadRow:
    config = summary.config.to_dict()
    bottleneck = config.get("bottleneck_units", 0) if config.get("head") == "dense" else 0
    units = bottleneck if isinstance(bottleneck, int) else 0
    features, parameters = int(told["features"]), int(told["head_parameters"])
    maps = int(told["map_values"]) if "map_values" in told else None
    more = None if maps is None else (maps - features) * (units or class_count)
    return HeadRow(
        trial=summary.trial,
        backbone=str(config.get("backbone", "")),
        features=features,
        units=units,
        parameters=parameters,
        map_values=maps,
        flattened_parameters=None if more is None else parameters + more,
    )


def _sentence(row: HeadRow) -> str:
    return sentences.heads(
        row.trial, row.features, row.parameters, row.map_values, row.flattened_parameters
    )


def _largest_notes(folds: Sequence[FoldResult]) -> dict[str, float]:
    """Return name to the largest value of any fold: layers may be chosen fold by fold."""
    largest: dict[str, float] = {}
    for fold in folds:
        for name, value in fold.notes.items():
            largest[name] = max(value, largest.get(name, value))
    return largest
