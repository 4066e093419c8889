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
        commands: To search again, to make the model, to write the report again.
        settings: Option name and value as text.
        versions: Package or hardware name and its version.
        fingerprint: Of the data set.
        glossary: Terms of this page with their sources.
    """

    commands: tuple[Command, ...]
    settings: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    fingerprint: str
    glossary: tuple[Term, ...]


def gather(run: RunData, run_path: str) -> Repetition:
    """Return settings, versions and commands of the run."""
    return Repetition(
        commands=(
            Command("Search again", commands.search_command(run.settings)),
            Command("Make the recommended model", commands.retrain_command(run_path)),
            Command("Write this page again", commands.report_command(run_path)),
        ),
        settings=tuple((name, _text(value)) for name, value in sorted(run.settings.items())),
        versions=tuple(sorted(run.versions.items())),
        fingerprint=run.fingerprint,
        glossary=GLOSSARY,
    )


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value) or "none"
    return "not set" if value is None else str(value)
