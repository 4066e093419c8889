"""A run without its pictures and their names, for pictures that must not leave the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autosmall.schema.results import FoldResult
from autosmall.schema.run_data import RunData, TrialRecord


def without_pictures(run: RunData) -> RunData:
    """Return ``run`` with numbered pictures (from 1, as in ``folds.csv``) and none to look at.

    The audit's findings keep their kind and lose the names; failed folds keep the kind of error.
    Class names stay, as results mean nothing without them.
    """
    return replace(
        run,
        sample_names=tuple(f"picture {row}" for row in range(1, len(run.sample_names) + 1)),
        audit=_audit(run.audit),
        trials=tuple(_trial(trial) for trial in run.trials),
        previews={},
    )


def _audit(audit: Mapping[str, object]) -> dict[str, object]:
    findings, unreadable = audit.get("findings", []), audit.get("unreadable", [])
    assert isinstance(findings, list) and isinstance(unreadable, list)
    return {
        **audit,
        "findings": [
            {**finding, "message": _nameless(str(finding["code"]))} for finding in findings
        ],
        "unreadable": [{**file, "name": f"file {n}"} for n, file in enumerate(unreadable, start=1)],
    }


def _nameless(code: str) -> str:
    words = code.replace("-", " ")
    return f"{words[:1].upper()}{words[1:]}; audit.json in the run's folder names the pictures."


def _trial(trial: TrialRecord) -> TrialRecord:
    return replace(trial, folds=tuple(_fold(fold) for fold in trial.folds))


def _fold(fold: FoldResult) -> FoldResult:
    last = fold.error.strip().splitlines()[-1:]
    return replace(fold, error="".join(last).partition(":")[0], reconstructions=None)
