"""Commands that a reader may copy."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import MISSING, fields

from autosmall.schema.config import Value
from autosmall.schema.run_data import RunData
from autosmall.schema.settings import SearchSettings

_NOT_REPEATED = {
    "dataset",
    "output_dir",
    "overwrite",
    "quiet",
    "time_budget_seconds",
    "source_budget_seconds",
    "backbones",
    "trust",
}


def retrain_command(run_path: str, trial: int | None = None) -> str:
    """Return the command that makes a model: of the recommended trial, or of ``trial``."""
    which = "" if trial is None else f" --trial {trial}"
    return f"autosmall retrain {shlex.quote(run_path)}{which}"


def ensemble_command(run_path: str) -> str:
    """Return the command that makes an ensemble."""
    return f"autosmall retrain {shlex.quote(run_path)} --ensemble"


def predict_command(run_path: str, goal: str, wanted: float) -> str:
    """Return the command that classifies pictures with a stored threshold."""
    model = shlex.quote(f"{run_path}/model")
    return f"autosmall predict {model} PICTURES --{goal} {wanted:g}"


def report_command(run_path: str) -> str:
    """Return the command that writes the report again."""
    return f"autosmall report {shlex.quote(run_path)}"


def repeat_command(run: RunData) -> str:
    """Return the command that made ``run``, which also goes on with it."""
    return search_command({**run.settings, **run.asked})


def further_command(run: RunData, factor: float) -> str:
    """Return the command that goes on with ``run`` up to ``factor`` times its limits."""
    settings = {**run.settings, **run.asked}
    for name in ("time_budget_seconds", "max_trials"):
        limit = settings.get(name)
        if isinstance(limit, int | float):
            settings[name] = type(limit)(factor * limit)
    return search_command(settings)


def anew_command(run: RunData, run_path: str, word: str, **changes: Value | tuple[str, ...]) -> str:
    """Return the command that searches anew, in a folder beside ``run``'s ending in ``word``.

    ``changes`` are settings that differ, by name.
    """
    folder = f"{run_path.rstrip('/')}-{word}"
    return search_command({**run.settings, **run.asked, "output_dir": folder, **changes})


def audit_command(run: RunData) -> str:
    """Return the command that looks for what is wrong with the pictures."""
    return shlex.join(["autosmall", "audit", str(run.settings.get("dataset", "DATASET"))])


def search_command(settings: Mapping[str, Value | tuple[str, ...] | None]) -> str:
    """Return the command that repeats the search; options left at their default are left out."""
    words = ["autosmall", "search", str(settings.get("dataset", "DATASET"))]
    if settings.get("output_dir"):
        words += ["--output-dir", str(settings["output_dir"])]
    budget = settings.get("time_budget_seconds")
    if isinstance(budget, int | float):
        words += ["--time-budget", f"{budget:g}s"]
    source_budget = settings.get("source_budget_seconds")
    if isinstance(source_budget, int | float):
        words += ["--source-budget", f"{source_budget:g}s"]
    backbones = settings.get("backbones")
    if isinstance(backbones, tuple) and backbones:
        words += ["--backbone", *backbones]
    trusted = settings.get("trust")
    if isinstance(trusted, tuple):
        for line in trusted:
            words += ["--trust", line.split("  ", 1)[1]]
    for option in fields(SearchSettings):
        if option.name not in _NOT_REPEATED and option.name in settings:
            words += _option(option.name, settings[option.name], option.default)
    return shlex.join(words)


def _option(name: str, value: Value | tuple[str, ...] | None, default: object) -> list[str]:
    if value is None or value == default or default is MISSING:
        return []
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, tuple):
        return [flag, ",".join(value) or "none"]
    return [flag, f"{value:g}" if isinstance(value, float) else str(value)]
