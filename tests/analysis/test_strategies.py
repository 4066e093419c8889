"""Strategies against each other: corrected for one of them having had more tries."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.analysis.ranking import rank
from autosmall.analysis.strategies import BETTER, UNDECIDED, WORSE, compare_strategies


def results(drawn, tries, accuracies, samples, seed):
    """Return the results by strategy; ``tries`` and ``accuracies`` are (frozen, scratch)."""
    trials = [
        drawn.DrawnTrial(name, accuracy)
        for name, count, accuracy in zip(("frozen", "scratch"), tries, accuracies, strict=True)
        for _ in range(count)
    ]
    run = drawn.make_run(trials, samples=samples, folds=3, seed=seed)
    return {result.strategy: result for result in compare_strategies(run, rank(run))}


def test_more_tries_make_no_better_strategy(drawn, monkeypatch):
    """One configuration against twenty that are as good: few verdicts, and no bias."""
    monkeypatch.setattr(drawn, "all_scores", lambda labels, probabilities: {})  # not read, slow
    runs, naive, corrected, verdicts = 40, [], [], []
    for seed in range(runs):
        found = results(drawn, (1, 20), (0.8, 0.8), 90, seed)["frozen"]
        naive.append(found.best.score.mean - found.rival.score.mean)
        corrected.append(found.difference.difference)
        verdicts.append(found.verdict)
    # At n = 90 a paired difference has a standard error of 4.4 points, so a mean of 40 of 0.7;
    # three of them.
    assert np.mean(naive) < -0.03
    assert abs(np.mean(corrected)) < 0.021
    # False verdicts at 5 %: six or more of 40 have a probability of 1.4 %.
    assert sum(verdict != UNDECIDED for verdict in verdicts) <= 5


def test_a_real_difference_is_found_with_its_size(drawn):
    found = results(drawn, (3, 3), (0.9, 0.7), 600, 0)
    forth, back = found["frozen"].difference, found["scratch"].difference
    assert (found["frozen"].verdict, found["scratch"].verdict) == (BETTER, WORSE)
    # Standard error of a difference at n = 600: about 1.7 points; three of them.
    assert forth.difference == pytest.approx(0.2, abs=0.05)
    assert forth.low < forth.difference < forth.high
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.p_better > 0.99


def test_one_strategy_alone_has_no_rival(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 0.8)])
    (only,) = compare_strategies(run, rank(run))
    assert (only.rival, only.difference, only.verdict) == (None, None, "alone")


def test_the_same_run_gives_the_same_verdicts(drawn):
    first, second = (results(drawn, (2, 3), (0.8, 0.75), 120, 3) for _ in range(2))
    assert first["frozen"].difference == second["frozen"].difference
