"""The three layouts, and each way in which they can be wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from autosmall.data.dataset import (
    check_trainable,
    read_dataset,
    read_labelled,
    read_unlabelled,
)
from autosmall.errors import DatasetError


def assert_refused(path: Path, received: str, read=read_dataset) -> None:
    with pytest.raises(DatasetError, match=received) as caught:
        read(path)
    assert caught.value.expected
    assert caught.value.remedy


def write_table(root: Path, text: str) -> Path:
    path = root / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


# --- class folders and split folders


def test_class_folders_give_sorted_names_and_labels(make_folders):
    dataset = read_dataset(make_folders({"dogs": 2, "cats": 3}))
    assert dataset.layout == "class-folders"
    assert dataset.classes == ("cats", "dogs")
    assert dataset.names[0] == "cats/p000.png"
    assert dataset.labels.tolist() == [0, 0, 0, 1, 1]
    assert dataset.labels.dtype == np.int64
    assert all(path.is_absolute() and path.is_file() for path in dataset.paths)


def test_nested_folders_belong_to_the_class_above(make_folders):
    dataset = read_dataset(make_folders({"cats/anna": 2, "cats/ben": 1, "dogs": 2}))
    assert dataset.class_counts() == {"cats": 3, "dogs": 2}


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Validation"])
def test_validation_joins_train_and_test_is_kept_apart(make_folders, validation):
    root = make_folders(
        {"train/a": 2, "train/b": 2, f"{validation}/a": 1, "test/a": 4, "test/b": 1}
    )
    dataset = read_dataset(root)
    assert dataset.layout == "split-folders"
    assert dataset.class_counts() == {"a": 3, "b": 2}
    assert {sample.split for sample in dataset.samples} == {"train", "validation"}
    assert len(dataset.test_samples) == 5
    assert {sample.split for sample in dataset.test_samples} == {"test"}


def test_a_class_may_be_called_train(make_folders):
    dataset = read_dataset(make_folders({"train": 2, "bus": 2}))
    assert dataset.layout == "class-folders"
    assert dataset.classes == ("bus", "train")


def test_other_files_are_listed_and_hidden_ones_ignored(make_folders):
    root = make_folders({"a": 2, "b": 2, "empty": 0, ".git": 1})
    for name in ("a/notes.txt", "a/.hidden.png", "readme.md", "loose.png", "b/.DS_Store"):
        (root / name).write_bytes(b"x")
    dataset = read_dataset(root)
    assert len(dataset) == 4
    assert {name for name, _ in dataset.skipped} == {
        "a/notes.txt",
        "readme.md",
        "loose.png",
        "empty",
    }


@pytest.mark.parametrize(
    "extension", ["JPG", "jpeg", "png", "bmp", "gif", "tif", "TIFF", "webp", "jfif"]
)
def test_extensions_that_count(make_folders, extension):
    root = make_folders({"a": 2, "b": 2})
    (root / "a" / f"more.{extension}").write_bytes(b"any")
    assert read_dataset(root).class_counts()["a"] == 3


def test_links_count_and_loops_fifos_and_broken_links_do_not(make_folders, tmp_path):
    root = make_folders({"a": 2, "b": 2})
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"any")
    (root / "a" / "link.png").symlink_to(outside)
    (root / "a" / "back").symlink_to(root / "a")
    (root / "a" / "self.png").symlink_to(root / "a" / "self.png")
    (root / "a" / "gone.png").symlink_to(tmp_path / "gone.png")
    (root / "a" / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(root / "a" / "pipe.png")
    dataset = read_dataset(root)
    assert dataset.class_counts()["a"] == 3
    assert {name for name, _ in dataset.skipped} == {
        "a/back",
        "a/self.png",
        "a/gone.png",
        "a/zero.png",
        "a/pipe.png",
    }


@pytest.mark.parametrize("name", [b"\xff\xfe.png", b"x" * 251 + b".png", b"<script>&\n'\".png"])
def test_strange_names_are_kept_and_printable(make_folders, name):
    root = make_folders({"a": 2, "b": 2})
    path = os.path.join(os.fsencode(root / "a"), name)
    with open(path, "wb") as stream:
        stream.write(b"any")
    dataset = read_dataset(root)
    assert len(dataset) == 5
    assert all(sample.path.is_file() for sample in dataset.samples)
    json.dumps(dataset.names, ensure_ascii=False).encode("utf-8")
    assert dataset.fingerprint()


@pytest.mark.parametrize(
    ("counts", "received"),
    [
        ({}, "no pictures in class folders"),
        ({"a": 3}, r"one class only \('a'\)"),
        ({"a": 3, "b": 1}, "'b' has 1"),
        ({"a": 3, "b": 0}, "one class only"),
        ({"test/a": 3, "test/b": 3}, "only test pictures"),
        ({".": 3}, "3 pictures but no class folders"),
    ],
)
def test_folders_that_cannot_be_searched(make_folders, tmp_path, counts, received):
    (tmp_path / "set").mkdir()
    make_folders(counts)
    assert_refused(tmp_path / "set", received)


def test_no_folder(tmp_path):
    assert_refused(tmp_path / "nowhere", "there is no folder or CSV")


def test_unreadable_folder(make_folders, monkeypatch):
    root = make_folders({"a": 2, "b": 2})
    real = os.scandir

    def refuse(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert_refused(root, "cannot be read .*Permission denied")


def test_a_test_folder_alone_can_be_scored(make_folders):
    dataset = read_labelled(make_folders({"test/a": 3}))
    assert len(dataset) == 0
    assert len(dataset.test_samples) == 3


def test_nothing_is_written_or_decoded(make_folders, monkeypatch):
    root = make_folders({"a": 2, "b": 2})
    before = sorted((p, p.stat().st_mtime_ns) for p in root.rglob("*"))
    monkeypatch.setattr("PIL.Image.open", None)
    read_dataset(root)
    assert sorted((p, p.stat().st_mtime_ns) for p in root.rglob("*")) == before


# --- CSV


def test_csv_with_splits_groups_and_further_columns(make_folders):
    root = make_folders({"x": 6})
    table = write_table(
        root,
        "\ufeffimage_path,label,split,group,site\n"
        "x/p003.png,b,1,g2,north\nx/p000.png,a,train,g1,south\n./x/p001.png,a,,,south\n"
        '"x/p002.png",b,0,g2,north\nx/p004.png,a,TEST,,west\nx/p005.png,b,2,,west\n',
    )
    dataset = read_dataset(table)
    assert dataset.layout == "csv"
    assert dataset.root == root
    assert dataset.names == tuple(f"x/p00{n}.png" for n in range(4))
    assert [s.label for s in dataset.samples] == ["a", "a", "b", "b"]
    assert [s.split for s in dataset.samples] == ["train", "train", "train", "validation"]
    assert [s.group for s in dataset.samples] == ["g1", "", "g2", "g2"]
    assert dataset.columns == {"site": ("south", "south", "north", "north")}
    assert [s.name for s in dataset.test_samples] == ["x/p004.png", "x/p005.png"]


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("path,label\nx/p000.png,a\n", "lacks the column image_path"),
        ("image_path;label\nx/p000.png;a\n", "lacks the column image_path and label"),
        ("", "lacks the column"),
        ("image_path,label,label\n", "heading twice"),
        ("image_path,label\nx/p000.png,a,extra\n", "line 2 .* 3 cells under 2"),
        ("image_path,label\nx/p000.png,\n", "line 2 .* no image_path or no label"),
        ("image_path,label,split\nx/p000.png,a,later\n", "split 'later'"),
        ("image_path,label\nx/p000.png,a\nx/no.png,b\n", "1 of the 2 files .* 'x/no.png'"),
        ("image_path,label\nx,a\n", "no regular files: 'x'"),
        ("image_path,label\nx/\0.png,a\n", "missing"),
        ("image_path,label\n/etc/passwd,a\n", "not inside the table's folder"),
        ("image_path,label\nx/../../set/x/p000.png,a\n", "not inside the table's folder"),
        ("image_path,label\nx/p000.png,a\nx/./p000.png,b\n", "more than once .*'a' and 'b'"),
        ('image_path,label\n"x/p000.png,a\n', "cannot be read"),
        ("image_path,label\n", "lists no pictures"),
        ("image_path,label\nx/p000.png,a\nx/p001.png,a\n", "one class only"),
        ("image_path,label\nx/p000.png,a\nx/p001.png,b\nx/p002.png,b\n", "'a' has 1"),
    ],
)
def test_tables_that_are_refused(make_folders, text, received):
    assert_refused(write_table(make_folders({"x": 3}), text), received)


def test_a_table_in_another_encoding_is_refused(make_folders):
    table = make_folders({"x": 2}) / "table.csv"
    table.write_bytes("image_path,label\nx/p000.png,Öl\n".encode("latin-1"))
    assert_refused(table, "cannot be read")


# --- what a data set can do


def test_fingerprint_follows_names_labels_and_sizes_but_not_test(make_folders):
    root = make_folders({"train/a": 2, "train/b": 2, "test/a": 1})
    first = read_dataset(root).fingerprint()
    assert read_dataset(root).fingerprint() == first
    (root / "test" / "a" / "p000.png").unlink()
    assert read_dataset(root).fingerprint() == first
    path = root / "train" / "a" / "p000.png"
    path.write_bytes(path.read_bytes() + b"x")
    grown = read_dataset(root).fingerprint()
    path.rename(root / "train" / "b" / "q.png")
    assert len({first, grown, read_labelled(root).fingerprint()}) == 3


def test_subset_keeps_classes_and_columns_and_may_become_too_small(make_folders):
    root = make_folders({"x": 4})
    rows = "".join(f"x/p00{n}.png,{'ab'[n % 2]},s{n}\n" for n in range(4))
    dataset = read_dataset(write_table(root, "image_path,label,site\n" + rows))
    part = dataset.subset(np.array([True, False, True, True]))
    assert part.classes == ("a", "b")
    assert part.columns == {"site": ("s0", "s2", "s3")}
    with pytest.raises(DatasetError, match="'b' has 1"):
        check_trainable(part)


def test_unlabelled_pictures_at_any_depth(make_folders, tmp_path):
    root = make_folders({"x/y": 2, ".": 1})
    (root / "notes.txt").write_bytes(b"x")
    names = [str(path.relative_to(root)) for path in read_unlabelled(root)]
    assert names == ["p000.png", "x/y/p000.png", "x/y/p001.png"]
    for path in (tmp_path / "nowhere", root / "notes.txt"):
        assert_refused(path, "no pictures", read_unlabelled)
