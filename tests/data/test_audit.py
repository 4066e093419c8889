"""What the audit finds, what it says, and what it never opens."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from autosmall.data.audit import audit_dataset, format_audit
from autosmall.data.dataset import read_dataset, read_labelled


def audit_of(root, **options):
    return audit_dataset(read_dataset(root), **options)


def codes(audit) -> dict[str, str]:
    return {finding.code: finding.severity for finding in audit.findings}


def message(audit, code: str) -> str:
    return next(finding.message for finding in audit.findings if finding.code == code)


def save(path, picture, **options) -> None:
    Image.fromarray(picture).save(path, **options)


def test_good_pictures_give_no_findings(make_folders):
    audit = audit_of(make_folders({"a": 6, "b": 6}))
    assert audit.findings == ()
    assert audit.readable.tolist() == [True] * 12
    assert audit.median_size_px == 32


def test_unreadable_files_are_named_and_left_out(make_folders):
    root = make_folders({"a": 6, "b": 6})
    (root / "a" / "broken.jpg").write_bytes(b"no picture")
    audit = audit_of(root)
    assert codes(audit) == {"unreadable": "warning"}
    assert [name for name, _ in audit.unreadable] == ["a/broken.jpg"]
    assert audit.readable.sum() == 12
    assert "a/broken.jpg (is no JPEG" in message(audit, "unreadable")


def test_all_unreadable_is_no_error(make_folders):
    root = make_folders({"a": 2, "b": 2})
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    audit = audit_of(root)
    assert not audit.readable.any()
    assert audit.median_size_px == 0
    json.dumps(audit.to_json(), allow_nan=False)
    assert "0 of 4 pictures" in format_audit(audit)


def test_wrong_and_missing_extensions(make_folders, draw_scene):
    root = make_folders({"a": 6, "b": 6})
    save(root / "a" / "tiff.jpg", draw_scene(90), format="TIFF")
    save(root / "a" / "picture", draw_scene(91), format="PNG")
    (root / "b" / "notes.txt").write_text("no picture")
    audit = audit_of(root)
    assert codes(audit) == {"wrong-extension": "info", "no-extension": "warning", "skipped": "info"}
    assert "a/tiff.jpg is TIFF" in message(audit, "wrong-extension")
    assert "a/picture" in message(audit, "no-extension")
    assert "b/notes.txt" in message(audit, "skipped")
    assert "a/picture" not in message(audit, "skipped")


def test_exact_and_near_duplicates_and_conflicts(make_folders, draw_scene):
    root = make_folders({"a": 6, "b": 6})
    save(root / "a" / "one.png", draw_scene(99))
    save(root / "a" / "two.bmp", draw_scene(99))
    save(root / "b" / "three.png", (draw_scene(99) * 0.8).astype(np.uint8))
    audit = audit_of(root)
    named = [[audit.names[row] for row in rows] for rows in audit.duplicates]
    assert named == [["a/one.png", "a/two.bmp"]]
    named = [[audit.names[row] for row in rows] for rows in audit.near_duplicates]
    assert named == [["a/one.png", "a/two.bmp", "b/three.png"]]
    assert audit.conflicts == audit.near_duplicates
    assert set(codes(audit)) == {"duplicates", "near-duplicates", "label-conflict"}
    assert "b/three.png (b)" in message(audit, "label-conflict")
    assert message(audit, "label-conflict").startswith("1 picture stands under two labels: ")


def test_exact_duplicates_alone_are_no_near_duplicates(make_folders, draw_scene):
    root = make_folders({"a": 6, "b": 6})
    for name in ("one.png", "two.png"):
        save(root / "a" / name, draw_scene(99))
    audit = audit_of(root)
    assert audit.near_duplicates == ()
    assert len(audit.duplicates) == 1


def test_unequal_and_small_classes(make_folders):
    audit = audit_of(make_folders({"many": 12, "few": 3}))
    assert codes(audit) == {"imbalance": "warning", "small-class": "warning"}
    assert "80% of cases" in message(audit, "imbalance")
    assert "'few' (3)" in message(audit, "small-class")


def test_copies_do_not_make_a_class_larger(make_folders, draw_scene):
    root = make_folders({"a": 4, "b": 6})
    save(root / "a" / "copy.png", np.asarray(Image.open(root / "a" / "p000.png")))
    assert "'a' (4)" in message(audit_of(root), "small-class")


def test_flat_dim_and_mixed_pictures(make_folders):
    root = make_folders({"a": 6, "b": 6})
    save(root / "a" / "flat.png", np.full((32, 32, 3), 120, np.uint8))
    ramp = np.tile(np.arange(32, dtype=np.uint16) * 100, (32, 1))
    save(root / "b" / "dim.png", ramp)
    audit = audit_of(root)
    assert codes(audit) == {"flat": "warning", "dim": "warning", "mixed-color": "info"}
    assert "a/flat.png" in message(audit, "flat")
    assert "b/dim.png" in message(audit, "dim")


@pytest.mark.parametrize(("other_side", "expected"), [(40, True), (32, False)])
def test_size_that_tells_the_class(make_folders, draw_scene, other_side, expected):
    root = make_folders({"a": 8, "b": 8})
    for seed, path in enumerate(sorted((root / "b").iterdir())):
        save(path, draw_scene(200 + seed, other_side))
    assert ("size-shortcut" in codes(audit_of(root))) is expected


def test_test_pictures_are_opened_only_when_asked_for(make_folders, draw_scene):
    root = make_folders({"train/a": 6, "train/b": 6, "test/a": 5, "test/b": 5})
    os.truncate(root / "test" / "a" / "p001.png", 20)
    (root / "test" / "a" / "nameless").write_bytes((root / "train/a/p000.png").read_bytes())
    save(root / "test" / "b" / "leak.png", np.asarray(Image.open(root / "train/b/p000.png")))
    sealed = audit_of(root)
    assert set(codes(sealed)) == {"skipped"}
    assert sealed.leaks == ()
    opened = audit_of(root, include_test=True)
    assert opened.findings[0].severity == "blocking"
    assert opened.leaks == (("train/b/p000.png", "test/b/leak.png"),)
    assert opened.unreadable[0][0] == "test/a/p001.png"
    assert opened.duplicates == ()
    assert len(opened.readable) == 12


def test_differences_between_splits_by_names_alone(make_folders):
    root = make_folders(
        {"train/a": 90, "train/b": 30, "train/c": 5, "test/a": 30, "test/b": 90, "test/d": 5}
    )
    dataset = read_labelled(root)
    sealed = replace(
        dataset,
        test_samples=tuple(replace(s, path=root / "gone") for s in dataset.test_samples),
    )
    found = codes(audit_dataset(sealed))
    assert {"other-shares", "unknown-test-class", "untested-class"} <= set(found)
    assert "'b' is 24% of train and 72% of test" in message(audit_dataset(sealed), "other-shares")


def test_shares_that_differ_by_chance_are_no_finding(make_folders):
    root = make_folders({"train/a": 10, "train/b": 10, "test/a": 6, "test/b": 4})
    assert "other-shares" not in codes(audit_of(root))


def test_validation_copies_of_training_pictures_are_harmless(make_folders):
    root = make_folders({"train/a": 6, "train/b": 6, "val/a": 5, "val/b": 5})
    save(root / "val" / "b" / "same.png", np.asarray(Image.open(root / "train/b/p000.png")))
    assert codes(audit_of(root)) == {"duplicates": "warning", "validation-overlap": "info"}


def test_json_holds_plain_values_and_names(make_folders):
    root = make_folders({"a": 6, "b": 2})
    (root / "a" / "broken.jpg").write_bytes(b"x")
    plain = json.loads(json.dumps(audit_of(root).to_json(), allow_nan=False))
    assert plain["unreadable"][0]["name"] == "a/broken.jpg"
    assert plain["statistics"]["class_counts"] == {"train": {"a": 7, "b": 2}}
    assert {"severity", "code", "message"} == set(plain["findings"][0])


def test_progress_counts_every_picture(make_folders):
    seen = []
    audit_of(make_folders({"a": 3, "b": 3}), on_progress=lambda *step: seen.append(step))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_the_terminal_text_names_counts_sizes_and_findings(make_folders):
    text = format_audit(audit_of(make_folders({"a": 12, "b": 3})))
    assert "train: 15 pictures (a 12, b 3)" in text
    assert "32 x 32 px" in text
    assert "warning   The classes are unequal" in text


def test_auditing_writes_nothing(make_folders):
    root = make_folders({"a": 3, "b": 3})
    before = sorted((p, p.stat().st_mtime_ns) for p in [root, *root.rglob("*")])
    audit_of(root)
    assert sorted((p, p.stat().st_mtime_ns) for p in [root, *root.rglob("*")]) == before
