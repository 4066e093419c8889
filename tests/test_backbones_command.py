"""``autosmall backbones`` and its actions, as a user sees them."""

from __future__ import annotations

import inspect
import shlex
import subprocess
import sys
from pathlib import Path
from unittest.mock import call, create_autospec

import h5py
import keras
import pytest

from autosmall import cli, commands
from autosmall.models import builtin_backbone, user_registry
from autosmall.models.backbone_table import BACKBONES

ACTIONS = [
    ("show vgg16", "backbones_show", call("vgg16")),
    ("show a.keras --layers --weights-dir w", "backbones_show",
     call("a.keras", layers=True, weights_dir=Path("w"))),
    ("fetch vgg16", "backbones_fetch", call("vgg16")),
    ("fetch hub:x --weights-dir w", "backbones_fetch", call("hub:x", weights_dir=Path("w"))),
    ("add mine a.keras", "backbones_add", call("mine", Path("a.keras"))),
    ("add mine a.keras --scaling tf --last-layer c --block-starts c,b", "backbones_add",
     call("mine", Path("a.keras"), scaling="tf", last_layer="c", block_starts=("c", "b"))),
    ("add mine a.keras --trust a.keras", "backbones_add",
     call("mine", Path("a.keras"), trust=(Path("a.keras"),))),
    ("show a.keras --trust a.keras", "backbones_show", call("a.keras", trust=(Path("a.keras"),))),
    ("remove mine", "backbones_remove", call("mine")),
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_else_here(monkeypatch, tmp_path):
    monkeypatch.delenv("AUTOSMALL_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(user_registry, "registry_path", lambda: tmp_path / "cfg" / "backbones.toml")
    monkeypatch.setattr(builtin_backbone, "builtin_file", lambda: None)


@pytest.fixture
def model_file(tmp_path):
    inputs = keras.Input((40, 40, 3))
    first = keras.layers.Conv2D(4, 3, name="first")(inputs)
    second = keras.layers.Conv2D(5, 3, name="second")(keras.layers.BatchNormalization()(first))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(second))
    keras.Model(inputs, outputs).save(tmp_path / "mine.keras")
    return tmp_path / "mine.keras"


@pytest.mark.parametrize(("words", "function", "wanted"), ACTIONS)
def test_arguments_become_the_call(monkeypatch, words, function, wanted):
    signature = inspect.signature(getattr(commands, function))
    recorder = create_autospec(getattr(commands, function), return_value=None)
    monkeypatch.setattr(commands, function, recorder)
    assert cli.main(["backbones", *shlex.split(words)]) == 0
    called = signature.bind(*recorder.call_args.args, **recorder.call_args.kwargs).arguments
    assert called == signature.bind(*wanted.args, **wanted.kwargs).arguments


def test_a_wrong_action_is_status_2(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["backbones", "fetsh", "vgg16"])
    assert left.value.code == 2
    assert "invalid choice: 'fetsh'" in capsys.readouterr().err


def test_the_table_names_every_backbone_within_100_columns(capsys, shared_dir):
    assert cli.main(["backbones", "--weights-dir", str(shared_dir / "weights")]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line}
    assert set(BACKBONES) <= set(rows)
    assert rows["mobilenet_0.75"].endswith(str(shared_dir / "weights"))
    assert rows["vgg16"].split()[1:4] == ["14.7", "M", "512"]
    assert rows["vgg16"].endswith("CC-BY-4.0     to be downloaded")
    assert rows["patches"].endswith("learned")
    assert rows["builtin"].endswith("missing")
    here = [name for name in rows if not rows[name].endswith("to be downloaded")]
    assert here[1:4] == ["mobilenet_0.75", "mobilenet_v2_0.35", "mobilenet_0.25"]
    assert max(len(line) for line in lines if str(shared_dir) not in line) <= 100


def test_the_table_needs_no_keras():
    program = (
        "import sys; from autosmall import cli; cli.main(['backbones']);"
        "sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_damaged_file_is_told_and_the_rest_listed(capsys, tmp_path):
    (tmp_path / BACKBONES["vgg16"].files[0]).write_text("<html>not found</html>")
    assert cli.main(["backbones", "--weights-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("vgg16 ")).endswith("damaged")
    assert any(line.startswith("vgg16: the file") for line in lines)


def test_show_names_the_layers_where_fine_tuning_begins(capsys):
    assert cli.main(["backbones", "show", "vgg16"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    blocks = [row[:3] for row in rows if row and row[0].isdigit()]
    assert blocks == [
        [str(depth), f"block{6 - depth}", f"block{6 - depth}_conv1"] for depth in range(1, 6)
    ]


def test_a_file_is_added_shown_listed_and_forgotten(capsys, model_file):
    assert cli.main(["backbones", "add", "mine", str(model_file)]) == 0
    assert "--backbone mine" in capsys.readouterr().out
    assert cli.main(["backbones"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[:4] == ["mine", "0.00", "M", "5"]
    assert row[-2:] == ["your", "registry"]
    assert cli.main(["backbones", "show", "mine", "--layers"]) == 0
    shown = capsys.readouterr().out
    assert "batch_normalization" in shown and "second" in shown
    sizes = "avg 5 or 9; avg_max 10 or 18; pyramid 25 or 45"
    assert f"Features by pooling, of the last layer or several: {sizes}" in shown
    assert cli.main(["backbones", "remove", "mine"]) == 0
    assert model_file.is_file()
    assert cli.main(["backbones", "remove", "mine"]) == 1
    assert "none so far" in capsys.readouterr().err


def test_blocks_are_as_told(capsys, model_file):
    told = ["--last-layer", "first", "--block-starts", "first"]
    assert cli.main(["backbones", "add", "mine", str(model_file), *told]) == 0
    assert cli.main(["backbones", "show", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "112 weights, 4 features" in shown and "second" not in shown


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("add vgg16 {file}", "the name 'vgg16' is taken"),
        ("add mine {folder}/weights.h5", "weights alone do not tell"),
        ("add mine {folder}/weights.onnx", "is no backbone by its name"),
        ("add mine {folder}/nowhere.keras", "there is no file"),
        ("add mine {file} --scaling tff", "the scaling 'tff'"),
        ("add mine {file} --last-layer frist", "no feature map called 'frist'"),
        ("add mine {file} --block-starts third", "'third' is no layer"),
        ("add mine {file} --block-starts first,second", "cannot all begin a block"),
        ("show nothing", "the backbone 'nothing' is unknown"),
        ("show patches", "learned from the pictures"),
        ("fetch patches", "the backbone 'patches' is unknown"),
    ],
)
def test_what_cannot_be_done_is_one_message(words, complaint, capsys, model_file):
    filled = words.format(file=model_file, folder=model_file.parent)
    assert cli.main(["backbones", *shlex.split(filled)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert complaint in lines[0]
    assert len(lines) == 3
    assert user_registry.read_registry() == {}


@pytest.mark.parametrize(
    "text", ["nonsense", "[mine]\nscaling = 'tf'", "[mine]\nfile = 'a'\ncolour = 'red'"]
)
def test_a_registry_that_is_not_understood_is_named(text, capsys):
    path = user_registry.registry_path()
    path.parent.mkdir()
    path.write_text(text)
    assert cli.main(["backbones"]) == 1
    assert str(path) in capsys.readouterr().err.splitlines()[0]


def test_the_builtin_backbone_is_counted(capsys, tmp_path, monkeypatch):
    path = tmp_path / "backbone.npz"
    model = builtin_backbone.build_mobilenet((32, 32, 3), 0.25)
    builtin_backbone.write_builtin(model, 0.25, path)
    monkeypatch.setattr(builtin_backbone, "builtin_file", lambda: path)
    assert cli.main(["backbones"]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert rows["builtin"][1:4] == ["0.22", "M", "256"]
    assert rows["builtin"][-2:] == ["the", "package"]
    path.write_bytes(path.read_bytes()[:-50])
    assert cli.main(["backbones"]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert rows["builtin"][-1] == "damaged"


def test_a_search_names_weights_that_are_not_the_published_bytes(tmp_path):
    from autosmall.data.demo import draw_demo
    from autosmall.schema.settings import SearchSettings
    from autosmall.searching.input import check_input
    from autosmall.searching.setup import prepare

    draw_demo(tmp_path / "pieces")
    entry = BACKBONES["mobilenet_v3_small_minimalistic_1"]
    with h5py.File(tmp_path / entry.files[0], "w") as file:
        file.attrs["layer_names"] = [b"layer"]
        file.create_group("layer").attrs["weight_names"] = [b"kernel"]
        file["layer"].create_dataset("kernel", (entry.parameters,), "float32")
    settings = SearchSettings(
        tmp_path / "pieces", output_dir=tmp_path / "run", weights_dir=tmp_path, space="quick"
    )
    prepared = prepare(check_input(settings), lambda _done, _count: None)
    wanted = f"{entry.name}: {entry.files[0]} is not byte for byte what Keras publishes"
    assert wanted in prepared.notes
