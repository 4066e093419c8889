"""Part of a section: what the recommended configuration looked at, right and wrong side by side."""

from __future__ import annotations

import base64
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from autosmall.analysis.explained import right_and_wrong
from autosmall.analysis.ranking import Ranking
from autosmall.report.numbers import counted, listed
from autosmall.schema.run_data import RunData
from autosmall.schema.saliency import GRAD_CAM, StoredMap


@dataclass(frozen=True)
class MapFacts:
    """A picture and where its evidence lies.

    Attributes:
        row: Its row in the data set.
        sample: Its name.
        truth: Its class.
        explained: The class that the map is for.
        method: ``Grad-CAM`` or ``occlusion``.
        half_share: The smallest part of the picture that holds half of the evidence; NaN where
            there is none.
    """

    row: int
    sample: str
    truth: str
    explained: str
    method: str
    half_share: float


@dataclass(frozen=True)
class MapPair:
    """A mistake, and beside it a picture that was rightly taken for the same class."""

    wrong: MapFacts
    right: MapFacts | None


@dataclass(frozen=True)
class Maps:
    """All maps of the recommended configuration.

    Attributes:
        trial: Its number.
        sentence: What is to be seen, from the numbers.
        caption: What a map is, and what it cannot show.
        pairs: Mistakes, each beside a right picture.
        others: Maps of further pictures that the section shows, by row.
        drawn: Row to the map, a JPEG in base64; not in ``report.json``.
    """

    trial: int
    sentence: str
    caption: str
    pairs: tuple[MapPair, ...]
    others: tuple[MapFacts, ...]
    drawn: dict[int, str] = field(default_factory=dict, metadata={"in_json": False})


def gather(run: RunData, ranking: Ranking) -> Maps | None:
    """Return the maps of the recommended configuration, ``None`` where none were drawn."""
    if ranking.recommended is None:
        return None
    trial = ranking.recommended.summary.trial
    stored = {each.row: each for each in run.maps if each.trial == trial}
    if not stored:
        return None
    pairs = [
        MapPair(
            _facts(run, stored[pair.wrong]),
            _facts(run, stored[pair.right]) if pair.right in stored else None,
        )
        for pair in right_and_wrong(run, ranking)
        if pair.wrong in stored
    ]
    paired = {each.row for pair in pairs for each in (pair.wrong, pair.right) if each}
    others = tuple(_facts(run, each) for row, each in stored.items() if row not in paired)
    methods = sorted({each.method for each in stored.values()})
    return Maps(
        trial=trial,
        sentence=maps_sentence(pairs),
        caption=maps_caption(methods),
        pairs=tuple(pairs),
        others=others,
        drawn={row: base64.b64encode(m.jpeg).decode("ascii") for row, m in stored.items()},
    )


def maps_sentence(pairs: Sequence[MapPair]) -> str:
    """Return where the evidence lies, in mistakes and in right answers."""
    wrong = _finite([pair.wrong.half_share for pair in pairs])
    right = _finite([pair.right.half_share for pair in pairs if pair.right is not None])
    told = [
        f"on {_median(shares)} of the picture where it is {how} ({counted(len(shares), 'map')})"
        for how, shares in (("wrong", wrong), ("right", right))
        if shares
    ]
    if not told:
        return "No map shows a place that speaks for the class."
    medians = "; medians" if len(wrong) > 1 or len(right) > 1 else ""
    return f"Half of the evidence lies {listed(told)}{medians}."


def maps_caption(methods: Sequence[str]) -> str:
    """Return what a map is, how to read it, and what it does not say."""
    how = (
        "its gradients say (Grad-CAM, place by place)"
        if list(methods) == [GRAD_CAM]
        else "covering each place in turn says (occlusion)"
        if GRAD_CAM not in methods
        else "gradients (Grad-CAM) or covering each place in turn (occlusion) say"
    )
    return (
        f"Orange: what speaks for the class that the picture was taken for, as far as {how}; the "
        "white line holds half of it. The model of the fold that held the picture out was asked. "
        "Look whether the orange lies on what makes the class, or on the ground, a rim or a "
        "mark. A map shows where, not what or why, and no finer than the model's last feature "
        "map. Its strongest place is drawn strongest however weak it is, and a map that lies on "
        "the right thing does not make the answer right."
    )


def _facts(run: RunData, stored: StoredMap) -> MapFacts:
    return MapFacts(
        stored.row,
        run.sample_names[stored.row],
        run.classes[run.labels[stored.row]],
        run.classes[stored.class_index],
        stored.method,
        stored.half_share,
    )


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _median(shares: Sequence[float]) -> str:
    return f"{100 * statistics.median(shares):.0f} %"
