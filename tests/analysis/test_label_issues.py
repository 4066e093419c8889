"""Suspected labels: planted ones are found, sound ones are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autosmall.analysis.label_issues import find_suspected_labels
from autosmall.analysis.ranking import rank


def with_wrong_labels(run, rows):
    """Return ``run`` in which the labels of ``rows`` are those of the next class."""
    labels = run.labels.copy()
    labels[rows] = (labels[rows] + 1) % len(run.classes)
    return replace(run, labels=labels)


def test_planted_labels_are_found(drawn):
    """A model that is right 97 % of the time knows 12 of 240 wrong labels when it sees them."""
    sure = [drawn.DrawnTrial("frozen", 0.97), drawn.DrawnTrial("fine_tune", 0.97)]
    planted = np.arange(5, 240, 20)
    run = with_wrong_labels(drawn.make_run(sure, samples=240), planted)
    count, suspected = find_suspected_labels(run, rank(run), most=40)
    found = {item.row for item in suspected}
    assert count == len(found)
    assert len(found & set(planted)) >= 10  # 97 % of 12, less what confident learning prunes
    assert len(found - set(planted)) <= 6  # the model's own mistakes, 3 % of 228
    for item in suspected:
        assert item.sample == run.sample_names[item.row]
        assert item.suggested != item.label == run.classes[run.labels[item.row]]
        assert 1 <= item.agreeing <= item.witnesses
    beliefs = [item.label_probability for item in suspected]
    assert beliefs == sorted(beliefs)


def test_sound_labels_of_a_right_model_are_not_suspected(drawn):
    run = drawn.make_run([drawn.DrawnTrial("frozen", 1.0)])
    assert find_suspected_labels(run, rank(run)) == (0, ())


def test_nothing_is_said_without_a_model_that_learned(drawn):
    for trials in ([], [drawn.DrawnTrial("baseline", 0.34)]):
        run = drawn.make_run(trials)
        assert find_suspected_labels(run, rank(run)) == (0, ())


def test_the_list_is_cut_but_the_count_is_not(drawn):
    run = with_wrong_labels(
        drawn.make_run([drawn.DrawnTrial("frozen", 0.97)], samples=240), np.arange(0, 240, 12)
    )
    count, suspected = find_suspected_labels(run, rank(run), most=3)
    assert len(suspected) == 3 < count
