"""Which rule to recommend by: regret and harm of several, on drawn cross-validations.

A rule picks the leader, or the simplest configuration that is at most one standard error and one
point below it; a guard keeps the plain default unless P(better) exceeds a threshold. ``plain``
takes that from the paired difference alone, ``shrunk`` from the normal-normal model of
:mod:`autosmall.analysis.recommendation`. Prints a table: mean regret in points over all cells, the
most frequent harm of any cell (the pick is more than one point worse than the default), and regret
/ harm of each cell. Usage::

    python tests/benchmarks/recommendation_rules.py [RUNS] [CONFIGURATIONS] [DEFAULT_AT] [raced]

``DEFAULT_AT`` places the default that many spreads above the mean (``like``: drawn as the others).
``raced`` lets the project's race drop configurations first; that takes a hundred times as long.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from scipy.stats import norm
from simulated_scores import Scene, contest_of, draw, partial_scores, race

from autosmall.analysis.recommendation import probability_better, recommend

SAMPLES = (50, 100, 300, 1000)
SPREADS = (0.01, 0.03, 0.05)
GUARDS = (0.5, 0.7, 0.9)


def picks(drawn, contest, columns):
    """Return rule to the column that it picks."""
    scores = drawn.right[:, columns].mean(axis=0)[None]
    none = replace(contest, default=None)
    even = np.zeros_like(scores)
    found = {}
    for name, prefer in (("leader", "accuracy"), ("simplest", "simple")):
        column = int(recommend(scores, even, replace(none, prefer=prefer))[0])
        found[name, "no guard"] = column
        lead = scores[0, column] - scores[0, 0]
        error = contest.difference_errors.row(0)[column]
        plain = norm.cdf(lead / error) if error else 0.5
        shrunk = probability_better(lead, error, contest.spread)
        for kind, probability in (("plain", plain), ("shrunk", shrunk)):
            for guard in GUARDS:
                found[name, f"{kind} > {guard}"] = column if probability > guard else 0
    for prefer in ("accuracy", "simple"):
        column = int(recommend(scores, even, replace(contest, prefer=prefer))[0])
        found["shipped", f"--prefer {prefer}"] = column
    return {rule: columns[column] for rule, column in found.items()}


def cell(scene, runs, raced):
    """Return rule to mean regret and share of harm, both in percent."""
    sums = {}
    for run in range(runs):
        seed = [run, scene.samples, round(1000 * scene.spread), scene.configurations]
        drawn = draw(scene, np.random.default_rng(seed))
        done = race(drawn) if raced else np.full(len(drawn.truths), scene.folds)
        columns = np.flatnonzero(done == scene.folds)
        contest = contest_of(drawn, columns, partial_scores(drawn, done))
        for rule, column in picks(drawn, contest, columns).items():
            regret = drawn.truths.max() - drawn.truths[column]
            harm = drawn.truths[0] - drawn.truths[column] > 0.01
            sums.setdefault(rule, []).append((regret, harm))
    return {rule: 100 * np.mean(rows, axis=0) for rule, rows in sums.items()}


def main() -> None:
    """Print the table."""
    words = [word for word in sys.argv[1:] if word != "raced"]
    runs, configurations, place = (*words, *("1000", "60", "like")[len(words) :])
    at = None if place == "like" else float(place)
    cells = {
        (n, spread): cell(
            Scene(n, int(configurations), spread, default_at=at), int(runs), "raced" in sys.argv
        )
        for n in SAMPLES
        for spread in SPREADS
    }
    heads = [f"{n}, {100 * spread:.0f}" for n, spread in cells]
    print("| rule | guard | mean regret | most harm |", " | ".join(heads), "|")
    print("|---|---|" + "---:|" * (2 + len(cells)))
    for rule in next(iter(cells.values())):
        values = np.array([found[rule] for found in cells.values()])
        each = " | ".join(f"{regret:.1f} / {harm:.1f}" for regret, harm in values)
        mean, most = values[:, 0].mean(), values[:, 1].max()
        print(f"| {rule[0]} | {rule[1]} | {mean:.2f} | {most:.1f} % | {each} |")


if __name__ == "__main__":
    main()
