"""Copies are found through crops, dimming and recompression; strangers and chains are not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.data.alignment import aligned_difference
from autosmall.data.audit import audit_dataset
from autosmall.data.dataset import read_dataset
from autosmall.data.duplicates import complete_groups, exact_groups, join_groups, near_groups
from autosmall.data.inspection import inspect_pictures, stack_hashes, stack_thumbnails


def crop(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    top, bottom = (int(random.uniform(0, 0.05) * height) for _ in range(2))
    left, right = (int(random.uniform(0, 0.05) * width) for _ in range(2))
    return picture[top : height - bottom, left : width - right]


def recompress(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=30)
    return np.asarray(Image.open(stream))


ALTERATIONS = {
    "brighter": lambda picture, _: np.clip(picture * 1.2, 0, 255).astype(np.uint8),
    "darker": lambda picture, _: (picture * 0.8).astype(np.uint8),
    "cropped": crop,
    "recompressed": recompress,
    "larger": lambda picture, _: np.asarray(Image.fromarray(picture).resize((300, 280))),
}


def grouped_copies(tmp_path: Path, originals: list[np.ndarray], alter) -> tuple[float, int]:
    """Return the share of originals grouped with their altered copy, and false groups."""
    random = np.random.default_rng(0)
    altered = [alter(picture, random) for picture in originals]
    paths = []
    for number, picture in enumerate([*originals, *altered]):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(picture).save(paths[-1])
    facts = inspect_pictures(paths)
    groups = near_groups(range(len(facts)), stack_hashes(facts), stack_thumbnails(facts))
    count = len(originals)
    wanted = {(row, row + count) for row in range(count)}
    return len(wanted & set(groups)) / count, len(set(groups) - wanted)


@pytest.mark.parametrize("kind", ALTERATIONS)
def test_altered_copies_of_drawn_scenes_are_found(tmp_path, draw_scene, kind):
    originals = [draw_scene(seed) for seed in range(40)]
    found, false = grouped_copies(tmp_path, originals, ALTERATIONS[kind])
    assert found >= 0.95
    assert false == 0


@pytest.mark.parametrize("kind", ["brighter", "darker", "cropped", "recompressed"])
@pytest.mark.parametrize("name", ["cats_vs_dogs", "steel_defects"])
def test_altered_copies_of_real_pictures_are_found(shared_dir, tmp_path, name, kind):
    files = sorted((shared_dir / "data" / name / "train").rglob("*.jpg"))[::6][:100]
    originals = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    found, false = grouped_copies(tmp_path, originals, ALTERATIONS[kind])
    # Every tenth steel picture is so bright that 20 % more leaves little but white.
    assert found > (0.9 if (name, kind) == ("steel_defects", "brighter") else 0.95)
    assert false == 0


@pytest.mark.parametrize(
    ("name", "most"), [("mnist_small", 0.02), ("steel_defects", 0.005), ("cats_vs_dogs", 0.005)]
)
def test_real_look_alikes_are_not_grouped(shared_dir, name, most):
    audit = audit_dataset(read_dataset(shared_dir / "data" / name / "train"))
    assert sum(map(len, audit.near_duplicates)) < most * len(audit.names)


def test_a_new_thing_in_an_equal_scene_is_another_picture(draw_scene):
    scene = np.asarray(Image.fromarray(draw_scene(1, 32)).convert("L"))
    altered = scene.copy()
    altered[8:12, 20:24] = 255 - altered[8:12, 20:24]
    difference = aligned_difference(scene[None], altered[None], blocks=8, steps=6)
    assert difference[0] > 0.36


def test_difference_is_zero_for_equal_and_infinite_for_flat_pictures(draw_scene):
    scene = np.asarray(Image.fromarray(draw_scene(1, 32)).convert("L"))
    flat = np.full_like(scene, 90)
    first, second = np.stack([scene, scene, flat, flat]), np.stack([scene, flat, scene, flat])
    differences = aligned_difference(first, second, blocks=8, steps=6)
    assert differences[0] < 0.02
    assert np.isposinf(differences[1:]).all()


def test_no_pairs_give_no_differences():
    none = np.zeros((0, 32, 32), np.uint8)
    assert aligned_difference(none, none, blocks=8, steps=6).shape == (0,)


def test_chains_of_look_alikes_are_cut():
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    groups = complete_groups(pairs, np.array([0.1, 0.2, 0.3]))
    assert set(groups) == {frozenset({0, 1}), frozenset({2, 3})}


def test_complete_groups_grow_while_all_members_are_paired():
    pairs = np.array([[0, 1], [2, 3], [0, 2], [0, 3], [1, 2], [1, 3], [3, 4]])
    groups = complete_groups(pairs, np.linspace(0.1, 0.4, 7))
    assert set(groups) == {frozenset({0, 1, 2, 3})}


@pytest.mark.parametrize("seed", range(20))
def test_every_two_members_of_a_group_are_a_pair(seed):
    random = np.random.default_rng(seed)
    pairs = np.unique(np.sort(random.integers(0, 15, (40, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    linked = {tuple(pair) for pair in pairs.tolist()}
    groups = complete_groups(pairs, random.random(len(pairs)))
    members = [member for group in groups for member in group]
    assert len(members) == len(set(members))
    for group in groups:
        ordered = sorted(group)
        assert all((a, b) in linked for i, a in enumerate(ordered) for b in ordered[i + 1 :])


def test_exact_groups_leave_unreadable_files_out():
    assert exact_groups(["x", "", "y", "x", ""]) == ((0, 3),)


def test_ties_are_joined_through_each_other():
    numbers = join_groups(6, [(4, 1), (1, 2), (5, 5)])
    assert numbers.tolist() == [0, 1, 1, 2, 1, 3]
    assert numbers.dtype == np.int64
