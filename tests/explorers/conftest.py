"""Fixtures of the explorer tests. Keras Tuner's oracles run in this process, imported once."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from autosmall.explorers.base import Explorer
from autosmall.explorers.registry import make_explorer
from autosmall.schema.space import Space


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keras Tuner 1.4.8 calls thread functions that Python has deprecated: not our business."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(
                pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner[.]src")
            )


@pytest.fixture(scope="session")
def driver() -> ModuleType:
    """The module ``driver.py`` of this folder."""
    path = Path(__file__).with_name("driver.py")
    spec = importlib.util.spec_from_file_location("explorer_test_driver", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def space(driver: ModuleType) -> Space:
    """A drawn space with conditions of every kind."""
    return driver.conditional_space()


@pytest.fixture
def make(
    driver: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Explorer]]:
    """Makes explorers by name, space and seed; closes them at the end."""
    monkeypatch.setattr(
        "autosmall.explorers.keras_tuner_explorer.OracleProcess", driver.InlineOracle
    )
    made: list[Explorer] = []

    def make_one(name: str, space: Space, seed: int = 11) -> Explorer:
        made.append(make_explorer(name, space, seed, work_dir=tmp_path / str(len(made))))
        return made[-1]

    yield make_one
    for explorer in made:
        explorer.close()
