"""AutoSmall: which way of training suits a few labelled pictures, and how far to trust it.

::

    import autosmall

    run = autosmall.search("pictures/", time_budget="10m")
    run.leaderboard                     # a DataFrame, the recommended configuration first
    model = run.retrain()
    autosmall.load_model(model.model_dir).predict(["new.jpg"])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autosmall.api import SearchRun, compare, load_run, pretrain, search
    from autosmall.saved_model.model import SavedModel, load_model

__version__ = "0.1.0"

__all__ = ["SavedModel", "SearchRun", "compare", "load_model", "load_run", "pretrain", "search"]

_HOMES = {
    "SavedModel": "autosmall.saved_model.model",
    "SearchRun": "autosmall.api",
    "compare": "autosmall.api",
    "load_model": "autosmall.saved_model.model",
    "load_run": "autosmall.api",
    "pretrain": "autosmall.api",
    "search": "autosmall.api",
}


def __getattr__(name: str) -> object:
    """Import the public names when they are first used: ``import autosmall`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'autosmall' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
