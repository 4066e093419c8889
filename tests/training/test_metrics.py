import math

import numpy as np
import pytest
from sklearn import metrics as reference

from autosmall.errors import SettingsError
from autosmall.schema.settings import METRICS
from autosmall.training.metrics import (
    LOG_LOSS_FLOOR,
    all_scores,
    higher_is_better,
    oriented,
    resolve_metric,
    score,
)


@pytest.fixture
def three_classes():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet([1, 1, 1], 60) + 0.3 * np.eye(3)[labels]
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def test_agrees_with_scikit_learn(three_classes):
    labels, probabilities = three_classes
    predicted = probabilities.argmax(axis=1)
    expected = {
        "accuracy": reference.accuracy_score(labels, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, predicted),
        "f1_macro": reference.f1_score(labels, predicted, average="macro"),
        "roc_auc": reference.roc_auc_score(labels, probabilities, multi_class="ovr"),
        "average_precision": reference.average_precision_score(np.eye(3)[labels], probabilities),
        "log_loss": reference.log_loss(labels, probabilities),
    }
    assert all_scores(labels, probabilities) == pytest.approx(expected)
    assert set(expected) == set(METRICS)


def test_binary_roc_auc_is_that_of_either_class():
    labels = np.array([0, 0, 1, 1, 1])
    positive = np.array([0.1, 0.6, 0.5, 0.8, 0.9])
    value = score("roc_auc", labels, np.stack([1 - positive, positive], axis=1))
    assert value == pytest.approx(reference.roc_auc_score(labels, positive))


def test_class_absent_from_the_labels_is_left_out_of_averages():
    labels = [0, 0, 1, 1]
    probabilities = [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]]
    assert score("balanced_accuracy", labels, probabilities) == pytest.approx((0.5 + 1) / 2)
    # Class 2 is predicted once, so its F1 of 0 counts.
    assert score("f1_macro", labels, probabilities) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert score("roc_auc", labels, probabilities) == pytest.approx((0.75 + 1) / 2)


def test_a_single_class_has_no_ranking_metric():
    one_class = ([1, 1], [[0.2, 0.8], [0.4, 0.6]])
    assert math.isnan(score("roc_auc", *one_class))
    assert math.isnan(score("average_precision", *one_class))
    assert score("accuracy", *one_class) == 1


def test_log_loss_of_a_sure_mistake_is_finite():
    assert score("log_loss", [0], [[0.0, 1.0]]) == pytest.approx(-math.log(LOG_LOSS_FLOOR))


@pytest.mark.parametrize("metric", METRICS)
def test_nan_and_nothing_give_nan(metric):
    assert math.isnan(score(metric, [0, 1], [[0.5, 0.5], [math.nan, 0.5]]))
    assert math.isnan(score(metric, [], np.zeros((0, 2))))


def test_orientation():
    assert [metric for metric in METRICS if not higher_is_better(metric)] == ["log_loss"]
    assert oriented("log_loss", 0.4) == -0.4
    assert oriented("accuracy", 0.4) == 0.4


def test_auto_is_balanced_accuracy_from_three_to_one():
    assert resolve_metric("auto", [0] * 30 + [1] * 10)[0] == "balanced_accuracy"
    assert resolve_metric("auto", [0] * 29 + [1] * 10)[0] == "accuracy"
    assert resolve_metric("roc_auc", [0] * 30 + [1])[0] == "roc_auc"


def test_unknown_metric_names_the_nearest():
    with pytest.raises(SettingsError) as caught:
        resolve_metric("acuracy", [0, 1])
    assert "'accuracy'" in caught.value.remedy
