import numpy as np
import pytest
from sklearn.svm import SVC

from autosmall.errors import ModelFileError
from autosmall.models.array_model import predict_array_model
from autosmall.models.classical import classical_probabilities, fit_classical
from autosmall.models.descriptors import describe
from autosmall.strategies.base import ArrayModel


@pytest.fixture
def rings():
    """A disc within a ring: no line tells them apart. More points than landmarks."""
    rng = np.random.default_rng(0)
    labels = (np.arange(600) % 2).astype(np.int64)
    angle, radius = rng.uniform(0, 6.28, 600), labels * 2 + rng.uniform(0, 1, 600)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return points.astype(np.float32), labels


def test_rbf_bends_where_linear_cannot(rings):
    points, labels = rings
    scores = {}
    for classifier in ("linear", "rbf"):
        arrays = fit_classical(classifier, points[:520], labels[:520], 2, 10.0, None, seed=0)
        predicted = classical_probabilities(arrays, points[520:]).argmax(1)
        scores[classifier] = (predicted == labels[520:]).mean()
    assert (
        scores["rbf"]
        == (SVC().fit(points[:520], labels[:520]).predict(points[520:]) == labels[520:]).mean()
        == 1
    )
    assert scores["linear"] < 0.7


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 28, 50])
def test_descriptors_have_one_length_per_size(size, channels):
    pictures = np.random.default_rng(0).integers(0, 256, (2, size, size, channels), dtype=np.uint8)
    parts = [describe(pictures, name) for name in ("hog", "lbp", "color")]
    whole = describe(pictures, "hog+lbp+color")
    np.testing.assert_array_equal(whole, np.concatenate(parts, 1))
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()


def test_each_descriptor_sees_what_it_is_for():
    rows, columns = np.mgrid[0:32, 0:32]
    across, along = (((grid // 4) % 2) * 200 for grid in (rows, columns))
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    grey = np.stack([across] * 3, -1).astype(np.uint8)
    turned = np.stack([along] * 3, -1).astype(np.uint8)

    def far(name, first, second):
        one, two = describe(np.stack([first, second]), name)
        return float(np.abs(one - two).max())

    assert far("hog", grey, turned) > 0.1
    assert far("lbp", grey, turned) < 0.15
    assert far("color", red, red[..., ::-1]) > 0.5
    assert far("hog", red, red[..., ::-1]) < 1e-6


def test_unknown_recipe_is_refused():
    with pytest.raises(ModelFileError, match="telepathy"):
        predict_array_model(ArrayModel("telepathy", {}), np.zeros((1, 8, 8, 3), np.uint8))
