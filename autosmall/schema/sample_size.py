"""What a fit on a part of its training pictures came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SHARES_PERCENT = (25, 50, 75)
"""Parts of each training part that are trained on; the whole is the search's own result."""


@dataclass(frozen=True)
class SubsetScore:
    """A configuration trained on a share of a fold's training part, judged on the whole fold.

    Attributes:
        trial: The configuration's number.
        fold: Fold id of the plan.
        share_percent: One of :data:`SHARES_PERCENT`.
        train_counts: Pictures trained on, one count per class.
        scores: Metric name to value on the held-out pictures; empty where the fit failed.
        recalls: Part of each class's held-out pictures that were found, NaN without any.
        fit_seconds: Wall time of the fit and its predictions.
        error: The last line of the error, or an empty text.
    """

    trial: int
    fold: int
    share_percent: int
    train_counts: tuple[int, ...]
    scores: Mapping[str, float]
    recalls: tuple[float, ...]
    fit_seconds: float
    error: str = ""

    @property
    def key(self) -> tuple[int, int, int]:
        """Trial, fold and share: what makes it one of a kind."""
        return self.trial, self.fold, self.share_percent
