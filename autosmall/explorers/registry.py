"""All explorers by name. Each begins with the space's starts."""

from __future__ import annotations

import difflib
from pathlib import Path

from autosmall.errors import SettingsError
from autosmall.explorers.base import Explorer
from autosmall.explorers.portfolio import Portfolio
from autosmall.schema.space import Space

EXPLORER_NAMES = (
    "committee",
    "optuna",
    "keras-tuner",
    "keras-tuner-hyperband",
    "keras-tuner-random",
    "random",
)


def make_explorer(name: str, space: Space, seed: int, *, work_dir: Path) -> Explorer:
    """Return the explorer called ``name``, the space's starts before it.

    Optuna is imported only where it is used; Keras Tuner lives in a process of its own, with its
    files in ``work_dir``. Raises :class:`SettingsError` for an unknown name.
    """
    return Portfolio(space, seed, _make(name, space, seed, work_dir))


def _make(name: str, space: Space, seed: int, work_dir: Path) -> Explorer:
    if name == "random":
        from autosmall.explorers.random_search import RandomSearch

        return RandomSearch(space, seed)
    if name == "optuna":
        from autosmall.explorers.optuna_tpe import OptunaExplorer

        return OptunaExplorer(space, seed)
    if name == "committee":
        from autosmall.explorers.committee import Committee

        members = (_make(member, space, seed, work_dir) for member in ("optuna", "keras-tuner"))
        return Committee(space, seed, *members)
    if name in EXPLORER_NAMES:
        from autosmall.explorers.keras_tuner_explorer import KerasTunerExplorer

        return KerasTunerExplorer(name, space, seed, work_dir)
    close = difflib.get_close_matches(name, EXPLORER_NAMES, n=1, cutoff=0.4)
    raise SettingsError(
        f"unknown explorer {name!r}",
        f"one of {', '.join(EXPLORER_NAMES)}",
        f"did you mean {close[0]!r}?" if close else "choose one of these",
    )
