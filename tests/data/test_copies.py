"""Copies of one set among another are found; strangers and unreadable files are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from autosmall.data.copies import copied_rows


def scene(seed: int, size: int = 96) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return coarse.resize((size, size), Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path, **options) -> Path:
    path.parent.mkdir(exist_ok=True)
    image.save(path, **options)
    return path


def test_equal_recompressed_and_dimmed_copies_are_found_and_strangers_are_not(tmp_path):
    own = tmp_path / "own"
    others = [save(scene(seed), tmp_path / "other" / f"{seed}.png") for seed in range(3)]
    paths = [
        save(scene(0), own / "same.bmp"),
        save(scene(1), own / "recompressed.jpg", quality=40),
        save(scene(2).point(lambda level: 0.85 * level), own / "dimmed.png"),
        save(scene(7), own / "stranger.png"),
    ]
    broken = own / "broken.png"
    broken.write_bytes(b"no picture")
    assert copied_rows([*paths, broken], others).tolist() == [True, True, True, False, False]


def test_pictures_that_copy_each_other_but_none_of_the_others_are_kept(tmp_path):
    paths = [save(scene(5), tmp_path / "own" / f"{i}.png") for i in range(2)]
    others = [save(scene(1), tmp_path / "other" / "0.png")]
    assert not copied_rows(paths, others).any()
