"""Settings of a search that can be told to be wrong before any file is read."""

from __future__ import annotations

from autosmall.errors import SettingsError
from autosmall.explorers.registry import EXPLORER_NAMES
from autosmall.schema.settings import INVARIANCES, METRICS, PREFERENCES, SearchSettings


def check_settings(settings: SearchSettings) -> None:
    """Raise :class:`~autosmall.errors.SettingsError` for what no search can be run with."""
    _check_choice("metric", settings.metric, ("auto", *METRICS))
    _check_choice("explorer", settings.explorer, EXPLORER_NAMES)
    if settings.prefer is not None:
        _check_choice("prefer", settings.prefer, PREFERENCES)
    for name in settings.invariances:
        _check_choice("invariances", name, INVARIANCES)
    _check_least("max_trials", settings.max_trials, 1)
    _check_least("repeats", settings.repeats, 1)
    _check_least("workers", settings.workers, 0)
    _check_least("gpus_per_worker", settings.gpus_per_worker, 0)
    for name in ("time_budget", "source_budget"):
        seconds = getattr(settings, f"{name}_seconds")
        if seconds is not None and seconds <= 0:
            raise SettingsError(
                f"{name} is {seconds:g} seconds",
                "a positive duration",
                f"give for example --{name.replace('_', '-')} 10m",
            )
    if settings.folds != "auto":
        if not isinstance(settings.folds, int):
            _check_choice("folds", str(settings.folds), ("auto",))
        _check_least("folds", int(settings.folds), 2)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(
            f"{option} is {value!r}",
            "one of " + ", ".join(choices),
            f"correct --{option.replace('_', '-')}",
        )


def _check_least(option: str, value: float | None, least: int) -> None:
    if value is not None and value < least:
        raise SettingsError(
            f"{option} is {value}", f"at least {least}", f"correct --{option.replace('_', '-')}"
        )
