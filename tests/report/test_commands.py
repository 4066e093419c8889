"""Commands that a reader may copy."""

from __future__ import annotations

import shlex
from dataclasses import replace

from autosmall.report.commands import (
    anew_command,
    further_command,
    repeat_command,
    retrain_command,
    search_command,
)
from autosmall.run_folder.run_data import load_run_data
from autosmall.run_folder.store import RunStore


def test_paths_with_blanks_and_quotes_survive_a_shell():
    command = retrain_command("reports/my 'run'; rm x", 3)
    assert shlex.split(command) == [
        "autosmall", "retrain", "reports/my 'run'; rm x", "--trial", "3",
    ]  # fmt: skip


def test_search_is_repeated_with_the_options_that_are_not_default():
    command = search_command(
        {
            "dataset": "my pictures",
            "output_dir": "reports/a",
            "space": "quick",
            "metric": "accuracy",
            "time_budget_seconds": 600.0,
            "strategies": ("frozen", "scratch"),
            "backbones": ("a.keras", "vgg16"),
            "trust": ("9f86d081  a.keras", "2c26b46b  my own.keras"),
            "keep_duplicates": True,
            "early_stop": False,
            "gpus_per_worker": 0.25,
            "invariances": (),
            "workers": None,
            "seed": 0,
            "folds_reason": "not an option",
            "overwrite": True,
        }
    )
    assert shlex.split(command) == [
        "autosmall", "search", "my pictures", "--output-dir", "reports/a", "--time-budget", "600s",
        "--backbone", "a.keras", "vgg16", "--trust", "a.keras", "--trust", "my own.keras",
        "--space", "quick", "--metric", "accuracy",
        "--strategies", "frozen,scratch", "--keep-duplicates", "--invariances", "none",
        "--gpus-per-worker", "0.25", "--no-early-stop",
    ]  # fmt: skip


def test_the_command_line_reads_what_is_printed(drawn):
    from autosmall.arguments import build_parser

    run = drawn.make_run()
    words = shlex.split(search_command(run.settings))[1:]
    parsed = vars(build_parser().parse_args(words))
    assert str(parsed["dataset"]) == run.settings["dataset"]
    assert parsed["metric"] == "accuracy"


def test_the_command_that_made_a_run_goes_on_with_it(drawn, tmp_path):
    """Folds and metric as they were resolved would make it another search, which is refused."""
    run = drawn.make_run()
    drawn.store_run(run, tmp_path)
    store = RunStore(tmp_path)
    settings = {**run.settings, "folds": 5, "repeats": 2, "time_budget_seconds": 600.0}
    identity = {"folds": "'auto'", "repeats": "None", "metric": "'accuracy'", "seed": "0"}
    store.create(replace(store.facts(), settings=settings, identity=identity))
    loaded = load_run_data(tmp_path)
    words = shlex.split(repeat_command(loaded))
    assert "--folds" not in words and "--repeats" not in words
    assert words[words.index("--metric") + 1] == "accuracy"  # this one was asked for
    assert "--time-budget 1200s" in further_command(loaded, 2)
    elsewhere = shlex.split(anew_command(loaded, "runs/a b/", "larger"))
    assert elsewhere[elsewhere.index("--output-dir") + 1] == "runs/a b-larger"
