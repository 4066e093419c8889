"""The diagnoses of a fit that has ended, from its curves, its predictions and its size.

Everything here marks; nothing stops. Validation labels enter ``oscillating``, ``chance_level``,
``overfitting``, what is said in their place (``underfitting``, ``unfinished``), and
``flat_validation``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autosmall.training.health import losses, predictions, rules
from autosmall.training.health.predictions import Labels, Probabilities, association
from autosmall.training.metrics import score

DEAD_SHARE = 0.5
RUNAWAY_GROWTH = 2.0
"""Weights so long have forgotten where they started; those of healthy fits stayed below 1.8."""
FEWEST_PICTURES = 2
FEWEST_HELD_OUT = 10
"""With fewer, the distribution under exchanged labels is too far from normal."""

Finding = tuple[str, int | None]
"""A rule's name and the epoch, from 1, at which it happened, where that is known."""


@dataclass(frozen=True)
class Part:
    """Pictures, training or held out: labels ``(n,)`` and final probabilities ``(n, k)``."""

    labels: Labels
    probabilities: Probabilities

    def balanced_accuracy(self) -> float:
        """Return the mean recall over the classes that occur."""
        return score("balanced_accuracy", self.labels, self.probabilities)


@dataclass(frozen=True)
class Evidence:
    """What is known of a fit that has ended.

    Attributes:
        train: The training pictures, as they are (not altered).
        held_out: The pictures that the fold holds out.
        guessing: Loss of guessing, in the unit of ``train_loss``.
        found: What the monitor found, name to epoch.
        curves: As in :class:`autosmall.schema.results.FoldResult`.
        parameters_from_scratch: Weights that were trained from random values on.
        inputs_alike: Whether all training pictures, or their features, are the same.
        dead_share: Share of the units that are zero for all training pictures; NaN if unknown.
        weight_growth: How many times as long as at first the weights are; NaN if unknown.
    """

    train: Part
    held_out: Part
    guessing: float
    found: Mapping[str, int] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    parameters_from_scratch: int = 0
    inputs_alike: bool = False
    dead_share: float = math.nan
    weight_growth: float = math.nan

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return int(self.train.probabilities.shape[1])


def diagnose(evidence: Evidence) -> dict[str, int | None]:
    """Return the names of the rules that fired, causes first, each with its epoch if it has one."""
    found: dict[str, int | None] = {}
    for name, epoch in (*evidence.found.items(), *_causes(evidence), *_outcomes(evidence)):
        found.setdefault(name, epoch)
    return {name: found[name] for name in rules.RULES if name in found}


def _causes(evidence: Evidence) -> Iterator[Finding]:
    if evidence.inputs_alike:
        yield rules.SAME_INPUTS, None
    train_losses = evidence.curves.get("train_loss", ())
    if train_losses:
        yield from _of_long_steps(train_losses, evidence)
    if evidence.dead_share >= DEAD_SHARE:
        yield rules.DEAD_UNITS, None
    if evidence.parameters_from_scratch >= rules.PARAMETERS_PER_PICTURE * len(
        evidence.train.labels
    ):
        yield rules.OVERSIZED, None


def _of_long_steps(train_losses: Sequence[float], evidence: Evidence) -> Iterator[Finding]:
    """Yield at most one sign of steps that were too long; a fit that blew up has it already."""
    guessing = evidence.guessing
    above = losses.ended_above_guessing(train_losses, guessing)
    validation_losses = evidence.curves.get("validation_loss", ())
    thrown = (
        losses.thrown_off(train_losses, guessing)
        or losses.jumping(train_losses, guessing)
        or losses.held_out_thrown_off(train_losses, validation_losses, guessing)
    )
    ran_away = evidence.weight_growth >= RUNAWAY_GROWTH
    if rules.DIVERGED in evidence.found:
        return
    if above is not None:
        yield rules.DIVERGED, above
    elif thrown is not None:
        yield rules.OSCILLATING, thrown
    elif ran_away and losses.end_level(train_losses) > losses.HALF_LEARNED * guessing:
        yield rules.DIVERGED, None


def _outcomes(evidence: Evidence) -> Iterator[Finding]:
    train, held_out = evidence.train, evidence.held_out
    if min(len(train.labels), len(held_out.labels)) < FEWEST_PICTURES:
        return
    learned = association(train.labels, train.probabilities)
    one_class = predictions.is_one_class([train.probabilities, held_out.probabilities])
    if one_class and rules.NO_LEARNING not in evidence.found:
        yield rules.COLLAPSE, None
    elif not learned.exceeds(predictions.LEARNED_DEVIATIONS):
        yield rules.NO_LEARNING, None
    elif rules.NO_LEARNING not in evidence.found:
        yield from _of_carrying_over(evidence, learned)
    if losses.is_flat(evidence.curves.get("validation_loss", ())):
        yield rules.FLAT_VALIDATION, None


def _of_carrying_over(evidence: Evidence, learned: predictions.Association) -> Iterator[Finding]:
    """Yield at most one finding about what was learned, and what of it carries over."""
    train, held_out = evidence.train, evidence.held_out
    carried = association(held_out.labels, held_out.probabilities)
    # Where all labels or all predictions are equal, there is nothing to exchange.
    enough = len(held_out.labels) >= FEWEST_HELD_OUT and carried.deviation > 0
    at_chance = not carried.exceeds(predictions.CHANCE_DEVIATIONS)
    if enough and at_chance and not predictions.carries_over(learned, carried):
        yield rules.CHANCE_LEVEL, None
        return
    scores = train.balanced_accuracy(), held_out.balanced_accuracy(), len(held_out.labels)
    lost = enough and predictions.loses_half(*scores, evidence.class_count)
    turn = _turning_point(evidence)
    if lost or (turn is not None and predictions.has_gap(*scores)):
        yield rules.OVERFITTING, turn
    elif predictions.skill(scores[0], evidence.class_count) < predictions.LOW_SKILL:
        train_losses = evidence.curves.get("train_loss", ())
        falling = bool(train_losses) and losses.is_still_falling(train_losses, evidence.guessing)
        yield (rules.UNFINISHED if falling else rules.UNDERFITTING), None


def _turning_point(evidence: Evidence) -> int | None:
    """Return the epoch from which training did harm to held-out pictures, or ``None``.

    A loss that rises alone tells that the network became too sure of itself, which happens to
    every one that gets all training pictures right and is mended by a temperature. Where the
    accuracy is known, it must have fallen as well.
    """
    turn = losses.turning_point(evidence.curves.get("validation_loss", ()), evidence.guessing)
    accuracies = evidence.curves.get("validation_accuracy", ())
    if turn is None or not accuracies:
        return turn
    known = [value for value in accuracies if math.isfinite(value)]
    before, after = losses.level_around(accuracies, turn), losses.end_level(known)
    return turn if predictions.has_fallen(before, after, len(evidence.held_out.labels)) else None
