"""Section: how the score goes with the settings that people turn most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autosmall.analysis.brief_number import brief_number
from autosmall.analysis.effects import LEAST_TRIALS, Bin, Effect, find_effects
from autosmall.analysis.scored_trials import scored_trials
from autosmall.report.numbers import counted, interval_text, listed, score_text
from autosmall.report.setting_words import setting_title, setting_words
from autosmall.schema.run_data import RunData
from autosmall.training.metrics import oriented

LOOKED_AT = (
    "learning_rate",
    "image_size_px",
    "augmentation_strength",
    "dropout_rate",
    "trainable_blocks",
)
"""Settings whose effect on the score is shown."""


@dataclass(frozen=True)
class SettingEffects:
    """One setting in all strategies that have it.

    Attributes:
        setting: Its name in configurations.
        title: Its name in words, with its unit.
        sentence: The answer.
        effects: By strategy; means are on the metric's own scale.
    """

    setting: str
    title: str
    sentence: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class PlacedScore:
    """A trial's score as if on all folds, on the metric's own scale.

    See :func:`~autosmall.analysis.scored_trials.scored_trials`.
    """

    trial: int
    score: float


@dataclass(frozen=True)
class Effects:
    """How scores go with single settings.

    Attributes:
        settings: Those with enough trials of one strategy to say something.
        too_few: What could not be looked at, in words; may be empty.
        scores: Scores of all trials, those dropped by the race included.
    """

    settings: tuple[SettingEffects, ...]
    too_few: str
    scores: tuple[PlacedScore, ...]

    @property
    def by_trial(self) -> dict[int, float]:
        """Score by trial."""
        return {placed.trial: placed.score for placed in self.scores}


def gather(run: RunData) -> Effects:
    """Return how scores go with each setting of :data:`LOOKED_AT`."""
    trials, seed = scored_trials(run), int(str(run.settings.get("seed", 0)))
    found = find_effects(trials, LOOKED_AT, seed)
    own = [_on_own_scale(run.metric, effect) for effect in found]
    told = []
    for name in LOOKED_AT:
        effects = tuple(effect for effect in own if effect.setting == name and effect.bins)
        if effects:
            sentence = setting_sentence(run.metric, effects)
            told.append(SettingEffects(name, setting_title(name), sentence, effects))
    scores = tuple(PlacedScore(t.number, oriented(run.metric, t.score)) for t in trials)
    return Effects(tuple(told), _too_few(own), scores)


def setting_sentence(metric: str, effects: Sequence[Effect]) -> str:
    """Return what can be said of a setting in each strategy with enough trials."""
    whole = [effect for effect in effects if not effect.optimizer]
    sure = [effect for effect in whole if effect.is_told]
    words = [_sure_sentence(metric, effect) for effect in sure]
    open_ones = [e.strategy for e in whole if not e.is_told]
    if open_ones:
        words.append(
            f"For {listed(open_ones)}, the differences between its values are no larger than "
            "chance could make them."
        )
    return " ".join(words)


def span(found: Bin) -> str:
    """Return the values of a bin in words.

    >>> span(Bin(0.001, 0.003, 5, 0.8, 0.7, 0.9)), span(Bin(64, 64, 5, 0.8, 0.7, 0.9))
    ('0.001 to 0.003', '64')
    """
    low, high = brief_number(found.low), brief_number(found.high)
    return low if low == high else f"{low} to {high}"


def _sure_sentence(metric: str, effect: Effect) -> str:
    order = sorted(effect.bins, key=lambda found: oriented(metric, found.mean))
    worst, best = order[0], order[-1]
    return (
        f"In {effect.strategy}, scores go with it by more than chance would show: on average "
        f"{_mean(metric, best)} at {span(best)}, {_mean(metric, worst)} at {span(worst)}."
    )


def _mean(metric: str, found: Bin) -> str:
    half = (found.mean_high - found.mean_low) / 2
    interval = interval_text(metric, found.mean_low, found.mean_high)
    return f"{score_text(metric, found.mean, half)} ({interval})"


def _on_own_scale(metric: str, effect: Effect) -> Effect:
    if metric != "log_loss":
        return effect
    turned = [
        replace(b, mean=-b.mean, mean_low=-b.mean_high, mean_high=-b.mean_low) for b in effect.bins
    ]
    return replace(effect, bins=tuple(turned))


def _too_few(effects: Sequence[Effect]) -> str:
    """Return which settings had too few trials, or values too much alike, to say anything."""
    silent = [e for e in effects if not e.bins]
    few = [e for e in silent if e.trials < LEAST_TRIALS]
    alike = [e for e in silent if e.trials >= LEAST_TRIALS]
    told = []
    if few:
        names = [f"{_name(e)} ({counted(e.trials, 'trial')})" for e in few]
        told.append(
            f"Too few trials to say how the score goes with {listed(names)}: it takes "
            f"{LEAST_TRIALS} scored ones of a strategy."
        )
    if alike:
        names = [_name(e) for e in alike]
        told.append(
            f"Nearly all trials had the same {listed(names)}, so nothing can be said of it."
        )
    return " ".join(told)


def _name(effect: Effect) -> str:
    return f"{setting_words(effect.setting)} in {effect.strategy}"
