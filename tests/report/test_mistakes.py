"""Section 8: pictures behind the matrix, agreement, maps, curves of the rare class."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from autosmall.analysis.agreement import Agreement, find_agreement
from autosmall.analysis.confusion_cells import MOST_PICTURES, confusion_cells
from autosmall.analysis.explained import pictures_to_explain, right_and_wrong
from autosmall.analysis.predictions import mean_over_repeats
from autosmall.analysis.ranking import rank
from autosmall.analysis.rare_curves import rare_curves
from autosmall.data.previews import encode_preview
from autosmall.report.charts.build import build_figures
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts
from autosmall.report.html import render_page
from autosmall.report.sections.agreement import agreement_sentence
from autosmall.report.sections.maps import MapFacts, MapPair, maps_caption, maps_sentence
from autosmall.schema.saliency import GRAD_CAM, OCCLUSION, StoredMap

CLASSES = ("apart", "<b>both</b>", "stuck")


@pytest.fixture(scope="module")
def run(drawn):
    """A run with previews, and maps of all that the report would show."""
    made = drawn.make_run(classes=CLASSES)
    grey = encode_preview(np.full((20, 30, 3), 90, np.uint8))
    ranking = rank(made)
    maps = tuple(
        StoredMap(row, ranking.recommended.summary.trial, index, GRAD_CAM, 0.1 + row / 1e4, grey)
        for row, index in sorted(pictures_to_explain(made, ranking).items())
    )
    return replace(made, previews=dict.fromkeys(range(120), grey), maps=maps)


@pytest.fixture(scope="module")
def facts(run):
    return gather_facts(run, "runs/drawn")


@pytest.fixture(scope="module")
def section(facts):
    page = render_page(facts, build_figures(facts))
    return page.split('<section id="mistakes"')[1].split("</section>")[0]


def test_every_number_of_the_matrix_opens_its_pictures(facts, section):
    counts = {(c.truth, c.predicted): c.count for c in facts.errors.cells}
    for line, row in enumerate(facts.errors.confusion):
        for column, count in enumerate(row):
            anchor = f"cell-{line}-{column}"
            assert counts.get((line, column), 0) == count
            assert (f'href="#{anchor}"' in section) == (f'id="{anchor}"' in section) == (count > 0)
    assert "<b>both" not in section


def test_cells_hold_their_own_surest_pictures(run):
    ranking = rank(run)
    trial = ranking.recommended.summary.trial
    probabilities = mean_over_repeats(ranking.table, ranking.table.trials.index(trial))
    cells = confusion_cells(run, ranking, trial)
    assert sum(len(cell.pictures) for cell in cells) <= MOST_PICTURES
    for cell in cells:
        for picture in cell.pictures:
            assert run.labels[picture.row] == cell.truth
            assert probabilities[picture.row].argmax() == cell.predicted
        shown = [picture.probability for picture in cell.pictures]
        assert shown == sorted(shown, reverse=True)


def test_mistakes_stand_beside_right_pictures_of_the_same_answer(run, facts, section):
    ranking = rank(run)
    pairs = right_and_wrong(run, ranking)
    assert len({pair.right for pair in pairs}) == len(pairs) > 1
    for pair, shown in zip(pairs, facts.errors.maps.pairs, strict=True):
        assert run.labels[pair.wrong] != pair.class_index == run.labels[pair.right]
        assert (shown.wrong.row, shown.right.row) == (pair.wrong, pair.right)
    drawn = section.split("What did it look at?")[1].split("How sure is it?")[0]
    assert drawn.count("<img") == 4 * len(pairs)
    assert "base64" not in json.dumps(to_json(facts))


def test_maps_of_another_configuration_are_not_shown(run):
    others = tuple(replace(each, trial=each.trial + 1) for each in run.maps)
    assert gather_facts(replace(run, maps=others), "x").errors.maps is None


def test_no_map_where_no_picture_is_wanted(run):
    hidden = gather_facts(replace(run, settings={**run.settings, "pictures": False}), "x")
    assert hidden.errors.maps is None and not hidden.errors.pictures
    names = [picture.sample for cell in hidden.errors.cells for picture in cell.pictures]
    assert names and all(re.fullmatch(r"picture \d+", name) for name in names)


def map_facts(half_share: float) -> MapFacts:
    return MapFacts(0, "a.png", "apart", "stuck", GRAD_CAM, half_share)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (
            [(0.1, 0.2), (0.3, 0.4)],
            "Half of the evidence lies on 20 % of the picture where it is wrong (2 maps) and on "
            "30 % of the picture where it is right (2 maps); medians.",
        ),
        (
            [(0.1, None)],
            "Half of the evidence lies on 10 % of the picture where it is wrong (1 map).",
        ),
        ([(math.nan, math.nan)], "No map shows a place that speaks for the class."),
        ([], "No map shows a place that speaks for the class."),
    ],
)
def test_what_the_maps_show_in_words(shares, expected):
    pairs = [
        MapPair(map_facts(wrong), None if right is None else map_facts(right))
        for wrong, right in shares
    ]
    assert maps_sentence(pairs) == expected


def test_the_caption_names_the_method_and_its_limits():
    for methods, words in (
        ([GRAD_CAM], "its gradients say (Grad-CAM"),
        ([OCCLUSION], "covering each place in turn says (occlusion)"),
        ([GRAD_CAM, OCCLUSION], "gradients (Grad-CAM) or covering"),
    ):
        caption = maps_caption(methods)
        assert words in caption and "A map shows where, not what or why" in caption


def test_agreement_is_that_of_the_tied_configurations(run):
    ranking = rank(run)
    found = find_agreement(run, ranking)
    tied = [row.summary.trial for row in ranking.rows if row.tied_with_leader or row.rank == 1]
    assert list(found.trials) == tied and len(tied) > 1
    votes = [
        mean_over_repeats(ranking.table, ranking.table.trials.index(trial)).argmax(axis=1)
        for trial in tied
    ]
    same = [len({vote[row] for vote in votes}) == 1 for row in range(120)]
    assert found.united == sum(same)
    right = [votes[0][row] == run.labels[row] for row in range(120) if same[row]]
    assert found.right_united == pytest.approx(np.mean(right))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, ""),
        (
            Agreement((3, 5), 2, 40, 30, 0.9, 0.5),
            "2 configurations cannot be told from the best. They all say the same of 30 pictures "
            "of 40 (75 %) and are right in 90 % of these; of the others the recommended one is "
            "right in 50 %. Where they differ, look yourself.",
        ),
        (
            Agreement((3, 5), 2, 40, 40, 1.0, math.nan),
            "2 configurations cannot be told from the best. They all say the same of 40 pictures "
            "of 40 (100 %) and are right in 100 % of these.",
        ),
        (
            Agreement((3, 5), 2, 40, 0, math.nan, 0.25),
            "2 configurations cannot be told from the best. They all say the same of 0 pictures "
            "of 40 (0 %); of the others the recommended one is right in 25 %. Where they differ, "
            "look yourself.",
        ),
        (
            Agreement(tuple(range(20)), 20, 40, 40, 1.0, math.nan),
            "20 configurations cannot be told from the best. They all say the same of 40 pictures "
            "of 40 (100 %) and are right in 100 % of these.",
        ),
        (
            Agreement(tuple(range(20)), 31, 40, 40, 1.0, math.nan),
            "Asked were 20 of the 31 configurations that cannot be told from the best, the first "
            "in rank. They all say the same of 40 pictures of 40 (100 %) and are right in 100 % "
            "of these.",
        ),
    ],
)
def test_agreement_in_words(found, expected):
    assert agreement_sentence(found) == expected


def test_suspected_labels_name_who_agrees(facts):
    for label in facts.errors.suspected:
        assert len(label.agreeing_trials) == label.agreeing <= label.witnesses


def test_curves_of_the_rare_class_are_those_of_scikit_learn(drawn):
    run = drawn.make_run(classes=("rare", "usual"), samples=400)
    ranking = rank(run)
    trial = ranking.recommended.summary.trial
    found = rare_curves(ranking.table, trial, run.classes, "rare")
    truth = ranking.table.labels == 0
    scores = ranking.table.probabilities[ranking.table.trials.index(trial)][:, 0]
    assert found.roc_auc == pytest.approx(roc_auc_score(truth, scores))
    across, up = np.transpose(found.roc)
    # Thinned to 80 of at most 401 points, each a step of 1 / 200: areas differ by far less than
    # (401 / 80) / 200.
    assert np.trapezoid(up, across) == pytest.approx(found.roc_auc, abs=0.025)
    assert found.roc[0] == (0, 0) and found.roc[-1] == (1, 1)
    recall, precision = np.transpose(found.precision_recall)
    area = np.sum(np.diff(recall, prepend=0) * precision)
    assert area == pytest.approx(average_precision_score(truth, scores), abs=0.025)
    for reading in found.readings:
        rows = np.argsort(-scores, kind="stable")
        least = int(np.searchsorted(np.cumsum(truth[rows]), reading.recall * truth.sum()))
        assert reading.precision == pytest.approx(reading.recall * truth.sum() / (least + 1))
    assert [reading.recall for reading in found.readings] == [0.5, 0.8, 0.9, 0.95, 1.0]


def test_two_classes_have_both_curves_and_their_table(drawn):
    facts = gather_facts(drawn.make_run(classes=("rare", "usual")), "x")
    page = render_page(facts, build_figures(facts))
    assert "area under the ROC curve" in page and "others called so" in page
