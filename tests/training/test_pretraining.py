"""The loop: limits, probes, what is kept, and going on as if nothing had happened."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from autosmall.training import pretraining
from autosmall.training.pretraining import (
    PROBE_SHARE,
    PROBES,
    TRAINING_COST,
    LossIsNoNumberError,
    PretrainingLimits,
    run_pretraining,
)
from autosmall.training.pretraining_store import Checkpoint, PretrainingStore


class Weights:
    """Stands for a backbone."""

    def __init__(self, value: float) -> None:
        self.value = value

    def get_weights(self) -> list[np.ndarray]:
        return [np.array([self.value])]


class CountingTask:
    """Adds a number that depends on the step and the schedule to its only weight."""

    def __init__(self, batch_size: int = 32, fails_at: int | None = None) -> None:
        self.batch_size, self.steps_done, self.total_steps = batch_size, 0, 1
        self.weight, self.fails_at = 0.0, fails_at

    def train_steps(self, count: int) -> float:
        for _ in range(count):
            self.weight += np.sin(self.steps_done) * (1 - self.steps_done / self.total_steps)
            self.steps_done += 1
        return float("nan") if self.steps_done == self.fails_at else 1 / self.steps_done

    def save(self, folder: Path) -> None:
        (folder / "task.json").write_text(json.dumps([self.steps_done, self.weight]))

    def restore(self, folder: Path) -> None:
        self.steps_done, self.weight = json.loads((folder / "task.json").read_text())

    def backbone(self) -> Weights:
        return Weights(self.weight)


class ValueProbe:
    """Likes weights near 1."""

    def __init__(self, picture_count: int = 1) -> None:
        self.picture_count = picture_count
        self.seen: list[float] = []

    def __call__(self, backbone: Weights) -> float:
        self.seen.append(backbone.value)
        return float(np.exp(-abs(backbone.value - 1)))


def run(folder: Path, steps: int = 120, task=None, probe=None, on_view=lambda view: None, **limits):
    task, probe = task or CountingTask(), probe or ValueProbe()
    store = PretrainingStore(folder)
    given = PretrainingLimits(steps, limits.pop("time_budget_seconds", None), **limits)
    return store, run_pretraining(task, probe, store, given, on_view), task, probe


def test_it_takes_the_steps_and_probes_at_even_distances(tmp_path):
    _, checkpoint, task, _ = run(tmp_path, steps=120)
    assert task.steps_done == checkpoint.step == 120
    assert [point.step for point in checkpoint.history] == list(range(0, 121, 120 // PROBES))


def test_the_weights_with_the_best_probe_are_kept(tmp_path):
    store, checkpoint, _, probe = run(tmp_path)
    scores = [np.exp(-abs(value - 1)) for value in probe.seen]
    best = 1 + int(np.argmax(scores[1:]))
    assert checkpoint.best_step == checkpoint.history[best].step
    assert store.best_weights(checkpoint)[0][0] == probe.seen[best]


def test_the_untrained_weights_are_never_kept(tmp_path):
    class Worse(CountingTask):
        def backbone(self) -> Weights:
            return Weights(1.0 if self.steps_done == 0 else 5.0 + self.steps_done)

    _, checkpoint, _, _ = run(tmp_path, task=Worse())
    assert checkpoint.history[0].score == 1.0
    assert checkpoint.best_step > 0 and checkpoint.best_score < 1.0


def test_probing_costs_a_bounded_share_of_the_work(tmp_path):
    probe = ValueProbe(picture_count=2000)
    _, checkpoint, task, _ = run(tmp_path, steps=600, probe=probe)
    spent = probe.picture_count * (len(checkpoint.history) - 2)  # the first and the last are extra
    assert spent <= PROBE_SHARE * TRAINING_COST * task.steps_done * task.batch_size
    assert len(checkpoint.history) > 2


@pytest.mark.parametrize("after", [1, 13, 20, 55, 119])
def test_a_cut_run_that_goes_on_ends_as_an_undisturbed_one(tmp_path, monkeypatch, after):
    monkeypatch.setattr(pretraining, "CHUNK_SECONDS", 1e-9)  # one step at a time
    undisturbed = run(tmp_path / "whole")

    class KilledError(Exception):
        pass

    def kill(view):
        if view.step == after:
            raise KilledError

    with pytest.raises(KilledError):
        run(tmp_path / "cut", on_view=kill, checkpoint_seconds=0.0)
    stored = PretrainingStore(tmp_path / "cut").read()
    assert 0 < stored.step <= after
    resumed = run(tmp_path / "cut")
    assert resumed[2].weight == undisturbed[2].weight
    points = [[(p.step, p.score) for p in r[1].history] for r in (resumed, undisturbed)]
    assert points[0] == points[1]
    assert resumed[1].best_step == undisturbed[1].best_step
    first, second = (store.best_weights(c) for store, c, *_ in (resumed, undisturbed))
    assert np.array_equal(first, second)


def test_a_finished_run_takes_no_step_again(tmp_path):
    run(tmp_path)
    task = CountingTask()
    task.train_steps = None  # any call would fail
    _, checkpoint, _, probe = run(tmp_path, task=task)
    assert checkpoint.step == 120 and probe.seen == []


def test_an_interruption_stores_the_state_first(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "CHUNK_SECONDS", 1e-9)

    def interrupt(view):
        if view.step == 17:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, on_view=interrupt)
    assert PretrainingStore(tmp_path).read().step == 17
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_interruption_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "CHUNK_SECONDS", 1e-9)

    def interrupt(view):
        if view.step == 17:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _, checkpoint, task, _ = run(tmp_path, on_view=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert task.steps_done == checkpoint.step == 120


def test_a_handler_that_returns_lets_it_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "CHUNK_SECONDS", 1e-9)
    heard = []

    def interrupt(view):
        if view.step == 17 and not heard:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        _, checkpoint, *_ = run(tmp_path, on_view=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT] and checkpoint.step == 120


def test_a_time_budget_ends_it_and_shapes_the_schedule(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(pretraining.time, "monotonic", lambda: now[0])

    class Slow(CountingTask):
        def train_steps(self, count: int) -> float:
            now[0] += 0.25 * count
            return super().train_steps(count)

    lengths = []
    _, checkpoint, task, _ = run(
        tmp_path,
        steps=None,
        task=Slow(),
        on_view=lambda view: lengths.append(view.steps),
        time_budget_seconds=100.0,
        seconds_before=20.0,
    )
    assert task.steps_done == pytest.approx(80 / 0.25, abs=8)
    assert checkpoint.seconds == pytest.approx(100, abs=2)
    # Once the speed is known the schedule ends where the run does, but for the probes' share.
    assert all(0.85 * 320 <= length <= 330 for length in lengths[3:])


def test_a_loss_that_is_no_number_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "CHUNK_SECONDS", 1e-9)
    with pytest.raises(LossIsNoNumberError) as caught:
        run(tmp_path, task=CountingTask(fails_at=5))
    assert caught.value.step == 5


def test_what_no_checkpoint_names_goes_with_the_next(tmp_path):
    (tmp_path / "step-00000010").mkdir(parents=True)
    (tmp_path / "step-00000010" / "task.json").write_text("torn")
    (tmp_path / "best-00000099.npz").write_bytes(b"torn")
    _, checkpoint, *_ = run(tmp_path)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"state.json", checkpoint.folder, checkpoint.best_weights}


def test_a_blank_store_has_a_blank_checkpoint(tmp_path):
    assert PretrainingStore(tmp_path).read() == Checkpoint()
