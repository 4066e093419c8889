"""Features of pictures that runs share, and where retraining looks for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.errors import SettingsError
from autosmall.retraining.plan import cache_folder
from autosmall.run_folder.run_data import load_run_data
from autosmall.schema.settings import SearchSettings
from autosmall.searching.input import check_input
from autosmall.searching.setup import prepare


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "pics"
    rng = np.random.default_rng(0)
    for number in range(16):
        path = folder / ("dark", "light")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 120, (16, 16, 3)) + 120 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder


def prepared(pictures: Path, run: Path, cache: Path | None) -> str:
    settings = SearchSettings(pictures, output_dir=run, cache_dir=cache, strategies=("classical",))
    return prepare(check_input(settings), lambda _done, _count: None).context.cache_dir


def test_runs_may_share_a_folder_and_have_one_of_their_own_otherwise(pictures, tmp_path):
    runs, shared = [tmp_path / name for name in "abc"], tmp_path / "shared"
    found = [
        prepared(pictures, run, cache)
        for run, cache in zip(runs, (shared, shared, None), strict=True)
    ]
    assert found == [str(shared), str(shared), str(runs[2] / "cache")]


def test_retraining_looks_where_the_search_did_as_long_as_that_is_there(pictures, tmp_path):
    run, shared = tmp_path / "run", tmp_path / "shared"
    prepared(pictures, run, shared)
    assert cache_folder(run, load_run_data(run)) == run / "cache"
    shared.mkdir()
    assert cache_folder(run, load_run_data(run)) == shared


def test_the_data_set_is_never_written_to(pictures, tmp_path):
    with pytest.raises(SettingsError, match="never written"):
        prepared(pictures, tmp_path / "run", pictures / "cache")
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="a folder"):
        prepared(pictures, tmp_path / "run", tmp_path / "file")
