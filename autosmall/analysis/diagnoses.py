"""What was diagnosed, in which configurations, and which others of the run escaped it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autosmall.analysis.trial_diagnoses import diagnoses_of
from autosmall.analysis.trial_summary import training_pictures
from autosmall.schema.results import COMPLETE
from autosmall.schema.run_data import RunData, TrialRecord
from autosmall.training.health.rules import (
    DIVERGED,
    NO_LEARNING,
    OSCILLATING,
    OVERSIZED,
    RULES,
    UNDERFITTING,
    UNFINISHED,
)

LOWER, HIGHER = "lower", "higher"

DECIDING = {
    DIVERGED: ("learning_rate", LOWER),
    OSCILLATING: ("learning_rate", LOWER),
    NO_LEARNING: ("learning_rate", HIGHER),
    UNFINISHED: ("epochs", HIGHER),
    UNDERFITTING: ("trainable_parameters", HIGHER),
    OVERSIZED: ("trainable_parameters", LOWER),
}
"""Diagnosis to the one number that decides about it, and the way in which it should be changed."""

BY_OPTIMIZER = ("learning_rate",)
"""Numbers that mean something else with every optimiser."""


@dataclass(frozen=True)
class Contrast:
    """A number in configurations with a diagnosis, and in others like them without it.

    Attributes:
        strategy: The strategy of all of them.
        optimizer: Their optimiser, where the number's meaning depends on it; else empty.
        setting: The number's name.
        ill_count: Configurations with the diagnosis.
        mildest: Their value that is nearest to health.
        escaped_count: Configurations without it, beyond ``mildest``.
        bound: The value nearest to ``mildest`` from which on all of these are well; ``None`` where
            there are none.
    """

    strategy: str
    optimizer: str
    setting: str
    ill_count: int
    mildest: float
    escaped_count: int
    bound: float | None


def explain(name: str) -> tuple[str, str]:
    """Return what the health rule ``name`` saw and its remedy; empty texts for an unknown name."""
    rule = RULES.get(name)
    return (rule.seen, rule.remedy) if rule else ("", "")


def way_of(name: str) -> str:
    """Return whether the number that decides about ``name`` should be ``lower`` or ``higher``."""
    return DECIDING[name][1]


def contrasts(run: RunData, name: str) -> tuple[Contrast, ...]:
    """Return what tells configurations with the diagnosis ``name`` from those without, if known.

    There is one contrast per strategy (and optimiser) that fell to it, most frequent first.
    """
    if name not in DECIDING:
        return ()
    setting, way = DECIDING[name]
    groups: dict[tuple[str, str], list[TrialRecord]] = {}
    for record in run.trials:
        if _number(record, setting) is not None:
            groups.setdefault(_group(record, setting), []).append(record)
    found = [_contrast(key, members, name, setting, way) for key, members in groups.items()]
    known = [contrast for contrast in found if contrast is not None]
    return tuple(sorted(known, key=lambda contrast: -contrast.ill_count))


def largest_per_picture(run: RunData, trials: Sequence[int]) -> tuple[int, float]:
    """Return the most weights that one of ``trials`` trains, and how many these are per picture."""
    records = [record for record in run.trials if record.number in trials]
    most = max(fold.trainable_parameters for record in records for fold in record.folds)
    return most, most / training_pictures(run)


def _group(record: TrialRecord, setting: str) -> tuple[str, str]:
    config = record.suggestion.config
    named = setting in BY_OPTIMIZER and "optimizer" in config
    return config.strategy, config.text("optimizer") if named else ""


def _contrast(
    key: tuple[str, str], members: list[TrialRecord], name: str, setting: str, way: str
) -> Contrast | None:
    sign = 1.0 if way == LOWER else -1.0
    ill = [r for r in members if name in diagnoses_of(r)]
    if not ill:
        return None
    well = [r for r in members if r.status == COMPLETE and name not in diagnoses_of(r)]
    mildest = min(sign * _value(record, setting) for record in ill)
    beyond = [v for v in (sign * _value(r, setting) for r in well) if v < mildest]
    bound = sign * max(beyond) if beyond else None
    return Contrast(*key, setting, len(ill), sign * mildest, len(beyond), bound)


def _value(record: TrialRecord, setting: str) -> float:
    number = _number(record, setting)
    assert number is not None
    return number


def _number(record: TrialRecord, setting: str) -> float | None:
    if setting == "trainable_parameters":
        return float(max((f.trainable_parameters for f in record.folds), default=0)) or None
    config = record.suggestion.config
    return config.number(setting) if setting in config else None
