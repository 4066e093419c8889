"""Views for pretraining: sources, drawings, compositions, the bank on disk, the recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.data.views.bank import build_bank
from autosmall.data.views.composer import ViewComposer, ViewMixture
from autosmall.data.views.drawings import draw_fractal, draw_ground, draw_scene, draw_strokes
from autosmall.data.views.recipe import parse_pictures, read_recipe
from autosmall.data.views.sources import (
    SourcePicture,
    fingerprint,
    picture_files,
    read_source_picture,
)
from autosmall.errors import DatasetError, SettingsError


@pytest.fixture(autouse=True)
def _few_drawn_cut_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autosmall.data.views.composer.FRACTALS", 3)
    monkeypatch.setattr("autosmall.data.views.composer.STROKES", 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photograph-like picture, a cut-out and a file to leave out."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (150, 200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photograph.png")
    disc = np.zeros((60, 60, 4), np.uint8)
    rows, columns = np.mgrid[:60, :60]
    disc[(rows - 30) ** 2 + (columns - 30) ** 2 < 400] = (255, 0, 0, 255)
    Image.fromarray(disc).save(tmp_path / "disc.png")
    Image.fromarray(noise).save(tmp_path / "unwanted.png")
    return tmp_path


@pytest.fixture
def sources(folder: Path) -> tuple[SourcePicture, ...]:
    return tuple(map(read_source_picture, picture_files(folder, exclude=("unwanted",))))


def test_sources_are_told_apart_and_excluded(sources: tuple[SourcePicture, ...]) -> None:
    assert [s.path.name for s in sources] == ["disc.png", "photograph.png"]
    assert [s.is_cut_out for s in sources] == [True, False]


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no picture"):
        picture_files(tmp_path)
    with pytest.raises(DatasetError, match="there is no folder"):
        picture_files(tmp_path / "missing")


@pytest.mark.parametrize("draw", [draw_ground, draw_scene])
def test_drawn_pictures_follow_their_generator(draw) -> None:
    pictures = [draw(np.random.default_rng(seed), 48) for seed in range(20)]
    again = [draw(np.random.default_rng(seed), 48) for seed in range(20)]
    assert all(p.shape == (48, 48, 3) and p.dtype == np.uint8 for p in pictures)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, again, strict=True))
    assert len({p.tobytes() for p in pictures}) == 20


@pytest.mark.parametrize("draw", [draw_fractal, draw_strokes])
def test_drawn_cut_outs_have_a_shape(draw) -> None:
    for seed in range(5):
        alpha = draw(np.random.default_rng(seed), 64)[:, :, 3]
        assert 0.005 < (alpha > 64).mean() < 0.95


def test_views_depend_on_seed_and_number_alone(sources: tuple[SourcePicture, ...]) -> None:
    composer = ViewComposer(sources, 40, ViewMixture(), seed=3)
    in_order = [composer.view(number) for number in range(8)]
    other = ViewComposer(sources, 40, ViewMixture(), seed=3)
    backwards = [other.view(number) for number in reversed(range(8))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(in_order, backwards, strict=True))
    elsewhere = ViewComposer(sources, 40, ViewMixture(), seed=4)
    assert any(not np.array_equal(elsewhere.view(n), in_order[n]) for n in range(8))


def test_shares_of_nought_and_one_are_kept(sources: tuple[SourcePicture, ...]) -> None:
    plain = ViewMixture(drawn=0, cut_outs=0, mixed=0, coloured=0, grey=1, blurred=0, noisy=0)
    composer = ViewComposer(sources, 40, plain, seed=0)
    for number in range(5):
        view = composer.view(number)
        assert (view == view[:, :, :1]).all()


def test_cut_outs_lie_on_other_grounds(sources: tuple[SourcePicture, ...]) -> None:
    only = ViewMixture(drawn=0, cut_outs=1, mixed=0, coloured=0, grey=0, blurred=0, noisy=0)
    composer = ViewComposer(sources, 64, only, seed=0)
    red = [
        (np.abs(composer.view(n).astype(int) - (255, 0, 0)).sum(2) < 30).mean() for n in range(12)
    ]
    assert max(red) > 0.02
    assert max(red) < 0.95


def test_the_bank_is_the_same_for_any_number_of_processes(
    sources: tuple[SourcePicture, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autosmall.data.views.bank.SHARD_VIEWS", 4)
    one = build_bank(tmp_path / "one", sources, 10, 32, ViewMixture(), 0)
    two = build_bank(tmp_path / "two", sources, 10, 32, ViewMixture(), 0, processes=2)
    assert one.shape == (10, 32, 32, 3)
    np.testing.assert_array_equal(one, two)
    composer = ViewComposer(sources, 32, ViewMixture(), 0)
    np.testing.assert_array_equal(one[9], composer.view(9))


def test_a_bank_that_stands_is_not_drawn_again_and_another_one_is(
    sources: tuple[SourcePicture, ...], tmp_path: Path
) -> None:
    build_bank(tmp_path, sources, 5, 32, ViewMixture(), 0)
    seen: list[int] = []
    build_bank(
        tmp_path, sources, 5, 32, ViewMixture(), 0, on_progress=lambda done, _: seen.append(done)
    )
    assert seen == []
    build_bank(
        tmp_path, sources, 5, 32, ViewMixture(), 1, on_progress=lambda done, _: seen.append(done)
    )
    assert seen == [5]


def test_fingerprints_tell_pictures_apart(sources: tuple[SourcePicture, ...]) -> None:
    assert fingerprint(sources) == fingerprint(list(sources))
    assert fingerprint(sources) != fingerprint(sources[::-1])


def test_a_recipe_is_read(folder: Path) -> None:
    recipe = parse_pictures(
        {
            "view_count": 12,
            "mixture": {"drawn": 0.5},
            "source": [{"name": "mine", "folder": str(folder), "exclude": ["unwanted"]}],
        }
    )
    assert recipe.mixture == ViewMixture(drawn=0.5)
    assert len(recipe.files()) == 2


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"view_count": 1}, "lacks source"),
        ({"view_cuont": 1}, "did you mean 'view_count'"),
        ({"view_count": 0, "source": []}, "from 1 up"),
        ({"view_count": 1, "source": [{"name": "x"}]}, "a name and a folder"),
    ],
)
def test_a_wrong_recipe_is_refused(table: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_pictures(table)


def test_a_missing_package_is_named() -> None:
    table = {"name": "x", "folder": "data", "package": "no_such_package"}
    recipe = parse_pictures({"view_count": 1, "source": [table]})
    with pytest.raises(SettingsError, match="no_such_package"):
        recipe.files()


def test_the_recipe_in_the_package_is_valid() -> None:
    import autosmall.models

    recipe = read_recipe(Path(autosmall.models.__path__[0]) / "builtin" / "recipe.toml")
    assert all(source.licence and source.obtain for source in recipe.pictures.sources)
    assert recipe.settings["method"] == "distill"
    assert recipe.settings["architecture"] == "mobilenet_0.375"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nstesp = 3", "did you mean 'steps'"),
        ("[training]\nsteps = 'many'", "steps in the recipe is 'many'"),
        ("[student]\narchitecture = 3", "architecture in the recipe is 3"),
        ("[pictures", "cannot be read"),
        ("[teacher]", "unknown key 'teacher'"),
    ],
)
def test_a_wrong_recipe_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        read_recipe(tmp_path / "recipe.toml")


def test_a_damaged_picture_is_named(folder: Path) -> None:
    (folder / "cut.png").write_bytes((folder / "photograph.png").read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"cut\.png"):
        read_source_picture(folder / "cut.png")
