"""What a trial as a whole is diagnosed with."""

from __future__ import annotations

from collections import Counter

from autosmall.schema.run_data import TrialRecord
from autosmall.training.health.rules import RULES

_PLACES = {name: place for place, name in enumerate(RULES)}


def diagnoses_of(record: TrialRecord) -> tuple[str, ...]:
    """Return what at least half of a trial's finished folds were diagnosed with, causes first.

    One fold in twenty is at chance level by chance, so a single fold does not speak for a trial.
    """
    counts = Counter(name for fold in record.folds for name in fold.diagnoses)
    found = [name for name, count in counts.items() if 2 * count >= len(record.folds)]
    return tuple(sorted(found, key=lambda name: _PLACES.get(name, len(_PLACES))))
