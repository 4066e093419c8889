"""The command line is a translation: each test states an argument string and the call it equals."""

from __future__ import annotations

import inspect
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from unittest.mock import call, create_autospec

import pytest

import autosmall.api
from autosmall import arguments, cli, commands
from autosmall.errors import DatasetError, SearchStoppedError
from autosmall.schema.pretrain_settings import PretrainSettings
from autosmall.schema.settings import SearchSettings

PLAIN_CALLS = {
    "search": [
        ("pics", call(Path("pics"))),
        ("pics --output-dir out", call(Path("pics"), output_dir=Path("out"))),
        ("pics --space quick", call(Path("pics"), space="quick")),
        ("pics --max-trials 20", call(Path("pics"), max_trials=20)),
        ("pics --max-trials -3", call(Path("pics"), max_trials=-3)),
        ("pics --time-budget 1h30m", call(Path("pics"), time_budget="1h30m")),
        ("pics --time-budget -5m", call(Path("pics"), time_budget="-5m")),
        ("pics --folds auto", call(Path("pics"), folds="auto")),
        ("pics --folds 5 --repeats 2", call(Path("pics"), folds=5, repeats=2)),
        ("pics --folds five", call(Path("pics"), folds="five")),
        ("pics --metric roc_auc", call(Path("pics"), metric="roc_auc")),
        ("pics --strategies frozen,scratch", call(Path("pics"), strategies=("frozen", "scratch"))),
        ("pics --strategies frozen,", call(Path("pics"), strategies=("frozen", ""))),
        ("pics --backbone a b", call(Path("pics"), backbone=("a", "b"))),
        ("pics --backbone a --backbone b.keras", call(Path("pics"), backbone=("a", "b.keras"))),
        ("pics --weights-dir w", call(Path("pics"), weights_dir=Path("w"))),
        ("pics --cache-dir c", call(Path("pics"), cache_dir=Path("c"))),
        ("pics --trust a.keras --trust b.keras",
         call(Path("pics"), trust=(Path("a.keras"), Path("b.keras")))),
        ("pics --source more --source-budget 2m",
         call(Path("pics"), source=Path("more"), source_budget="2m")),
        ("pics --explorer optuna", call(Path("pics"), explorer="optuna")),
        ("pics --groups patient --keep-duplicates --prefer simple",
         call(Path("pics"), groups="patient", keep_duplicates=True, prefer="simple")),
        ("pics --invariances mirror,shift", call(Path("pics"), invariances=("mirror", "shift"))),
        ("pics --invariances none", call(Path("pics"), invariances=())),
        ("pics --unlabelled more", call(Path("pics"), unlabelled=Path("more"))),
        ("pics --workers 2 --gpus-per-worker 0.25",
         call(Path("pics"), workers=2, gpus_per_worker=0.25)),
        ("pics --address ray://host:10001", call(Path("pics"), address="ray://host:10001")),
        ("pics --no-early-stop", call(Path("pics"), early_stop=False)),
        ("pics --no-pictures", call(Path("pics"), pictures=False)),
        ("pics --no-sample-size", call(Path("pics"), sample_size=False)),
        ("pics --seed 7 --overwrite --quiet",
         call(Path("pics"), seed=7, overwrite=True, quiet=True)),
    ],
    "pretrain": [
        ("pics --output b.keras", call(Path("pics"), Path("b.keras"))),
        ("pics --output b.keras --method distill --teacher mobilenet_0.75 --weights-dir w",
         call(Path("pics"), Path("b.keras"), method="distill", teacher="mobilenet_0.75",
              weights_dir=Path("w"))),
        ("pics --output b.keras --method distill --teacher t.keras --trust t.keras",
         call(Path("pics"), Path("b.keras"), method="distill", teacher="t.keras",
              trust=(Path("t.keras"),))),
        ("pics --output b.keras --student compact_16 --image-size 32",
         call(Path("pics"), Path("b.keras"), architecture="compact_16", image_size=32)),
        ("pics --output b.keras --architecture mobilenet_0.25 --apart-from mine",
         call(Path("pics"), Path("b.keras"), architecture="mobilenet_0.25",
              apart_from=Path("mine"))),
        ("pics --output b.keras --time-budget 10m --steps 200 --batch-size 32",
         call(Path("pics"), Path("b.keras"), time_budget="10m", steps=200, batch_size=32)),
        ("pics --output b.keras --learning-rate 0.01 --weight-decay 0 --noise-std 0.1",
         call(Path("pics"), Path("b.keras"), learning_rate=0.01, weight_decay=0.0, noise_std=0.1)),
        ("pics --output b.keras --augmentation-strength 0.3 --invariances none",
         call(Path("pics"), Path("b.keras"), augmentation_strength=0.3, invariances=())),
        ("pics --output b.keras --seed 3 --overwrite --quiet",
         call(Path("pics"), Path("b.keras"), seed=3, overwrite=True, quiet=True)),
    ],
    "report": [
        ("run", call(Path("run"))),
        ("run --open", call(Path("run"), open=True)),
        ("run --summary s.png", call(Path("run"), summary=Path("s.png"))),
    ],
    "compare": [
        ("one two", call((Path("one"), Path("two")))),
        ("one two --output page.html --open",
         call((Path("one"), Path("two")), output=Path("page.html"), open=True)),
    ],
    "retrain": [
        ("run", call(Path("run"))),
        ("run --rank 2", call(Path("run"), rank=2)),
        ("run --trial 14 --test held_out", call(Path("run"), trial=14, test=Path("held_out"))),
        ("run --ensemble", call(Path("run"), ensemble=True)),
    ],
    "evaluate": [
        ("model pics", call(Path("model"), Path("pics"))),
        ("model pics --trust a.keras",
         call(Path("model"), Path("pics"), trust=(Path("a.keras"),))),
    ],
    "predict": [
        ("model a.png dir", call(Path("model"), (Path("a.png"), Path("dir")))),
        ("model --trust m.keras a.png",
         call(Path("model"), (Path("a.png"),), trust=(Path("m.keras"),))),
        ("model a.png --csv out.csv",
         call(Path("model"), (Path("a.png"),), csv=Path("out.csv"))),
        ("model a.png --recall 0.95", call(Path("model"), (Path("a.png"),), recall=0.95)),
        ("model a.png --precision 0.9", call(Path("model"), (Path("a.png"),), precision=0.9)),
    ],
    "export": [
        ("model --format onnx", call(Path("model"), format="onnx")),
        ("model --format onnx --trust m.keras",
         call(Path("model"), format="onnx", trust=(Path("m.keras"),))),
        ("model --format tflite --output x",
         call(Path("model"), format="tflite", output=Path("x"))),
    ],
    "audit": [
        ("pics", call(Path("pics"))),
        ("pics --output a.json", call(Path("pics"), output=Path("a.json"))),
    ],
    "backbones": [("", call()), ("--weights-dir w", call(weights_dir=Path("w")))],
    "spaces": [("", call())],
    "doctor": [("", call()), ("--weights-dir w", call(weights_dir=Path("w")))],
    "demo": [
        ("", call(Path("autosmall-demo"))),
        ("pieces --quiet", call(Path("pieces"), quiet=True)),
    ],
}  # fmt: skip

CASES = [(verb, words, wanted) for verb, rows in PLAIN_CALLS.items() for words, wanted in rows]


def bound(function, recorded):
    """Return the call's arguments by name, so that positions and keywords compare equal."""
    values = inspect.signature(function).bind(*recorded.args, **recorded.kwargs).arguments
    return {**values, **values.pop("options", {})}


@pytest.mark.parametrize(("verb", "words", "wanted"), CASES)
def test_arguments_become_the_call(monkeypatch, verb, words, wanted):
    function = getattr(commands, verb)
    recorder = create_autospec(function, return_value=None)
    monkeypatch.setattr(commands, verb, recorder)
    assert cli.main([verb, *shlex.split(words)]) == 0
    assert bound(function, recorder.call_args) == bound(function, wanted)


def test_every_verb_has_a_case():
    parser = arguments.build_parser()
    (verbs,) = (a.choices for a in parser._actions if hasattr(a, "choices") and a.choices)
    assert set(verbs) == set(PLAIN_CALLS)


def options_of(verb: str) -> set[str]:
    parser = arguments.build_parser()
    (verbs,) = (a.choices for a in parser._actions if hasattr(a, "choices") and a.choices)
    return {a.dest for a in verbs[verb]._actions} - {"help", "debug"}


@pytest.mark.parametrize("verb", ["search", "pretrain"])
def test_every_option_is_a_keyword_of_the_python_call(verb):
    function = getattr(autosmall.api, verb)
    assert options_of(verb) == set(inspect.signature(function).parameters)


NAMED_OTHERWISE = {
    "time_budget_seconds": "time_budget",
    "source_budget_seconds": "source_budget",
    "backbones": "backbone",
    "image_size_px": "image_size",
}


@pytest.mark.parametrize(
    ("verb", "settings"), [("search", SearchSettings), ("pretrain", PretrainSettings)]
)
def test_every_setting_has_an_option(verb, settings):
    assert options_of(verb) == {NAMED_OTHERWISE.get(f.name, f.name) for f in fields(settings)}


@pytest.mark.parametrize(("verb", "operand"), [("search", "dataset"), ("pretrain", "source")])
def test_every_option_is_exercised_above(verb, operand):
    used = " ".join(words for words, _ in PLAIN_CALLS[verb])
    words = {word.removeprefix("--").removeprefix("no-") for word in used.split()}
    missing = {option for option in options_of(verb) if option.replace("_", "-") not in words}
    assert missing == {operand}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "required: COMMAND"),
        ("serch pics", "invalid choice: 'serch'"),
        ("search", "required: DATASET"),
        ("search pics --tme-budget 5m", "unrecognized arguments: --tme-budget 5m"),
        ("search pics --time 5m", "unrecognized arguments: --time 5m"),
        ("search pics --max-trials many", "invalid int value: 'many'"),
        ("retrain run --rank 1 --trial 2", "not allowed with argument"),
        ("retrain run --rank 1 --ensemble", "not allowed with argument"),
        ("predict model a.png --recall 0.9 --precision 0.9", "not allowed with argument"),
        ("export model", "required: --format"),
    ],
)
def test_a_wrong_command_line_is_status_2_in_three_lines(capsys, words, complaint):
    with pytest.raises(SystemExit) as left:
        cli.main(shlex.split(words))
    lines = capsys.readouterr().err.splitlines()
    assert left.value.code == 2
    assert lines[0].startswith("error: ") and complaint in lines[0]
    assert lines[1].startswith("expected: autosmall ")
    assert lines[2].startswith("to do: autosmall ") and lines[2].endswith("--help")
    assert len(lines) == 3


def raising(error):
    def spaces():
        raise error

    return spaces


@pytest.mark.parametrize(
    ("error", "status", "first_line"),
    [
        (DatasetError("no pictures in x", "pictures", "check x"), 1, "error: no pictures in x"),
        (SearchStoppedError("stopped", "more time", "go on"), 3, "error: stopped"),
        (KeyboardInterrupt(), 130, "interrupted; what was finished is kept"),
        (cli.Terminated(), 143, "terminated; what was finished is kept"),
        (OSError(28, "No space left on device", "x/y"), 1,
         "error: the system refused x/y: No space left on device"),
    ],
)  # fmt: skip
def test_errors_become_a_message_and_a_status(monkeypatch, capsys, error, status, first_line):
    monkeypatch.setattr(commands, "spaces", raising(error))
    assert cli.main(["spaces"]) == status
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == first_line
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_debug_lets_the_error_through(monkeypatch):
    monkeypatch.setattr(commands, "spaces", raising(DatasetError("a", "b", "c")))
    with pytest.raises(DatasetError):
        cli.main(["spaces", "--debug"])


PROGRAM = """
import sys
from autosmall import cli, commands
{body}
sys.exit(cli.main({words!r}))
"""


def run_program(body: str, words: list[str], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body, words=words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def test_a_defect_is_told_without_its_traceback_unless_asked_for():
    body = "def spaces(): raise ZeroDivisionError('one / zero')\ncommands.spaces = spaces"
    plain = run_program(body, ["spaces"])
    assert plain.returncode == 1
    assert plain.stderr.splitlines()[0] == (
        "error: a defect of AutoSmall: ZeroDivisionError: one / zero"
    )
    assert "--debug" in plain.stderr and "Traceback" not in plain.stderr
    assert "Traceback" in run_program(body, ["spaces", "--debug"]).stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM from outside")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_wind_up_and_give_their_status(number, status):
    body = (
        "import os, time\n"
        "def spaces():\n"
        "    try:\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "        time.sleep(30)\n"
        "    finally:\n"
        "        print('wound up')\n"
        "commands.spaces = spaces"
    )
    done = run_program(body, ["spaces"])
    assert done.returncode == status
    assert done.stdout == "wound up\n"
    assert "Traceback" not in done.stderr


def test_the_former_signal_handler_is_put_back(monkeypatch):
    monkeypatch.setattr(commands, "spaces", lambda: None)
    before = signal.getsignal(signal.SIGTERM), sys.excepthook
    cli.main(["spaces"])
    assert (signal.getsignal(signal.SIGTERM), sys.excepthook) == before


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise on Windows")
def test_a_closed_pipe_is_no_error():
    body = "def spaces(): print('line\\n' * 100_000)\ncommands.spaces = spaces"
    program = PROGRAM.format(body=body, words=["spaces"])
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == cli.PIPE_CLOSED
        assert process.stderr.read() == b""
