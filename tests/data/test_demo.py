"""The demo pictures: the same everywhere, and told apart by nothing but the touching pair."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.measure import label
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autosmall.data.demo import LEAST_GAP_PX, draw_demo, draw_picture
from autosmall.data.images import load_pictures
from autosmall.schema.pictures import PictureSpec


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    draw_demo(folder)
    return folder


def files(demo: Path, split: str) -> tuple[list[Path], np.ndarray]:
    paths = sorted((demo / split).rglob("*.png"))
    return paths, np.array([path.parent.name == "stuck" for path in paths])


def test_layout_and_size(demo):
    counts = {str(d.relative_to(demo)): len(list(d.iterdir())) for d in demo.glob("*/*")}
    assert counts == {"train/normal": 60, "train/stuck": 60, "test/normal": 50, "test/stuck": 50}
    with Image.open(demo / "train" / "stuck" / "stuck_000.png") as picture:
        assert picture.size == (256, 256)


def test_the_same_bytes_in_another_process(demo, tmp_path):
    code = "import sys, pathlib; from autosmall.data.demo import draw_demo\n"
    code += "draw_demo(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=120)

    def digest(folder: Path) -> str:
        paths = sorted(folder.rglob("*.png"))
        return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()

    assert digest(tmp_path) == digest(demo)


def test_seeds_draw_different_pictures():
    first, second = (draw_picture(np.random.default_rng(seed), stuck=False)[0] for seed in (0, 1))
    assert (first != second).any()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("stuck", [False, True])
def test_exactly_two_pieces_touch_or_none(seed, stuck):
    pixels, pieces = draw_picture(np.random.default_rng(seed), stuck=stuck)
    assert label(pixels > 80).max() == len(pieces) - stuck
    centres = np.array([(piece.x, piece.y) for piece in pieces])
    reach = np.array([piece.radius_px for piece in pieces])
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=-1) - reach - reach[:, None]
    close = np.argwhere(np.triu(gaps < LEAST_GAP_PX, 1)).tolist()
    assert close == ([[0, 1]] if stuck else [])


def test_number_and_brightness_do_not_tell_the_class():
    random = np.random.default_rng(0)
    drawn = [draw_picture(random, stuck=bool(row % 2)) for row in range(300)]
    stuck = np.arange(300) % 2
    for values in ([len(p) for _, p in drawn], [pixels.mean() for pixels, _ in drawn]):
        # Under independence a correlation over 300 pictures has standard deviation 0.058.
        assert abs(np.corrcoef(values, stuck)[0, 1]) < 4 * 0.058


def test_a_linear_model_on_pixels_stays_under_65_percent(demo):
    paths, stuck = files(demo, "train")
    pictures = load_pictures(paths, PictureSpec(32, "stretch", "grayscale"))
    pixels = pictures.reshape(len(pictures), -1) / 255
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    assert cross_val_score(model, pixels, stuck, cv=5).mean() < 0.65
