"""Section: can I trust this number?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.ranking import Ranking
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.analysis.trial_summary import training_pictures
from autosmall.report import sentences
from autosmall.report.sections import sealed_test
from autosmall.schema.run_data import RunData

SEVERITIES = ("blocking", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """What the audit found: ``severity`` is ``blocking``, ``warning`` or ``info``."""

    severity: str
    code: str
    message: str


@dataclass(frozen=True)
class LeftOut:
    """A picture that was not used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Trust:
    """What the score rests on.

    Attributes:
        sentence: The answer.
        findings: Of the audit, the gravest first.
        naive_score: Mean over folds of the recommended one, or ``None``.
        correction: The corrected score with all that belongs to it, or ``None``.
        correction_sentence: Why the two differ.
        final_sentence: What learning from all pictures may add; empty without a correction.
        pictures: Pictures that were used.
        class_counts: Class name and number of pictures, in the order of the classes.
        fold_count: Folds of each repeat.
        repeats: Repeats.
        folds_reason: Why these folds.
        tied_groups: Groups of two or more pictures kept in one fold.
        tied_pictures: Pictures in them.
        left_out: Pictures that were not used.
        test: What pictures that were kept back say.
        caution: What the stored results cannot show.
    """

    sentence: str
    findings: tuple[Finding, ...]
    naive_score: float | None
    correction: CorrectedScore | None
    correction_sentence: str
    final_sentence: str
    pictures: int
    class_counts: tuple[tuple[str, int], ...]
    fold_count: int
    repeats: int
    folds_reason: str
    tied_groups: int
    tied_pictures: int
    left_out: tuple[LeftOut, ...]
    test: sealed_test.SealedTest
    caution: str


def gather(
    run: RunData, ranking: Ranking, corrected: CorrectedScore | None, run_path: str
) -> Trust:
    """Return what is known about how far the score can be trusted."""
    findings = _findings(run.audit)
    sizes = [size for size in Counter(run.folds.groups.tolist()).values() if size > 1]
    counts = np.bincount(run.labels, minlength=len(run.classes))
    naive = ranking.recommended.summary.score.mean if ranking.recommended else None
    recommended = ranking.recommended.summary.trial if ranking.recommended else None
    grave = Counter(finding.severity for finding in findings)
    return Trust(
        sentence=sentences.trust(
            run.metric,
            corrected,
            grave["blocking"],
            grave["warning"],
            audited=bool(run.audit),
        ),
        findings=findings,
        naive_score=naive,
        correction=corrected,
        correction_sentence=sentences.correction(run.metric, naive, corrected),
        final_sentence=_final_sentence(run, corrected),
        pictures=len(run.labels),
        class_counts=tuple(
            (name, int(count)) for name, count in zip(run.classes, counts, strict=True)
        ),
        fold_count=run.folds.fold_count,
        repeats=run.folds.repeats,
        folds_reason=str(run.settings.get("folds_reason") or run.folds.reason),
        tied_groups=len(sizes),
        tied_pictures=sum(sizes),
        left_out=_left_out(run.audit),
        test=sealed_test.gather(run, recommended, corrected, run_path),
        caution=sentences.caution(len(run.labels), int(counts.min())),
    )


def _final_sentence(run: RunData, corrected: CorrectedScore | None) -> str:
    if corrected is None:
        return ""
    count, per_fold = len(run.labels), training_pictures(run)
    return sentences.final_model(run.metric, corrected, count, per_fold)


def _findings(audit: Mapping[str, object]) -> tuple[Finding, ...]:
    stored = audit.get("findings", [])
    assert isinstance(stored, list)
    found = [Finding(str(f["severity"]), str(f["code"]), str(f["message"])) for f in stored]
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def _left_out(audit: Mapping[str, object]) -> tuple[LeftOut, ...]:
    stored = audit.get("unreadable", [])
    assert isinstance(stored, list)
    return tuple(LeftOut(str(item["name"]), str(item["reason"])) for item in stored)
