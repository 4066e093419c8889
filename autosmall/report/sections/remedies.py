"""What to change about a diagnosis, told from the run's own configurations where they can tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from autosmall.analysis.brief_number import brief_number
from autosmall.analysis.diagnoses import (
    LOWER,
    Contrast,
    contrasts,
    largest_per_picture,
    way_of,
)
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.trial_diagnoses import diagnoses_of
from autosmall.report.numbers import count_text, counted
from autosmall.report.setting_words import setting_words
from autosmall.schema.config import BASELINE, Value
from autosmall.schema.run_data import RunData, TrialRecord

MOST_CONTRASTS = 3
"""Strategies (and optimisers) that are told of, most frequent first."""

AT_CHANCE = {"same_inputs", "collapse", "no_learning", "chance_level"}
"""Diagnoses with which nothing is known about new pictures."""

BRAKES = ("augmentation", "dropout_rate", "weight_decay", "epochs", "penalty_c")
"""Settings that are named of a configuration that does not overfit."""

UNEQUAL = 3.0
"""Largest over smallest class from which class shares are mentioned."""


def own_remedy(run: RunData, ranking: Ranking, name: str, trials: tuple[int, ...]) -> str:
    """Return what the run itself shows about the remedy of ``name``, or an empty text.

    ``trials`` have the diagnosis.
    """
    told = [_contrast(name, found) for found in contrasts(run, name)[:MOST_CONTRASTS]]
    if name == "oversized":
        told.insert(0, _largest(run, trials))
    if name == "chance_level":
        told.append(_better_than_chance(run, ranking))
    if name == "collapse":
        told.append(_class_shares(run))
    if name == "overfitting":
        told += _escaped(run, ranking, trials)
    return " ".join(sentence for sentence in told if sentence)


def _contrast(name: str, found: Contrast) -> str:
    where = found.strategy + (f" with {found.optimizer}" if found.optimizer else "")
    lower = way_of(name) == LOWER
    judged = f"For {where}, {_value(found, found.mildest)} {_too(found, lower)} here"
    if found.bound is None:
        return (
            f"{judged}, and no {'lower' if lower else 'higher'} one was tried that is free of it."
        )
    escaped = counted(found.escaped_count, "configuration")
    beyond = f"at {_bare(found, found.bound)} and {'below' if lower else 'above'}"
    return f"{judged}; {beyond}, {escaped} did not show it."


def _value(found: Contrast, value: float) -> str:
    if found.setting == "learning_rate":
        return f"a learning rate of {_bare(found, value)}"
    noun = "weights" if found.setting == "trainable_parameters" else "epochs"
    return f"a number of {_bare(found, value)} {noun}"


def _bare(found: Contrast, value: float) -> str:
    return f"{value:.3g}" if found.setting == "learning_rate" else count_text(value)


def _too(found: Contrast, lower: bool) -> str:
    if found.setting == "learning_rate":
        return "is too high" if lower else "is too low"
    return "is too large" if lower else "is too small"


def _largest(run: RunData, trials: tuple[int, ...]) -> str:
    most, per_picture = largest_per_picture(run, trials)
    return (
        f"The largest trains {count_text(most)} weights, {count_text(per_picture)} for each "
        "training picture."
    )


def _better_than_chance(run: RunData, ranking: Ranking) -> str:
    found = _best(run, ranking, lambda r: not AT_CHANCE & set(diagnoses_of(r)))
    if found is None:
        return (
            "No configuration of this run told held-out pictures apart beyond chance: the labels "
            "may not go with the pictures."
        )
    return (
        f"Trial {found.number} ({found.suggestion.config.strategy}) tells the same pictures apart, "
        "so their labels can be learned: for the others there were too few pictures."
    )


def _class_shares(run: RunData) -> str:
    counts = np.bincount(run.labels, minlength=len(run.classes))
    if counts.max() < UNEQUAL * max(1, counts.min()):
        return ""
    largest = run.classes[int(counts.argmax())]
    share = counts.max() / counts.sum()
    return f"Naming {largest} every time is right for {100 * share:.0f} % of the pictures here."


def _escaped(run: RunData, ranking: Ranking, trials: tuple[int, ...]) -> list[str]:
    """Return a sentence per strategy with the diagnosis about its best one without any."""
    ill = sorted({r.suggestion.config.strategy for r in run.trials if r.number in trials})
    best = [_best(run, ranking, partial(_is_well, strategy)) for strategy in ill]
    return [
        f"The best {found.suggestion.config.strategy} that is well is trial "
        f"{found.number}{_brakes(found)}."
        for found in best[:MOST_CONTRASTS]
        if found is not None
    ]


def _is_well(strategy: str, record: TrialRecord) -> bool:
    return record.suggestion.config.strategy == strategy and not diagnoses_of(record)


def _brakes(record: TrialRecord) -> str:
    config = record.suggestion.config
    named = [f"{setting_words(name)} {_short(config[name])}" for name in BRAKES if name in config]
    return f" ({', '.join(named)})" if named else ""


def _short(value: Value) -> str:
    return brief_number(value) if isinstance(value, float) else str(value)


def _best(
    run: RunData, ranking: Ranking, is_wanted: Callable[[TrialRecord], bool]
) -> TrialRecord | None:
    """Return the best ranked trial that is wanted; the majority class does not count."""
    records = {record.number: record for record in run.trials}
    ranked = (records[row.summary.trial] for row in ranking.rows)
    return next(
        (r for r in ranked if r.suggestion.config.strategy != BASELINE and is_wanted(r)), None
    )
