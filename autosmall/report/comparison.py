"""Every number and sentence of the page that compares runs; no HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from autosmall.analysis.final_model import expected_of_final_model
from autosmall.analysis.paired import PairedDifference
from autosmall.analysis.ranking import Ranking, rank
from autosmall.analysis.run_pairs import compare_recommended
from autosmall.analysis.strategies import compare_strategies
from autosmall.report.numbers import (
    METRIC_WORDS,
    counted,
    interval_text,
    listed,
    points_text,
    score_text,
)
from autosmall.schema.run_data import RunData

SCHEMA_VERSION = 1
"""Raised whenever a name or meaning in the comparison's JSON file changes."""

EQUIVALENT = 0.95
"""Probability from which two recommendations are called equivalent."""

SETTINGS_APART = ("output_dir", "dataset", "workers", "quiet", "overwrite")
"""Settings whose differences say nothing about results, or are shown elsewhere."""


@dataclass(frozen=True)
class StrategyScore:
    """The best configuration of a strategy in one run: naive mean over folds and 95 % interval."""

    strategy: str
    trial: int
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class ComparedRun:
    """One run in numbers; scores are on its metric's scale.

    Attributes:
        name: How this page calls it: the run folder's name, with its parent's where two coincide.
        path: The folder as it was named.
        dataset: The data set, as the search was given it.
        fingerprint: Of the data set.
        pictures: Pictures that were cross-validated.
        class_count: Classes.
        metric: The search's metric.
        state: ``running``, ``finished`` or ``interrupted``.
        space: The search space.
        tried: Configurations tried.
        complete: Those complete on all folds.
        search_seconds: Wall time of the search.
        recommended: Strategy of the recommended configuration, or ``None``.
        trial: Its trial number, or ``None``.
        naive_score: Its mean over folds, or ``None``.
        corrected_score: What to expect of it, or ``None``.
        corrected_interval: 95 % interval of that, or ``None``.
        strategies: The best of each strategy that has a complete configuration, best first.
    """

    name: str
    path: str
    dataset: str
    fingerprint: str
    pictures: int
    class_count: int
    metric: str
    state: str
    space: str
    tried: int
    complete: int
    search_seconds: float
    recommended: str | None
    trial: int | None
    naive_score: float | None
    corrected_score: float | None
    corrected_interval: tuple[float, float] | None
    strategies: tuple[StrategyScore, ...]


@dataclass(frozen=True)
class ComparedPair:
    """The recommendations of two runs on the same pictures and folds.

    ``difference`` is how much the first exceeds the second.
    """

    first: str
    second: str
    metric: str
    difference: PairedDifference
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """All that the page shows.

    Attributes:
        schema_version: :data:`SCHEMA_VERSION`.
        sentence: What the runs show together.
        runs: In the order in which they were named.
        pairs: Runs that share their pictures and folds, two by two.
        settings: Setting, then one value per run, where these differ.
    """

    schema_version: int
    sentence: str
    runs: tuple[ComparedRun, ...]
    pairs: tuple[ComparedPair, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]


def gather_comparison(runs: Sequence[tuple[Path, RunData]]) -> Comparison:
    """Return the facts of these runs, each with the path that it was named by."""
    names = _names([path for path, _ in runs])
    ranked = [(run, rank(run)) for _, run in runs]
    rows = tuple(
        _compared(name, str(path), run, ranking)
        for name, (path, _), (run, ranking) in zip(names, runs, ranked, strict=True)
    )
    pairs = tuple(
        pair
        for (one, first), (other, second) in combinations(zip(names, ranked, strict=True), 2)
        if (pair := _pair(one, other, first, second)) is not None
    )
    settings = _different_settings([run for _, run in runs])
    return Comparison(SCHEMA_VERSION, _sentence(rows, pairs), rows, pairs, settings)


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the folders' names, with their parents' where two coincide."""
    resolved = [path.resolve() for path in paths]
    counts = Counter(path.name for path in resolved)
    return [
        path.name if counts[path.name] == 1 else f"{path.parent.name}/{path.name}"
        for path in resolved
    ]


def _compared(name: str, path: str, run: RunData, ranking: Ranking) -> ComparedRun:
    chosen, corrected = ranking.recommended, expected_of_final_model(run, ranking)
    best = [result.best for result in compare_strategies(run, ranking) if result.best]
    return ComparedRun(
        name=name,
        path=path,
        dataset=str(run.settings.get("dataset", "")),
        fingerprint=run.fingerprint,
        pictures=len(run.labels),
        class_count=len(run.classes),
        metric=run.metric,
        state=run.state,
        space=str(run.settings.get("space", "")),
        tried=len(run.begun),
        complete=len(ranking.rows),
        search_seconds=run.search_seconds,
        recommended=chosen.summary.strategy if chosen else None,
        trial=chosen.summary.trial if chosen else None,
        naive_score=chosen.summary.score.mean if chosen else None,
        corrected_score=corrected.score if corrected else None,
        corrected_interval=(corrected.low, corrected.high) if corrected else None,
        strategies=tuple(
            StrategyScore(s.strategy, s.trial, s.score.mean, s.score.low, s.score.high)
            for s in best
        ),
    )


def _pair(
    one: str, other: str, first: tuple[RunData, Ranking], second: tuple[RunData, Ranking]
) -> ComparedPair | None:
    difference = compare_recommended(first, second)
    if difference is None:
        return None
    metric = first[0].metric
    sentence = _pair_in_words(metric, one, other, difference)
    return ComparedPair(one, other, metric, difference, sentence)


def _pair_in_words(metric: str, one: str, other: str, found: PairedDifference) -> str:
    if found.p_equivalent > EQUIVALENT:
        return f"{one} and {other} are as good as each other, to within a point"
    if not found.can_be_told:
        return f"these pictures cannot tell {one} from {other}"
    winner, loser = (one, other) if found.difference > 0 else (other, one)
    half = (found.high - found.low) / 2
    return f"{winner} is better than {loser} by {points_text(metric, found.difference, half)}"


def _sentence(runs: Sequence[ComparedRun], pairs: Sequence[ComparedPair]) -> str:
    known = [run for run in runs if run.corrected_score is not None]
    if not known:
        return "No run has a configuration that finished all its folds."
    if len({run.fingerprint for run in known}) > 1:
        return _over_data_sets(known)
    expected = listed([_expected(run) for run in known])
    told = [pair.sentence for pair in pairs]
    if len(pairs) > 3:
        sure = [pair.sentence for pair in pairs if pair.difference.can_be_told]
        told = sure[:3] or ["these pictures tell none of them apart"]
    if not pairs and len(known) > 1:
        told = ["their folds differ, so part of the difference is the luck of the split"]
    return f"To be expected: {expected}" + (f"; {'; '.join(told)}." if told else ".")


def _expected(run: ComparedRun) -> str:
    assert run.corrected_score is not None and run.corrected_interval is not None
    low, high = run.corrected_interval
    score = score_text(run.metric, run.corrected_score, (high - low) / 2)
    interval = interval_text(run.metric, low, high)
    return f"{METRIC_WORDS[run.metric]} {score} ({interval}) with {run.name}"


def _over_data_sets(runs: Sequence[ComparedRun]) -> str:
    """Return which strategies had the best scores, over data sets; a run counts once."""
    best = Counter(run.strategies[0].strategy for run in runs if run.strategies)
    data_sets = len({run.fingerprint for run in runs})
    shares = listed([f"{name} in {count} of {len(runs)}" for name, count in best.most_common()])
    return (
        f"{counted(len(runs), 'run')} on {counted(data_sets, 'data set')}: the best score is that "
        f"of {shares}."
    )


def _different_settings(runs: Sequence[RunData]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = sorted({name for run in runs for name in run.settings} - set(SETTINGS_APART))
    rows = [(name, tuple(_text(run.settings.get(name)) for run in runs)) for name in names]
    return tuple(row for row in rows if len(set(row[1])) > 1)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "not set" if value is None else str(value)
