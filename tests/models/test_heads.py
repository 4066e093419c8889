import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from autosmall.models.heads import (
    Standardisation,
    TrainingRows,
    balanced_weights,
    fit_linear_head,
    solve_linear_head,
    solve_logistic,
)


@pytest.fixture
def problem():
    """Three overlapping classes of 40, 30 and 20 points in 12 dimensions, off centre."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [40, 30, 20])
    centres = rng.normal(0, 1, (3, 12))
    features = 5 + centres[labels] + rng.normal(0, 1.5, (90, 12))
    return features.astype(np.float32), labels.astype(np.int64)


@pytest.mark.parametrize("penalty_c", [0.01, 1.0])
def test_logistic_agrees_with_scikit_learn(problem, penalty_c):
    features, labels = problem
    head = fit_linear_head("logistic", features, labels, 3, penalty_c)
    scaled = Standardisation.of(features)(features)
    reference = LogisticRegression(C=penalty_c, tol=1e-8, max_iter=2000).fit(scaled, labels)
    # The gradient tolerance of 1e-4 allows differences of about a thousandth.
    np.testing.assert_allclose(
        head.probabilities(features), reference.predict_proba(scaled), atol=5e-3
    )


def test_ridge_agrees_with_scikit_learn(problem):
    features, labels = problem
    head = fit_linear_head("ridge", features, labels, 3, 0.05)
    scaled = Standardisation.of(features)(features)
    reference = RidgeClassifier(alpha=1 / 0.05).fit(scaled, labels)
    np.testing.assert_array_equal(head.probabilities(features).argmax(1), reference.predict(scaled))


def test_ridge_leave_one_out_temperature_is_less_sure_than_its_own_fit(problem):
    """With as many features as rows the fit is perfect; left-out rows show that it is not."""
    _, labels = problem
    noise = np.random.default_rng(1).normal(size=(90, 200)).astype(np.float32)
    head = fit_linear_head("ridge", noise, labels, 3, 1e3)
    assert (head.probabilities(noise).argmax(1) == labels).all()
    assert head.probabilities(noise).max(1).mean() < 0.8


@pytest.mark.parametrize("head_name", ["logistic", "ridge"])
def test_fewer_rows_than_columns_give_the_same_head_as_padding_with_zeros(problem, head_name):
    """Columns of zeros change nothing but which of the two computations is used."""
    features, labels = problem
    padded = np.concatenate([features, np.zeros((90, 200), np.float32)], 1)
    narrow = fit_linear_head(head_name, features, labels, 3, 0.1, standardised=False)
    wide = fit_linear_head(head_name, padded, labels, 3, 0.1, standardised=False)
    np.testing.assert_allclose(
        wide.probabilities(padded), narrow.probabilities(features), atol=5e-3
    )


def test_balanced_weights_give_present_classes_the_same_total():
    labels = np.array([0, 0, 0, 2])
    weights = balanced_weights(labels, 3)
    assert weights[1] == 0
    np.testing.assert_allclose([3 * weights[0], weights[2]], [2.0, 2.0])


def test_weights_raise_the_recall_of_the_rare_class(problem):
    features, labels = problem
    plain = fit_linear_head("logistic", features, labels, 3, 1e-3)
    weighted = fit_linear_head("logistic", features, labels, 3, 1e-3, balanced_weights(labels, 3))
    rare = labels == 2
    recall = [(h.probabilities(features).argmax(1)[rare] == 2).mean() for h in (plain, weighted)]
    assert recall[1] > recall[0]


@pytest.mark.parametrize("head_name", ["logistic", "ridge"])
def test_class_without_training_rows_is_improbable(problem, head_name):
    features, labels = problem
    probabilities = fit_linear_head(head_name, features, labels, 4, 0.1).probabilities(features)
    assert probabilities.shape == (90, 4)
    assert probabilities[:, 3].mean() < 0.15


def test_feature_that_hardly_moves_is_not_blown_up():
    features = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    features[:, 2] *= 1e-8
    assert np.abs(Standardisation.of(features)(features)[:, 2]).max() < 1e-4


@pytest.mark.parametrize("head_name", ["logistic", "ridge"])
def test_parts_of_a_solved_head_give_what_the_folded_one_gives(problem, head_name):
    features, labels = problem
    rows = TrainingRows.weighted(features, labels, 3, None)
    solved = solve_linear_head(head_name, rows, 0.1)
    logits = solved.standardise(features) @ solved.kernel + solved.bias
    folded = fit_linear_head(head_name, features, labels, 3, 0.1)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(
        folded.probabilities(features), odds / odds.sum(1, keepdims=True), atol=1e-5
    )


@pytest.mark.parametrize("head_name", ["logistic", "ridge"])
def test_copies_that_share_a_rows_weight_change_nothing(problem, head_name):
    features, labels = problem
    once = solve_linear_head(head_name, TrainingRows.weighted(features, labels, 3, None), 0.1)
    copied = TrainingRows(np.tile(features, (3, 1)), np.tile(labels, 3), 3, np.full(270, 1 / 3))
    thrice = solve_linear_head(head_name, copied, 0.1)
    direction = once.kernel / np.linalg.norm(once.kernel)
    np.testing.assert_allclose(thrice.kernel / np.linalg.norm(thrice.kernel), direction, atol=3e-3)


def test_a_start_at_the_solution_ends_there(problem):
    features, labels = problem
    rows = TrainingRows.weighted(Standardisation.of(features)(features), labels, 3, None)
    kernel, bias = solve_logistic(rows, 0.1, tolerance=1e-7)
    again, _ = solve_logistic(rows, 0.1, start=(kernel, bias))
    np.testing.assert_array_equal(again, kernel)
