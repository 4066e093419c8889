"""Pictures in their own shape, and pictures of odd shapes under every policy."""

import numpy as np
import pytest
from PIL import Image

from autosmall.data.images import load_picture, load_pictures, prepare_picture, read_picture
from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.schema.pictures import PictureSpec

SIZES = [(90, 60), (60, 90), (90, 60), (1, 500), (3000, 20), (28, 28)]
"""Height and width."""


@pytest.fixture
def files(tmp_path, draw_scene):
    paths = []
    for number, (height, width) in enumerate(SIZES):
        scene = Image.fromarray(draw_scene(number)).resize((width, height))
        scene.save(tmp_path / f"{number}.png")
        paths.append(tmp_path / f"{number}.png")
    return paths


@pytest.mark.parametrize("policy", ["stretch", "letterbox", "center_crop", "native"])
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
def test_odd_shapes_survive_every_policy(files, policy, color_mode):
    spec = PictureSpec(64, policy, color_mode)
    for path, size in zip(files, SIZES, strict=True):
        prepared = load_picture(path, spec)
        assert prepared.shape == (*spec.prepared_size(*size), spec.channels)
        assert prepared.dtype == np.uint8
        assert prepared.any()


def test_a_picture_on_the_grid_and_below_the_cap_is_left_as_it_is(draw_scene):
    picture = draw_scene(3, 96)[:72]
    assert np.array_equal(prepare_picture(picture, PictureSpec(96, "native")), picture)


def test_native_is_stretch_where_pictures_are_large_and_square(draw_scene):
    picture = draw_scene(3, 300)
    native = prepare_picture(picture, PictureSpec(96, "native"))
    assert np.array_equal(native, prepare_picture(picture, PictureSpec(96, "stretch")))


def test_a_pictures_treatment_does_not_depend_on_the_others(files):
    spec = PictureSpec(64, "native", "grayscale")
    together = load_pictures(files, spec)
    assert isinstance(together, MixedPictures)
    assert len(together) == len(files) and len(together.buckets) == 5
    for row, path in enumerate(files):
        alone = load_pictures([path], spec)
        assert np.array_equal(together[np.array([row])], alone[np.array([0])])
        assert np.array_equal(together[np.array([row])][0], load_picture(path, spec))
        assert np.array_equal(load_picture(path, spec), prepare_picture(read_picture(path), spec))
