"""Each kind of alteration by itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.schema.settings import INVARIANCES
from autosmall.training.transformations import direction_count, transform


@pytest.fixture(scope="module")
def pictures():
    """Five noisy pictures with a bright corner, of mean level about 100."""
    rng = np.random.default_rng(0)
    found = rng.integers(80, 120, (5, 24, 24, 3)).astype(np.uint8)
    found[:, 2:8, 2:8] = 220
    return found


def test_mirrors_are_exact(pictures):
    np.testing.assert_array_equal(transform(pictures, "mirror", 0, 0), pictures[:, :, ::-1])
    np.testing.assert_array_equal(transform(pictures, "flip", 0, 0), pictures[:, ::-1])


def test_levels_change_by_what_is_said(pictures):
    dark, bright = (transform(pictures, "brightness", d, 0).astype(int) for d in range(2))
    np.testing.assert_array_equal(dark, pictures.astype(int) - 25)
    np.testing.assert_array_equal(bright, pictures.astype(int) + 25)
    weak, strong = (transform(pictures, "contrast", d, 0).std() for d in range(2))
    assert weak < pictures.std() < strong


@pytest.mark.parametrize("kind", INVARIANCES)
def test_each_direction_is_another_picture_and_the_same_each_time(pictures, kind):
    found = [transform(pictures, kind, d, seed=3) for d in range(direction_count(kind))]
    for direction, altered in enumerate(found):
        assert altered.shape == pictures.shape and altered.dtype == np.uint8
        assert np.abs(altered.astype(int) - pictures).mean() > 1
        np.testing.assert_array_equal(altered, transform(pictures, kind, direction, seed=3))
    for first, second in itertools.pairwise(found):
        assert np.any(first != second)


def test_shifts_go_to_four_sides(pictures):
    centres = []
    for direction in range(4):
        bright = transform(pictures, "shift", direction, 0)[0, :, :, 0] > 180
        centres.append(np.argwhere(bright).mean(axis=0))
    (_, x0), (_, x1), (y2, _), (y3, _) = centres
    assert x0 > x1 and y2 > y3


def test_pictures_of_several_shapes_keep_them(pictures):
    mixed = MixedPictures.of([pictures[0], pictures[1, :16], pictures[2]])
    altered = transform(mixed, "mirror", 0, 0)
    assert isinstance(altered, MixedPictures)
    np.testing.assert_array_equal(altered[np.array([1])][0], pictures[1, :16, ::-1])
