"""Decoded pictures in a file: the same as in memory, written once, never half."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from autosmall.data import mapped_pictures
from autosmall.data.images import UnreadablePictureError, load_pictures
from autosmall.data.mapped_pictures import MappedPictures, is_large, open_pictures, prepare_pictures
from autosmall.errors import RunFolderError
from autosmall.runner.pictures import DecodedPictures
from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.schema.pictures import PictureSpec

SPEC = PictureSpec(image_size_px=16)


@pytest.fixture
def paths(tmp_path) -> list[str]:
    rng = np.random.default_rng(0)
    found = [tmp_path / f"{number}.png" for number in range(5)]
    for path in found:
        Image.fromarray(rng.integers(0, 255, (20, 30, 3)).astype(np.uint8)).save(path)
    return [str(path) for path in found]


@pytest.fixture
def cache_dir(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped_pictures, "LARGE_SHARE", 0.0)
    return tmp_path / "cache"


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
def test_a_large_set_is_the_same_from_its_file(paths, cache_dir, color_mode):
    spec = PictureSpec(image_size_px=16, color_mode=color_mode)
    prepared = prepare_pictures(paths, spec, cache_dir)
    assert isinstance(prepared, MappedPictures)
    opened = open_pictures(pickle.loads(pickle.dumps(prepared)))
    np.testing.assert_array_equal(opened, load_pictures(paths, spec))
    assert isinstance(opened, np.memmap) and not opened.flags.writeable


def test_nothing_is_decoded_twice(paths, cache_dir, monkeypatch):
    first = prepare_pictures(paths, SPEC, cache_dir)
    monkeypatch.setattr(mapped_pictures, "iterate_pictures", lambda paths, spec: pytest.fail(paths))
    assert prepare_pictures(paths, SPEC, cache_dir) == first


def test_changed_pictures_are_decoded_anew(paths, cache_dir):
    first = prepare_pictures(paths, SPEC, cache_dir)
    os.utime(paths[0], (1, 1))
    assert prepare_pictures(paths, SPEC, cache_dir) != first
    assert prepare_pictures(paths[1:], SPEC, cache_dir) != first


def test_a_broken_picture_leaves_no_file(paths, cache_dir):
    with open(paths[3], "wb") as stream:
        stream.write(b"no picture")
    with pytest.raises(UnreadablePictureError):
        prepare_pictures(paths, SPEC, cache_dir)
    assert list((cache_dir / "pictures").iterdir()) == []


def test_a_missing_picture_is_unreadable(paths, cache_dir):
    with pytest.raises(UnreadablePictureError):
        prepare_pictures([*paths, "gone.png"], SPEC, cache_dir)


def test_a_disk_without_room_is_named(paths, cache_dir):
    cache_dir.write_text("no folder")
    with pytest.raises(RunFolderError, match=r"3,840 bytes of decoded pictures"):
        prepare_pictures(paths, SPEC, cache_dir)


def test_small_sets_and_sets_of_many_shapes_stay_in_memory(paths, tmp_path, cache_dir):
    native = PictureSpec(image_size_px=16, resize_policy="native")
    assert isinstance(prepare_pictures(paths, native, cache_dir), MixedPictures)
    assert isinstance(prepare_pictures(paths, SPEC, None), np.ndarray)
    assert not cache_dir.exists()


def test_large_is_a_tenth_of_the_memory(monkeypatch):
    memory = type("Memory", (), {"total": 16 * 16 * 3 * 1000})
    monkeypatch.setattr(mapped_pictures.psutil, "virtual_memory", memory)
    assert not is_large(100, SPEC)
    assert is_large(101, SPEC)
    assert not is_large(300, PictureSpec(image_size_px=16, color_mode="grayscale"))


def test_a_process_of_its_own_maps_them_too(paths, cache_dir):
    source = DecodedPictures(paths, cache_dir)
    assert isinstance(source(SPEC), np.memmap)
    assert source(SPEC) is source(SPEC)
