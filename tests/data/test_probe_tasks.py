"""Drawn tasks: shapes, sameness, and that pixels alone do not solve what features should."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.data.probe_tasks import make_probe_tasks


def test_tasks_are_balanced_and_have_the_size_asked_for():
    tasks = make_probe_tasks(24, seed=0, per_class=4)
    assert [task.name for task in tasks] == ["digits", "shapes", "textures"]
    for task, classes in zip(tasks, (10, 6, 6), strict=True):
        assert task.pictures.shape == (4 * classes, 24, 24, 3)
        assert task.pictures.dtype == np.uint8
        assert np.bincount(task.labels).tolist() == [4] * classes


def test_the_same_seed_draws_the_same_and_another_one_others():
    first, again, other = (make_probe_tasks(16, seed, per_class=2) for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a.pictures, b.pictures)
        assert not np.array_equal(a.pictures, c.pictures)


@pytest.mark.parametrize("name", ["shapes", "textures"])
def test_mean_colour_tells_nothing(name):
    """The nearest neighbour by mean colour: chance is 1/6; 3 standard deviations are 0.08."""
    task = {t.name: t for t in make_probe_tasks(32, seed=0)}[name]
    colour = task.pictures.mean(axis=(1, 2))
    distance = np.linalg.norm(colour[:, None] - colour[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    right = (task.labels[distance.argmin(axis=1)] == task.labels).mean()
    assert right < 1 / 6 + 0.12
