"""Maps of a network trained on the demo's pictures, where the place of the answer is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binom, spearmanr

from autosmall import api
from autosmall.data.demo import GROUND, SIDE_PX, Piece, draw_picture
from autosmall.run_folder.run_data import load_run_data
from autosmall.schema.config import Config
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.saliency import GRAD_CAM, SaliencyMap
from autosmall.strategies.base import FitTask
from autosmall.strategies.fold_model import FoldModel
from autosmall.strategies.registry import get_strategy
from autosmall.strategies.saliency import ExplainPictures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SIDE, TRAIN, HELD_OUT = 128, 120, 60
STUCK = 1


class Silent:
    def epoch_end(self, train_loss, train_accuracy, validation_probabilities) -> bool:
        return True


@dataclass(frozen=True)
class Scene:
    """A trained network, its weights shuffled, the pieces of each picture, and the maps."""

    model: FoldModel
    shuffled: FoldModel
    pieces: list[tuple[Piece, ...]]
    pictures: np.ndarray
    rows: tuple[int, ...]

    def maps(self, model: FoldModel) -> tuple[SaliencyMap, ...]:
        return ExplainPictures(self.rows, (STUCK,) * len(self.rows))(model)


@pytest.fixture(scope="module")
def scene() -> Scene:
    rng = np.random.default_rng(0)
    labels = np.arange(TRAIN + HELD_OUT) % 2
    drawn = [draw_picture(rng, stuck=bool(label)) for label in labels]
    size = (SIDE, SIDE)
    small = [Image.fromarray(pixels).resize(size, Image.Resampling.BOX) for pixels, _ in drawn]
    pictures = np.stack([np.asarray(image) for image in small])[..., None]

    class Source:
        def __call__(self, spec: PictureSpec) -> np.ndarray:
            return pictures

        def __len__(self) -> int:
            return len(pictures)

    strategy = get_strategy("scratch")
    values = {"image_size_px": SIDE, "color_mode": "grayscale", "epochs": 25, "batch_size": 16}
    values |= {"learning_rate": 0.003, "augmentation_strength": 0.3}
    config = strategy.resolved(Config.from_mapping({"strategy": "scratch", **values}))
    train, held_out = np.arange(TRAIN), np.arange(TRAIN, len(labels))
    invariances = frozenset({"mirror", "rotate", "upside_down"})
    task = FitTask(
        config,
        Source(),
        train,
        labels[train],
        held_out,
        2,
        1,
        invariances,
        None,
        (),
        None,
        Silent(),
    )
    fit = strategy.fit(task)
    right = fit.validation_probabilities.argmax(axis=1) == labels[held_out]
    assert right.mean() > 0.8, "it did not learn"
    found = held_out[right & (labels[held_out] == STUCK)]
    shuffled = {
        name: rng.permutation(v.ravel()).reshape(v.shape) for name, v in fit.learned.items()
    }
    return Scene(
        FoldModel.rebuilt(strategy, task, fit.learned),
        FoldModel.rebuilt(strategy, task, shuffled),
        [pieces for _, pieces in drawn],
        pictures,
        tuple(found.tolist()),
    )


def mass_by_piece(each: SaliencyMap, pieces: tuple[Piece, ...]) -> np.ndarray:
    """Return the mean evidence on each piece's disc."""
    factor = SIDE_PX / each.evidence.shape[0]
    down, across = (np.mgrid[: each.evidence.shape[0], : each.evidence.shape[1]] + 0.5) * factor
    discs = [np.hypot(across - p.x, down - p.y) < p.radius_px for p in pieces]
    return np.array([each.evidence[disc].mean() for disc in discs])


def test_the_map_lies_on_the_touching_pair(scene: Scene) -> None:
    maps = scene.maps(scene.model)
    assert {each.method for each in maps} == {GRAD_CAM}
    hits = sum(mass_by_piece(each, scene.pieces[each.row]).argmax() < 2 for each in maps)
    # By chance, two of at least 12 pieces have the most in 1 of 6 pictures. The bound is what
    # chance exceeds once in 10^6 times; with 24 pictures and more that is 15 or fewer.
    assert hits > binom.ppf(1 - 1e-6, len(maps), 2 / 12)
    assert hits > 0.8 * len(maps)


def test_covering_the_brightest_place_takes_the_answer_away(scene: Scene) -> None:
    rng = np.random.default_rng(2)
    brightest, others = [], []
    for each in scene.maps(scene.model):
        pieces, factor = scene.pieces[each.row], SIDE_PX / each.evidence.shape[0]
        down, across = np.unravel_index(each.evidence.argmax(), each.evidence.shape)
        brightest.append(covered(scene, each.row, (across + 0.5) * factor, (down + 0.5) * factor))
        other = pieces[rng.integers(2, len(pieces))]
        others.append(covered(scene, each.row, other.x, other.y))
    lost, kept = (scene.model.predict(np.stack(p))[:, STUCK] < 0.5 for p in (brightest, others))
    # Were the place without meaning, covering it would cost the answer as often as covering any
    # piece: with n pictures the difference has a standard deviation of at most sqrt(n / 2).
    assert lost.sum() - kept.sum() > 3 * np.sqrt(len(lost) / 2)


def covered(scene: Scene, row: int, x: float, y: float) -> np.ndarray:
    """Return the picture with ground over a disc of two pieces' width."""
    picture = scene.pictures[row].copy()
    scale = SIDE / SIDE_PX
    down, across = np.mgrid[:SIDE, :SIDE] + 0.5
    picture[np.hypot(across - x * scale, down - y * scale) < 32 * scale] = round(GROUND)
    return picture


def test_shuffled_weights_change_the_map(scene: Scene) -> None:
    """Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3.1."""
    pairs = zip(scene.maps(scene.model), scene.maps(scene.shuffled), strict=True)
    correlations = [spearmanr(a.evidence.ravel(), b.evidence.ravel()).statistic for a, b in pairs]
    # Maps of 8 x 8 places: unrelated ones correlate by about 1 / 8 in standard deviation.
    assert abs(np.nanmean(correlations)) < 3 / 8
    again = scene.maps(scene.model)
    for first, second in zip(scene.maps(scene.model), again, strict=True):
        np.testing.assert_allclose(first.evidence, second.evidence, rtol=1e-4, atol=1e-8)


def test_a_search_draws_maps_and_keeps_them_and_draws_none_where_none_are_wanted(tmp_path):
    """Noise that is a little brighter in one class: mistakes enough for maps in every fold."""
    rng = np.random.default_rng(0)
    for label, shift in (("dark", 0), ("light", 25)):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(15):
            pixels = rng.integers(0, 180, (24, 30, 3)) + rng.integers(0, 40) + shift
            path = tmp_path / "pictures" / label / f"{number}.png"
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    run_dir = search(tmp_path / "pictures", tmp_path / "run")
    run = load_run_data(run_dir)
    assert run.maps and {each.method for each in run.maps} == {"occlusion"}
    assert "What did it look at?" in (run_dir / "report.html").read_text()
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("*_maps.zip")}
    search(tmp_path / "pictures", run_dir)
    assert {path: path.stat().st_mtime_ns for path in run_dir.rglob("*_maps.zip")} == before
    blind = search(tmp_path / "pictures", tmp_path / "blind", no_pictures=True)
    assert not list(blind.rglob("*_maps.zip"))
    page = (blind / "report.html").read_text()
    assert "data:image" not in page and "What did it look at?" not in page


def search(pictures: Path, run_dir: Path, *, no_pictures: bool = False) -> Path:
    api.search(
        pictures,
        output_dir=run_dir,
        strategies=["baseline", "classical"],
        max_trials=2,
        folds=3,
        workers=0,
        sample_size=False,
        pictures=not no_pictures,
        quiet=True,
    )
    return run_dir
