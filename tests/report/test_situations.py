"""Situations and what the report says in each; none may claim more than its numbers show.

Further tables of the same kind stand beside it: recommendation and strategies
(``test_sentences.py``), alternatives, brakes, the sealed test, next steps.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from autosmall.analysis.mistakes import Mistakes
from autosmall.analysis.overfitting import StrategyGap, Trend
from autosmall.analysis.power_law import Expected
from autosmall.analysis.selection_bias import CorrectedScore
from autosmall.report import sentences
from autosmall.report.sections import workers
from autosmall.report.sections.training import Curve, DiagnosisRow

NAN = float("nan")


def corrected(score=0.86, low=0.78, high=0.93, *, optimism=0.024, candidates=7, same=0.51):
    return CorrectedScore(score, low, high, score + optimism, optimism, 500, candidates, 3, same)


def trial(gap=0.08, parameters=1539, per_picture=16.0, strategy="frozen"):
    return SimpleNamespace(
        trial=2, strategy=strategy, gap=gap, trainable_parameters=parameters,
        parameters_per_picture=per_picture,
    )  # fmt: skip


def gaps(*medians):
    names = ("frozen", "fine_tune", "scratch")
    return [StrategyGap(n, 3, m, m, m) for n, m in zip(names, medians, strict=False)]


def mistakes(*confusion):
    wrong = sum(sum(row) - row[k] for k, row in enumerate(confusion))
    return Mistakes(2, confusion, (), wrong)


def diagnosis(name, *trials):
    return DiagnosisRow(name, trials, "", "", "")


def loss(*values):
    return [Curve("validation_loss", tuple(range(1, len(values) + 1)), (values,), values)]


def asked(asked_seconds, waited_worker_seconds):
    """A search of five minutes that begun 12 trials."""
    return SimpleNamespace(
        trials=range(12), search_seconds=300.0, asked_seconds=asked_seconds,
        waited_worker_seconds=waited_worker_seconds,
    )  # fmt: skip


SITUATIONS = {
    "the final model's gain was measured": (
        lambda: sentences.final_model(
            "accuracy", replace(corrected(), final_gain=Expected(0.021, 0.004, 0.043)), 100, 80.0
        ),
        "The models measured had learned from about 80 pictures each; the final one learns from "
        "all 100, which is worth +0.4 to +4.3 points by the learning curve. The interval is drawn "
        "out to hold that; the corrected score does not count it.",
    ),
    "the final model's gain was not measured": (
        lambda: sentences.final_model("accuracy", corrected(), 2000, 1333.3),
        "The models measured had learned from about 1,333 pictures each; the final one learns from "
        "all 2,000 and is likely to be somewhat better. How much was not measured, and the "
        "interval does not count it.",
    ),
    "a clear winner": (
        lambda: sentences.recommendation("accuracy", trial(), corrected(), 0.41),
        "Use frozen (trial 2): expect 86 % accuracy (78 to 93 %) on new pictures of the same "
        "kind. Always answering the commonest class gets 41 %.",
    ),
    "exactly at chance": (
        lambda: sentences.recommendation("accuracy", trial(), corrected(0.5, 0.4, 0.6), 0.5),
        "Use frozen (trial 2): expect 50 % accuracy (40 to 60 %) on new pictures of the same "
        "kind. The interval does not exclude 50 %, which is what always answering the "
        "commonest class gets: these pictures do not show that anything was learned.",
    ),
    "worse than always the commonest class": (
        lambda: sentences.recommendation("accuracy", trial(), corrected(0.4, 0.3, 0.49), 0.5),
        "Use frozen (trial 2): expect 40 % accuracy (30 to 49 %) on new pictures of the same "
        "kind. Always answering the commonest class is better: it gets 50 %.",
    ),
    "the interval just excludes chance": (
        lambda: sentences.recommendation("accuracy", trial(), corrected(0.6, 0.501, 0.7), 0.5),
        "Use frozen (trial 2): expect 60 % accuracy (50 to 70 %) on new pictures of the same "
        "kind. Always answering the commonest class gets 50 %.",
    ),
    "nothing wrong on few pictures": (
        lambda: sentences.recommendation("accuracy", trial(), corrected(1.0, 0.74, 1.0), 0.5),
        "Use frozen (trial 2): expect 100 % accuracy (74 to 100 %) on new pictures of the "
        "same kind. Always answering the commonest class gets 50 %.",
    ),
    "a very narrow interval": (
        lambda: sentences.recommendation(
            "accuracy", trial(), corrected(0.9987, 0.9978, 0.9993), 0.5
        ),
        "Use frozen (trial 2): expect 99.87 % accuracy (99.78 to 99.93 %) on new pictures of "
        "the same kind. Always answering the commonest class gets 50.00 %.",
    ),
    "baseline best": (
        lambda: sentences.recommendation(
            "accuracy", trial(strategy="baseline"), corrected(0.6, 0.5, 0.7), 0.6
        ),
        "Use baseline (trial 2): expect 60 % accuracy (50 to 70 %) on new pictures of the "
        "same kind. That is always answering the commonest class: nothing tried does better.",
    ),
    "only the baseline has finished": (
        lambda: sentences.recommendation(
            "accuracy", trial(strategy="baseline"), corrected(0.6, 0.5, 0.7, candidates=1), 0.6
        ),
        "Use baseline (trial 2): expect 60 % accuracy (50 to 70 %) on new pictures of the "
        "same kind. That is always answering the commonest class: no other configuration has "
        "finished all its folds.",
    ),
    "baseline preferred to a better score within the noise": (
        lambda: sentences.recommendation(
            "accuracy", trial(strategy="baseline"), corrected(0.6, 0.5, 0.7), 0.6, leads=False
        ),
        "Use baseline (trial 2): expect 60 % accuracy (50 to 70 %) on new pictures of the "
        "same kind. That is always answering the commonest class: nothing tried does clearly "
        "better.",
    ),
    "macro F1, no majority score known": (
        lambda: sentences.recommendation("f1_macro", trial(), corrected(), NAN),
        "Use frozen (trial 2): expect a macro F1 of 86 % (78 to 93 %) on new pictures of the "
        "same kind.",
    ),
    "nothing complete, so no trust": (
        lambda: sentences.trust("accuracy", None, 0, 0),
        "No configuration has finished all its folds yet, so there is nothing to show.",
    ),
    "nothing against it": (
        lambda: sentences.trust("accuracy", corrected(), 0, 0),
        "Within its interval, which spans 15 points, and for pictures like these. The audit "
        "found nothing that speaks against it.",
    ),
    "nearly all right, on many pictures": (
        lambda: sentences.trust("accuracy", corrected(0.996, 0.9935, 0.9984), 0, 0),
        "Within its interval, which spans 0.5 points, and for pictures like these. The audit "
        "found nothing that speaks against it.",
    ),
    "two warnings": (
        lambda: sentences.trust("accuracy", corrected(), 0, 2),
        "Within its interval, which spans 15 points, and for pictures like these; the audit "
        "found 2 warnings.",
    ),
    "worthless": (
        lambda: sentences.trust("accuracy", corrected(), 1, 0),
        "Not before this is mended: the audit found 1 that makes it worthless.",
    ),
    "worthless twice, and warnings": (
        lambda: sentences.trust("accuracy", corrected(), 2, 3),
        "Not before this is mended: the audit found 2 that make it worthless and 3 warnings.",
    ),
    "a wide interval in log loss": (
        lambda: sentences.trust("log_loss", corrected(0.5, 0.2, 0.9), 0, 0),
        "Within its interval, which spans 0.70, and for pictures like these. The audit found "
        "nothing that speaks against it.",
    ),
    "picking cost something": (
        lambda: sentences.correction("accuracy", 0.884, corrected()),
        "Cross-validation gave 88.4 %; corrected for having picked it is 86.0 % (78 to 93 %)."
        " Choosing among 7 made it look about 2.4 points too good; with other pictures "
        "drawn, the same one was picked in 51 % of the draws.",
    ),
    "picking cost much, a toss-up": (
        lambda: sentences.correction(
            "accuracy", 0.95, corrected(0.85, 0.75, 0.93, optimism=0.1, candidates=60, same=0.03)
        ),
        "Cross-validation gave 95.0 %; corrected for having picked it is 85.0 % (75 to 93 %)."
        " Choosing among 60 made it look about 10.0 points too good; with other pictures"
        " drawn, the same one was picked in 3 % of the draws.",
    ),
    "picking cost nothing that shows": (
        lambda: sentences.correction("accuracy", 0.86, corrected(optimism=0.0)),
        "Cross-validation gave 86.0 %; corrected for having picked it is 86.0 % (78 to 93 %)."
        " No cost of picking could be seen among 7 candidates.",
    ),
    "a single trial": (
        lambda: sentences.correction("accuracy", 0.86, corrected(candidates=1)),
        "Cross-validation gave 86.0 %; corrected for having picked it is 86.0 % (78 to 93 %)."
        " Only one configuration finished, so nothing was picked.",
    ),
    "no naive score": (
        lambda: sentences.correction("accuracy", None, None),
        "No configuration has finished all its folds yet, so there is nothing to show.",
    ),
    "two pictures per class": (
        lambda: sentences.caution(4, 2),
        "The score holds for new pictures that come about as these did: another camera, place"
        " or time is not covered. The smallest class has 2 pictures, so little can be said "
        "about it alone.",
    ),
    "one picture in the smallest class": (
        lambda: sentences.caution(40, 1),
        "The score holds for new pictures that come about as these did: another camera, place"
        " or time is not covered. The smallest class has 1 picture, so little can be said "
        "about it alone.",
    ),
    "classes large enough": (
        lambda: sentences.caution(400, 100),
        "The score holds for new pictures that come about as these did: another camera, place"
        " or time is not covered.",
    ),
    "a tiny gap": (
        lambda: sentences.tradeoff("accuracy", trial(0.004), gaps(0.004)),
        "The recommended configuration does 0.4 points better in training than on held-out "
        "pictures, with 1,539 parameters to train, 16 per training picture.",
    ),
    "no gap": (
        lambda: sentences.tradeoff("accuracy", trial(0.0), gaps(0.0)),
        "The recommended configuration does as well in training as on held-out pictures, with"
        " 1,539 parameters to train, 16 per training picture.",
    ),
    "a huge gap": (
        lambda: sentences.tradeoff(
            "accuracy", trial(0.45, 36_700_000, 1_020_000.0), gaps(0.02, 0.2, 0.45)
        ),
        "The recommended configuration does 45.0 points better in training than on held-out "
        "pictures, with 36.7 million parameters to train, 1.02 million per training picture. "
        "Typical gaps run from 2.0 points (frozen) to 45.0 points (scratch).",
    ),
    "better on held-out pictures than in training": (
        lambda: sentences.tradeoff("accuracy", trial(-0.03), gaps(-0.03)),
        "The recommended configuration does 3.0 points worse in training than on held-out "
        "pictures, with 1,539 parameters to train, 16 per training picture.",
    ),
    "an unknown gap": (
        lambda: sentences.tradeoff("accuracy", trial(NAN), []),
        "The recommended configuration's score in training is not known; it has 1,539 "
        "parameters to train, 16 per training picture.",
    ),
    "a gap in log loss": (
        lambda: sentences.tradeoff("log_loss", trial(0.31), gaps(0.1, 0.31)),
        "The recommended configuration does 0.31 better in training than on held-out "
        "pictures, with 1,539 parameters to train, 16 per training picture. Typical gaps run "
        "from 0.10 (frozen) to 0.31 (fine_tune).",
    ),
    "one trained parameter": (
        lambda: sentences.tradeoff("accuracy", trial(0.1, 1, 0.03), gaps(0.1)),
        "The recommended configuration does 10.0 points better in training than on held-out "
        "pictures, with 1 parameter to train, 0.03 per training picture.",
    ),
    "nothing complete, so no trade-off": (
        lambda: sentences.tradeoff("accuracy", None, []),
        "No configuration has finished all its folds yet, so there is nothing to show.",
    ),
    "too few sizes": (
        lambda: sentences.trend("accuracy", None),
        "Fewer than 6 trained configurations of different size finished, too few to say how "
        "size and gap go together.",
    ),
    "size and gap not connected": (
        lambda: sentences.trend("accuracy", Trend(0.3, 0.2, 9)),
        "No connection between size and gap can be shown here (rank correlation 0.30, 9 "
        "configurations).",
    ),
    "bigger is worse": (
        lambda: sentences.trend("accuracy", Trend(0.81, 0.001, 12)),
        "Bigger models had larger gaps here (rank correlation 0.81, 12 configurations).",
    ),
    "bigger is better": (
        lambda: sentences.trend("accuracy", Trend(-0.7, 0.01, 12)),
        "Bigger models had smaller gaps here (rank correlation −0.70, 12 configurations); "
        "pretraining can do that.",
    ),
    "all healthy": (
        lambda: sentences.training(9, []),
        "No health rule fired in any of 9 configurations.",
    ),
    "some ill": (
        lambda: sentences.training(
            9, [diagnosis("overfitting", 1, 2, 3), diagnosis("no_learning", 3)]
        ),
        "3 of 9 configurations showed signs of ill health, most often overfitting (3).",
    ),
    "nothing tried": (
        lambda: sentences.training(0, []),
        "No configuration has finished all its folds yet, so there is nothing to show.",
    ),
    "the loss rises again": (
        lambda: sentences.curves(loss(1.0, 0.6, 0.5, 0.7, 0.9), []),
        "No health rule fired, but the mean validation loss is lowest at epoch 3 of 5 and "
        "rises after it: the last epochs make it surer of its mistakes.",
    ),
    "the loss ends at its lowest": (
        lambda: sentences.curves(loss(1.0, 0.7, 0.5, 0.45), []),
        "No health rule fired, and the mean validation loss ends near its lowest.",
    ),
    "a diagnosed curve": (
        lambda: sentences.curves(loss(1.0, 0.7, 0.5, 0.45), ["no_learning"]),
        "Diagnosed: no learning.",
    ),
    "too short a curve to say anything": (
        lambda: sentences.curves(loss(1.0, 0.7), []),
        "No health rule fired.",
    ),
    "flawless": (
        lambda: sentences.errors(("a", "b"), mistakes((5, 0), (0, 5))),
        "None of 10 held-out pictures was given a wrong class.",
    ),
    "one mistake": (
        lambda: sentences.errors(("a", "b"), mistakes((4, 1), (0, 5))),
        "1 of 10 held-out pictures was given a wrong class; the most frequent mistake is a "
        "taken for b (1).",
    ),
    "two kinds of mistakes, as frequent": (
        lambda: sentences.errors(("a", "b"), mistakes((4, 1), (1, 4))),
        "2 of 10 held-out pictures were given a wrong class; no mistake is more frequent than"
        " a taken for b (1).",
    ),
    "all of one class taken for the other": (
        lambda: sentences.errors(("a", "b"), mistakes((0, 5), (0, 5))),
        "5 of 10 held-out pictures were given a wrong class; the most frequent mistake is a "
        "taken for b (5).",
    ),
    "all tied": (
        lambda: sentences.configurations(8, 8, {}),
        "8 configurations finished all folds; 7 others cannot be told from the leader.",
    ),
    "a sure leader": (
        lambda: sentences.configurations(8, 1, {}),
        "8 configurations finished all folds; none of the others is tied with the leader.",
    ),
    "racing dropped all but one": (
        lambda: sentences.configurations(1, 1, {"raced_out": 6}),
        "1 configuration finished all folds. Not ranked: 6 raced out.",
    ),
    "everything failed": (
        lambda: sentences.configurations(0, 0, {"failed": 3}),
        "No configuration has finished all its folds yet, so there is nothing to show. Not "
        "ranked: 3 failed.",
    ),
    "everything failed, told at the top": (
        lambda: sentences.no_recommendation("finished", 3, {"failed": 3}),
        "Every configuration failed (3 of 3); the reasons stand in the table.",
    ),
    "nothing finished yet": (
        lambda: sentences.no_recommendation("running", 2, {"running": 2}),
        "None of 2 configurations has finished all its folds; the search is still running.",
    ),
    "nothing tried yet": (
        lambda: sentences.no_recommendation("running", 0, {}),
        "No configuration has been tried yet; the search is still running.",
    ),
    "raced out before the end, all of them": (
        lambda: sentences.no_recommendation("finished", 2, {"raced_out": 2}),
        "None of 2 configurations has finished all its folds.",
    ),
    "the search ended early": (
        lambda: sentences.search(
            "finished", "going on was not expected to pay", 30, {"complete": 12}
        ),
        "The search is finished (going on was not expected to pay): 30 configurations begun, "
        "12 of them complete.",
    ),
    "the search was killed": (
        lambda: sentences.search("interrupted", "", 30, {"complete": 12}),
        "The search was interrupted: 30 configurations begun, 12 of them complete. The same "
        "command goes on with it.",
    ),
    "explorers that nobody waited for": (
        lambda: workers.asking_sentence(asked(0.4, 0.0), 2),
        "Explorers took 0.4 s to propose 12 configurations; no worker waited for them.",
    ),
    "explorers that workers waited for": (
        lambda: workers.asking_sentence(asked(31.0, 18.0), 2),
        "Explorers took 31 s to propose 12 configurations; workers waited for them for 18 s in "
        "all, 3 % of their time.",
    ),
    "explorers that workers hardly waited for": (
        lambda: workers.asking_sentence(asked(3.1, 0.8), 2),
        "Explorers took 3.1 s to propose 12 configurations; workers waited for them for 0.8 s in "
        "all, under 1 % of their time.",
    ),
    "a run from before asking was timed": (
        lambda: workers.asking_sentence(asked(0.0, 0.0), 2),
        "",
    ),
    "one configuration in a second": (
        lambda: sentences.effort(1, 1, 0.8),
        "1 configuration tried in 0.8 s; 1 finished all folds.",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(name):
    told, expected = SITUATIONS[name]
    assert told() == expected


def test_there_are_enough_of_them():
    assert len(SITUATIONS) >= 40
