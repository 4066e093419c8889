"""What one may take instead of the recommended configuration."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.analysis.alternatives import find_alternatives, outdoing, pareto_front
from autosmall.analysis.ranking import rank


@pytest.fixture(scope="module")
def ranking(drawn):
    """Trial 2 is the plain default."""
    trials = [
        drawn.DrawnTrial("baseline", 0.34, 0.0, 3, 0.01),
        drawn.DrawnTrial("classical", 0.5, 0.2, 972, 0.4),
        drawn.DrawnTrial("frozen", 0.9, 0.08, 5_000, 3.0),
        drawn.DrawnTrial("frozen", 0.9, 0.01, 1_500, 4.0),
        drawn.DrawnTrial("fine_tune", 0.9, 0.05, 1_843_000, 0.5),
        drawn.DrawnTrial("scratch", 0.6, 0.3, 412_000, 18.0),
    ]
    return rank(drawn.make_run(trials, samples=90))


def test_no_alternative_is_the_recommended_one_nor_named_twice_nor_clearly_worse(ranking):
    found = find_alternatives(ranking)
    trials = [other.trial.trial for other in found.others]
    assert ranking.recommended.summary.trial not in trials
    assert len(trials) == len(set(trials))
    roles = [role for other in found.others for role in other.roles] + list(found.own_roles)
    assert sorted(roles) == ["best_score", "fastest", "fewest_parameters", "smallest_gap"]
    assert not {0, 1, 5} & set(trials)  # cheap, but far behind


def test_each_is_better_in_its_role(ranking):
    chosen = ranking.recommended.summary
    for other in find_alternatives(ranking).others:
        trial = other.trial
        better = {
            "best_score": trial.score.mean > chosen.score.mean,
            "fewest_parameters": trial.trainable_parameters < chosen.trainable_parameters,
            "fastest": trial.fit_seconds < chosen.fit_seconds,
            "smallest_gap": abs(trial.gap) < abs(chosen.gap),
        }
        assert all(better[role] for role in other.roles)


def test_the_front_is_what_a_plain_search_finds(ranking):
    rows = {
        row.summary.trial: np.array(
            [
                -row.summary.score.mean,
                row.summary.trainable_parameters,
                row.summary.fit_seconds,
            ]
        )
        for row in ranking.rows
    }
    plain = {
        trial
        for trial, costs in rows.items()
        if not any((other <= costs).all() and (other < costs).any() for other in rows.values())
    }
    assert set(pareto_front(ranking)) == plain
    assert 0 in plain and 5 not in plain
    assert all(outdoing(ranking, trial) == () for trial in plain)
    assert outdoing(ranking, 5)


def test_nothing_complete_has_no_alternatives(drawn):
    empty = rank(drawn.make_run([]))
    assert find_alternatives(empty).others == ()
    assert pareto_front(empty) == ()
