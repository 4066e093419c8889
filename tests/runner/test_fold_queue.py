from __future__ import annotations

from autosmall.runner.fold_queue import FoldQueue, Place
from autosmall.schema.config import Config
from autosmall.schema.search_context import FitRequest

CONFIG = Config.from_mapping({"strategy": "any"})


def queue_of(*requests: tuple[int, tuple[int, ...]], together: bool = False) -> FoldQueue:
    queue = FoldQueue()
    for trial, folds in requests:
        queue.add(FitRequest(trial, CONFIG, folds), together=together)
    return queue


def take(queue: FoldQueue, worker: str) -> tuple[int, ...] | None:
    job = queue.take(worker)
    return job and (job.trial, *job.folds)


def test_a_worker_goes_on_with_what_it_began():
    queue = queue_of((1, (0, 1)), (2, (0, 1)))
    assert [take(queue, "a"), take(queue, "b"), take(queue, "a"), take(queue, "b")] == [
        (1, 0),
        (2, 0),
        (1, 1),
        (2, 1),
    ]


def test_idle_workers_help_with_what_others_began():
    queue = queue_of((1, (0, 1, 2)))
    assert [take(queue, worker) for worker in "abcd"] == [(1, 0), (1, 1), (1, 2), None]


def test_folds_together_are_never_shared():
    queue = queue_of((1, (0, 1)), together=True)
    assert [take(queue, "a"), take(queue, "b"), take(queue, "a")] == [(1, 0), None, (1, 1)]


def test_folds_as_one_are_one_job():
    queue = FoldQueue()
    queue.add(FitRequest(1, CONFIG, (0, 2)), together=True, as_one=True)
    queue.add(FitRequest(2, CONFIG, (0, 1)), together=True, as_one=True)
    assert take(queue, "a") == (1, 0, 2)
    assert queue.drop(2) == 2


def test_what_nobody_began_goes_before_helping():
    queue = queue_of((1, (0, 1, 2)), (2, (0,)))
    assert [take(queue, "a"), take(queue, "b"), take(queue, "b")] == [(1, 0), (2, 0), (1, 1)]


def test_a_worker_kept_for_a_trial_begins_nothing_else():
    queue = queue_of((1, (0, 1)), (2, (3,)), (3, (0,)))
    assert take(queue, "a") == (1, 0)
    assert queue.take("b", kept_for=4) is None
    assert queue.take("b", kept_for=2).trial == 2
    assert queue.take("a", kept_for=4).trial == 1, "what it has begun it goes on with"


def test_a_request_to_be_helped_with_goes_before_what_nobody_began():
    queue = FoldQueue()
    queue.add(FitRequest(1, CONFIG, (0, 1, 2)), Place(helped=True), together=False)
    queue.add(FitRequest(2, CONFIG, (0,)), together=False)
    assert [take(queue, worker) for worker in "abab"] == [(1, 0), (1, 1), (1, 2), (2, 0)]


def test_folds_that_one_worker_must_do_are_not_helped_with():
    queue = FoldQueue()
    queue.add(FitRequest(1, CONFIG, (0, 1)), Place(helped=True), together=True)
    queue.add(FitRequest(2, CONFIG, (0,)), together=False)
    assert [take(queue, worker) for worker in "aba"] == [(1, 0), (2, 0), (1, 1)]


def test_first_goes_ahead_of_the_others():
    queue = queue_of((1, (0,)), (2, (0,)))
    queue.add(FitRequest(3, CONFIG, (4,)), Place(first=True), together=False)
    assert [take(queue, "a") for _ in range(3)] == [(3, 4), (1, 0), (2, 0)]


def test_what_takes_longer_goes_before_what_takes_less_and_behind_the_first():
    queue = FoldQueue()
    for trial, place in enumerate(
        [Place(seconds=2.0), Place(), Place(first=True), Place(seconds=3.0), Place(seconds=2.0)]
    ):
        queue.add(FitRequest(trial, CONFIG, (0,)), place, together=False)
    assert [take(queue, "a") for _ in range(5)] == [(2, 0), (3, 0), (0, 0), (4, 0), (1, 0)]


def test_waiting_counts_requests_that_nobody_began():
    queue = queue_of((1, (0, 1)), (2, (0,)), (3, ()))
    assert queue.waiting == 2
    queue.take("a")
    assert queue.waiting == 1


def test_drop_forgets_the_folds_of_a_trial_and_counts_them():
    queue = queue_of((1, (0, 1, 2)), (2, (0,)))
    queue.take("a")
    assert queue.drop(1) == 2
    assert queue.drop(1) == 0
    assert [take(queue, "a"), take(queue, "a")] == [(2, 0), None]


def test_a_job_put_back_is_the_workers_next_and_counts_as_an_attempt_more():
    queue = queue_of((1, (0, 1)))
    job = queue.take("a")
    queue.put_back("a", job)
    assert take(queue, "b") == (1, 1)
    again = queue.take("a")
    assert (again.folds, again.attempt) == ((0,), 2)
