"""Part of a section: what pictures that were kept back say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from autosmall.analysis.exact import exact_interval
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.report.numbers import METRIC_WORDS, counted, interval_text, score_text
from autosmall.schema.run_data import RunData


@dataclass(frozen=True)
class SealedTest:
    """The test pictures, which no search looks at.

    Attributes:
        sentence: Whether there are any, whether they were opened, and what they said.
        pictures: Pictures of the data set's test part; of those that were scored, where a model
            was; 0 where there are none.
        openings: Times that test pictures were opened for a model of this run.
        trial: Whose model was scored, or ``None`` (an ensemble, or none).
        score: Its score in the search's metric, or NaN.
        low: Lower end of the exact 95 % interval, for accuracy alone; else NaN.
        high: Upper end, likewise.
    """

    sentence: str
    pictures: int
    openings: int
    trial: int | None
    score: float
    low: float
    high: float


def gather(
    run: RunData, recommended: int | None, corrected: CorrectedScore | None, run_path: str
) -> SealedTest:
    """Return what is known of test pictures, from the audit, the openings and the saved model."""
    scores = _mapping(run.model_metrics.get("test"))
    found = scores.get(run.metric)
    score = float(found) if isinstance(found, int | float) else math.nan
    pictures = _whole(scores.get("n")) or _kept_back(run.audit)
    low, high = math.nan, math.nan
    if run.metric == "accuracy" and math.isfinite(score) and pictures:
        low, high = exact_interval(score, pictures)
    number = run.model_metrics.get("trial")
    trial = number if isinstance(number, int) and math.isfinite(score) else None
    told = SealedTest("", pictures, len(run.openings), trial, score, low, high)
    expected = corrected if trial is not None and trial == recommended else None
    return replace(told, sentence=in_words(run.metric, told, expected, run_path))


def in_words(metric: str, found: SealedTest, expected: CorrectedScore | None, run_path: str) -> str:
    """Return whether a test was kept back and what it said; ``expected`` of the same trial."""
    if math.isfinite(found.score):
        return f"{_score_words(metric, found)} {_beside(metric, found, expected)}{_again(found)}"
    if found.openings:
        return (
            f"Test pictures were opened {_times(found.openings)} for a model of this run, but no "
            "score of a model in its folder is stored."
        )
    if found.pictures:
        return (
            f"{counted(found.pictures, 'test picture')} were kept back, and were not opened before "
            f"this page was written. “autosmall retrain {run_path}” scores the model on them "
            "and writes the score here."
        )
    return (
        "No test pictures were kept back. The score is an estimate from pictures that the search "
        "chose by; pictures in a folder “test” beside “train”, or given to “autosmall retrain "
        "--test”, would check it."
    )


def _score_words(metric: str, found: SealedTest) -> str:
    who = f"the model of trial {found.trial}" if found.trial is not None else "the saved model"
    interval = interval_text(metric, found.low, found.high)
    reach = f" (95 % interval {interval})" if math.isfinite(found.low) else ""
    return (
        f"On {counted(found.pictures, 'test picture')} that the search did not see, {who} reached "
        f"{score_text(metric, found.score)} {METRIC_WORDS[metric]}{reach}."
    )


def _beside(metric: str, found: SealedTest, expected: CorrectedScore | None) -> str:
    if expected is None:
        return "That is another model than the one recommended above."
    interval = interval_text(metric, expected.low, expected.high)
    inside = expected.low <= found.score <= expected.high
    return f"The interval of the estimate ({interval}) {'holds' if inside else 'does not hold'} it."


def _again(found: SealedTest) -> str:
    if found.openings < 2:
        return ""
    return (
        f" Test pictures were opened {_times(found.openings)}: whoever chooses by what they show "
        "makes them training pictures."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _kept_back(audit: Mapping[str, object]) -> int:
    """Return the pictures of the data set's test part, by their names; 0 without one."""
    counts = _mapping(_mapping(audit.get("statistics")).get("class_counts"))
    return sum(_whole(count) for count in _mapping(counts.get("test")).values())


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
