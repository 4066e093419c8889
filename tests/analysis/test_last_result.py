"""Results that are remembered for as long as the same things are asked about."""

from __future__ import annotations

import gc
from dataclasses import dataclass

from autosmall.analysis.last_result import keep_last


@dataclass(frozen=True)
class Thing:
    values: tuple[int, ...]


def test_it_is_worked_out_once_for_the_same_and_anew_for_an_equal_thing():
    calls = []

    @keep_last
    def total(first, second):
        calls.append((first, second))
        return sum(first.values) + sum(second.values)

    one, two, equal = Thing((1, 2)), Thing((3,)), Thing((1, 2))
    assert [total(one, two), total(one, two)] == [6, 6] and len(calls) == 1
    assert total(equal, two) == 6 and calls[-1][0] is equal and len(calls) == 2
    assert total(two, one) == 6 and len(calls) == 3


def test_what_is_gone_is_forgotten():
    @keep_last
    def values(thing):
        return thing.values

    assert values(Thing((1,))) == (1,)
    gc.collect()
    assert values(Thing((2,))) == (2,)
