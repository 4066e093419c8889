"""Small copies of the pictures, kept with a run."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from autosmall.data.previews import PREVIEW_PX, PreviewFile, encode_preview, write_previews


def picture(height: int, width: int) -> np.ndarray:
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    return np.repeat(np.broadcast_to(ramp, (height, width))[..., None], 3, axis=2).copy()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((600, 300), (PREVIEW_PX, PREVIEW_PX // 2)),
        ((28, 20), (28, 20)),
        ((1, 900), (1, PREVIEW_PX)),
    ],
)
def test_shrunk_in_proportion_and_never_enlarged(size, expected):
    image = Image.open(io.BytesIO(encode_preview(picture(*size))))
    assert image.format == "JPEG"
    assert (image.height, image.width) == expected


def test_a_preview_looks_like_its_picture():
    shown = np.asarray(Image.open(io.BytesIO(encode_preview(picture(300, 300)))), np.float64)
    ramp = np.linspace(0, 255, PREVIEW_PX)[None, :, None]
    assert np.abs(shown - ramp).mean() < 3  # levels; JPEG of quality 72 on a smooth ramp


def test_rows_come_back_and_missing_ones_are_missing(tmp_path):
    write_previews(tmp_path / "assets" / "previews.zip", [b"a", b"", b"ccc"])
    previews = PreviewFile(tmp_path / "assets" / "previews.zip")
    assert dict(previews) == {0: b"a", 2: b"ccc"}
    assert len(previews) == 2
    assert 1 not in previews and 7 not in previews


@pytest.mark.parametrize("content", [None, b"", b"PK torn"])
def test_a_missing_or_torn_file_has_none(tmp_path, content):
    path = tmp_path / "previews.zip"
    if content is not None:
        path.write_bytes(content)
    assert dict(PreviewFile(path)) == {}


def test_the_same_pictures_give_the_same_file(tmp_path):
    for name in ("one", "two"):
        write_previews(tmp_path / name, [encode_preview(picture(50, 60))])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
