"""Which alterations keep the label: known truths, and intervals that claim no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autosmall.analysis.label_keeping import (
    HARMLESS,
    HURTS,
    UNKNOWN,
    check_label_keeping,
    interval,
)
from autosmall.schema.altered_predictions import AlteredPredictions, ChangedPicture


def predictions(classes, probability=0.9, count=2):
    """Probabilities that give each picture its class of ``classes`` with ``probability``."""
    found = np.full((*np.shape(classes), count), (1 - probability) / (count - 1), np.float32)
    np.put_along_axis(found, np.asarray(classes)[..., None], probability, axis=-1)
    return found


@pytest.fixture
def asked(drawn):
    """Return a function that makes a run whose models answer as told."""

    def make(samples=200, *, by_kind, plain=None, **options):
        run = drawn.make_run(
            [drawn.DrawnTrial("frozen", 0.9)], samples=samples, classes=("a", "b"), **options
        )
        run = replace(run, settings={**run.settings, "invariances": ("mirror", "rotate")})
        parts = []
        for fold in range(run.folds.fold_count):
            rows = run.folds.validation_index(fold)
            own = run.labels[rows]
            answers = {kind: np.stack([f(own, rows) for f in fs]) for kind, fs in by_kind.items()}
            first = predictions(own) if plain is None else plain(own, rows)
            parts.append(AlteredPredictions(0, fold, rows, first, answers))
        return replace(run, altered_predictions=tuple(parts))

    return make


def same(own, rows):
    return predictions(own)


def swapped(own, rows):
    return predictions(1 - own)


def test_classes_that_a_mirror_swaps(asked):
    found = check_label_keeping(asked(by_kind={"mirror": [swapped], "rotate": [same, same]}))
    mirror, rotate = found.rows
    assert (mirror.verdict, mirror.lost.value, mirror.right) == (HURTS, 1.0, 0.0)
    assert mirror.lost.low > 0.9 and mirror.log_loss.low > 1
    assert mirror.sureness == pytest.approx(0.9)
    assert (mirror.swap.truth, mirror.swap.taken_for, mirror.swap.times) == ("a", "b", 100)
    assert (rotate.verdict, rotate.lost.value, rotate.swap) == (HARMLESS, 0.0, None)
    assert rotate.lost.low < 0 < rotate.lost.high


def test_no_change_in_few_pictures_proves_nothing(asked):
    (row,) = check_label_keeping(asked(40, by_kind={"mirror": [same]})).rows
    assert row.lost.value == 0 and row.verdict == UNKNOWN


def test_a_few_new_mistakes_among_many_cannot_be_told(asked):
    def few(own, rows):
        return predictions(np.where(rows % 50 == 0, 1 - own, own))

    (row,) = check_label_keeping(asked(by_kind={"mirror": [few]})).rows
    assert row.lost.value == pytest.approx(0.02) and row.verdict == UNKNOWN


def test_directions_are_averaged(asked):
    (row,) = check_label_keeping(asked(by_kind={"rotate": [same, swapped]})).rows
    assert row.lost.value == 0.5 and row.right == 0.5 and row.verdict == HURTS


def test_a_model_that_guesses_shows_no_harm(asked):
    def guess(own, rows):
        return predictions(rows // 2 % 2)

    def other_guess(own, rows):
        return predictions(rows // 4 % 2)

    (row,) = check_label_keeping(asked(by_kind={"mirror": [other_guess]}, plain=guess)).rows
    assert row.verdict == UNKNOWN and abs(row.lost.value) < 0.1


def test_copies_count_once(asked):
    def one_group_wrong(own, rows):
        return predictions(np.where(rows < 40, 1 - own, own))

    alone = check_label_keeping(asked(by_kind={"mirror": [one_group_wrong]}))
    groups = np.where(np.arange(200) < 40, 0, np.arange(200))
    tied = check_label_keeping(asked(by_kind={"mirror": [one_group_wrong]}, groups=groups))
    assert alone.rows[0].verdict == HURTS and tied.rows[0].verdict == UNKNOWN


def test_the_pictures_that_change_most_come_first(asked):
    run = asked(by_kind={"mirror": [same]})
    first = run.altered_predictions[0]
    after = first.by_kind["mirror"].copy()
    after[0, 1] = (0.5, 0.5)
    after[0, 2] = predictions([1 - run.labels[first.rows[2]]])[0]
    examples = tuple(ChangedPicture("mirror", int(first.rows[i]), 0, b"p", b"c") for i in range(3))
    part = replace(first, by_kind={"mirror": after}, examples=examples)
    found = check_label_keeping(replace(run, altered_predictions=(part,)))
    shown = found.rows[0].examples
    assert [example.row for example in shown] == first.rows[[2, 1, 0]].tolist()
    assert shown[0].before == shown[0].truth != shown[0].after
    assert shown[0].p_after == pytest.approx(0.9)


def test_nothing_asked_nothing_told(drawn):
    assert check_label_keeping(drawn.make_run()) is None


def test_an_interval_holds_the_mean_as_often_as_it_says():
    """Of 1,000 intervals for 3 tries 0.05 / 3 = 17 may miss on average.

    More than 34 misses, 4 standard errors above, would be a defect.
    """
    rng, misses, draws = np.random.default_rng(0), 0, 1000
    for _ in range(draws):
        values = rng.choice([-1.0, 0.0, 1.0], 80, p=[0.1, 0.7, 0.2])
        found = interval(values, np.arange(80), 3, bounded=True)
        misses += not found.low <= 0.1 <= found.high
    assert misses <= 34


@pytest.mark.parametrize("bounded", [True, False])
def test_one_group_tells_nothing(bounded):
    found = interval(np.ones(5), np.zeros(5, np.int64), 9, bounded=bounded)
    assert found.low == -np.inf and found.high == np.inf
