from __future__ import annotations

import pytest

from autosmall.errors import SearchStoppedError
from autosmall.explorers.committee import (
    LEAST_SHARE,
    WARM_UP_TRIALS,
    Committee,
    van_der_corput,
)
from autosmall.explorers.random_search import RandomSearch
from autosmall.schema.results import COMPLETE, FAILED, Suggestion, TrialOutcome


class Second(RandomSearch):
    name = "second"

    def propose(self, number):
        if number == 1000:
            raise SearchStoppedError("the second member broke down", "", "")
        return super().propose(number)


@pytest.fixture
def committee(space):
    return Committee(space, 5, RandomSearch(space, 5), Second(space, 5))


def tell(committee, proposers_and_scores, first=0):
    """Tell finished trials, numbered from ``first``; distinct configurations."""
    source = RandomSearch(committee.space, 77)
    for number, (proposer, score) in enumerate(proposers_and_scores, start=first):
        config = source.propose(number).config
        status = FAILED if score is None else COMPLETE
        committee.tell(TrialOutcome(Suggestion(number, config, proposer), status, score))


def test_van_der_corput_sequence():
    assert [van_der_corput(n) for n in range(8)] == [
        0,
        1 / 2,
        1 / 4,
        3 / 4,
        1 / 8,
        5 / 8,
        3 / 8,
        7 / 8,
    ]


def test_the_steady_member_warms_up_alone(committee):
    tell(committee, [("portfolio", 0.5)] * (WARM_UP_TRIALS - 1) + [("portfolio", None)] * 3)
    assert {s.proposer for s in committee.ask(6)} == {"random"}


def test_members_alternate_at_equal_credit(committee):
    tell(committee, [("portfolio", 0.5)] * WARM_UP_TRIALS)
    assert [s.proposer for s in committee.ask(6)] == ["second", "random"] * 3


@pytest.mark.parametrize(
    ("good", "bad", "share"),
    [
        # Credits by (good + 1) / (told + 2): 5/6 against 1/6, and the other way round.
        ("second", "random", 1 - LEAST_SHARE),
        ("random", "second", LEAST_SHARE),
    ],
)
def test_the_share_follows_what_members_bring(committee, good, bad, share):
    tell(committee, [(good, 0.9)] * 4 + [(bad, 0.5)] * 4 + [("portfolio", 0.4)] * 8)
    assert committee.share_of_second() == pytest.approx(share)
    proposers = [s.proposer for s in committee.ask(50)]
    # Any 50 terms in a row of the sequence miss the share by a few terms at most.
    assert proposers.count("second") == pytest.approx(50 * share, abs=4)


def test_a_share_between_the_bounds(committee):
    """Best quarter of 8: the two scores of 0.9. Credits 2/4 (second) and 2/6 (random)."""
    scores = [("second", 0.9), ("second", 0.1), ("random", 0.9)] + [("random", 0.2)] * 3
    tell(committee, [*scores, ("portfolio", 0.3), ("portfolio", 0.3)])
    assert committee.share_of_second() == pytest.approx((2 / 4) / (2 / 4 + 2 / 6))


def test_who_proposes_depends_on_number_and_outcomes_alone(space, committee):
    told = [("second", 0.8), ("random", 0.6), *[("portfolio", 0.5)] * 10]
    tell(committee, told)
    other = Committee(space, 99, RandomSearch(space, 1), Second(space, 2))
    tell(other, told)
    turns = [committee.is_turn_of_second(n) for n in range(12, 60)]
    assert turns == [other.is_turn_of_second(n) for n in range(12, 60)]
    assert any(turns) and not all(turns)


def test_each_member_hears_of_the_others_trials(committee):
    tell(committee, [("portfolio", 0.5)] * WARM_UP_TRIALS)
    asked = committee.ask(4)
    for member in (committee._steady, committee._second):
        assert set(member.pending) == {s.number for s in asked}
        assert {s.config for s in asked} <= member.known


def test_the_steady_member_goes_on_alone_when_the_second_breaks_down(committee, caplog):
    tell(committee, [("portfolio", 0.5)] * WARM_UP_TRIALS, first=1000 - WARM_UP_TRIALS)
    assert committee.next_number == 1000
    assert committee.is_turn_of_second(1000)
    assert [s.proposer for s in committee.ask(4)] == ["random"] * 4
    assert "broke down" in caplog.text
