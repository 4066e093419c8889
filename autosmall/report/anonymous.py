"""A run without its pictures and their names, for pictures that must not leave the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autosmall.schema.results import FoldResult
from autosmall.schema.run_data import RunData, TrialRecord

GROUPS = ("duplicates", "near_duplicates", "conflicts")
"""Entries of ``audit.json`` that name pictures which belong together."""


def without_pictures(run: RunData) -> RunData:
    """Return ``run`` with numbered pictures (from 1, as in ``folds.csv``) and none to look at.

    The audit's findings keep their kind and lose the names; failed folds keep the kind of error.
    Class names stay, as results mean nothing without them.
    """
    numbered = {name: f"picture {row}" for row, name in enumerate(run.sample_names, start=1)}
    return replace(
        run,
        sample_names=tuple(f"picture {row}" for row in range(1, len(run.sample_names) + 1)),
        audit=_audit(run.audit, numbered),
        trials=tuple(_trial(trial) for trial in run.trials),
        previews={},
        maps=(),
        altered_pictures=None,
        altered_predictions=tuple(replace(p, examples=()) for p in run.altered_predictions),
    )


def _audit(audit: Mapping[str, object], numbered: Mapping[str, str]) -> dict[str, object]:
    findings, unreadable = audit.get("findings", []), audit.get("unreadable", [])
    assert isinstance(findings, list) and isinstance(unreadable, list)
    return {
        **{name: value for name, value in audit.items() if name != "leaks"},
        **{kind: _groups(audit.get(kind), numbered) for kind in GROUPS},
        "findings": [
            {**finding, "message": _nameless(str(finding["code"]))} for finding in findings
        ],
        "unreadable": [{**file, "name": f"file {n}"} for n, file in enumerate(unreadable, start=1)],
    }


def _groups(stored: object, numbered: Mapping[str, str]) -> list[list[object]]:
    """Return groups of names, or of names with labels, under the pictures' numbers."""
    groups = stored if isinstance(stored, list) else []
    return [[_numbered(item, numbered) for item in group] for group in groups]


def _numbered(item: object, numbered: Mapping[str, str]) -> object:
    if isinstance(item, dict):
        return {**item, "name": _numbered(item["name"], numbered)}
    return numbered.get(str(item), "a picture")


def _nameless(code: str) -> str:
    words = code.replace("-", " ")
    return f"{words[:1].upper()}{words[1:]}; audit.json in the run's folder names the pictures."


def _trial(trial: TrialRecord) -> TrialRecord:
    return replace(trial, folds=tuple(_fold(fold) for fold in trial.folds))


def _fold(fold: FoldResult) -> FoldResult:
    last = fold.error.strip().splitlines()[-1:]
    return replace(fold, error="".join(last).partition(":")[0], reconstructions=None)
