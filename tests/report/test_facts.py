"""``report.json`` against a recomputation from the drawn predictions alone."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from autosmall.report.facts import SCHEMA_VERSION, to_json
from autosmall.report.gathering import gather_facts


@pytest.fixture(scope="module")
def run(drawn):
    return drawn.make_run()


@pytest.fixture(scope="module")
def stored(run):
    """What a reader of ``report.json`` sees."""
    return json.loads(json.dumps(to_json(gather_facts(run, "reports/drawn")), allow_nan=False))


def fold_accuracies(run, number):
    return [
        float(
            np.mean(
                fold.probabilities.argmax(axis=1)
                == run.labels[run.folds.validation_index(fold.fold)]
            )
        )
        for fold in run.trials[number].folds
        if fold.probabilities.size
    ]


def test_recommendation_has_what_the_contract_names(run, stored):
    found = stored["recommendation"]
    assert stored["schema_version"] == SCHEMA_VERSION
    assert found["metric"] == "accuracy"
    assert found["strategy"] == found["config"]["strategy"]
    assert found["config"] == run.trials[found["trial"]].suggestion.config.to_dict()
    assert found["naive_score"] == pytest.approx(np.mean(fold_accuracies(run, found["trial"])))
    low, high = found["corrected_interval"]
    assert low < found["corrected_score"] < high
    assert found["corrected_score"] < found["naive_score"]
    assert found["retrain_command"] == "autosmall retrain reports/drawn"


def test_every_configuration_is_in_the_table_with_its_own_numbers(run, stored):
    rows = stored["configurations"]["rows"]
    assert sorted(row["trial"] for row in rows) == list(range(len(run.trials)))
    assert rows[0]["recommended"] and rows[0]["trial"] == stored["recommendation"]["trial"]
    for row in rows:
        accuracies = fold_accuracies(run, row["trial"])
        record = run.trials[row["trial"]]
        if accuracies:
            assert row["score"] == pytest.approx(np.mean(accuracies))
            scored = [fold["score"] for fold in row["folds"]]
            assert scored == pytest.approx(accuracies)
            train = np.mean([fold.train_scores["accuracy"] for fold in record.folds])
            assert row["gap"] == pytest.approx(train - np.mean(accuracies))
        else:
            assert row["score"] is None
        assert row["status"] == record.status
        assert (row["rank"] is None) == (record.status != "complete")
        assert (
            row["fit_seconds"]
            == pytest.approx(
                np.mean([f.fit_seconds for f in record.folds]) if accuracies else math.nan,
                nan_ok=True,
            )
            or row["fit_seconds"] is None
        )


def test_majority_class_is_among_the_references(run, stored):
    (majority, classical, *_) = stored["recommendation"]["references"]
    assert majority["score"] == pytest.approx(np.mean(fold_accuracies(run, 0)))
    assert classical["trial"] == 1


def test_confusion_and_time_add_up(run, stored):
    confusion = np.array(stored["errors"]["confusion"])
    assert confusion.sum(axis=1).tolist() == np.bincount(run.labels).tolist()
    assert np.array(stored["errors"]["shares"]).sum(axis=1) == pytest.approx(1)
    seconds = sum(fold.fit_seconds for trial in run.trials for fold in trial.folds)
    assert stored["search"]["fit_seconds"] == pytest.approx(seconds)
    assert sum(row["share"] for row in stored["search"]["strategies"]) == pytest.approx(1)
    assert sum(stored["search"]["by_status"].values()) == len(run.trials)


def test_best_so_far_never_falls(stored):
    best = [step["best_so_far"] for step in stored["search"]["steps"]]
    assert best == sorted(best)
    assert best[-1] == max(step["score"] for step in stored["search"]["steps"])


def test_best_so_far_never_rises_where_lower_is_better(drawn):
    steps = gather_facts(drawn.make_run(metric="log_loss"), "run").search.steps
    best = [step.best_so_far for step in steps]
    assert best == sorted(best, reverse=True)
    assert best[-1] == min(step.score for step in steps)


def test_findings_come_gravest_first(drawn):
    findings = [
        {"severity": severity, "code": severity, "message": "m"}
        for severity in ("info", "blocking", "warning")
    ]
    unreadable = [{"name": "a.png", "reason": "cut off"}]
    run = drawn.make_run(audit={"findings": findings, "unreadable": unreadable})
    trust = gather_facts(run, "run").trust
    assert [finding.severity for finding in trust.findings] == ["blocking", "warning", "info"]
    assert trust.sentence.startswith("Not before this is mended")
    assert trust.left_out[0].name == "a.png"


def test_groups_kept_together_are_counted(drawn):
    groups = np.arange(120)
    groups[:3] = 0
    groups[10:12] = 10
    trust = gather_facts(drawn.make_run(groups=groups), "run").trust
    assert (trust.tied_groups, trust.tied_pictures) == (2, 5)


def test_long_curves_are_thinned_and_keep_their_ends(drawn):
    import dataclasses

    run = drawn.make_run([drawn.DrawnTrial("scratch", 0.7)])
    long = {"train_loss": tuple(1 / epoch for epoch in range(1, 501))}
    folds = tuple(dataclasses.replace(fold, curves=long) for fold in run.trials[0].folds)
    trials = (dataclasses.replace(run.trials[0], folds=folds),)
    (leader,) = gather_facts(dataclasses.replace(run, trials=trials), "run").training.leaders
    (curve,) = leader.curves
    assert len(curve.epochs) == 120
    assert (curve.epochs[0], curve.epochs[-1]) == (1, 500)
    assert curve.mean[-1] == pytest.approx(1 / 500)


def test_known_diagnoses_are_explained(drawn):
    run = drawn.make_run([drawn.DrawnTrial("scratch", 0.7, diagnoses=("overfitting",))])
    (row,) = gather_facts(run, "run").training.diagnoses
    assert row.trials == (0,)
    assert "held-out pictures" in row.meaning
    assert row.remedy
