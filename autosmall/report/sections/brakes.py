"""Part of a section: what each brake on overfitting did, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autosmall.analysis.brakes import LEAST_TRIALS, BrakeEffect, find_brakes
from autosmall.analysis.partial_effect import Effect
from autosmall.analysis.ranking import Ranking
from autosmall.report.numbers import listed, points_text, signed_interval_text
from autosmall.schema.run_data import RunData

BRAKE_WORDS = {
    "augmentation": "augmentation",
    "views": "altered views per picture",
    "mixing": "mixing pictures",
    "dropout_rate": "dropout",
    "weight_decay": "weight decay",
    "label_smoothing": "label smoothing",
    "trainable_blocks": "fewer trained blocks",
    "encoder": "freezing the encoder",
    "image_size_px": "smaller pictures (px)",
    "penalty_c": "a stronger penalty (smaller C)",
}

MOST_NAMED = 3
"""Brakes that a sentence names."""


@dataclass(frozen=True)
class BrakeRow:
    """One brake within one strategy: ``name`` is in words, ``sentence`` what it did."""

    name: str
    effect: BrakeEffect
    sentence: str


@dataclass(frozen=True)
class Brakes:
    """What brakes on overfitting did.

    Attributes:
        sentence: The answer.
        unknown: Of which brakes there are too few configurations to tell; may be empty.
        comparisons: Effects that were estimated; what counts as shown is corrected for them.
        rows: Brakes whose effect was estimated, by strategy, those that did something first.
    """

    sentence: str
    unknown: str
    comparisons: int
    rows: tuple[BrakeRow, ...]


def gather(run: RunData, ranking: Ranking) -> Brakes:
    """Return what the brakes did within each strategy."""
    found = find_brakes(run, ranking)
    told = [effect for effect in found if effect.gap is not None and effect.score is not None]
    told.sort(key=lambda e: (e.strategy, not (e.gap_shown or e.score_shown)))
    return Brakes(
        sentence=answer(run.metric, told, varied=bool(found)),
        unknown=unknown([effect for effect in found if effect.gap is None]),
        comparisons=2 * len(told),
        rows=tuple(BrakeRow(BRAKE_WORDS[e.brake], e, row_words(run.metric, e)) for e in told),
    )


def answer(metric: str, effects: Sequence[BrakeEffect], *, varied: bool) -> str:
    """Return which brakes narrowed the gap, and which had no effect that could be shown."""
    if not varied:
        return "No brake on overfitting was varied within a strategy, so none can be judged."
    if not effects:
        return (
            f"What any brake did cannot be told: it takes {LEAST_TRIALS} configurations of one "
            "strategy that differ in it."
        )
    told = [
        _changed(
            metric, "The gap got narrower", [e for e in effects if _moved(e.gap, e.gap_shown) < 0]
        ),
        _changed(
            metric, "The gap got wider", [e for e in effects if _moved(e.gap, e.gap_shown) > 0]
        ),
        _changed(
            metric,
            "The score fell",
            [e for e in effects if _moved(e.score, e.score_shown) < 0],
            of_score=True,
        ),
        _changed(
            metric,
            "The score rose",
            [e for e in effects if _moved(e.score, e.score_shown) > 0],
            of_score=True,
        ),
        _silent([e for e in effects if not (e.gap_shown or e.score_shown)], len(effects)),
    ]
    return " ".join(sentence for sentence in told if sentence)


def row_words(metric: str, effect: BrakeEffect) -> str:
    """Return what one brake did to the gap and to the score."""
    assert effect.gap is not None and effect.score is not None
    gap, score = effect.gap.change, effect.score.change
    parts = []
    if effect.gap_shown:
        way = "narrower" if gap < 0 else "wider"
        parts.append(f"gap {points_text(metric, gap, 0.01)} {way}")
    if effect.score_shown:
        way = "better" if score > 0 else "worse"
        parts.append(f"score {points_text(metric, score, 0.01)} {way}")
    if not parts:
        return "no effect that could be shown"
    if not effect.score_shown:
        parts.append("no effect on the score that could be shown")
    return ", ".join(parts)


def unknown(effects: Sequence[BrakeEffect]) -> str:
    """Return of which brakes there are too few configurations to tell."""
    if not effects:
        return ""
    most = max(effect.trials for effect in effects)
    return f"Too few configurations ({most} at most, or nearly all alike): {_named(effects)}."


def _moved(effect: Effect | None, shown: bool) -> float:
    """Return the change where it is shown, else 0."""
    return effect.change if effect is not None and shown else 0.0


def _changed(
    metric: str, what: str, effects: Sequence[BrakeEffect], *, of_score: bool = False
) -> str:
    """Return with which brakes something changed, and by how much."""
    if not effects:
        return ""
    named = [_one(metric, e, e.score if of_score else e.gap) for e in effects[:MOST_NAMED]]
    more = len(effects) - len(named)
    return f"{what} with {listed(named)}{f', and {more} more in the table' if more else ''}."


def _one(metric: str, effect: BrakeEffect, change: Effect | None) -> str:
    assert change is not None
    unit = "" if metric == "log_loss" else " points"
    return (
        f"{BRAKE_WORDS[effect.brake]} in {effect.strategy} "
        f"({signed_interval_text(metric, change.low, change.high)}{unit} from {effect.weak} to "
        f"{effect.strong})"
    )


def _silent(effects: Sequence[BrakeEffect], looked_at: int) -> str:
    if not effects:
        return ""
    if len(effects) == looked_at:
        return f"None had an effect that these configurations could show: {_named(effects)}."
    return f"No effect that these configurations could show had {_named(effects)}."


def _named(effects: Sequence[BrakeEffect]) -> str:
    """Return the brakes by strategy."""
    strategies = sorted({effect.strategy for effect in effects})
    return "; ".join(
        f"{listed([BRAKE_WORDS[e.brake] for e in effects if e.strategy == s])} in {s}"
        for s in strategies
    )
