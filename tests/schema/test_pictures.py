"""The sizes that pictures are made to."""

import numpy as np
import pytest

from autosmall.schema.pictures import PictureSpec


@pytest.mark.parametrize("policy", ["stretch", "letterbox", "center_crop"])
@pytest.mark.parametrize("size", [(28, 28), (1, 500), (3000, 20)])
def test_all_policies_but_native_make_a_square(policy, size):
    spec = PictureSpec(64, policy)
    assert spec.prepared_size(*size) == (64, 64)
    assert spec.input_shape == (64, 64, 3)


def test_native_inputs_have_any_height_and_width():
    assert PictureSpec(64, "native", "grayscale").input_shape == (None, None, 1)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((160, 160), (160, 160)),
        ((1600, 1600), (160, 160)),  # down to the area of the square
        ((120, 80), (120, 80)),  # its own size
        ((118, 83), (120, 80)),  # the nearest multiples of 20
        ((300, 400), (140, 180)),  # 138.6 x 184.8
        ((28, 28), (40, 40)),  # up to the shortest side, a quarter of 160
        ((1, 500), (40, 320)),  # twice 160 at most
        ((3000, 20), (320, 40)),
        ((1, 1), (40, 40)),
    ],
)
def test_native_keeps_the_aspect_ratio_on_a_grid(size, expected):
    assert PictureSpec(160, "native").prepared_size(*size) == expected


def test_native_sides_are_as_long_as_the_network_needs():
    spec = PictureSpec(96, "native", smallest_side_px=75)
    assert spec.prepared_size(28, 28) == (84, 84)
    assert spec.prepared_size(20, 200) == (84, 192)


def test_whatever_the_pictures_native_makes_few_shapes_of_bounded_area():
    rng = np.random.default_rng(0)
    spec = PictureSpec(128, "native")
    sizes = {
        spec.prepared_size(*np.exp(rng.uniform(0, 8, 2)).astype(int).tolist()) for _ in range(5000)
    }
    assert len(sizes) <= 130
    assert all(height * width <= 1.2 * 128**2 for height, width in sizes)
    assert all(32 <= side <= 256 and side % 16 == 0 for size in sizes for side in size)
