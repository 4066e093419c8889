"""An action that the report may propose, and what the rules that propose one look at."""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.analysis.ranking import Ranking
from autosmall.report.sections import (
    alternatives,
    ensemble,
    errors,
    label_keeping,
    sample_size,
    training,
    trust,
)
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class Action:
    """Something to do.

    Attributes:
        kind: Name of the rule.
        action: What to do, in words.
        why: What it may bring, from the run's numbers.
        command: The command for it.
        section: Anchor of the section that shows more.
    """

    kind: str
    action: str
    why: str
    command: str
    section: str


@dataclass(frozen=True)
class Known:
    """What the rules look at: the run and the facts of the other sections."""

    run: RunData
    run_path: str
    ranking: Ranking
    trust: trust.Trust
    errors: errors.Errors
    training: training.Training
    sample_size: sample_size.SampleSize
    choices: alternatives.Choices
    ensemble: ensemble.EnsembleFacts | None
    label_keeping: label_keeping.LabelKeepingFacts


def capital(text: str) -> str:
    """Return text with a capital letter in front."""
    return text[:1].upper() + text[1:]
