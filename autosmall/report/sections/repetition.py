"""Section: how do I repeat it?"""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.report import commands
from autosmall.report.glossary import GLOSSARY, Term
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class Command:
    """What a command does, and the command."""

    purpose: str
    command: str


@dataclass(frozen=True)
class Repetition:
    """All that is needed to repeat the run.

    Attributes:
        sentence: The answer.
        commands: To search again, to make the model, to write the report again.
        settings: Option name and value as text.
        versions: Package or hardware name and its version.
        fingerprint: Of the data set.
        glossary: Terms of this page with their sources.
    """

    sentence: str
    commands: tuple[Command, ...]
    settings: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    fingerprint: str
    glossary: tuple[Term, ...]


def gather(run: RunData, run_path: str, recommended: bool) -> Repetition:
    """Return settings, versions and commands of the run; ``recommended``: whether there is one."""
    return Repetition(
        sentence=repetition_sentence(run),
        commands=_commands(run, run_path, recommended),
        settings=tuple((name, _text(value)) for name, value in sorted(run.settings.items())),
        versions=tuple(sorted(run.versions.items())),
        fingerprint=run.fingerprint,
        glossary=GLOSSARY,
    )


def repetition_sentence(run: RunData) -> str:
    """Return what comes of the same command again, which no clock must have had a say in."""
    seed, budget = run.settings.get("seed"), run.settings.get("time_budget_seconds")
    if run.settings.get("max_trials") is not None and budget is None:
        return (
            f"The first command does this search again. With seed {seed}, the same pictures and "
            "versions it gives the same results on a CPU, whatever the number of workers."
        )
    return (
        f"The first command searches again from seed {seed}, with the same folds. How far it gets "
        "is a matter of time and machine; with --max-trials in place of a time, results repeat "
        "exactly on a CPU."
    )


def _commands(run: RunData, run_path: str, recommended: bool) -> tuple[Command, ...]:
    search = Command("Search again", commands.repeat_command(run))
    model = Command("Make the recommended model", commands.retrain_command(run_path))
    page = Command("Write this page again", commands.report_command(run_path))
    return (search, model, page) if recommended else (search, page)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value) or "none"
    return "not set" if value is None else str(value)
