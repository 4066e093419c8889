"""Fold models on disk: written whole, lost without harm, and only the leaders' stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autosmall.run_folder.fold_models import read_fold_model, trials_with_models, write_fold_model
from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, RACED_OUT, FoldResult, Suggestion
from autosmall.searching.kept_models import MOST_LEADERS, keep_leaders_models, leaders_to_keep
from autosmall.searching.trial import RUNNING, Trial

LEARNED = {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "layers": np.array("multi")}


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def trial(
    number: int,
    score: float,
    strategy: str = "frozen",
    status: str = COMPLETE,
    is_default: bool = False,
) -> Trial:
    suggestion = Suggestion(
        number, Config.from_mapping({"strategy": strategy}), "t", is_default=is_default
    )
    fold = FoldResult(number, 0, COMPLETE, scores={"accuracy": score})
    return Trial(suggestion, status, {0: fold})


def test_what_was_learned_comes_back_value_for_value(tmp_path: Path) -> None:
    write_fold_model(tmp_path, FoldResult(7, 2, COMPLETE, learned=LEARNED))
    found = read_fold_model(tmp_path, 7, 2)
    assert found is not None and found.keys() == LEARNED.keys()
    np.testing.assert_array_equal(found["kernel"], LEARNED["kernel"])
    assert str(found["layers"]) == "multi"
    assert read_fold_model(tmp_path, 7, 1) is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_torn_file_is_a_model_less(tmp_path: Path, share: float) -> None:
    write_fold_model(tmp_path, FoldResult(7, 2, COMPLETE, learned=LEARNED))
    (path,) = tmp_path.rglob("fold_02.npz")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert read_fold_model(tmp_path, 7, 2) is None


def test_default_and_best_of_each_strategy_come_before_better_scores() -> None:
    trials = [
        trial(0, 0.5, is_default=True),
        trial(1, 0.3, "baseline"),
        trial(2, 0.6, "scratch"),
        trial(3, 0.55, "scratch"),
        *(trial(number, 0.7 + number / 100) for number in range(4, 20)),
        trial(20, 0.99, status=RACED_OUT),
        trial(21, 0.99, status=RUNNING),
    ]
    kept = [each.number for each in leaders_to_keep(trials, "accuracy")]
    assert len(kept) == MOST_LEADERS
    assert kept[0] == 0 and set(kept[1:4]) == {1, 2, 19}
    assert kept[4:] == [18, 17, 16, 15, 14, 13]


def test_leaders_and_running_trials_stay_whatever_the_order_of_their_ends(tmp_path: Path) -> None:
    scores = {number: 0.5 + (number * 7 % 23) / 100 for number in range(23)}
    for order_seed in range(5):
        run_dir, trials = tmp_path / str(order_seed), {40: trial(40, 0.1, status=RUNNING)}
        write_fold_model(run_dir, FoldResult(40, 0, COMPLETE, learned=LEARNED))
        for number in np.random.default_rng(order_seed).permutation(23).tolist():
            trials[number] = trial(number, scores[number])
            write_fold_model(run_dir, FoldResult(number, 0, COMPLETE, learned=LEARNED))
            keep_leaders_models(run_dir, trials, "accuracy")
            assert len(trials_with_models(run_dir)) <= MOST_LEADERS + 1
        best = sorted(scores, key=lambda number: -scores[number])[:MOST_LEADERS]
        assert trials_with_models(run_dir) == sorted([*best, 40])
