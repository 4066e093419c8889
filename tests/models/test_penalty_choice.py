import numpy as np
import pytest

from autosmall.models import penalty_choice
from autosmall.models.heads import TrainingRows, balanced_weights, fit_linear_head
from autosmall.models.penalty_choice import choose_penalty

WIDTH = 40


def draw(count, signal, seed):
    """Rows of two classes that differ by ``signal`` along the first of 40 directions."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    features = rng.normal(size=(count, WIDTH))
    features[:, 0] += signal * (2 * labels - 1)
    return features.astype(np.float32), labels.astype(np.int64)


def chosen(features, labels, seed=0, pictures=None):
    rows = TrainingRows.weighted(features, labels, 2, None)
    return choose_penalty(
        rows, np.arange(len(labels)) if pictures is None else pictures, seed
    ).penalty_c


def test_noise_is_penalised_more_than_signal():
    assert chosen(*draw(60, 0.0, 0)) < chosen(*draw(60, 3.0, 0))


def test_choice_is_near_the_best_on_fresh_rows():
    """Losses of 80 rows differ by about 0.5, so those of two penalties are told apart to 0.05."""
    fresh, fresh_labels = draw(4000, 1.0, 99)

    def loss(features, labels, penalty_c):
        found = fit_linear_head("logistic", features, labels, 2, penalty_c).probabilities(fresh)
        return -np.log(found[np.arange(4000), fresh_labels]).mean()

    for seed in range(3):
        features, labels = draw(80, 1.0, seed)
        grid = 0.1 * 10.0 ** (0.5 * np.arange(9)) / WIDTH
        best = min(loss(features, labels, c) for c in grid)
        assert loss(features, labels, chosen(features, labels)) < best + 0.05


def test_same_rows_and_seed_give_the_same_choice_at_any_scale():
    features, labels = draw(60, 1.0, 1)
    assert chosen(features, labels, 5) == chosen(features, labels, 5)
    assert chosen(features, labels, 5) == chosen(100 * features + 7, labels, 5)


def test_views_of_a_picture_stay_together():
    """Were copies of held-out rows among those fitted on, the weakest penalty would look best."""
    features, labels = draw(60, 0.0, 2)
    copies, tiled = np.tile(features, (2, 1)), np.tile(labels, 2)
    together = chosen(copies, tiled, pictures=np.tile(np.arange(60), 2))
    apart = chosen(copies, tiled, pictures=np.arange(120))
    assert together < apart


@pytest.mark.parametrize("count", [2, 3, 7])
def test_few_pictures_and_a_class_of_one_are_no_error(count):
    features, _ = draw(count, 1.0, 3)
    labels = np.zeros(count, np.int64)
    labels[0] = 1
    weights = balanced_weights(labels, 2)[labels]
    rows = TrainingRows(features, labels, 2, weights)
    assert np.isfinite(choose_penalty(rows, np.arange(count), 0).loss)


def test_folds_hold_every_class_alike():
    labels = np.repeat([0, 1], [50, 10])
    folds = penalty_choice._folds(labels, np.arange(60), 0)
    assert np.bincount(folds).tolist() == [12] * 5
    assert np.bincount(folds[labels == 1]).tolist() == [2] * 5


def test_losses_tell_which_features_are_better():
    signal, labels = draw(60, 2.0, 4)
    noise, _ = draw(60, 0.0, 5)
    rows = TrainingRows.weighted(signal, labels, 2, None)
    better = choose_penalty(rows, np.arange(60), 0)
    worse = choose_penalty(rows.with_features(noise), np.arange(60), 0)
    assert better.loss < 0.5 < worse.loss
    # Halving all weights changes the penalty's scale, but not the loss per weight.
    halved = TrainingRows(signal, labels, 2, np.full(60, 0.5))
    assert choose_penalty(halved, np.arange(60), 0).loss == pytest.approx(better.loss, abs=0.05)
