"""The Python calls: the example in the docstring runs, and what they return is what is stored."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pandas as pd
import pytest

import autosmall
from autosmall import api
from autosmall.errors import RunFolderError, SettingsError


def test_the_docstring_examples_run():
    result = doctest.testmod(api, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted >= 5
    assert result.failed == 0


def test_the_public_names_are_these():
    assert sorted(autosmall.__all__) == [
        "SavedModel",
        "SearchRun",
        "compare",
        "load_model",
        "load_run",
        "pretrain",
        "search",
    ]
    for name in autosmall.__all__:
        assert callable(getattr(autosmall, name))


def test_search_stays_callable_whatever_was_imported():
    code = (
        "import autosmall, autosmall.searching.session, autosmall.cli, autosmall.saved_model.model;"
        "assert callable(autosmall.search) and callable(autosmall.load_model)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="no readable run"):
        autosmall.load_run(tmp_path)


def test_wrong_keywords_are_told_before_any_work(tmp_path):
    with pytest.raises(SettingsError, match="duration"):
        autosmall.search(tmp_path, time_budget="soon")
    with pytest.raises(SettingsError, match="metric"):
        autosmall.search(tmp_path, metric="accuarcy")


def test_tables_and_best_agree(tmp_path):
    from autosmall.data.demo import draw_demo

    draw_demo(tmp_path / "pieces")
    run = autosmall.search(
        tmp_path / "pieces",
        output_dir=tmp_path / "run",
        strategies=["baseline", "classical"],
        max_trials=3,
        folds=3,
        repeats=1,
        workers=0,
        explorer="random",
        quiet=True,
    )
    board = run.leaderboard
    assert isinstance(board, pd.DataFrame)
    assert list(board["rank"]) == list(range(1, len(board) + 1))
    assert run.best.number == board.iloc[0]["trial"]
    assert len(run.fold_results) == run.trials["folds_done"].sum()
    again = autosmall.load_run(run.path)
    pd.testing.assert_frame_equal(again.leaderboard, board)
