"""How far predicted probabilities can be believed, and the temperature that mends them.

Everything rests on out-of-fold predictions. What is shown for the mended probabilities is
cross-fitted: the temperature applied to a fold is fitted on the pictures of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from autosmall.analysis.predictions import PredictionTable
from autosmall.analysis.root import root_of_rising
from autosmall.models.temperature import log_probabilities, scale_probabilities
from autosmall.schema.seeds import derive_seed
from autosmall.training.metrics import score

LARGEST_TEMPERATURE = 10.0
"""Temperatures lie between its inverse and this."""

LEVEL_LOGITS = 1e-6
"""Logarithms of 32-bit probabilities that differ by less are the same."""

MOST_BINS, LEAST_BINS, PICTURES_PER_BIN = 15, 5, 20
"""Bins of the calibration error: one per 20 pictures, at least 5, at most the 15 of Guo et al."""

SIMULATIONS = 200
"""Label sets drawn to tell what perfect calibration would look like."""

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class ReliabilityBin:
    """Pictures of about equal confidence: their mean confidence and the share that is right."""

    pictures: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """How well confidence agrees with being right.

    Attributes:
        error: Expected calibration error, 0 to 1 (:func:`calibration_error`).
        error_if_perfect: Mean of the same over labels drawn from the probabilities themselves:
            what perfectly calibrated probabilities would show on as many pictures.
        error_if_perfect_high: 95th percentile of that.
        log_loss: Mean over pictures.
        mean_confidence: Mean probability of the predicted class.
        accuracy: Share of pictures whose predicted class is right.
        bins: From the least to the most confident.
    """

    error: float
    error_if_perfect: float
    error_if_perfect_high: float
    log_loss: float
    mean_confidence: float
    accuracy: float
    bins: tuple[ReliabilityBin, ...]

    @property
    def is_told_from_perfect(self) -> bool:
        """Whether perfect calibration would show as large an error in less than 5 % of cases."""
        return self.error > self.error_if_perfect_high


@dataclass(frozen=True)
class Calibration:
    """A configuration's probabilities before and after temperature scaling.

    Attributes:
        trial: Its number.
        temperature: Fitted on all out-of-fold predictions; what a saved model holds.
        pictures: Number of pictures.
        before: As predicted.
        after: Scaled, each fold with the temperature fitted on the others.
    """

    trial: int
    temperature: float
    pictures: int
    before: Reliability
    after: Reliability


def calibrate(table: PredictionTable, trial: int, *, seed: int = 0) -> Calibration:
    """Return the temperature for a trial of ``table`` and what it changes.

    The search's own scores are not touched: accuracy cannot change, and where the metric looks
    at probabilities the two log losses tell what scaling does to them.
    """
    probabilities = table.probabilities[table.trials.index(trial)]
    scaled = np.empty_like(probabilities)
    for held_out, temperature in cross_fits(table, probabilities):
        scaled[held_out] = scale_probabilities(probabilities[held_out], temperature)
    draws = derive_seed(seed, "calibration")
    return Calibration(
        trial=trial,
        temperature=fit_temperature(table.labels, probabilities, table.sample_count),
        pictures=table.sample_count,
        before=reliability(table, probabilities, seed=draws),
        after=reliability(table, scaled, seed=draws),
    )


def cross_fits(
    table: PredictionTable, probabilities: Probabilities
) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Yield each fold's rows as a mask, and the temperature fitted on all other pictures."""
    for held_out, others in fold_masks(table):
        pictures = len(np.unique(table.samples[others]))
        yield held_out, fit_temperature(table.labels[others], probabilities[others], pictures)


def fold_masks(
    table: PredictionTable,
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield, fold by fold, which rows it held out, and which rows are of other pictures."""
    for fold in np.unique(table.folds):
        held_out = table.folds == fold
        yield held_out, ~np.isin(table.samples, table.samples[held_out])


def fit_temperature(
    labels: NDArray[np.int64], probabilities: Probabilities, pictures: int
) -> float:
    """Return the temperature with the least cross-entropy on ``(rows, n_classes)``.

    The true class is given the probability ``1 - 1 / (pictures + 2)`` instead of 1, and the rest
    goes to the others in equal parts (Platt, "Probabilistic Outputs for Support Vector Machines",
    1999, section 2.2, after Laplace's rule of succession): a hundred right answers out of a
    hundred then make a model 99 % sure, not certain. The cross-entropy is convex in the inverse
    of the temperature, so that its slope rises and there is one minimum; where all classes are
    equally probable in all rows no temperature changes anything, and it is 1.
    """
    logits = log_probabilities(probabilities)
    missing = 1.0 / (pictures + 2)
    of_truth = logits[np.arange(len(labels)), labels]
    of_others = (logits.sum(axis=1) - of_truth) / (logits.shape[1] - 1)
    target = float(np.mean((1 - missing) * of_truth + missing * of_others))

    def slope(log_inverse: float) -> float:
        inverse = np.exp(log_inverse)
        return float(np.mean((softmax(inverse * logits, axis=1) * logits).sum(axis=1)) - target)

    reach = float(np.log(LARGEST_TEMPERATURE))
    if np.ptp(logits, axis=1).max() < LEVEL_LOGITS:
        return 1.0
    return float(np.exp(-root_of_rising(slope, -reach, reach)))


def reliability(table: PredictionTable, probabilities: Probabilities, *, seed: int) -> Reliability:
    """Return how well ``probabilities (rows, n_classes)`` agree with the labels of ``table``."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == table.labels
    bins = confidence_bins(confidence, bin_count(table.sample_count))
    perfect = _errors_if_perfect(table, confidence, bins, seed)
    return Reliability(
        error=calibration_error(confidence, right, bins),
        error_if_perfect=float(perfect.mean()),
        error_if_perfect_high=float(np.percentile(perfect, 95)),
        log_loss=score("log_loss", table.labels, probabilities),
        mean_confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
        bins=_bins(confidence, right, bins, len(confidence) / table.sample_count),
    )


def bin_count(pictures: int) -> int:
    """Return the number of bins for this many pictures.

    >>> bin_count(35), bin_count(200), bin_count(5000)
    (5, 10, 15)
    """
    return min(MOST_BINS, max(LEAST_BINS, pictures // PICTURES_PER_BIN))


def confidence_bins(confidence: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return each row's bin: ``count`` bins of about equally many rows, equal values together."""
    edges = np.quantile(confidence, np.arange(1, count) / count)
    return np.searchsorted(np.unique(edges), confidence, side="right").astype(np.int64)


def calibration_error(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: NDArray[np.int64]
) -> float:
    """Return the expected calibration error of the predicted class, 0 to 1.

    The mean over bins of the distance between confidence and accuracy, weighted by their size
    (Guo et al. 2017, section 2), in bins that hold equally many pictures (Nixon et al.,
    "Measuring Calibration in Deep Learning", CVPR Workshops 2019) rather than equally wide ones,
    of which most would be empty with few pictures. Chance makes it positive even where nothing
    is wrong, the more so the fewer pictures a bin holds.
    """
    distance = np.bincount(bins, weights=confidence - right)
    return float(np.abs(distance).sum() / len(confidence))


def _errors_if_perfect(
    table: PredictionTable,
    confidence: NDArray[np.float64],
    bins: NDArray[np.int64],
    seed: int,
) -> NDArray[np.float64]:
    """Return the calibration errors that drawn labels give (Bröcker and Smith 2007).

    Whether a prediction is right is drawn with its own confidence; pictures of a group, and a
    picture in several repeats of the folds, share their draw.
    """
    rng = np.random.default_rng(seed)
    _, group = np.unique(table.groups, return_inverse=True)
    group_of_row = group[table.samples]
    errors = np.empty(SIMULATIONS)
    for draw in range(SIMULATIONS):
        right = rng.random(int(group.max()) + 1)[group_of_row] < confidence
        errors[draw] = calibration_error(confidence, right, bins)
    return errors


def _bins(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    bins: NDArray[np.int64],
    rows_per_picture: float,
) -> tuple[ReliabilityBin, ...]:
    return tuple(
        ReliabilityBin(
            round(int((bins == b).sum()) / rows_per_picture),
            float(confidence[bins == b].mean()),
            float(right[bins == b].mean()),
        )
        for b in np.unique(bins)
    )
