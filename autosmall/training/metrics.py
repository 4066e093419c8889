"""Scores of predicted probabilities, for two or more classes.

Every function takes ``labels`` as integers ``(n,)`` in ``[0, class_count)`` and ``probabilities``
as reals ``(n, class_count)`` whose rows sum to 1. A fold may lack a class altogether:

* ``balanced_accuracy`` averages recall over the classes that occur among the labels;
* ``f1_macro`` averages over the classes that occur among the labels or the predictions;
* ``roc_auc`` and ``average_precision`` average one-vs-rest over the classes that have at least
  one picture and leave at least one to the rest; with no such class they are NaN.

A probability that is NaN, or no labels at all, gives a NaN score, never an exception.

scikit-learn is imported where it is used: it takes a second, and a search names its metric before
anything else.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autosmall.errors import SettingsError
from autosmall.schema.settings import METRICS

IMBALANCE_RATIO = 3.0
"""Largest class over smallest class from which ``auto`` means ``balanced_accuracy``."""

LOG_LOSS_FLOOR = 1e-7
"""Probabilities below this count as this much, so that one sure mistake costs at most 16.1."""

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def score(metric: str, labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return one metric; see the module's docstring for classes that are absent.

    Raises:
        SettingsError: ``metric`` is none of :data:`autosmall.schema.settings.METRICS`.

    >>> score("accuracy", [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    0.6666666666666666
    """
    function = _FUNCTIONS[_known(metric)]
    truth = np.asarray(labels, np.int64)
    predicted = np.asarray(probabilities, np.float64)
    if truth.size == 0 or not np.isfinite(predicted).all():
        return float("nan")
    return float(function(truth, predicted))


def all_scores(labels: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """Return metric name to value, for all metrics."""
    return {metric: score(metric, labels, probabilities) for metric in METRICS}


def higher_is_better(metric: str) -> bool:
    """Tell whether larger values are better: all but ``log_loss``."""
    return _known(metric) != "log_loss"


def oriented(metric: str, value: float) -> float:
    """Return ``value`` turned so that higher is better."""
    return value if higher_is_better(metric) else -value


def resolve_metric(metric: str, labels: ArrayLike) -> tuple[str, str]:
    """Return a metric's name, never ``auto``, and why it is that one.

    Raises:
        SettingsError: ``metric`` is neither ``auto`` nor a known metric.
    """
    if metric != "auto":
        return _known(metric), f"{metric} was asked for"
    counts = np.unique(np.asarray(labels, np.int64), return_counts=True)[1]
    ratio = counts.max() / counts.min()
    seen = f"the largest class has {ratio:.1f} times the pictures of the smallest"
    if ratio >= IMBALANCE_RATIO:
        return "balanced_accuracy", f"{seen} (at least {IMBALANCE_RATIO:g})"
    return "accuracy", f"{seen} (less than {IMBALANCE_RATIO:g})"


def _known(metric: str) -> str:
    if metric in METRICS:
        return metric
    near = difflib.get_close_matches(metric, METRICS, n=1)
    raise SettingsError(
        f"metric {metric!r}",
        f"one of {', '.join(METRICS)}, or auto",
        f"did you mean {near[0]!r}?" if near else "name one of these metrics",
    )


def _accuracy(labels: Labels, probabilities: Probabilities) -> float:
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def _balanced_accuracy(labels: Labels, probabilities: Probabilities) -> float:
    hits = probabilities.argmax(axis=1) == labels
    return float(np.mean([hits[labels == label].mean() for label in np.unique(labels)]))


def _f1_macro(labels: Labels, probabilities: Probabilities) -> float:
    predicted = probabilities.argmax(axis=1)
    values = []
    for label in np.union1d(labels, predicted):
        both = np.sum((labels == label) & (predicted == label))
        values.append(2 * both / (np.sum(labels == label) + np.sum(predicted == label)))
    return float(np.mean(values))


def _log_loss(labels: Labels, probabilities: Probabilities) -> float:
    of_truth = probabilities[np.arange(labels.size), labels]
    return float(-np.mean(np.log(np.clip(of_truth, LOG_LOSS_FLOOR, 1.0))))


def _roc_auc(labels: Labels, probabilities: Probabilities) -> float:
    from sklearn.metrics import roc_auc_score

    return _one_vs_rest(roc_auc_score, labels, probabilities)


def _average_precision(labels: Labels, probabilities: Probabilities) -> float:
    from sklearn.metrics import average_precision_score

    return _one_vs_rest(average_precision_score, labels, probabilities)


def _one_vs_rest(
    function: Callable[[NDArray[np.bool_], Probabilities], float],
    labels: Labels,
    probabilities: Probabilities,
) -> float:
    present = np.unique(labels)
    if present.size < 2:
        return float("nan")
    return float(np.mean([function(labels == c, probabilities[:, c]) for c in present]))


_FUNCTIONS: dict[str, Callable[[Labels, Probabilities], float]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "f1_macro": _f1_macro,
    "log_loss": _log_loss,
}
