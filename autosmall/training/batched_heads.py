"""Small heads on fixed features, many trained as one: every step moves a whole stack of them.

A step of such a head is a thousandth of a second in Keras, nearly all of it overhead. Here the
weights of many heads (the folds of a configuration, or several configurations) stand in one array
``(h, inputs, outputs)`` and one product moves them all. Plain NumPy, because it was the quickest
of what was measured on CPUs: XLA would first compile for a second or more for each new shape.

Learning rate and schedule, weight decay, L1, momentum, dropout, label smoothing and class weights
are vectors over the heads; heads that differ in shape, optimiser or number of steps go into stacks
of their own. Each head draws from its own seed and nothing is summed over heads, so a head comes
out the same, to the last bit, whichever others are trained beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autosmall.training.head_problem import HeadProblem, HeadWeights
from autosmall.training.head_stack import HeadStack

STACK_VALUES = 2**16
"""Weights of a stack, about: its arrays should stay in a core's own cache."""


@dataclass(frozen=True)
class TrainedHead:
    """What came of a problem; ``healthy`` is ``False`` where ``epoch_end`` said stop."""

    weights: HeadWeights
    healthy: bool


def train_heads(problems: Sequence[HeadProblem]) -> list[TrainedHead]:
    """Return the trained heads, in the order of the problems."""
    trained: dict[int, TrainedHead] = {}
    for places in _stacks(problems):
        heads = _train_stack([problems[place] for place in places])
        trained.update(zip(places, heads, strict=True))
    return [trained[place] for place in range(len(problems))]


def _stacks(problems: Sequence[HeadProblem]) -> Iterator[list[int]]:
    """Yield the places of problems to be trained together."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, problem in enumerate(problems):
        alike.setdefault(problem.shape, []).append(place)
    for places in alike.values():
        size = max(1, round(STACK_VALUES / problems[places[0]].weight_count))
        yield from (places[start : start + size] for start in range(0, len(places), size))


def _train_stack(problems: Sequence[HeadProblem]) -> list[TrainedHead]:
    """Train heads of one shape; one that is told to stop keeps what it had."""
    stack = HeadStack(problems)
    trained: dict[int, TrainedHead] = {}
    # A head that blew up is for its observer to stop.
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(problems[0].options.epochs):
            for place, signals in enumerate(zip(*stack.run_epoch(epoch), strict=True)):
                if place not in trained and not _goes_on(problems[place], signals, stack, place):
                    trained[place] = TrainedHead(stack.weights(place).copy(), False)
            if len(trained) == len(problems):
                break
    return [
        trained.get(place, TrainedHead(stack.weights(place).copy(), True))
        for place in range(len(problems))
    ]


def _goes_on(
    problem: HeadProblem, signals: tuple[float, float], stack: HeadStack, place: int
) -> bool:
    loss, accuracy = signals
    return problem.epoch_end(float(loss), float(accuracy), stack.weights(place))
