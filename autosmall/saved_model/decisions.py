"""From a saved model's probabilities to classes: its temperature, and thresholds for a rare class.

Both are derived from the out-of-fold predictions of the search and stored with the model, in
``pipeline.json`` or ``ensemble.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.thresholds import RareClass, Threshold, with_threshold
from autosmall.errors import SettingsError


@dataclass(frozen=True)
class Decisions:
    """How probabilities are made and read.

    Attributes:
        temperature: What the probabilities are scaled by (:mod:`autosmall.models.temperature`).
            The saved model applies it itself.
        rare_class: The class that thresholds are for; ``None`` where none stands out.
    """

    temperature: float = 1.0
    rare_class: RareClass | None = None

    def to_document(self) -> dict[str, object]:
        """Return plain JSON values; NaN becomes ``None``."""
        rare = None if self.rare_class is None else _plain(asdict(self.rare_class))
        return {"temperature": self.temperature, "rare_class": rare}


def read_decisions(document: Mapping[str, Any], classes: tuple[str, ...]) -> Decisions:
    """Return what :meth:`Decisions.to_document` wrote.

    Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what it cannot have written.
    """
    temperature, rare = document["temperature"], document["rare_class"]
    if not isinstance(temperature, int | float) or not 0 < temperature < math.inf:
        raise ValueError(f"temperature {temperature!r}")
    if rare is None:
        return Decisions(float(temperature))
    if rare["name"] not in classes:
        raise ValueError(f"the rare class {rare['name']!r} is none of the classes")
    thresholds = tuple(Threshold(**_numbers(entry)) for entry in rare["thresholds"])
    return Decisions(float(temperature), RareClass(**{**_numbers(rare), "thresholds": thresholds}))


def find_threshold(
    decisions: Decisions, recall: float | None, precision: float | None
) -> Threshold | None:
    """Return the stored threshold for a wanted recall or precision; ``None`` if neither is given.

    Raises :class:`~autosmall.errors.SettingsError` where both are given or the model has none
    such, naming those that it has.
    """
    wanted = {"recall": recall, "precision": precision}
    given = [(goal, share) for goal, share in wanted.items() if share is not None]
    if not given:
        return None
    rare = decisions.rare_class
    stored = rare.thresholds if rare is not None else ()
    for threshold in stored:
        if given == [(threshold.goal, threshold.wanted)]:
            return threshold
    asked = " and ".join(f"{goal} {share:g}" for goal, share in given)
    raise SettingsError(asked, _offer(rare), "choose one of these, or leave the option out")


def decide(
    probabilities: NDArray[np.float32], rare_index: int, threshold: Threshold | None
) -> NDArray[np.int64]:
    """Return the class of each row of ``(n, n_classes)``: the most probable one.

    With a threshold it is the rare class wherever that reaches it, and the most probable of the
    others elsewhere. Rows of NaN give any class.
    """
    known = np.where(np.isnan(probabilities), -1.0, probabilities).astype(np.float32)
    if threshold is None:
        return known.argmax(axis=1).astype(np.int64)
    return with_threshold(known, rare_index, threshold.probability)


def _offer(rare: RareClass | None) -> str:
    if rare is None:
        return "no threshold: this model has more than two classes, and none of them is rare"
    if not rare.thresholds:
        return f"no threshold: {rare.pictures} pictures of {rare.name} were too few to derive any"
    listed = ", ".join(f"{t.goal} {t.wanted:g}" for t in rare.thresholds)
    return f"one threshold of those stored for the class {rare.name}: {listed}"


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in entry.items()}
