"""Wrong input, as a user gives it.

Each must end with one message of three lines, status 1 or 2, and nothing left behind. The likeliest
are run as the real command, in a process of its own, which must not have imported TensorFlow (that
alone would take longer than the five seconds we promise).
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall import cli

SLOW_IMPORTS = ("tensorflow", "keras", "keras_tuner")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status, its message, and which slow modules it imported."""

    status: int
    message: list[str]
    imported: set[str] = field(default_factory=set)


def autosmall(folder: Path, *words: str) -> Ended:
    """Run the command in ``folder``; Python itself reports all imports on standard error."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "autosmall", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    reports = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    modules = {line.rsplit("|", 1)[-1].strip() for line in reports}
    rest = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert reports, "Python reported no imports, so nothing could be said about them"
    return Ended(done.returncode, rest, modules & set(SLOW_IMPORTS))


def everything_in(folder: Path) -> dict[str, bytes]:
    """Return each file's contents, and each folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"<folder>"
        for path in folder.rglob("*")
    }


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def draw_classes(folder: Path, *, classes: int = 2, each: int = 4, seed: int = 0) -> Path:
    for number in range(classes):
        for picture in range(each):
            draw(folder / f"class_{number}" / f"{picture}.png", seed + 100 * number + picture)
    return folder


def nothing(folder: Path) -> None:
    del folder


def good(folder: Path) -> None:
    draw_classes(folder / "pics")


def empty_folder(folder: Path) -> None:
    (folder / "pics").mkdir()


def one_class(folder: Path) -> None:
    draw_classes(folder / "pics", classes=1)


def one_picture_per_class(folder: Path) -> None:
    draw_classes(folder / "pics", each=1)


def pictures_without_classes(folder: Path) -> None:
    draw(folder / "pics" / "a.png", 0)


def all_unreadable(folder: Path) -> None:
    for path in draw_classes(folder / "pics").rglob("*.png"):
        path.write_bytes(b"no picture")


def csv(*lines: str):
    def make(folder: Path) -> None:
        draw_classes(folder / "pics")
        (folder / "pics.csv").write_text("\n".join(lines) + "\n")

    return make


def space(text: str):
    def make(folder: Path) -> None:
        draw_classes(folder / "pics")
        (folder / "own.toml").write_text(text)

    return make


SPACE = """
name = "own"
purpose = "a test"
usual_minutes = 1
command = "autosmall search pics --space own.toml"
strategies = {strategies}

[scratch]
{entry}
"""


def own_space(entry: str):
    return space(SPACE.format(strategies='["scratch"]', entry=entry))


def other_files(folder: Path) -> None:
    draw_classes(folder / "pics")
    (folder / "out").mkdir()
    (folder / "out" / "holiday.txt").write_text("not a run")


def file_in_the_way(folder: Path) -> None:
    draw_classes(folder / "pics")
    (folder / "file").write_text("a file, not a folder")


REAL = {
    "no folder": (nothing, "search pics", "pics"),
    "empty folder": (empty_folder, "search pics", "no pictures"),
    "one class": (one_class, "search pics", "one class"),
    "one picture per class": (one_picture_per_class, "search pics", "class_0"),
    "all pictures unreadable": (all_unreadable, "search pics --quiet", "can be read"),
    "CSV without its label column": (
        csv("image_path,lable", "pics/class_0/0.png,a"), "search pics.csv", "label",
    ),
    "CSV with missing files": (
        csv("image_path,label", "pics/class_0/0.png,a", "pics/gone.png,b"),
        "search pics.csv", "gone.png",
    ),
    "unknown strategy": (good, "search pics --strategies frozn", "frozn"),
    "unknown backbone": (good, "search pics --backbone resnet51", "resnet51"),
    "unknown metric": (good, "search pics --metric acuracy", "acuracy"),
    "unknown space": (good, "search pics --space quik", "quik"),
    "unknown key of a space": (
        own_space("drop_out = { low = 0.0, high = 0.5 }"),
        "search pics --space own.toml", "own.toml, [scratch] drop_out",
    ),
    "impossible range": (
        own_space("learning_rate = { low = 1.0, high = 0.1, log = true }"),
        "search pics --space own.toml", "own.toml, [scratch] learning_rate",
    ),
    "negative budget": (good, "search pics --time-budget -5m", "-5m"),
    "output folder that cannot be made": (
        file_in_the_way, "search pics --output-dir file/out", "file",
    ),
}  # fmt: skip
"""The errors that a user is most likely to make, run as the user runs them."""

FURTHER = {
    "pictures without class folders": (pictures_without_classes, "search pics", "class folders"),
    "CSV without its picture column": (
        csv("file,label", "a.png,a"), "search pics.csv", "image_path",
    ),
    "empty CSV": (csv(""), "search pics.csv", "pics.csv"),
    "CSV without rows": (csv("image_path,label"), "search pics.csv", "pics.csv"),
    "empty strategy": (good, "search pics --strategies frozen,", "''"),
    "missing weights folder": (good, "search pics --weights-dir nowhere", "nowhere"),
    "cache inside the data set": (good, "search pics --cache-dir pics/cache", "cache"),
    "unknown explorer": (good, "search pics --explorer hyperopt", "hyperopt"),
    "unknown invariance": (good, "search pics --invariances mirrored", "mirrored"),
    "missing space file": (good, "search pics --space missing.toml", "missing.toml"),
    "space that is no TOML": (space("= ="), "search pics --space own.toml", "own.toml"),
    "space of an unknown strategy": (
        space(SPACE.format(strategies='["scrach"]', entry="epochs = 5")),
        "search pics --space own.toml", "scrach",
    ),
    "range below what is possible": (
        own_space("dropout_rate = { low = -1.0, high = 0.5 }"),
        "search pics --space own.toml", "own.toml, [scratch] dropout_rate",
    ),
    "logarithm of zero": (
        own_space("learning_rate = { low = 0.0, high = 0.1, log = true }"),
        "search pics --space own.toml", "own.toml, [scratch] learning_rate",
    ),
    "whole numbers upside down": (
        own_space("epochs = { low = 5, high = 1 }"),
        "search pics --space own.toml", "own.toml, [scratch] epochs",
    ),
    "misspelt word in an entry": (
        own_space("epochs = { low = 5, high = 20, stepp = 5 }"),
        "search pics --space own.toml", "stepp",
    ),
    "unknown choice": (
        own_space('optimizer = { choices = ["adam", "adamm"] }'),
        "search pics --space own.toml", "adamm",
    ),
    "unknown group column": (
        csv("image_path,label", *(f"pics/class_{c}/{i}.png,{c}" for c in (0, 1) for i in range(4))),
        "search pics.csv --quiet --workers 0 --groups patiant", "patiant",
    ),
    "bare number as budget": (good, "search pics --time-budget 600", "600"),
    "zero budget": (good, "search pics --time-budget 0s", "0s"),
    "no trials": (good, "search pics --max-trials 0", "max_trials"),
    "negative trials": (good, "search pics --max-trials -3", "-3"),
    "one fold": (good, "search pics --folds 1", "folds"),
    "folds in words": (good, "search pics --folds five", "five"),
    "no repeats": (good, "search pics --repeats 0", "repeats"),
    "negative workers": (good, "search pics --workers -1", "workers"),
    "negative share of a GPU": (good, "search pics --gpus-per-worker -0.5", "gpus_per_worker"),
    "unlabelled pictures that are not there": (good, "search pics --unlabelled more", "more"),
    "output folder of something else": (other_files, "search pics --output-dir out", "out"),
    "output folder that is a file": (file_in_the_way, "search pics --output-dir file", "file"),
    "output folder inside the data": (good, "search pics --output-dir pics/out", "data set"),
    "audit of no folder": (nothing, "audit pics", "pics"),
    "audit into the data": (good, "audit pics --output pics/audit.json", "data set"),
    "report of no run": (empty_folder, "report pics", "pics"),
    "retrain of no run": (empty_folder, "retrain pics", "pics"),
    "model that is none": (good, "predict pics pics", "pics"),
    "export of no model": (good, "export pics --format onnx", "pics"),
    "unknown verb": (nothing, "serch pics", "serch"),
    "unknown option": (good, "search pics --tries 5", "--tries"),
}  # fmt: skip


def check_message(ended: Ended, named: str) -> None:
    """Check status and form of the message, and that it names what is wrong."""
    assert ended.status in (1, 2), ended
    assert len(ended.message) == 3, ended.message
    assert ended.message[0].startswith("error: ")
    assert re.match(r"expected: \S", ended.message[1])
    assert re.match(r"to do: \S", ended.message[2])
    assert named in "\n".join(ended.message)


@pytest.mark.parametrize(("prepare", "words", "named"), REAL.values(), ids=REAL)
def test_wrong_input_to_the_real_command(tmp_path, prepare, words, named):
    prepare(tmp_path)
    before = everything_in(tmp_path)
    ended = autosmall(tmp_path, *words.split())
    check_message(ended, named)
    assert everything_in(tmp_path) == before
    assert ended.imported == set()


@pytest.mark.parametrize(("prepare", "words", "named"), FURTHER.values(), ids=FURTHER)
def test_further_wrong_input(tmp_path, monkeypatch, capsys, prepare, words, named):
    prepare(tmp_path)
    before = everything_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    try:
        status = cli.main(words.split())
    except SystemExit as left:
        status = int(str(left.code))
    check_message(Ended(status, capsys.readouterr().err.splitlines()), named)
    assert everything_in(tmp_path) == before


def test_the_run_folder_of_other_pictures_is_refused_and_kept(tmp_path):
    draw_classes(tmp_path / "pics")
    draw_classes(tmp_path / "others", each=5, seed=1)
    limits = ["--strategies", "baseline", "--max-trials", "1", "--workers", "0"]
    words = ["--output-dir", "out", "--quiet", *limits]
    first = autosmall(tmp_path, "search", "pics", *words)
    assert first.status == 0, first
    before = everything_in(tmp_path)
    second = autosmall(tmp_path, "search", "others", *words)
    check_message(second, "out holds another search: dataset")
    assert everything_in(tmp_path) == before
