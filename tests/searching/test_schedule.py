from __future__ import annotations

from autosmall.schema.config import Config
from autosmall.schema.results import COMPLETE, Suggestion
from autosmall.searching.schedule import next_ahead
from autosmall.searching.trial import Trial


def trial(number: int, *, sent: int) -> Trial:
    """A running trial of which the first ``sent`` folds were sent."""
    suggestion = Suggestion(number, Config.from_mapping({"strategy": "s"}), "t")
    return Trial(suggestion, sent=set(range(sent)))


def test_ahead_goes_the_fold_that_is_nearest_to_its_turn():
    early, late, unbegun = trial(1, sent=3), trial(2, sent=1), trial(3, sent=0)
    assert next_ahead([early, late, unbegun], 5) is late
    late.sent = set(range(5))
    assert next_ahead([early, late, unbegun], 5) is early
    early.status = COMPLETE
    assert next_ahead([early, late, unbegun], 5) is None
