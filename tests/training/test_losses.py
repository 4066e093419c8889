import numpy as np
import pytest

from autosmall.training.losses import make_loss, sample_weights, soft_targets

LABELS = np.array([0, 0, 0, 2])


def test_soft_targets_spread_the_smoothed_share_over_all_classes():
    np.testing.assert_allclose(
        soft_targets(np.array([1]), 4, 0.2), [[0.05, 0.85, 0.05, 0.05]], rtol=1e-6
    )


def test_weights_give_present_classes_the_same_total_and_mean_one():
    weights = sample_weights(LABELS, 3, "weights")
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2])
    assert weights.mean() == pytest.approx(1)
    assert np.all(sample_weights(LABELS, 3, "none") == 1)


def logits_and_targets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 3)).astype(np.float32), np.eye(3, dtype=np.float32)[
        [0, 1, 2, 0, 1, 2]
    ]


def test_cross_entropy_is_that_of_the_softmax():
    logits, targets = logits_and_targets()
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -(targets * log_softmax).sum(axis=1).mean()
    assert float(make_loss("none")(targets, logits)) == pytest.approx(expected, rel=1e-5)


def test_focal_loss_is_lin_et_al_equation_4():
    logits, targets = logits_and_targets()
    of_truth = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[targets == 1]
    expected = np.mean(-((1 - of_truth) ** 2) * np.log(of_truth))
    assert float(make_loss("focal")(targets, logits)) == pytest.approx(expected, rel=1e-4)
