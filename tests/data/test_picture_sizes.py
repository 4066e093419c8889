import os

import pytest
from PIL import Image

from autosmall.data.picture_sizes import LOOKED_AT, usual_size_px


@pytest.fixture
def files(tmp_path):
    """Three pictures of 400, 1600 and 40,000 pixels."""
    sizes = [(10, 40), (40, 40), (200, 200)]
    paths = [tmp_path / f"{number}.png" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        Image.new("RGB", size).save(path)
    return paths


def test_the_median_of_the_square_roots_of_areas(files):
    assert usual_size_px(files) == 40
    assert usual_size_px(files[:1]) == 20


def test_what_cannot_be_read_does_not_count(files, tmp_path):
    broken, pipe = tmp_path / "broken.png", tmp_path / "pipe.png"
    broken.write_bytes(b"no picture")
    os.mkfifo(pipe)
    assert usual_size_px([broken, pipe, tmp_path / "missing.png", files[2]]) == 200
    assert usual_size_px([broken]) is None
    assert usual_size_px([]) is None


def test_few_of_many_files_are_opened(files, monkeypatch):
    opened = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda path, **rest: opened.append(path) or real(path))
    assert usual_size_px(files * 1000) is not None
    assert len(opened) == LOOKED_AT
