"""Draws small data sets for the tests of ``autosmall.data``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DrawScene = Callable[..., np.ndarray]
MakeFolders = Callable[..., Path]


@pytest.fixture
def draw_scene() -> DrawScene:
    """Return ``draw(seed, side_px=96)``: a smooth colour scene, unlike that of any other seed."""

    def draw(seed: int, side_px: int = 96) -> np.ndarray:
        coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        scene = Image.fromarray(coarse).resize((side_px, side_px), Image.Resampling.BICUBIC)
        return np.asarray(scene)

    return draw


@pytest.fixture
def make_folders(tmp_path: Path, draw_scene: DrawScene) -> MakeFolders:
    """Return ``make({"cats": 3, "train/dogs": 2})``: a folder with that many PNG each."""

    def make(counts: dict[str, int], name: str = "set") -> Path:
        root = tmp_path / name
        seed = 0
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                seed += 1
                Image.fromarray(draw_scene(seed, 32)).save(root / folder / f"p{number:03d}.png")
        return root

    return make
