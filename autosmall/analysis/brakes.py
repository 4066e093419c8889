"""What each brake on overfitting did to the gap and to the score, within one strategy.

A brake is a setting that is meant to keep a model from learning its training pictures by heart.
Its effect is estimated among the run's own trials of one strategy
(:mod:`autosmall.analysis.partial_effect`), adjusted in full for the learning rate (straight and
squared, on a logarithmic scale), the number of epochs and the backbone, and for all other settings
as far as they matter. It is the change from the weak end of the brake to the strong one, both
values that were tried, with a tenth of the trials beyond each where they still differ then.

Intervals are over configurations: how far the effect would scatter in other searches of the same
space, on the same pictures and folds. As many brakes are looked at, one counts as shown only if
Holm's procedure (Scandinavian Journal of Statistics 6, 1979) keeps it at 5 % over all comparisons
of the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.brief_number import brief_number
from autosmall.analysis.partial_effect import Effect, partial_effect
from autosmall.analysis.ranking import Ranking
from autosmall.analysis.scored_trials import levelled
from autosmall.schema.config import Config, Value
from autosmall.schema.results import COMPLETE, RACED_OUT
from autosmall.schema.run_data import RunData, TrialRecord

Reals = NDArray[np.float64]

GapAndScore = Mapping[int, tuple[float, float]]
"""Fold id to gap and score."""

LEAST_TRIALS = 14
"""Trials of a strategy with a brake from which its effect is estimated."""

LEAST_OTHERS = 4
"""Trials in which a brake must have another value than its most frequent one."""

LEVEL = 0.05
"""Probability, over the whole run, that any brake without an effect counts as shown."""

CONFOUNDERS = ("learning_rate", "epochs", "backbone")

STRENGTH = "augmentation_strength"

LOG_RATIO = 20.0
"""Positive numbers whose largest is this many times the smallest are compared by logarithm."""

SMALLEST = 1e-7
"""Numbers on a logarithmic scale are at least this large: no weight decay is one of 1e-7."""


@dataclass(frozen=True)
class Brake:
    """A setting, and how strong a brake a value of it is.

    Attributes:
        name: The setting's name in configurations.
        strength: A configuration to a number that grows as the brake gets stronger.
        shown: A configuration to the value that is shown.
    """

    name: str
    strength: Callable[[Config], float]
    shown: Callable[[Config], str]


@dataclass(frozen=True)
class BrakeEffect:
    """What a brake did within a strategy.

    Attributes:
        strategy: The strategy.
        brake: The setting's name.
        weak: Its value at the weak end, as text.
        strong: Its value at the strong end.
        trials: Trials that have the setting.
        gap: Change of the gap from the weak to the strong end; ``None`` for too few to tell.
        score: Change of the score, more being better; ``None`` likewise.
        gap_shown: Whether the change of the gap is more than chance could give.
        score_shown: Likewise of the score.
    """

    strategy: str
    brake: str
    weak: str
    strong: str
    trials: int
    gap: Effect | None
    score: Effect | None
    gap_shown: bool = False
    score_shown: bool = False


@dataclass(frozen=True)
class BrakeTrial:
    """A trial's settings with its gap and its score, both less the usual ones of its folds."""

    config: Config
    gap: float
    score: float


def find_brakes(run: RunData, ranking: Ranking) -> tuple[BrakeEffect, ...]:
    """Return the effect of each brake that varies within a strategy, by strategy and brake.

    Trials dropped by the race count with their finished folds: leaving them out would hide what
    made them bad. As they have different folds, gap and score are taken from the medians over
    trials of each fold.
    """
    trials = _scored(run, ranking)
    names = sorted({trial.config.strategy for trial in trials})
    found = [
        effect
        for strategy in names
        for effect in brake_effects([t for t in trials if t.config.strategy == strategy])
    ]
    return hold_up(found)


def brake_effects(trials: Sequence[BrakeTrial]) -> list[BrakeEffect]:
    """Return the effect of each brake that varies among ``trials``, all of one strategy."""
    found = []
    for brake in BRAKES:
        own = [trial for trial in trials if brake.name in trial.config]
        if len({brake.strength(trial.config) for trial in own}) > 1:
            found.append(_effect(brake, own))
    return found


def hold_up(effects: Sequence[BrakeEffect]) -> tuple[BrakeEffect, ...]:
    """Return ``effects``, those marked that Holm's procedure keeps over all comparisons."""
    values = [
        effect.p_value for row in effects for effect in (row.gap, row.score) if effect is not None
    ]
    bound = _holm_bound(values)
    return tuple(
        replace(
            row,
            gap_shown=row.gap is not None and row.gap.p_value <= bound,
            score_shown=row.score is not None and row.score.p_value <= bound,
        )
        for row in effects
    )


def _holm_bound(p_values: Sequence[float]) -> float:
    """Return the largest p-value that is kept, or -1."""
    bound = -1.0
    for place, p_value in enumerate(sorted(p_values)):
        if p_value > LEVEL / (len(p_values) - place):
            break
        bound = p_value
    return bound


def _effect(brake: Brake, trials: Sequence[BrakeTrial]) -> BrakeEffect:
    strengths = np.array([brake.strength(trial.config) for trial in trials])
    weak, strong = _ends(strengths)
    ends = (brake.shown(trials[weak].config), brake.shown(trials[strong].config))
    strategy = trials[0].config.strategy
    gap = score = None
    most_frequent = np.unique(strengths, return_counts=True)[1].max()
    if len(trials) >= LEAST_TRIALS and len(trials) - most_frequent >= LEAST_OTHERS:
        setting = strengths / (strengths[strong] - strengths[weak])
        configs = [trial.config for trial in trials]
        held_still = _confounders(configs, brake.name), _others(configs, brake.name)
        gap = partial_effect(np.array([t.gap for t in trials]), setting, *held_still)
        score = partial_effect(np.array([t.score for t in trials]), setting, *held_still)
    return BrakeEffect(strategy, brake.name, *ends, len(trials), gap, score)


def _ends(strengths: Reals) -> tuple[int, int]:
    """Return the trials at the weak and the strong end, a tenth left beyond where they differ."""
    order = np.argsort(strengths, kind="stable")
    for beyond in range(len(order) // 10, 0, -1):
        weak, strong = order[beyond], order[-1 - beyond]
        if strengths[weak] < strengths[strong]:
            return int(weak), int(strong)
    return int(order[0]), int(order[-1])


def _confounders(configs: Sequence[Config], brake: str) -> Reals:
    """Return ``(n, p)``: learning rate, its square, epochs, backbone, as far as all have them."""
    columns: list[Reals] = []
    for name in CONFOUNDERS:
        if name == brake or not all(name in config for config in configs):
            continue
        found = _columns([config[name] for config in configs])
        columns += found
        if name == "learning_rate":
            columns += [column**2 for column in found]
    return _stacked(columns, len(configs))


def _others(configs: Sequence[Config], brake: str) -> Reals:
    """Return ``(n, q)``: all other settings that vary, those that not all have included."""
    mappings = [config.to_dict() for config in configs]
    names = sorted({name for mapping in mappings for name in mapping})
    left_out = {brake, "strategy", *CONFOUNDERS} | (
        {STRENGTH} if brake == "augmentation" else set()
    )
    columns: list[Reals] = []
    for name in names:
        if name not in left_out:
            columns += _columns([mapping.get(name) for mapping in mappings])
    return _stacked(columns, len(configs))


def _columns(values: Sequence[Value | None]) -> list[Reals]:
    """Return the columns of variance 1 that stand for a setting; none where it does not vary.

    Numbers give one, on a logarithmic scale where they spread over more than :data:`LOG_RATIO`;
    where a setting is absent it is at its mean. Anything else gives one per value but one.
    """
    present = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        numbers = np.array([math.nan if v is None else float(v) for v in values])
        numbers = _on_scale(numbers)
        columns = [np.where(np.isnan(numbers), np.nanmean(numbers), numbers)]
    else:
        kinds = sorted({str(value) for value in present})
        columns = [np.array([float(str(v) == kind) for v in values]) for kind in kinds[1:]]
    return [(c - c.mean()) / c.std() for c in columns if c.std() > 1e-12]


def _on_scale(numbers: Reals) -> Reals:
    positive = numbers[numbers > 0]
    if len(positive) and positive.max() >= LOG_RATIO * positive.min():
        return np.asarray(np.log10(np.where(numbers > 0, numbers, positive.min())), np.float64)
    return numbers


def _stacked(columns: Sequence[Reals], rows: int) -> Reals:
    return np.column_stack(columns) if columns else np.zeros((rows, 0))


def _augmentation(config: Config) -> float:
    if config["augmentation"] == "none":
        return 0.0
    return config.number(STRENGTH) if STRENGTH in config else 1.0


def _augmentation_shown(config: Config) -> str:
    return "none" if config["augmentation"] == "none" else f"strength {_augmentation(config):.2g}"


def _number(name: str, sign: float = 1.0) -> Brake:
    return Brake(
        name, lambda config: sign * config.number(name), lambda c: brief_number(c.number(name))
    )


def _logarithm(name: str, sign: float = 1.0) -> Brake:
    """Return the brake of a positive number; 0 counts as the least that is worth telling apart."""
    return Brake(
        name,
        lambda config: sign * math.log10(max(config.number(name), SMALLEST)),
        lambda config: brief_number(config.number(name)),
    )


def _choice(name: str, weak: str) -> Brake:
    return Brake(name, lambda config: float(config[name] != weak), lambda c: str(c[name]))


BRAKES = (
    Brake("augmentation", _augmentation, _augmentation_shown),
    _logarithm("views"),
    _choice("mixing", "none"),
    _number("dropout_rate"),
    _logarithm("weight_decay"),
    _number("label_smoothing"),
    _number("trainable_blocks", -1.0),
    _choice("encoder", "fine_tuned"),
    _logarithm("image_size_px", -1.0),
    _logarithm("penalty_c", -1.0),
)
"""Stronger is: more augmentation, views, dropout, decay and smoothing; mixing at all; fewer blocks
trained; a frozen encoder; smaller pictures; a smaller C (inverse penalty)."""


def _scored(run: RunData, ranking: Ranking) -> list[BrakeTrial]:
    """Return the trials with at least one scored fold, but those stopped for ill health."""
    records = {trial.number: trial for trial in run.trials}
    summaries = [row.summary for row in ranking.rows] + list(ranking.others)
    ended = sorted(
        (s for s in summaries if s.status in (COMPLETE, RACED_OUT)), key=lambda s: s.trial
    )
    found = {s.trial: _by_fold(run, records[s.trial], s.fold_scores) for s in ended}
    usual = _medians(list(found.values()))
    return [
        BrakeTrial(s.config, *_mean_distance(own, usual)) for s in ended if (own := found[s.trial])
    ]


def _by_fold(
    run: RunData, trial: TrialRecord, fold_scores: Sequence[tuple[int, float]]
) -> GapAndScore:
    """Return fold id to gap and oriented score, where both are known."""
    train = {fold.fold: fold.train_scores.get(run.metric, math.nan) for fold in trial.folds}
    found = {}
    for fold, value in fold_scores:
        score = levelled(run, value)
        gap = levelled(run, train[fold]) - score
        if math.isfinite(gap):
            found[fold] = (gap, score)
    return found


def _medians(trials: Sequence[GapAndScore]) -> GapAndScore:
    folds = {fold for found in trials for fold in found}
    medians = {}
    for fold in folds:
        gap, score = np.median([found[fold] for found in trials if fold in found], axis=0)
        medians[fold] = (float(gap), float(score))
    return medians


def _mean_distance(own: GapAndScore, usual: GapAndScore) -> tuple[float, float]:
    gaps = [gap - usual[fold][0] for fold, (gap, _) in own.items()]
    scores = [score - usual[fold][1] for fold, (_, score) in own.items()]
    return fmean(gaps), fmean(scores)
