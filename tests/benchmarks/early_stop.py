"""What ending a search early saves and costs, on drawn objectives with known truth.

    python tests/benchmarks/early_stop.py [--searches 120]

A search of 150 configurations in eight dimensions under five strategies: 8 starts at random, then
neighbours of the best that are known with the lag of ``--max-trials``, every fourth at random. The
true accuracy is the strategy's less a parabola for each dimension. Five folds add the luck of the
pictures, most of it common to all configurations (correlation 0.7). Prints the table of
``tests/benchmarks/README.md``; some minutes on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from autosmall.analysis.stopping import outlook
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, Suggestion, TrialOutcome
from autosmall.searching.limits import LAG

MAX_TRIALS = 150
STARTS = 8
FOLDS = 5
CORRELATION = 0.7
STRATEGIES, DIMENSIONS = 5, 8


@dataclass(frozen=True)
class Drawn:
    """A whole search: true accuracies and outcomes of all its configurations, in order."""

    truths: np.ndarray
    outcomes: list[TrialOutcome]


def draw_search(rng: np.random.Generator, pictures: int) -> Drawn:
    """Draw an objective and search it to the end."""
    bases = rng.normal(0.85, 0.06, STRATEGIES)
    optima = rng.random((STRATEGIES, DIMENSIONS))
    weights = rng.exponential(0.08, (STRATEGIES, DIMENSIONS))
    noise = np.sqrt(0.16 / (pictures / FOLDS))
    common = np.sqrt(CORRELATION) * noise * rng.standard_normal(FOLDS)
    tried: list[tuple[int, np.ndarray]] = []
    truths, outcomes = [], []
    for number in range(MAX_TRIALS):
        tried.append(_propose(rng, tried, [o.score for o in outcomes[: number - LAG]]))
        strategy, place = tried[-1]
        lost = float(weights[strategy] @ (place - optima[strategy]) ** 2)
        truths.append(float(np.clip(bases[strategy] - lost, 0.1, 0.98)))
        luck = common + np.sqrt(1 - CORRELATION) * noise * rng.standard_normal(FOLDS)
        outcomes.append(_outcome(number, truths[-1] + luck))
    return Drawn(np.array(truths), outcomes)


def _propose(
    rng: np.random.Generator, tried: list[tuple[int, np.ndarray]], scores: list[float]
) -> tuple[int, np.ndarray]:
    if len(tried) < STARTS + LAG or rng.random() < 0.25:
        return int(rng.integers(STRATEGIES)), rng.random(DIMENSIONS)
    strategy, place = tried[int(rng.choice(np.argsort(scores)[::-1][:6]))]
    changed = rng.random(DIMENSIONS) < 0.4
    return strategy, np.clip(place + changed * rng.normal(0, 0.12, DIMENSIONS), 0, 1)


def _outcome(number: int, scores: np.ndarray) -> TrialOutcome:
    suggestion = Suggestion(number, Config.from_mapping({"strategy": "s"}), "drawn")
    return TrialOutcome(suggestion, COMPLETE, float(scores.mean()), tuple(scores.tolist()), 1.0)


def early_end(drawn: Drawn) -> int:
    """Return before which trial the search ends."""
    for number in range(STARTS + LAG, MAX_TRIALS):
        known = drawn.outcomes[: number - LAG + 1]
        if not outlook(known, known[STARTS:], MAX_TRIALS - number, FOLDS).worthwhile:
            return number
    return MAX_TRIALS


def lost_points(drawn: Drawn, ended: int) -> float:
    """Return what the true accuracy of the best score lacks of the one after all trials."""
    scores = np.array([outcome.score for outcome in drawn.outcomes])
    return 100 * float(drawn.truths[scores.argmax()] - drawn.truths[scores[:ended].argmax()])


def main() -> None:
    """Print a row per number of pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--searches", type=int, default=120)
    searches = parser.parse_args().searches
    print("| pictures | ended early | trials of 150 | points lost | by over 1 | error of a score |")
    print("|---|---|---|---|---|---|")
    for pictures in (50, 100, 300, 1000, 5000):
        rng = np.random.default_rng(0)
        found = [draw_search(rng, pictures) for _ in range(searches)]
        ends = np.array([early_end(drawn) for drawn in found])
        lost = np.array([lost_points(d, end) for d, end in zip(found, ends, strict=True)])
        error = 100 * np.sqrt((1 / FOLDS + 1 / (FOLDS - 1)) * 0.16 * FOLDS / pictures)
        print(
            f"| {pictures:,} | {100 * np.mean(ends < MAX_TRIALS):.0f} % | {ends.mean():.0f} | "
            f"{lost.mean():.2f} (sd {lost.std():.2f}) | {100 * np.mean(lost > 1):.0f} % | "
            f"{error:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
