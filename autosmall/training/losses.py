"""Losses on logits with soft targets, and the weights and samplers for unequal classes."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

FOCAL_GAMMA = 2.0


def make_loss(class_balance: str) -> keras.losses.Loss:
    """Return the loss of logits ``(b, k)`` against soft targets ``(b, k)``.

    Cross-entropy, or for ``class_balance="focal"`` the focal loss with gamma 2 (Lin et al. 2017),
    without class weighting.
    """
    if class_balance == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=FOCAL_GAMMA, from_logits=True
        )
    return keras.losses.CategoricalCrossentropy(from_logits=True)


def soft_targets(
    labels: NDArray[np.int64], class_count: int, label_smoothing: float
) -> NDArray[np.float32]:
    """Return one-hot rows ``(n, class_count)`` with ``label_smoothing`` spread over all classes."""
    targets = np.full((labels.size, class_count), label_smoothing / class_count, np.float32)
    targets[np.arange(labels.size), labels] += 1.0 - label_smoothing
    return targets


def sample_weights(
    labels: NDArray[np.int64], class_count: int, class_balance: str
) -> NDArray[np.float32]:
    """Return a weight per picture, mean 1.

    ``weights`` gives every class that is present the same total; anything else gives ones.
    """
    if class_balance != "weights":
        return np.ones(labels.size, np.float32)
    counts = np.bincount(labels, minlength=class_count)
    present = np.count_nonzero(counts)
    per_class = labels.size / (present * np.maximum(counts, 1))
    return per_class[labels].astype(np.float32)
