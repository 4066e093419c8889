"""The holder of pictures of several shapes."""

import pickle

import numpy as np
import pytest

from autosmall.schema.mixed_pictures import MixedPictures, one_array, same_shape_parts, take

SHAPES = [(8, 16, 3), (8, 8, 3), (8, 16, 3), (16, 8, 3), (8, 8, 3), (8, 16, 3)]


@pytest.fixture
def mixed():
    """Six pictures of three shapes, each filled with its row."""
    return MixedPictures.of([np.full(shape, row, np.uint8) for row, shape in enumerate(SHAPES)])


def test_rows_of_one_shape_come_as_an_array(mixed):
    taken = mixed[np.array([5, 0, 5])]
    assert taken.shape == (3, 8, 16, 3)
    assert taken[:, 0, 0, 0].tolist() == [5, 0, 5]


def test_rows_of_several_shapes_are_refused(mixed):
    with pytest.raises(ValueError, match="2 pictures of 2 shapes"):
        mixed[np.array([0, 1])]


def test_parts_hold_every_position_once(mixed):
    rows = np.array([3, 5, 1, 0])
    parts = same_shape_parts(mixed, rows)
    assert sorted(np.concatenate(parts).tolist()) == [0, 1, 2, 3]
    assert {mixed[rows[part]].shape[1:] for part in parts} == set(SHAPES)


def test_an_array_is_one_part_and_no_rows_are_none(mixed):
    parts = same_shape_parts(np.zeros((9, 2)), np.array([7, 4]))
    assert [part.tolist() for part in parts] == [[0, 1]]
    assert same_shape_parts(np.zeros((9, 2)), np.array([], np.int64)) == []
    assert same_shape_parts(mixed, np.array([], np.int64)) == []


def test_taken_rows_are_counted_anew(mixed):
    taken = take(mixed, np.array([4, 3, 0]))
    assert len(taken) == 3
    assert [int(taken[np.array([row])][0, 0, 0, 0]) for row in range(3)] == [4, 3, 0]


def test_it_is_read_only_and_survives_pickling(mixed):
    assert not any(bucket.pictures.flags.writeable for bucket in mixed.buckets)
    copied = pickle.loads(pickle.dumps(mixed))
    assert np.array_equal(copied[np.array([1, 4])], mixed[np.array([1, 4])])


def test_what_needs_one_shape_says_so(mixed):
    with pytest.raises(TypeError, match="pictures of 3 shapes"):
        one_array(mixed)
