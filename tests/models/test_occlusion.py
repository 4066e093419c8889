from __future__ import annotations

import numpy as np

from autosmall.models.occlusion import occlusion


def bright_corner(pictures: np.ndarray) -> np.ndarray:
    """Return the share of class 1: how bright the upper left corner is."""
    share = pictures[:, :8, :8].mean(axis=(1, 2, 3), dtype=np.float64) / 255
    return np.stack([1 - share, share], axis=1).astype(np.float32)


def test_covering_what_decides_costs_most():
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:8, :8] = 255
    found = occlusion(bright_corner, picture, 1)
    assert found.shape == (32, 48) and found.dtype == np.float32
    # The cover is 8 x 12 px and moves in steps of 4 and 6: what it costs lies within its reach.
    assert found[:12, :20].sum() > 0.99 * found.sum() > 0
    assert found[0, 0] == found.max()
    # Covered with the mean colour the corner gets darker, which lowers no probability of class 0.
    assert occlusion(bright_corner, picture, 0).max() == 0


def test_a_picture_smaller_than_the_places_is_covered_whole():
    assert occlusion(bright_corner, np.full((3, 2, 1), 9, np.uint8), 1).shape == (3, 2)
