from __future__ import annotations

import subprocess
import sys

import pytest

from autosmall.errors import SettingsError
from autosmall.explorers.registry import EXPLORER_NAMES, make_explorer


@pytest.mark.parametrize("name", EXPLORER_NAMES)
def test_every_name_makes_an_explorer_of_that_name(name, space, tmp_path):
    explorer = make_explorer(name, space, 0, work_dir=tmp_path / "work")
    assert explorer.name == name
    explorer.close()
    assert not (tmp_path / "work").exists(), "no file before anything was asked"


def test_unknown_name_is_refused_with_the_nearest(space, tmp_path):
    with pytest.raises(SettingsError, match="did you mean 'keras-tuner'"):
        make_explorer("keras-tunr", space, 0, work_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [
        ("random", {"optuna", "keras_tuner", "tensorflow", "keras"}),
        ("optuna", {"keras_tuner", "tensorflow", "keras"}),
        ("committee", {"keras_tuner", "tensorflow", "keras"}),
        ("keras-tuner", {"optuna", "keras_tuner", "tensorflow", "keras"}),
    ],
)
def test_the_driver_imports_no_more_than_it_needs(name, forbidden):
    code = f"""
import sys
from pathlib import Path
from autosmall.explorers.registry import make_explorer
from autosmall.schema.space import ChoiceDimension, Space
space = Space("", "", 1.0, "", (ChoiceDimension("strategy", "strategy", ("a",)),))
make_explorer({name!r}, space, 0, work_dir=Path("unused"))
print(*sorted(set(sys.modules) & {forbidden!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
