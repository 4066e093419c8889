"""Adds to a drawn run what its trials would score on parts of their training pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from autosmall.analysis.sample_size import class_recalls
from autosmall.schema.run_data import RunData
from autosmall.schema.sample_size import SHARES_PERCENT, SubsetScore


def with_subset_scores(
    run: RunData, losses: Mapping[int, float], *, folds: int | None = None, exponent: float = 0.5
) -> RunData:
    """Return ``run`` with fits of some trials on parts of their training pictures.

    Args:
        run: A drawn run.
        losses: Trial to the score it loses with a quarter of its pictures; in between it follows a
            power law with ``exponent``.
        folds: Folds that have them, the first ones; all by default.
        exponent: Exponent of the power law.
    """
    scores = []
    for trial, loss in losses.items():
        for fold in run.trials[trial].folds[:folds]:
            recalls = class_recalls(
                run.labels[run.folds.validation_index(fold.fold)],
                fold.probabilities,
                len(run.classes),
            )
            for share in SHARES_PERCENT:
                part = ((share / 100) ** -exponent - 1) / (0.25**-exponent - 1)
                count = len(run.folds.train_index(fold.fold)) * share // 100
                scores.append(
                    SubsetScore(
                        trial,
                        fold.fold,
                        share,
                        tuple(np.bincount(np.arange(count) % len(run.classes)).tolist()),
                        {name: value - loss * part for name, value in fold.scores.items()},
                        tuple(recall - loss * part for recall in recalls),
                        0.1,
                    )
                )
    return replace(run, subset_scores=tuple(scores))
