"""Small pictures as PNG: what goes in comes out."""

import numpy as np
import pytest

from autosmall.data.sheets import decode_sheet, encode_png, encode_sheet, shrink


def pictures(count, side, channels):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, side, side, channels)).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 5])
def test_sheet_comes_back_value_for_value(count, channels):
    above, below = pictures(2 * count, 7, channels).reshape(2, count, 7, 7, channels)
    found = decode_sheet(encode_sheet(above, below), count)
    np.testing.assert_array_equal(found[0], above)
    np.testing.assert_array_equal(found[1], below)


@pytest.mark.parametrize("count", [1, 3])
def test_a_sheet_of_another_number_is_refused(count):
    content = encode_sheet(pictures(2, 4, 3), pictures(2, 4, 3))
    with pytest.raises(ValueError, match="8 x 8 px"):
        decode_sheet(content, count)


def test_what_is_no_picture_is_refused():
    with pytest.raises(OSError, match="cannot identify"):
        decode_sheet(b"text", 1)


def test_shrinking_averages_areas_and_leaves_small_ones_alone():
    small = pictures(2, 6, 3)
    assert shrink(small, 6) is small
    halved = shrink(small, 3)
    expected = small.reshape(2, 3, 2, 3, 2, 3).astype(float).mean(axis=(2, 4))
    assert halved.shape == (2, 3, 3, 3)
    np.testing.assert_allclose(halved, expected, atol=1.01)  # rounded once per axis
    assert shrink(pictures(1, 6, 1), 4).shape == (1, 4, 4, 1)


def test_png_is_one():
    assert encode_png(pictures(1, 4, 1)[0]).startswith(b"\x89PNG\r\n")
