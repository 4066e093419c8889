"""Counts, sizes and colours of a data set, from facts that the inspection gathered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from autosmall.data.inspection import PictureFacts
from autosmall.data.samples import Dataset


@dataclass(frozen=True)
class Range:
    """Least, median and greatest of some quantity; zeros where there is nothing to measure."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Range:
        """Return the range of ``values``, rounded to a tenth."""
        if not values:
            return cls(0.0, 0.0, 0.0)
        return cls(*(round(float(f(values)), 1) for f in (np.min, np.median, np.max)))


@dataclass(frozen=True)
class Statistics:
    """Plain figures; all but the counts are over readable train and validation pictures.

    Attributes:
        class_counts: Split to class name to number of pictures, readable or not.
        width_px: Widths as seen.
        height_px: Heights as seen.
        distinct_sizes: How many different (width, height) there are.
        brightness: Mean grey levels, 0 to 255.
        grey_share: Share of pictures without colour, 0 to 1.
        formats: Format of the contents to number of pictures.
        median_size_px: Median of the square root of the area.
    """

    class_counts: dict[str, dict[str, int]]
    width_px: Range
    height_px: Range
    distinct_sizes: int
    brightness: Range
    grey_share: float
    formats: dict[str, int]
    median_size_px: int

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


def measure(dataset: Dataset, facts: Sequence[PictureFacts]) -> Statistics:
    """Return the statistics; ``facts`` are those of ``dataset.samples``, in order."""
    seen = [fact for fact in facts if not fact.problem]
    sides = [(fact.width_px * fact.height_px) ** 0.5 for fact in seen]

    def spread(value: Callable[[PictureFacts], float]) -> Range:
        return Range.of([value(fact) for fact in seen])

    return Statistics(
        class_counts=_class_counts(dataset),
        width_px=spread(lambda fact: fact.width_px),
        height_px=spread(lambda fact: fact.height_px),
        distinct_sizes=len({(fact.width_px, fact.height_px) for fact in seen}),
        brightness=spread(lambda fact: fact.brightness),
        grey_share=round(sum(fact.is_grey for fact in seen) / max(len(seen), 1), 4),
        formats=dict(Counter(fact.format for fact in seen).most_common()),
        median_size_px=round(float(np.median(sides))) if sides else 0,
    )


def _class_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for sample in (*dataset.samples, *dataset.test_samples):
        counts.setdefault(sample.split, Counter())[sample.label] += 1
    return {split: dict(sorted(counter.items())) for split, counter in sorted(counts.items())}
