from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.run_folder.saliency_store import half_share, read_maps, write_maps
from autosmall.schema.saliency import GRAD_CAM, SaliencyMap


def drawn_map(row: int, shape: tuple[int, int, int] = (80, 112, 3)) -> SaliencyMap:
    picture = np.full(shape, 100, np.uint8)
    evidence = np.zeros(shape[:2], np.float32)
    evidence[: shape[0] // 2, : shape[1] // 4] = 2.0
    return SaliencyMap(row, 1, GRAD_CAM, picture, evidence)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((80, 112, 3), (112, 80)), ((28, 20, 1), (80, 112)), ((8, 8, 1), (112,) * 2)],
)
def test_maps_come_back_as_small_pictures(tmp_path: Path, shape, size) -> None:
    write_maps(tmp_path, 7, 2, [drawn_map(5, shape), drawn_map(3, shape)])
    first, second = read_maps(tmp_path)
    assert (first.row, second.row) == (3, 5)
    assert (first.trial, first.class_index, first.method) == (7, 1, GRAD_CAM)
    assert first.half_share == pytest.approx(1 / 16, abs=0.02)
    with Image.open(io.BytesIO(first.jpeg)) as image:
        assert image.size == size and image.format == "JPEG"
        drawn = np.asarray(image, np.int64)
    assert drawn[size[1] // 4, 3, 0] > drawn[-4, -4, 0] + 60, "evidence is bright"
    assert np.ptp(drawn[-4, -4]) < 12, "the rest is grey"
    assert len(first.jpeg) < 12_000


def test_a_map_without_evidence_is_the_grey_picture(tmp_path: Path) -> None:
    picture = np.full((60, 60, 3), 100, np.uint8)
    write_maps(
        tmp_path, 7, 2, [SaliencyMap(5, 0, GRAD_CAM, picture, np.zeros((60, 60), np.float32))]
    )
    (found,) = read_maps(tmp_path)
    assert math.isnan(found.half_share)
    with Image.open(io.BytesIO(found.jpeg)) as image:
        assert np.ptp(np.asarray(image)) < 8


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_torn_file_costs_its_maps_alone(tmp_path: Path, share: float) -> None:
    write_maps(tmp_path, 7, 1, [drawn_map(4)])
    write_maps(tmp_path, 7, 2, [drawn_map(5)])
    path = tmp_path / "assets" / "00007" / "fold_02_maps.zip"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert [each.row for each in read_maps(tmp_path)] == [4]


def test_half_share_counts_the_fewest_places() -> None:
    assert half_share(np.ones((10, 10), np.float32)) == 0.5
    assert half_share(np.diag(np.ones(10)).astype(np.float32)) == 0.05
