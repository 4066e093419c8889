"""Drawn pictures for whole runs, and the command as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., subprocess.CompletedProcess[str]]


def draw_stripes(folder: Path, per_class: int, seed: int = 0, size_px: int = 32) -> Path:
    """Draw three classes: upright, level and slanting stripes in noise; easy, not trivial."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size_px, 0:size_px]
    for name, position in (("level", rows), ("slanting", rows + columns), ("upright", columns)):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            wave = np.sin(position / rng.uniform(0.9, 1.5) + rng.uniform(0, 6.3))
            pixels = 128 + 50 * wave[..., None] + rng.normal(0, 40, (size_px, size_px, 3))
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / name / f"{i:03d}.png")
    return folder


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """A data set of 3 x 16 pictures."""
    return draw_stripes(tmp_path / "stripes", 16)


@pytest.fixture
def more(tmp_path: Path) -> Path:
    """A larger data set of other pictures of the same kinds."""
    return draw_stripes(tmp_path / "more", 60, seed=1)


@pytest.fixture
def autosmall(tmp_path: Path) -> Command:
    """Run the command in ``tmp_path`` and return what it printed."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autosmall", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            **{"timeout": 500, **options},  # type: ignore[call-overload]
        )

    return run
