"""Which alterations keep the label, as far as a model tells that never learned from them.

Pictures that a fold's model was not trained on are altered, one kind at a time, and predicted
again. Where far fewer are right then, either their labels have changed (a mirrored hook points to
the other side) or the model has never seen the like; a person who looks at them can tell which.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from autosmall.schema.altered_predictions import AlteredPredictions, ChangedPicture
from autosmall.schema.run_data import RunData
from autosmall.schema.settings import INVARIANCES

HURTS = "hurts"
HARMLESS = "harmless"
UNKNOWN = "unknown"

CONFIDENCE = 0.95
"""Of all intervals of one table together (Bonferroni)."""

HARDLY = 0.03
"""A loss of right answers that surely stays below this share is called harmless."""

MOST_EXAMPLES = 4
"""Of each kind."""

LEAST_PROBABILITY = 1e-7
"""Probabilities are cut to this for the log loss."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """A mean over held-out pictures with its simultaneous 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Swap:
    """Class that a picture bears, class that it is taken for when altered, and how often.

    Pictures that were right before count, once for each direction in which they are not.
    """

    truth: str
    taken_for: str
    times: int


@dataclass(frozen=True)
class Example:
    """A picture whose prediction changed much.

    Attributes:
        row: The picture.
        truth: Its class.
        before: What it is taken for as it is.
        after: What it is taken for when altered.
        p_before: Probability of ``before``, as it is.
        p_after: Probability of ``after``, altered.
        picture: Both as small JPEG files.
    """

    row: int
    truth: str
    before: str
    after: str
    p_before: float
    p_after: float
    picture: ChangedPicture


@dataclass(frozen=True)
class Transformation:
    """What one kind of alteration does to the predictions.

    Attributes:
        kind: One of ``INVARIANCES``.
        allowed: Whether the search's augmentation may use it.
        right: Share of the altered pictures that are still right, mean over directions.
        lost: What that is below the share for the pictures as they are; positive is worse.
        log_loss: What the log loss rises by.
        sureness: Mean probability of the most probable class where the answer became wrong, NaN
            where none did.
        verdict: :data:`HURTS`, :data:`HARMLESS` or :data:`UNKNOWN`, by ``lost``.
        swap: The commonest new mistake, or ``None``.
        examples: Pictures whose prediction changed most, the greatest change first.
    """

    kind: str
    allowed: bool
    right: float
    lost: Change
    log_loss: Change
    sureness: float
    verdict: str
    swap: Swap | None
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class LabelKeeping:
    """The check of one configuration.

    Attributes:
        trial: Its number.
        pictures: Held-out pictures that were asked about.
        right: Share of them that is right as they are.
        rows: One row per kind, in the order of ``INVARIANCES``.
    """

    trial: int
    pictures: int
    right: float
    rows: tuple[Transformation, ...]


def check_label_keeping(run: RunData) -> LabelKeeping | None:
    """Return the check of the configuration that was asked last; ``None`` where none was."""
    if not run.altered_predictions:
        return None
    trial = run.altered_predictions[-1].trial
    parts = [found for found in run.altered_predictions if found.trial == trial]
    rows = np.concatenate([part.rows for part in parts])
    plain = np.concatenate([part.plain for part in parts]).astype(np.float64)
    right = plain.argmax(axis=1) == run.labels[rows]
    kinds = [kind for kind in INVARIANCES if all(kind in part.by_kind for part in parts)]
    found = tuple(_transformation(run, kind, parts, rows, plain, len(kinds)) for kind in kinds)
    return LabelKeeping(trial, len(np.unique(rows)), float(right.mean()), found)


def _transformation(
    run: RunData,
    kind: str,
    parts: Sequence[AlteredPredictions],
    rows: NDArray[np.int64],
    plain: Floats,
    kinds: int,
) -> Transformation:
    labels, groups = run.labels[rows], run.folds.groups[rows]
    altered = np.concatenate([part.by_kind[kind] for part in parts], axis=1).astype(np.float64)
    right_before = plain.argmax(axis=1) == labels
    right_after = altered.argmax(axis=2) == labels
    lost = interval(right_before - right_after.mean(axis=0), groups, kinds, bounded=True)
    rise = (_log_loss(altered, labels) - _log_loss(plain[np.newaxis], labels)).mean(axis=0)
    newly_wrong = right_before & ~right_after
    sure = altered.max(axis=2)[newly_wrong]
    return Transformation(
        kind,
        kind in _allowed(run),
        float(right_after.mean()),
        lost,
        interval(rise, groups, kinds),
        float(sure.mean()) if len(sure) else math.nan,
        _verdict(lost),
        _swap(run.classes, labels, altered, newly_wrong),
        _examples(run, kind, parts),
    )


def interval(
    values: Floats, groups: NDArray[np.int64], tries: int, *, bounded: bool = False
) -> Change:
    """Return the mean of ``values`` (one per picture) with its interval.

    Pictures of one group count as one draw (the variance of sums over groups). Where values lie
    within -1 and 1 (``bounded``), half a picture with each of these and one with 0 are added, so
    that no change in few pictures is not taken for proof of none (Agresti and Min, "Simple
    improved confidence intervals for comparing matched proportions", Statistics in Medicine 24,
    2005). ``tries`` intervals hold together with :data:`CONFIDENCE`.
    """
    extra = np.array([1.0, -1.0, 0.0]) if bounded else np.zeros(0)
    weights = np.concatenate([np.ones(len(values)), [0.5, 0.5, 1.0][: len(extra)]])
    pooled = np.concatenate([values, extra])
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    group = np.concatenate([group, count + np.arange(len(extra))])
    mean = float(np.average(pooled, weights=weights))
    sums = np.bincount(group, np.sqrt(weights) * (pooled - mean))
    if count < 2:
        return Change(float(values.mean()), -math.inf, math.inf)
    error = math.sqrt(count / (count - 1) * float(np.sum(sums**2))) / float(weights.sum())
    reach = float(stdtrit(count - 1, 1 - (1 - CONFIDENCE) / (2 * tries))) * error
    return Change(float(values.mean()), mean - reach, mean + reach)


def _examples(run: RunData, kind: str, parts: Sequence[AlteredPredictions]) -> tuple[Example, ...]:
    found = []
    for part in parts:
        place = {int(row): index for index, row in enumerate(part.rows)}
        for picture in part.examples:
            if picture.kind == kind:
                at = place[picture.row]
                after = part.by_kind[kind][picture.direction, at]
                found.append(_example(run, picture, part.plain[at], after))
    found.sort(key=lambda each: (each[0], each[1].row))
    return tuple(example for _, example in found[:MOST_EXAMPLES])


def _example(
    run: RunData,
    picture: ChangedPicture,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
) -> tuple[float, Example]:
    """Return an example, after what it is sorted by: the probability lost, below zero."""
    first, then = int(before.argmax()), int(after.argmax())
    example = Example(
        picture.row,
        run.classes[run.labels[picture.row]],
        run.classes[first],
        run.classes[then],
        float(before[first]),
        float(after[then]),
        picture,
    )
    return float(after[first] - before[first]), example


def _verdict(lost: Change) -> str:
    if lost.low > 0:
        return HURTS
    return HARMLESS if lost.high < HARDLY else UNKNOWN


def _swap(
    classes: Sequence[str],
    labels: NDArray[np.int64],
    altered: Floats,
    newly_wrong: NDArray[np.bool_],
) -> Swap | None:
    """Return the commonest new mistake, over all directions; a picture counts once for each."""
    taken = altered.argmax(axis=2)
    pairs: Counter[tuple[int, int]] = Counter()
    for direction in range(len(altered)):
        places = np.flatnonzero(newly_wrong[direction])
        pairs.update(zip(labels[places].tolist(), taken[direction, places].tolist(), strict=True))
    if not pairs:
        return None
    (truth, other), count = min(pairs.items(), key=lambda item: (-item[1], item[0]))
    return Swap(classes[truth], classes[other], count)


def _log_loss(probabilities: Floats, labels: NDArray[np.int64]) -> Floats:
    """Return ``(d, m)`` losses of probabilities ``(d, m, k)``."""
    own = probabilities[:, np.arange(len(labels)), labels]
    losses: Floats = -np.log(np.maximum(own, LEAST_PROBABILITY))
    return losses


def _allowed(run: RunData) -> tuple[str, ...]:
    stored = run.settings.get("invariances")
    return stored if isinstance(stored, tuple) else ()
