"""What the report says of augmentation."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from autosmall.analysis.ranking import rank
from autosmall.report.facts import to_json
from autosmall.report.sections.augmentation import gather, in_words
from autosmall.schema.altered_pictures import AlteredPictures

ALTERED = AlteredPictures(
    1, "affine", 0.4, ("mirror", "rotate", "shift"), (0.2, 0.4, 0.8), (0, 4), ((b"jpeg",) * 4,) * 2
)


@pytest.fixture(scope="module")
def run(drawn):
    trials = [drawn.DrawnTrial("classical", 0.9), drawn.DrawnTrial("scratch", 0.6)]
    return replace(drawn.make_run(trials, samples=40), altered_pictures=ALTERED)


def test_the_facts_are_what_is_stored_and_pictures_stay_out_of_the_json(run):
    found = gather(run, rank(run))
    assert (found.trial, found.strengths) == (1, (0.2, 0.4, 0.8))
    assert [(row.sample, row.truth) for row in found.rows] == [
        ("apart/0000.png", "apart"),
        ("both/0004.png", "both"),
    ]
    assert found.rows[0].pictures == ("anBlZw==",) * 4
    assert "anBl" not in json.dumps(to_json(found))
    assert found.sentence.startswith("The recommended configuration trains on the pictures as they")


@pytest.mark.parametrize(
    ("policy", "kinds", "expected"),
    [
        ("affine", ("mirror", "rotate", "shift"),
         "(affine, strength 0.4): each is rotated and shifted, by random amounts; half of them are "
         "mirrored"),
        ("trivial_augment", ("rotate", "noise"), "each is rotated or given noise, by random"),
        ("rand_augment", ("zoom", "shear"), "up to two of these ways: zoomed or sheared, by"),
        ("random_resized_crop", ("zoom", "flip"), "a random part of each is cut out and stretched "
         "back; half of them are turned upside down"),
        ("affine", ("mirror",), "strength 0.4): half of them are mirrored"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("recommended", [0, 1])
def test_what_it_does_in_words(policy, kinds, expected, recommended):
    said = in_words(replace(ALTERED, policy=policy, invariances=kinds), recommended)
    assert expected in said
    assert ("as they are. Shown is what trial 1 does" in said) == (recommended == 0)
    assert ("--invariances" in said) == (recommended == 1)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "no complete configuration alters"),
        ({"state": "running"}, "once the search is over"),
        ({"settings": {"pictures": False, "metric": "accuracy"}}, "leaves all pictures out"),
        ({"trials": ()}, "no configuration is complete"),
    ],
)
def test_why_nothing_is_shown(run, change, expected):
    bare = replace(run, altered_pictures=None, **change)
    found = gather(bare, rank(bare))
    assert expected in found.sentence and found.rows == () and found.trial is None
