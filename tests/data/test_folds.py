"""Folds are stratified, never split a group, and say why they are what they are."""

from __future__ import annotations

import numpy as np
import pytest

from autosmall.data.audit import audit_dataset
from autosmall.data.dataset import read_dataset
from autosmall.data.folds import plan_folds, read_folds, sample_groups, write_folds
from autosmall.errors import DatasetError, RunFolderError, SettingsError

HEADER = "image_path,label,group,fold\n"


def alone(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64)


def held(plan, labels: np.ndarray, repeat: int = 0) -> np.ndarray:
    """Return folds x classes, the numbers of pictures held out."""
    table = np.zeros((plan.fold_count, labels.max() + 1), dtype=int)
    np.add.at(table, (plan.assignments[repeat], labels), 1)
    return table


# --- plan_folds


@pytest.mark.parametrize("seed", range(30))
def test_groups_are_never_split_and_every_row_is_held_out_once(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(30, 200))
    groups = random.integers(0, random.integers(12, count), count)
    labels = random.integers(0, 3, count)
    plan = plan_folds(labels, groups, folds=int(random.integers(2, 8)), repeats=2, seed=seed)
    for repeat in plan.assignments:
        assert set(repeat) <= set(range(plan.fold_count))
        for group in np.unique(groups):
            assert len(set(repeat[groups == group])) == 1
    for fold in range(plan.total):
        train, validation = plan.train_index(fold), plan.validation_index(fold)
        assert sorted([*train, *validation]) == list(range(count))
        assert not set(groups[train]) & set(groups[validation])


@pytest.mark.parametrize("seed", range(10))
def test_single_pictures_are_stratified_to_the_picture(seed):
    labels = np.repeat([0, 1, 2], [53, 17, 5])
    table = held(plan_folds(labels, alone(75), folds=5, seed=seed), labels)
    assert (np.ptp(table, axis=0) <= 1).all()
    assert np.ptp(table.sum(axis=1)) <= 2


@pytest.mark.parametrize("seed", range(30))
def test_every_fold_holds_every_class_where_groups_bear_one_class(seed):
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 9, 40)
    labels = np.repeat(np.arange(40) % 4, sizes)
    plan = plan_folds(labels, np.repeat(alone(40), sizes), folds=5, seed=seed)
    assert (held(plan, labels) > 0).all()


def test_one_large_group_does_not_empty_the_other_folds():
    groups = np.concatenate([np.zeros(50, np.int64), np.arange(1, 51)])
    labels = np.tile([0, 1], 50)
    table = held(plan_folds(labels, groups, folds=5, seed=0), labels)
    assert sorted(table.sum(axis=1))[:4] == [12, 12, 13, 13]


def test_seed_decides_and_repeats_differ():
    labels = np.tile([0, 1], 25)
    first, again, other = (plan_folds(labels, alone(50), seed=s).assignments for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize(
    ("count", "folds", "repeats"),
    [(20, 5, 3), (59, 5, 3), (60, 5, 2), (300, 5, 2), (301, 5, 1), (1499, 5, 1), (1500, 3, 1)],
)
def test_auto_follows_the_number_of_pictures(count, folds, repeats):
    plan = plan_folds(alone(count) % 2, alone(count), seed=0)
    assert (plan.fold_count, plan.repeats) == (folds, repeats)
    assert str(count) in plan.reason


@pytest.mark.parametrize("folds", ["auto", 10])
def test_the_rarest_class_lowers_k_and_the_reason_says_so(folds):
    labels = np.repeat([0, 1], [40, 6])
    groups = np.concatenate([alone(40), [40, 40, 41, 41, 42, 43]])
    plan = plan_folds(labels, groups, folds=folds, seed=0, classes=("big", "rare"))
    assert plan.fold_count == 4
    assert "4 folds instead of" in plan.reason
    assert "'rare'" in plan.reason


def test_what_is_asked_for_is_done():
    plan = plan_folds(alone(40) % 2, alone(40), folds=10, repeats=3, seed=0)
    assert (plan.fold_count, plan.repeats) == (10, 3)
    assert plan_folds(alone(40) % 2, alone(40), folds=4, seed=0).repeats == 1
    assert plan_folds(alone(40) % 2, alone(40), repeats=1, seed=0).repeats == 1


@pytest.mark.parametrize(
    ("options", "received"),
    [({"folds": 1}, "folds 1"), ({"folds": "many"}, "folds 'many'"), ({"repeats": 0}, "repeats 0")],
)
def test_impossible_settings(options, received):
    with pytest.raises(SettingsError, match=received):
        plan_folds(alone(40) % 2, alone(40), seed=0, **options)


def test_a_class_that_is_one_group_is_refused():
    with pytest.raises(DatasetError, match="class 'b' belong to one group"):
        plan_folds(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]), seed=0, classes=("a", "b"))


# --- sample_groups


def groups_of(root, groups=None, **options) -> np.ndarray:
    dataset = read_dataset(root)
    return sample_groups(dataset, audit_dataset(dataset), groups, **options)


@pytest.fixture
def table(make_folders):
    root = make_folders({"x": 6})
    rows = [f"x/p00{n}.png,{'ab'[n % 2]},{'g' if n < 3 else ''},s{n // 2}" for n in range(6)]
    path = root / "table.csv"
    path.write_text("\n".join(["image_path,label,group,site", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (None, [0, 0, 0, 1, 2, 3]),
        ("group", [0, 0, 0, 1, 2, 3]),
        ("none", [0, 1, 2, 3, 4, 5]),
        ("site", [0, 0, 1, 1, 2, 2]),
        (r"p00([0-4])", None),
        (r"p0(0)", [0, 0, 0, 0, 0, 0]),
        (r"p00(?:[0-3]|(\d))", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_groups_of_a_table(table, groups, expected):
    if expected is None:
        with pytest.raises(SettingsError, match="match not 1 of 6 names, the first is 'x/p005"):
            groups_of(table, groups)
    else:
        assert groups_of(table, groups).tolist() == expected


@pytest.mark.parametrize(
    ("groups", "received"),
    [("(", "no expression"), ("sites", "0 groups"), ("(a)(b)", "2 groups")],
)
def test_bad_groups(table, groups, received):
    with pytest.raises(SettingsError, match=received):
        groups_of(table, groups)


def test_parent_folders_join_across_classes_and_splits(make_folders):
    root = make_folders(
        {"train/ill/anna": 2, "train/well/anna": 1, "val/well/ben": 2, "train/ill": 1}
    )
    dataset = read_dataset(root)
    groups = groups_of(root, "parent-folder")
    by_name = dict(zip(dataset.names, groups.tolist(), strict=True))
    anna = {group for name, group in by_name.items() if "/anna/" in name}
    ben = {group for name, group in by_name.items() if "/ben/" in name}
    assert len(anna) == len(ben) == 1
    assert len({*anna, *ben, by_name["train/ill/p000.png"]}) == 3


def test_parent_folder_over_plain_class_folders_is_refused(make_folders):
    with pytest.raises(SettingsError, match="directly in its class folder"):
        groups_of(make_folders({"a": 2, "b": 2}), "parent-folder")


def test_the_group_column_must_be_there(make_folders):
    with pytest.raises(SettingsError, match="'group' names a column"):
        groups_of(make_folders({"a": 2, "b": 2}), "group")


def test_duplicates_and_user_groups_are_joined(make_folders, draw_scene):
    from PIL import Image

    root = make_folders({"a": 3, "b": 3})
    scene = draw_scene(99)
    Image.fromarray(scene).save(root / "a" / "s1_x.png")
    Image.fromarray(scene).save(root / "a" / "s2_x.png")
    Image.fromarray((scene * 0.8).astype(np.uint8)).save(root / "b" / "s2_y.png")
    names = read_dataset(root).names
    rows = [names.index(name) for name in ("a/s1_x.png", "a/s2_x.png", "b/s2_y.png")]
    assert len(set(groups_of(root)[rows])) == 1
    assert len(set(groups_of(root, keep_duplicates=True)[rows])) == 2
    pattern = r"(?:p\d+|(s\d)_[xy])\.png"
    assert len(set(groups_of(root, pattern, keep_duplicates=True)[rows])) == 1


def test_groups_of_the_readable_subset_match_those_of_the_whole(make_folders, draw_scene):
    from PIL import Image

    root = make_folders({"a": 4, "b": 4})
    (root / "a" / "broken.png").write_bytes(b"x")
    Image.fromarray(draw_scene(5, 32)).save(root / "b" / "z.png")
    dataset = read_dataset(root)
    audit = audit_dataset(dataset)
    part = dataset.subset(audit.readable)
    whole = sample_groups(dataset, audit, None)[audit.readable]
    assert len(audit.duplicates) == 1
    expected = np.unique(whole, return_inverse=True)[1]
    assert sample_groups(part, audit, None).tolist() == expected.tolist()


# --- folds.csv


def test_folds_survive_the_round_trip(make_folders):
    root = make_folders({"a": 6, 'b,"quoted"\n': 6})
    dataset = read_dataset(root)
    plan = plan_folds(dataset.labels, alone(12) // 2, seed=3)
    write_folds(root.parent / "folds.csv", dataset, plan)
    names, labels, again = read_folds(root.parent / "folds.csv")
    assert names == dataset.names
    assert list(labels) == [sample.label for sample in dataset.samples]
    assert (again.assignments == plan.assignments).all()
    assert (again.groups == plan.groups).all()
    assert again.fold_count == plan.fold_count
    header = (root.parent / "folds.csv").read_text().splitlines()[0]
    assert header == "image_path,label,group,fold,fold_1,fold_2"
    assert sorted(path.name for path in root.parent.iterdir()) == ["folds.csv", "set"]


@pytest.mark.parametrize(
    "text",
    ["", HEADER, "a,b\nc,d\n", HEADER + "x,a,0\n", HEADER + "x,a,0,zero\n", HEADER + "x,a,0,-1\n"],
)
def test_torn_folds_are_refused(tmp_path, text):
    (tmp_path / "folds.csv").write_text(text)
    with pytest.raises(RunFolderError, match="cannot be read"):
        read_folds(tmp_path / "folds.csv")
    with pytest.raises(RunFolderError, match="cannot be read"):
        read_folds(tmp_path / "gone.csv")
