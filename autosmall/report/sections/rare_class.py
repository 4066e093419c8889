"""Part of a section: how well the rare class is found, and thresholds for finding more of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autosmall.analysis.ranking import Ranking
from autosmall.analysis.rare_curves import RareCurves, rare_curves
from autosmall.analysis.thresholds import (
    PRECISION,
    RECALL,
    WANTED,
    RareClass,
    Threshold,
    find_rare_class,
    least_pictures,
)
from autosmall.report.commands import predict_command
from autosmall.report.numbers import counted, listed
from autosmall.schema.run_data import RunData

SHOWN_RECALL = 0.95
"""The sentence tells of the largest recall with a threshold that is at most this."""


@dataclass(frozen=True)
class RareClassFacts:
    """The class that thresholds are for, with the recommended configuration.

    Attributes:
        found: What held-out pictures show.
        curves: Its ROC and precision-recall curves.
        sentence: The answer.
        missing: Which thresholds could not be derived, and why; may be empty.
        command: Classifies pictures with one of the thresholds; empty where there is none.
    """

    found: RareClass
    curves: RareCurves
    sentence: str
    missing: str
    command: str


def gather(run: RunData, ranking: Ranking, run_path: str) -> RareClassFacts | None:
    """Return the rare class, or ``None`` where no class stands out or nothing is complete."""
    if ranking.recommended is None:
        return None
    recommended = ranking.recommended.summary.trial
    found = find_rare_class(ranking.table, recommended, run.classes)
    if found is None:
        return None
    shown = _shown(found)
    return RareClassFacts(
        found=found,
        curves=rare_curves(ranking.table, recommended, run.classes, found.name),
        sentence=rare_class_sentence(found),
        missing=_missing(found),
        command="" if shown is None else predict_command(run_path, shown.goal, shown.wanted),
    )


def rare_class_sentence(found: RareClass) -> str:
    """Return how well the class is found, and what finding more of it would cost."""
    said = (
        f"{found.name}: {counted(found.pictures, 'picture')}, {_percent(found.share)} of all. Its "
        f"average precision is {_percent(found.average_precision)}, where guessing reaches "
        f"{_percent(found.share)}; {_percent(found.recall)} of its pictures are found"
    )
    if not math.isnan(found.precision):
        said += f", and {_percent(found.precision)} of the pictures called so are right"
    shown = _shown(found)
    if shown is None:
        return said + "."
    return (
        f"{said}. To find {_percent(shown.wanted)} of them, call a picture so from a probability "
        f"of {shown.probability:.3f} on: {_percent(shown.recall)} were found so, and of all "
        f"pictures {_percent(shown.called_share)} were called so, {_percent(shown.precision)} of "
        "these rightly."
    )


def _shown(found: RareClass) -> Threshold | None:
    fitting = [t for t in found.thresholds if t.goal == RECALL and t.wanted <= SHOWN_RECALL]
    return fitting[-1] if fitting else None


def _missing(found: RareClass) -> str:
    told = []
    recalls = [w for w in WANTED if not _has(found, RECALL, w)]
    if recalls:
        told.append(
            f"No threshold for finding {listed([_percent(w) for w in recalls])}: a training part "
            f"would have to hold {least_pictures(recalls[0])} pictures of the class or more."
        )
    precisions = [w for w in WANTED if not _has(found, PRECISION, w)]
    if precisions:
        shares = listed([_percent(w) for w in precisions])
        told.append(f"No threshold was right in {shares} of its calls in every training part.")
    return " ".join(told)


def _has(found: RareClass, goal: str, wanted: float) -> bool:
    return any((t.goal, t.wanted) == (goal, wanted) for t in found.thresholds)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
