from __future__ import annotations

from types import SimpleNamespace

import pytest

from autosmall.run_folder.state import AskingTime
from autosmall.schema.config import Config
from autosmall.schema.results import Suggestion
from autosmall.searching import asking as search_asking
from autosmall.searching.asking import MOST_SPARE_TRIALS, SPARE_TRIALS, Asking

NEVER_ASKED = AskingTime()


@pytest.fixture
def clock(monkeypatch):
    """A clock that an explorer moves by two seconds whenever it is asked."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(search_asking.time, "perf_counter", lambda: now.seconds)
    return now


def asking_with(clock, busy: list[bool], waiting: int = 0, before: AskingTime = NEVER_ASKED):
    def ask(count: int) -> list[Suggestion]:
        clock.seconds += 2.0
        return [Suggestion(0, Config.from_mapping({"strategy": "s"}), "t")]

    statuses = [SimpleNamespace(trial=7 if at_work else None) for at_work in busy]
    pool = SimpleNamespace(size=len(busy), waiting=waiting, statuses=lambda: statuses)
    return Asking(SimpleNamespace(ask=ask), pool, before)


@pytest.mark.parametrize(
    ("busy", "waiting", "waited"),
    [([True, True], 0, 0.0), ([False, False, True], 0, 4.0), ([False, False, True], 1, 2.0)],
)
def test_idle_workers_with_nothing_in_the_queue_wait_for_a_proposal(clock, busy, waiting, waited):
    asking = asking_with(clock, busy, waiting, AskingTime(1.0, 0.5))
    assert asking.ask().number == 0
    assert asking.time == AskingTime(3.0, 0.5 + waited)


def test_as_many_trials_are_kept_ready_as_end_while_one_is_proposed(clock):
    asking = asking_with(clock, [True] * 4)
    assert asking.spare_trials(0.1) == SPARE_TRIALS
    asking.ask()
    assert asking.spare_trials(None) == SPARE_TRIALS
    assert [asking.spare_trials(seconds) for seconds in (100.0, 1.0, 0.01)] == [
        SPARE_TRIALS,
        8,
        MOST_SPARE_TRIALS,
    ]
