"""Pretraining of a backbone: what a method must offer, and the loop around all of them.

The loop counts steps, probes how good the features are for other tasks, stores checkpoints and
goes on from them. With a fixed number of steps everything that decides about weights depends on
the step alone, so a killed run that goes on ends with the bits of an undisturbed one. Under a time
budget the length of the learning-rate schedule follows the speed seen so far.

The weights that are kept are those with the best probe, not the last ones: checkpoints from the
middle of training can be the better extractors (arXiv 2203.04668).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from autosmall.training.interruption import interruptions_deferred
from autosmall.training.pretraining_store import Checkpoint, PretrainingStore, ProbePoint

PROBES = 12
"""Probes of a whole run, the one before the first step aside."""
PROBE_SHARE = 0.1
"""Largest part of the work that probing may take."""
TRAINING_COST = 3
"""Training on a picture costs about three predictions of it."""
CHECKPOINT_SECONDS = 30.0
CHUNK_SECONDS = 1.0
"""How long the loop lets a task work before it looks at clock and signals again."""
FIRST_SCHEDULE_STEPS = 1000
"""Assumed length of a run under a time budget until its speed is known."""


class PretrainingTask(Protocol):
    """A method of pretraining at work on one backbone.

    What a step does may depend on the seed and on the step's number, on nothing else, so that
    restoring a checkpoint restores everything.

    Attributes:
        batch_size: Pictures per step.
        steps_done: Steps taken so far.
        total_steps: Length of the learning-rate schedule; the loop sets it before steps are taken,
            and mends it under a time budget.
    """

    batch_size: int
    steps_done: int
    total_steps: int

    def train_steps(self, count: int) -> float:
        """Take ``count`` steps and return their mean loss."""
        ...

    def save(self, folder: Path) -> None:
        """Write weights, optimiser and step count into the empty ``folder``."""
        ...

    def restore(self, folder: Path) -> None:
        """Read what :meth:`save` wrote."""
        ...

    def backbone(self) -> Any:
        """Return a copy of the backbone as it stands, a model of its own.

        It takes RGB pictures with values 0 to 255, returns the last feature map, and holds
        Keras's own layers only.
        """
        ...


class Probe(Protocol):
    """Tells how good a backbone's features are.

    Attributes:
        picture_count: Pictures of which one measurement takes features.
    """

    picture_count: int

    def __call__(self, backbone: Any) -> float:
        """Return the probe's balanced accuracy, in ``[0, 1]``."""
        ...


@dataclass(frozen=True)
class PretrainingLimits:
    """When training ends: at whichever limit comes first; one is given at least.

    ``seconds_before`` were spent on this sitting's preparations.
    """

    steps: int | None
    time_budget_seconds: float | None
    seconds_before: float = 0.0
    checkpoint_seconds: float = CHECKPOINT_SECONDS


@dataclass(frozen=True)
class PretrainingView:
    """A pretraining at one moment. ``steps`` and ``seconds_left`` are ``None`` until known."""

    step: int
    steps: int | None
    seconds: float
    seconds_left: float | None
    loss: float | None
    pictures_per_second: float | None
    history: tuple[ProbePoint, ...]


class LossIsNoNumberError(Exception):
    """The loss at ``step`` is not finite: training has diverged."""

    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step


def run_pretraining(
    task: PretrainingTask,
    probe: Probe,
    store: PretrainingStore,
    limits: PretrainingLimits,
    on_view: Callable[[PretrainingView], None],
) -> Checkpoint:
    """Train ``task`` to a limit, from the stored checkpoint on if there is one; return the last.

    The weights with the best probe are then :meth:`PretrainingStore.best_weights`. An interruption
    is held back until a checkpoint is written. Raises :class:`LossIsNoNumberError`.
    """
    loop = _Loop(task, probe, store, limits, on_view)
    with interruptions_deferred():
        loop.begin()
    while not loop.at_end:
        with interruptions_deferred() as interrupted:
            while not loop.at_end and not interrupted():
                loop.work()
            loop.store()
    with interruptions_deferred():
        return loop.end()


class _Loop:
    """The loop's state: clock, speed, and when to probe and to store next."""

    def __init__(
        self,
        task: PretrainingTask,
        probe: Probe,
        store: PretrainingStore,
        limits: PretrainingLimits,
        on_view: Callable[[PretrainingView], None],
    ) -> None:
        self._task, self._probe, self._store = task, probe, store
        self._limits, self._on_view = limits, on_view
        self._checkpoint = store.read()
        self._sitting_began = time.monotonic() - limits.seconds_before
        self._stored_at = time.monotonic()
        self._speed: float | None = None
        self._loss_sum, self._loss_steps = self._checkpoint.loss_sum, self._checkpoint.loss_steps
        self._last_loss: float | None = None
        self._probe_seconds = 0.0
        self._chunks = 0

    @property
    def _seconds(self) -> float:
        return self._checkpoint_seconds + time.monotonic() - self._sitting_began

    @property
    def at_end(self) -> bool:
        steps, budget = self._limits.steps, self._limits.time_budget_seconds
        if steps is not None and self._task.steps_done >= steps:
            return True
        return budget is not None and self._seconds + self._probe_seconds >= budget

    def begin(self) -> None:
        """Restore the checkpoint, or probe and store the untrained backbone."""
        self._checkpoint_seconds = self._checkpoint.seconds
        if self._checkpoint.folder:
            self._task.restore(self._store.path / self._checkpoint.folder)
        self._task.total_steps = self._schedule_steps()
        if not self._checkpoint.history:
            self._probe_now()
        self._show()

    def work(self) -> None:
        """Take one chunk of steps; probe, store and show where it is time to."""
        count = self._chunk_steps()
        started = time.monotonic()
        self._last_loss = self._task.train_steps(count)
        self._note_speed(count, time.monotonic() - started)
        if not math.isfinite(self._last_loss):
            raise LossIsNoNumberError(self._task.steps_done)
        self._loss_sum += self._last_loss * count
        self._loss_steps += count
        self._task.total_steps = self._schedule_steps()
        if self._task.steps_done >= self._checkpoint.next_probe_step:
            self._probe_now()
        elif time.monotonic() - self._stored_at >= self._limits.checkpoint_seconds:
            self._save(self._checkpoint)
        self._show()

    def store(self) -> None:
        """Write a checkpoint of the last step unless there is one."""
        if self._checkpoint.step < self._task.steps_done:
            self._save(self._checkpoint)

    def end(self) -> Checkpoint:
        """Probe the last weights and return the last checkpoint."""
        if self._checkpoint.history[-1].step < self._task.steps_done:
            self._probe_now()
            self._show()
        return self._checkpoint

    def _chunk_steps(self) -> int:
        wanted = 1 if self._speed is None else max(1, round(self._speed * CHUNK_SECONDS))
        ends = [self._checkpoint.next_probe_step, self._limits.steps]
        return min([wanted, *(end - self._task.steps_done for end in ends if end is not None)])

    def _note_speed(self, count: int, seconds: float) -> None:
        """Keep a running mean of steps per second; the first chunk, which compiles, is no sign."""
        self._chunks += 1
        if self._chunks > 1:
            now = count / max(seconds, 1e-6)
            self._speed = now if self._speed is None else 0.7 * self._speed + 0.3 * now

    def _schedule_steps(self) -> int:
        """Return how many steps the run will have, as far as can be told."""
        steps, budget = self._limits.steps, self._limits.time_budget_seconds
        if budget is None:
            assert steps is not None
            return steps
        left = max(0.0, budget - self._seconds)
        possible = FIRST_SCHEDULE_STEPS
        if self._speed is not None:
            possible = self._task.steps_done + math.ceil(left * self._speed * (1 - PROBE_SHARE))
        return max(1, possible if steps is None else min(steps, possible))

    def _probe_now(self) -> None:
        """Measure, store with the checkpoint, and keep the weights if none were better."""
        started = time.monotonic()
        step = self._task.steps_done
        backbone = self._task.backbone()
        loss = self._loss_sum / self._loss_steps if self._loss_steps else None
        point = ProbePoint(step, self._seconds, loss, self._probe(backbone))
        self._probe_seconds = time.monotonic() - started
        self._loss_sum, self._loss_steps = 0.0, 0
        checkpoint = replace(
            self._checkpoint,
            history=(*self._checkpoint.history, point),
            next_probe_step=step + self._steps_between_probes(),
        )
        # The untrained backbone is what the others are compared with, never what is kept.
        if step and point.score >= checkpoint.best_score:
            best = self._store.write_weights(step, backbone)
            checkpoint = replace(
                checkpoint, best_weights=best, best_step=step, best_score=point.score
            )
        self._save(checkpoint)

    def _steps_between_probes(self) -> int:
        probe_pictures = self._probe.picture_count
        least = probe_pictures / (TRAINING_COST * PROBE_SHARE * self._task.batch_size)
        return max(1, math.ceil(least), math.ceil(self._task.total_steps / PROBES))

    def _save(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = self._store.write(
            replace(
                checkpoint,
                step=self._task.steps_done,
                seconds=self._seconds,
                loss_sum=self._loss_sum,
                loss_steps=self._loss_steps,
            ),
            self._task.save,
        )
        self._stored_at = time.monotonic()

    def _show(self) -> None:
        steps, budget = self._limits.steps, self._limits.time_budget_seconds
        left = [] if budget is None else [max(0.0, budget - self._seconds)]
        if steps is not None and self._speed:
            left.append((steps - self._task.steps_done) / self._speed)
        self._on_view(
            PretrainingView(
                step=self._task.steps_done,
                steps=self._task.total_steps if steps is not None or self._speed else None,
                seconds=self._seconds,
                seconds_left=min(left) if left else None,
                loss=self._last_loss,
                pictures_per_second=self._speed and self._speed * self._task.batch_size,
                history=self._checkpoint.history,
            )
        )
