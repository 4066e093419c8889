from __future__ import annotations

from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, FoldResult, Suggestion
from autosmall.searching.schedule import fold_seconds, next_ahead
from autosmall.searching.trial import Trial


def trial(number: int, strategy: str = "s", *, sent: int = 1, seconds: tuple[float, ...] = ()):
    """A running trial of which the first ``sent`` folds were sent and the first few are done."""
    folds = {i: FoldResult(number, i, COMPLETE, fit_seconds=s) for i, s in enumerate(seconds)}
    suggestion = Suggestion(number, Config.from_mapping({"strategy": strategy}), "t")
    return Trial(suggestion, folds=folds, sent=set(range(sent)), judged=len(folds))


def test_ahead_goes_the_fold_that_is_nearest_to_its_turn():
    early, late, unbegun = trial(1, sent=3), trial(2, sent=1), trial(3, sent=0)
    assert next_ahead([early, late, unbegun], 5) is late
    late.sent = set(range(5))
    assert next_ahead([early, late, unbegun], 5) is early
    early.status = COMPLETE
    assert next_ahead([early, late, unbegun], 5) is None


def test_a_fold_is_expected_to_take_as_long_as_others_of_its_trial_or_strategy():
    own, new, other = trial(1, seconds=(2.0, 4.0)), trial(2), trial(3, "other")
    assert fold_seconds(own, [own, new, other]) == 3.0
    assert fold_seconds(new, [own, new, other]) == 3.0
    assert fold_seconds(other, [own, new, other]) is None
