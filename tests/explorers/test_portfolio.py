from __future__ import annotations

from autosmall.explorers.portfolio import Portfolio, start_suggestions
from autosmall.explorers.random_search import RandomSearch
from autosmall.schema.results import COMPLETE, TrialOutcome


class Recorder(RandomSearch):
    """Random search that keeps what it was told and whether it was asked to get ready."""

    def __init__(self, space, seed):
        super().__init__(space, seed)
        self.told = []
        self.prepared = 0

    def learn(self, outcome):
        self.told.append(outcome.suggestion.number)

    def prepare(self):
        self.prepared += 1


def test_coinciding_starts_become_one_and_keep_every_mark(space):
    majority, frozen = start_suggestions(space)
    assert (majority.number, majority.label, majority.protected) == (0, "Majority", True)
    assert (frozen.number, frozen.label) == (1, "Frozen")
    assert frozen.protected and frozen.is_default


def test_the_explorer_behind_is_told_of_the_starts(space):
    behind = Recorder(space, 0)
    portfolio = Portfolio(space, 0, behind)
    first, second, third = portfolio.ask(3)
    assert set(behind.pending) == {0, 1, 2}
    portfolio.tell(TrialOutcome(first, COMPLETE, 0.5))
    portfolio.tell(TrialOutcome(third, COMPLETE, 0.6))
    assert behind.told == [0, 2]
    assert set(behind.pending) == {second.number}


def test_the_explorer_behind_gets_ready_with_the_last_start(space):
    behind = Recorder(space, 0)
    portfolio = Portfolio(space, 0, behind)
    portfolio.ask(1)
    assert behind.prepared == 0
    portfolio.ask(1)
    assert behind.prepared == 1


def test_restored_starts_are_not_proposed_again(space):
    suggestions = Portfolio(space, 0, RandomSearch(space, 0)).ask(1)
    again = Portfolio(space, 0, RandomSearch(space, 0))
    again.restore(suggestions)
    following = again.ask(2)
    assert [s.proposer for s in following] == ["portfolio", "random"]
    assert [s.number for s in following] == [1, 2]


def test_it_goes_by_the_name_of_the_explorer_behind(space):
    assert Portfolio(space, 0, RandomSearch(space, 0)).name == "random"
