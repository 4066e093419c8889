from __future__ import annotations

import numpy as np

from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.training.health.inputs import all_alike

ROWS = np.arange(4)


def test_equal_rows_are_alike_and_others_do_not_matter():
    pictures = np.zeros((5, 4, 4, 3), np.uint8)
    pictures[4] = 9
    assert all_alike(pictures, ROWS)
    assert not all_alike(pictures, np.arange(5))
    assert not all_alike(pictures, ROWS[:1])


def test_pictures_of_several_shapes_differ():
    same = MixedPictures.of([np.zeros((4, 4, 3), np.uint8)] * 4)
    other = MixedPictures.of([np.zeros((4, 4 + n % 2, 3), np.uint8) for n in range(4)])
    assert all_alike(same, ROWS)
    assert not all_alike(other, ROWS)
