"""Sources: labels where there are any to learn, no test part, and decoding once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.data.source_pictures import decode_source, read_source
from autosmall.errors import DatasetError


def draw(path: Path, seed: int = 0, size: tuple[int, int] = (20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def labelled(tmp_path):
    for split in ("train", "test"):
        for label in ("a", "b"):
            for number in range(3):
                draw(tmp_path / "set" / split / label / f"{number}.png", number)
    return tmp_path / "set"


def test_labels_are_read_and_the_test_part_is_not(labelled):
    source = read_source(labelled, labels_wanted=None)
    assert source.classes == ("a", "b") and source.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert not any("test" in path.parts[-3:] for path in source.paths)
    assert source.median_size_px() == round((20 * 30) ** 0.5)


def test_loose_pictures_are_a_source_without_labels(tmp_path):
    for number in range(3):
        draw(tmp_path / "loose" / f"{number}.png")
    source = read_source(tmp_path / "loose", labels_wanted=None)
    assert len(source.paths) == 3 and not source.is_labelled
    with pytest.raises(DatasetError, match="no class folders"):
        read_source(tmp_path / "loose", labels_wanted=True)


def test_one_folder_is_no_label(tmp_path):
    for number in range(3):
        draw(tmp_path / "set" / "all" / f"{number}.png")
    assert not read_source(tmp_path / "set", labels_wanted=None).is_labelled
    with pytest.raises(DatasetError, match="one class only"):
        read_source(tmp_path / "set", labels_wanted=True)


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(DatasetError):
        read_source(tmp_path / "missing", labels_wanted=None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError):
        read_source(tmp_path / "empty", labels_wanted=None)


def test_the_fingerprint_tells_names_labels_and_sizes(labelled):
    before = read_source(labelled, labels_wanted=None).fingerprint()
    assert before == read_source(labelled, labels_wanted=None).fingerprint()
    (labelled / "train" / "a" / "0.png").rename(labelled / "train" / "b" / "9.png")
    assert read_source(labelled, labels_wanted=None).fingerprint() != before


def test_a_part_keeps_the_classes_that_are_left(labelled):
    part = read_source(labelled, labels_wanted=None).subset(np.array([0, 0, 0, 1, 1, 0], bool))
    assert part.classes == ("b",) and part.labels.tolist() == [0, 0]


def test_pictures_are_decoded_once_and_broken_ones_left_out(labelled, tmp_path):
    broken = labelled / "train" / "a" / "1.png"
    broken.write_bytes(b"no picture")
    source = read_source(labelled, labels_wanted=None)
    steps: list[tuple[int, int]] = []
    work = tmp_path / "work"
    work.mkdir()
    first = decode_source(source, 16, work, lambda done, total: steps.append((done, total)))
    assert first.pixels.shape == (5, 16, 16, 3) and first.labels.tolist() == [0, 0, 1, 1, 1]
    assert first.unreadable == (str(broken),) and steps[-1] == (6, 6)
    again = decode_source(source, 16, work, lambda done, total: pytest.fail("decoded again"))
    assert np.array_equal(first.pixels, again.pixels)


def test_a_source_without_readable_pictures_is_told(labelled, tmp_path):
    source = read_source(labelled, labels_wanted=None)
    for path in source.paths:
        path.write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="0 can be read"):
        decode_source(source, 16, tmp_path, lambda done, total: None)
